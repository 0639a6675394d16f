//! What a tool says of an address, in the one form of it that all three tools
//! print (`addr2line -f -i -a`), made comparable.
//!
//! Names are linkage names everywhere, so no demangler takes part. Made equal
//! are only ways of writing the same thing: `?` and `0` for no line, `??` and
//! nothing for no name, a discriminator that only GNU addr2line shows, and
//! `.`, `..` and doubled slashes in paths. And one thing is left out: for code
//! without a line table the other tools print the symbol table's FILE entry as
//! the file, without folder or line. It is the name that the assembler was
//! given, for Rust the hash of a codegen unit; no DWARF says so.

use anyhow::{Context, Result, ensure};

/// One function at an address, and the place in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Its linkage name; none when the tool knows none.
    pub(super) function: Option<String>,
    /// The file's path.
    pub(super) file: Option<String>,
    /// The line; none for code that has none.
    pub(super) line: Option<u64>,
}

/// The inline chain of an address, innermost first. Without any knowledge it
/// is empty.
pub(super) type Answer = Vec<Place>;

/// The answers of what a tool printed, which must be for `addresses`.
///
/// # Errors
/// When the output is of another form or for other addresses.
pub(super) fn parse(printed: &str, addresses: &[u64]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(addresses.len());
    let mut lines = printed.lines().filter(|line| !line.is_empty()).peekable();
    for &address in addresses {
        let heading = lines.next().context("fewer answers than addresses")?;
        ensure!(
            number(heading) == Some(address),
            "an answer for {address:#x} begins with `{heading}`"
        );
        let mut answer = Answer::new();
        while lines.peek().is_some_and(|line| number(line).is_none()) {
            let function = lines.next().unwrap_or_default();
            let place = lines.next().context("a function without its place")?;
            answer.push(parse_place(function, place));
        }
        if answer.iter().all(|place| *place == Place::UNKNOWN) {
            answer.clear();
        }
        answers.push(answer);
    }
    ensure!(lines.next().is_none(), "more answers than addresses");
    Ok(answers)
}

impl Place {
    const UNKNOWN: Self = Self {
        function: None,
        file: None,
        line: None,
    };

    /// As the tools write it.
    pub(super) fn written(&self) -> String {
        let function = self.function.as_deref().unwrap_or("??");
        let file = self.file.as_deref().unwrap_or("??");
        match self.line {
            Some(line) => format!("{function} {file}:{line}"),
            None => format!("{function} {file}:?"),
        }
    }
}

fn number(line: &str) -> Option<u64> {
    u64::from_str_radix(line.strip_prefix("0x")?, 16).ok()
}

fn parse_place(function: &str, place: &str) -> Place {
    let place = place.split(" (discriminator ").next().unwrap_or(place);
    let (file, line) = place.rsplit_once(':').unwrap_or((place, "?"));
    let line = line.parse().ok().filter(|&line| line != 0);
    let of_symbol_table = line.is_none() && !file.contains('/');
    Place {
        function: known(function).map(str::to_owned),
        file: known(file).filter(|_| !of_symbol_table).map(plain_path),
        line,
    }
}

fn known(text: &str) -> Option<&str> {
    (text != "??").then_some(text)
}

/// A path without `.`, `..` and doubled slashes. No link is followed: the
/// folders are those of the machine that compiled.
fn plain_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(printed: &str, addresses: &[u64], expected: &[&[&str]]) {
        let answers = parse(printed, addresses).unwrap();
        let written: Vec<Vec<String>> = answers
            .iter()
            .map(|answer| answer.iter().map(Place::written).collect())
            .collect();
        assert_eq!(written, expected);
    }

    #[test]
    fn what_is_made_equal() {
        check(
            "0x0000000000000010\nf\n/a/./b/../c.c:7 (discriminator 3)\n",
            &[0x10],
            &[&["f /a/c.c:7"]],
        );
        check(
            "0x10\nf\n../../a//c.c:0\n",
            &[0x10],
            &[&["f ../../a/c.c:?"]],
        );
        check("0x10\n??\n??:0\n", &[0x10], &[&[]]);
        check(
            "0x10\n??\n??:?\n0x10\nf\n??:0\n",
            &[0x10, 0x10],
            &[&[], &["f ??:?"]],
        );
        check("0x10\nf\nstart.S:0\n", &[0x10], &[&["f ??:?"]]);
        check("0x10\nf\n/start.S:0\n", &[0x10], &[&["f /start.S:?"]]);
        check("0x10\nf\nstart.S:1\n", &[0x10], &[&["f start.S:1"]]);
    }

    #[test]
    fn chains_and_their_bounds() {
        check(
            "0x1\nin\na.c:1\nout\na.c:2\n\n0x2\ng\nb.c:3\n\n",
            &[1, 2],
            &[&["in a.c:1", "out a.c:2"], &["g b.c:3"]],
        );
        assert!(parse("0x1\nf\na.c:1\n", &[2]).is_err());
        assert!(parse("0x1\nf\na.c:1\n", &[1, 2]).is_err());
        assert!(parse("0x1\nf\na.c:1\n0x2\nf\na.c:1\n", &[1]).is_err());
        assert!(parse("0x1\nf\n", &[1]).is_err());
    }
}
