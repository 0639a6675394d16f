//! What can be completed at a place in a line: commands, their parts, symbols,
//! registers. Not the editor, and not the files.

use std::sync::OnceLock;

use ukdbg_session::inspect::{Modules, Register};
use ukdbg_session::{SymbolKind, SymbolOrder, SymbolsView};

use super::commands::{self, Command, Takes};
use super::words::Words;

/// Names that are offered at once, at most.
const MOST: usize = 200;

/// What a word is completed to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Nothing,
    /// One of these.
    Command(Vec<&'static str>),
    /// A function or another symbol.
    Place,
    /// The same, a variable or a register.
    Value,
    File,
}

/// What the last word of a line is completed to, and where that begins.
pub(super) fn wanted(typed: &str) -> (usize, Wanted) {
    let mut words = Words::new(typed);
    let first = typed.len() - typed.trim_start().len();
    let name = words.name();
    if first + name.len() == typed.len() {
        return (first, Wanted::Command(names(commands::all())));
    }
    // A part that is still being typed is completed, not obeyed.
    let word = start_of(typed, |letter| !letter.is_whitespace());
    if let Ok((command, _)) = commands::find(typed[..word].trim_end())
        && !command.parts().is_empty()
    {
        return (word, Wanted::Command(names(command.parts().iter())));
    }
    let Ok((command, _)) = commands::find(typed) else {
        return (typed.len(), Wanted::Nothing);
    };
    match command.takes {
        Takes::Nothing => (typed.len(), Wanted::Nothing),
        Takes::Command => (word, Wanted::Command(names(commands::all()))),
        Takes::Place => (start_of(typed, is_path), Wanted::Place),
        Takes::Value => (start_of(typed, is_path), Wanted::Value),
        Takes::File => (word, Wanted::File),
    }
}

fn names(commands: impl Iterator<Item = &'static Command>) -> Vec<&'static str> {
    let names = commands.map(|command| command.name);
    names.filter(|name| !name.is_empty()).collect()
}

fn is_path(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | ':' | '$')
}

fn start_of(typed: &str, belongs: impl Fn(char) -> bool) -> usize {
    typed.trim_end_matches(belongs).len()
}

/// Those that begin with what was typed.
pub(super) fn beginning<'a>(names: impl Iterator<Item = &'a str>, typed: &str) -> Vec<String> {
    let mut found: Vec<String> = names
        .filter(|name| name.starts_with(typed))
        .take(MOST)
        .map(ToOwned::to_owned)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Registers, which begin with `$`.
pub(super) fn registers(typed: &str) -> Vec<String> {
    if !typed.starts_with('$') {
        return Vec::new();
    }
    let names = Register::ALL
        .iter()
        .map(|register| format!("${}", register.name()));
    names.filter(|name| name.starts_with(typed)).collect()
}

/// What may stand behind a command that was just typed.
pub(super) fn arguments(line: &str) -> Option<&'static str> {
    let name = line.strip_suffix(' ')?;
    if name.is_empty() || name.ends_with(' ') {
        return None;
    }
    let (command, _) = commands::find(name).ok()?;
    (!command.arguments.is_empty()).then_some(command.arguments)
}

/// The symbols of the images, made when they are first needed.
pub(super) struct Symbols {
    modules: Modules<'static>,
    names: OnceLock<Vec<Box<str>>>,
}

impl Symbols {
    /// Of these images.
    pub(super) fn new(modules: Modules<'static>) -> Self {
        Self {
            modules,
            names: OnceLock::new(),
        }
    }

    /// Names, and ends of paths, that begin with what was typed.
    pub(super) fn beginning(&self, typed: &str) -> Vec<String> {
        if typed.is_empty() || typed.starts_with('$') {
            return Vec::new();
        }
        let names = self.names.get_or_init(|| self.collect());
        matching(names, typed)
    }

    fn collect(&self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = Vec::new();
        for module in self.modules.iter() {
            let view = SymbolsView::of(&module.image, None, SymbolOrder::Address);
            let named = view.symbols.into_iter();
            let named = named.filter(|symbol| symbol.kind != SymbolKind::Absolute);
            // Generic arguments are not typed.
            names.extend(named.map(|symbol| {
                let name = symbol.name.demangled.raw();
                name.split('<').next().unwrap_or_default().into()
            }));
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The names that begin so, those whose path's end does after them.
fn matching(names: &[Box<str>], typed: &str) -> Vec<String> {
    let from = names.partition_point(|name| **name < *typed);
    let whole = names[from..].iter();
    let whole = whole.take_while(|name| name.starts_with(typed));
    let mut found: Vec<String> = whole.take(MOST).map(|name| name.to_string()).collect();
    let inner = format!("::{typed}");
    for name in names {
        if found.len() >= MOST {
            break;
        }
        if let Some(at) = name.find(&inner) {
            found.push(name[at + 2..].to_owned());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::{Wanted, arguments, matching, registers, wanted};

    #[test]
    fn what_is_completed() {
        let check = |typed: &str, start: usize, expected: &str| {
            let (at, wanted) = wanted(typed);
            let got = match wanted {
                Wanted::Command(names) if names.contains(&"registers") => "info",
                Wanted::Command(names) if names.contains(&"fault") => "catch",
                Wanted::Command(_) => "command",
                Wanted::Nothing => "nothing",
                Wanted::Place => "place",
                Wanted::Value => "value",
                Wanted::File => "file",
            };
            assert_eq!((at, got), (start, expected), "{typed:?}");
        };
        check("", 0, "command");
        check("  br", 2, "command");
        check("b ma", 2, "place");
        check("b *ma", 3, "place");
        check("b Book::cr", 2, "place");
        check("p/x $r", 4, "value");
        check("p order.pri", 8, "value");
        check("info ", 5, "info");
        check("i re", 2, "info");
        check("info registers ", 15, "nothing");
        check("info symbol ma", 12, "value");
        check("catch fa", 6, "catch");
        check("source my", 7, "file");
        check("help br", 5, "command");
        check("nonsense x", 10, "nothing");
        check("continue ", 9, "nothing");
    }

    #[test]
    fn names_and_ends_of_paths() {
        let mut names: Vec<Box<str>> = ["book::Book::cross", "cross", "core::mem::swap", "crate_x"]
            .map(Into::into)
            .to_vec();
        names.sort_unstable();
        assert_eq!(matching(&names, "cro"), ["cross"]);
        assert_eq!(matching(&names, "Book::c"), ["Book::cross"]);
        assert_eq!(matching(&names, "core::"), ["core::mem::swap"]);
        assert!(matching(&names, "zz").is_empty());
        let many: Vec<Box<str>> = (0..10_000).map(|n| format!("f{n:05}").into()).collect();
        assert_eq!(matching(&many, "f").len(), super::MOST);
    }

    #[test]
    fn registers_and_arguments() {
        assert!(registers("$ri").contains(&"$rip".to_owned()));
        assert!(registers("ri").is_empty());
        assert_eq!(arguments("b "), Some("[PLACE] [if CONDITION]"));
        assert_eq!(arguments("b"), None);
        assert_eq!(arguments("quit "), None);
    }
}
