//! `ukdbg addr2line IMAGE [ADDR…]`: functions, files and lines of addresses,
//! answered like GNU addr2line does, so that it can stand in for it.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use ukdbg_session::LinesView;
use ukdbg_session::inspect::VirtAddr;

use crate::arguments::{Addr2lineArguments, Global};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::images::{self, Loaded};
use crate::output::Output;
use crate::render::{self, LineStyle};

/// Standard input is read in pieces of this size; what a piece holds is
/// answered together.
const PIECE: usize = 1 << 18;
/// The longest line of input that can be an address or a name.
const LONGEST_LINE: u64 = 64 << 10;

/// Prints them.
pub(crate) fn run(global: &Global, options: &Addr2lineArguments, output: &mut Output) -> Outcome {
    let (image, words) = image_and_words(global, options)?;
    let loaded = images::load_mapped(&image, &global.symbols)?;
    output.loaded(&loaded);
    let mut answers = Answers {
        loaded: &loaded,
        style: LineStyle {
            functions: options.functions,
            inlines: options.inlines,
            demangle: options
                .demangle
                .as_deref()
                .is_some_and(|style| style != "none"),
            addresses: options.show_addresses,
            one_line: options.pretty_print,
            base_names: options.basenames,
        },
        base: options
            .section
            .as_deref()
            .map_or(Ok(0), |name| base_of(&loaded, name))?,
        kept: LinesView::default(),
    };
    if words.is_empty() {
        let mut input = BufReader::with_capacity(PIECE, io::stdin().lock());
        while let Some(lines) = batch(&mut input)? {
            // An answer for each line, so that the two stay in step.
            let addresses: Vec<VirtAddr> = lines
                .iter()
                .map(|line| answers.address_of(line).unwrap_or_default())
                .collect();
            answers.give(&addresses, output)?;
        }
    } else {
        let addresses: Result<Vec<VirtAddr>, Failure> = words
            .iter()
            .map(|word| answers.address_of(word).ok_or_else(|| no_address(word)))
            .collect();
        answers.give(&addresses?, output)?;
    }
    if output.is_json() {
        output.document(LinesView::SCHEMA, &answers.kept)?;
    }
    Ok(Exit::Fine)
}

/// The image, wherever it was named, and what is left.
fn image_and_words<'a>(
    global: &'a Global,
    options: &'a Addr2lineArguments,
) -> Result<(PathBuf, Vec<&'a str>), Failure> {
    let named = options.executable.as_ref().or(global.image.as_ref());
    let mut words = options.file.iter().chain(&options.addresses);
    let image = match named {
        Some(image) => image.clone(),
        None => {
            let first = words.next().ok_or_else(|| {
                Failure::text(Exit::Usage, "addresses of which image?")
                    .hint("ukdbg addr2line IMAGE ADDR")
            })?;
            Path::new(first).to_owned()
        }
    };
    Ok((image, words.map(String::as_str).collect()))
}

/// Answers that are printed at once, or kept for one document.
struct Answers<'a> {
    loaded: &'a Loaded,
    style: LineStyle,
    /// Where what the addresses count from begins.
    base: u64,
    kept: LinesView,
}

impl Answers<'_> {
    /// A hexadecimal number, or a function's name with a distance
    /// (`main+0x1f`), counted from where addresses count from.
    fn address_of(&self, word: &str) -> Option<VirtAddr> {
        if let Some(number) = hexadecimal(word) {
            return Some(VirtAddr(number));
        }
        let (name, offset) = match word.rsplit_once('+') {
            Some((name, offset)) => (name, hexadecimal(offset)?),
            None => (word, 0),
        };
        let name = name.trim();
        let mut modules = self.loaded.modules.iter();
        let (module, function) = modules.find_map(|module| {
            let mut functions = module.image.functions_named(name);
            (!functions.is_empty()).then(|| (module, functions.swap_remove(0)))
        })?;
        let at = module.run_address(function.entry)?.checked_add(offset)?;
        Some(VirtAddr(at.0.wrapping_sub(self.base)))
    }

    fn give(&mut self, addresses: &[VirtAddr], output: &mut Output) -> io::Result<()> {
        let absolute: Vec<VirtAddr> = addresses
            .iter()
            .map(|address| VirtAddr(address.0.wrapping_add(self.base)))
            .collect();
        let mut view = LinesView::of(&self.loaded.modules, &absolute);
        // Each is shown as it was asked.
        for (line, asked) in view.addresses.iter_mut().zip(addresses) {
            line.address = *asked;
        }
        if output.is_json() {
            self.kept.addresses.extend(view.addresses);
            return Ok(());
        }
        output.text(&render::address_lines(&view, self.style))
    }
}

/// Where a section begins.
fn base_of(loaded: &Loaded, name: &str) -> Result<u64, Failure> {
    let mut sections = loaded
        .modules
        .iter()
        .filter_map(|module| module.image.section(name));
    let section = sections.next().ok_or_else(|| {
        Failure::text(
            Exit::Usage,
            format_args!("the image has no section `{name}`"),
        )
        .hint("`readelf -S` lists them")
    })?;
    Ok(section.address.0)
}

/// The lines that are there: at least one, and no more than can be had without
/// waiting. None at the end.
fn batch<R: Read>(input: &mut BufReader<R>) -> io::Result<Option<Vec<String>>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if input
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?
            == 0
        {
            break;
        }
        lines.push(String::from_utf8_lossy(&line).trim().to_owned());
        if !input.buffer().contains(&b'\n') {
            break;
        }
    }
    Ok((!lines.is_empty()).then_some(lines))
}

fn hexadecimal(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.unwrap_or(text);
    // `from_str_radix` takes a sign.
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, 16).ok())?
}

fn no_address(word: &str) -> Failure {
    Failure::text(
        Exit::Usage,
        format_args!("`{word}` is neither a hexadecimal address nor a function of the image"),
    )
    .hint("`ukdbg symbols IMAGE PART` lists the names that hold a part")
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::{batch, hexadecimal};

    #[test]
    fn numbers() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(hexadecimal(text), expected);
        check("1f", Some(0x1f));
        check("0x1F\r", Some(0x1f));
        check("ffffffffffffffff", Some(u64::MAX));
        check("1ffffffffffffffff", None);
        check("+1f", None);
        check("0x", None);
        check("main", None);
    }

    /// Gives what it holds piece by piece, as a pipe does.
    struct Pipe(Vec<&'static [u8]>);

    impl Read for Pipe {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buf[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    #[test]
    fn lines_are_answered_as_soon_as_they_are_there() {
        let mut input = BufReader::new(Pipe(vec![b"1\n2\n3", b"4\n", b"5"]));
        let mut next = || batch(&mut input).unwrap();
        let lines = |lines: &[&str]| Some(lines.iter().map(ToString::to_string).collect());
        assert_eq!(next(), lines(&["1", "2"]));
        assert_eq!(next(), lines(&["34"]));
        assert_eq!(next(), lines(&["5"]));
        assert_eq!(next(), None);
    }
}
