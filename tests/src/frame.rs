//! Comparing the frames that a debugger shows with those that were compiled.

use std::fmt;

use serde_json::Value;

/// A frame as a debugger shows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SeenFrame {
    /// The function's name.
    pub function: String,
    /// The file's name, without folders.
    pub file: String,
    /// The line.
    pub line: Option<u64>,
    /// It was inlined into the next one; `None` when the debugger does not say.
    pub inlined: Option<bool>,
    /// Names and values of arguments, as far as they are shown.
    pub arguments: Vec<(String, String)>,
}

/// A frame as it was compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExpectedFrame {
    /// The function's name.
    pub function: &'static str,
    /// The file's name, without folders, and the line; none where there is no
    /// DWARF.
    pub place: Option<(&'static str, u64)>,
    /// It was inlined into the next one.
    pub inlined: bool,
    /// An argument and its value. A debugger may not know it, but must not
    /// show another.
    pub argument: Option<(&'static str, u64)>,
}

impl fmt::Display for SeenFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{:?}", self.function, self.file, self.line)?;
        if self.inlined == Some(true) {
            f.write_str(", inlined")?;
        }
        f.write_str(")")?;
        for (name, value) in &self.arguments {
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

impl SeenFrame {
    /// The frames of a backtrace in a document that `ukdbg --json` printed.
    ///
    /// # Panics
    /// When it is no backtrace.
    #[must_use]
    pub fn from_json(backtrace: &Value) -> Vec<Self> {
        let frames = backtrace["frames"].as_array();
        let frames = frames.unwrap_or_else(|| panic!("no frames in {backtrace:#}"));
        frames.iter().map(Self::from_json_frame).collect()
    }

    fn from_json_frame(frame: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let path = text(&frame["location"]["file"]["path"]);
        Self {
            function: text(&frame["function"]["demangled"]),
            file: path.rsplit('/').next().unwrap_or_default().to_owned(),
            line: frame["location"]["line"].as_u64(),
            inlined: frame["inlined"].as_bool(),
            arguments: frame["arguments"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|argument| (text(&argument["name"]), text(&argument["value"])))
                .collect(),
        }
    }
}

impl SeenFrame {
    /// The last part of the function's name, without the types it is generic
    /// over: debuggers agree on nothing more.
    #[must_use]
    pub fn short_name(&self) -> String {
        let mut name = String::new();
        let mut depth = 0;
        let mut previous = ' ';
        for character in self.function.chars() {
            match character {
                '<' => depth += 1,
                // Not the arrow of a function's type.
                '>' if previous != '-' => depth -= 1,
                _ if depth == 0 => name.push(character),
                _ => {}
            }
            previous = character;
        }
        let last = name
            .trim_end_matches(':')
            .rsplit("::")
            .next()
            .unwrap_or_default();
        // What a symbol says of a shim, and the source does not.
        let last = last
            .split_once("{{vtable")
            .map_or(last, |(function, _)| function);
        // `{{closure}}` in older names, `{closure#1}` in newer ones.
        if last.contains("closure") {
            "{closure}".to_owned()
        } else {
            last.to_owned()
        }
    }
}

/// Says how `seen` differs from `expected`, and how often arguments were
/// shown where they were expected.
///
/// # Errors
/// With a description of the first difference and all frames seen.
pub fn compare_frames(seen: &[SeenFrame], expected: &[ExpectedFrame]) -> Result<usize, String> {
    let mut arguments_shown = 0;
    for (index, expected) in expected.iter().enumerate() {
        let found = seen
            .get(index)
            .ok_or_else(|| explain(seen, index, "is missing", expected))?;
        let same = found.function == expected.function
            && place_of(found) == expected.place
            && found
                .inlined
                .is_none_or(|inlined| inlined == expected.inlined);
        if !same {
            return Err(explain(seen, index, "differs", expected));
        }
        match argument_is_right(found, expected) {
            Some(false) => return Err(explain(seen, index, "has a wrong argument", expected)),
            Some(true) => arguments_shown += 1,
            None => {}
        }
    }
    match seen.get(expected.len()) {
        Some(extra) => Err(format!("there is an extra frame {extra}\n{}", list(seen))),
        None => Ok(arguments_shown),
    }
}

fn place_of(seen: &SeenFrame) -> Option<(&str, u64)> {
    Some((&*seen.file, seen.line?))
}

fn argument_is_right(seen: &SeenFrame, expected: &ExpectedFrame) -> Option<bool> {
    let (name, value) = expected.argument?;
    let (_, shown) = seen.arguments.iter().find(|(shown, _)| shown == name)?;
    let shown = shown
        .parse::<u64>()
        .ok()
        .or_else(|| u64::from_str_radix(shown.strip_prefix("0x")?, 16).ok())?;
    Some(shown == value)
}

fn explain(seen: &[SeenFrame], index: usize, how: &str, expected: &ExpectedFrame) -> String {
    format!(
        "frame {index} {how}: expected {expected:?}, seen\n{}",
        list(seen)
    )
}

fn list(frames: &[SeenFrame]) -> String {
    let lines = frames.iter().enumerate();
    lines
        .map(|(index, frame)| format!("#{index} {frame}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names() {
        let check = |function: &str, expected: &str| {
            let frame = SeenFrame {
                function: function.to_owned(),
                ..SeenFrame::default()
            };
            assert_eq!(frame.short_name(), expected);
        };
        check("main", "main");
        check("a::{impl#1}::matched", "matched");
        check("<a::Monitor as a::Observer>::matched", "matched");
        check("a::Level::fill<b::{closure_env#1}>", "fill");
        check("a::Level::fill::<fn(u8) -> u8>", "fill");
        check("a::run::{closure#1}", "{closure}");
        check("a::run::{{closure}}", "{closure}");
        check("<a::B as C>::call_once{{vtable.shim}}", "call_once");
    }
}
