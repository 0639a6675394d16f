//! The symbols of an image, picked by a pattern and put in an order. Needs no
//! machine.

use std::cmp::Reverse;

use serde::Serialize;
use ukdbg_image::{FunctionName, Image, LinkAddr, Symbol};

/// Symbols of one image.
#[derive(Debug, Clone, Serialize)]
pub struct SymbolsView {
    /// The symbols, in the order asked for.
    pub symbols: Vec<SymbolView>,
}

/// One symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SymbolView {
    /// Its value.
    pub address: LinkAddr,
    /// Its size; none when the assembler gave none.
    pub size: Option<u64>,
    /// What it names.
    pub kind: SymbolKind,
    /// Its name.
    pub name: FunctionName,
}

/// What a symbol names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// Code.
    Function,
    /// Data that can be written.
    Data,
    /// Data that is linked not to be written.
    ReadOnly,
    /// A number, or a place outside of every segment.
    Absolute,
}

/// How symbols are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolOrder {
    /// Lowest address first.
    Address,
    /// Largest first.
    Size,
    /// By demangled name.
    Name,
}

/// Which symbols are meant: all with a text in their name, or, where the text
/// has `*` or `?`, all whose whole name it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolPattern {
    text: String,
    case: Case,
}

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// They do.
    Differs,
    /// They do not.
    Ignored,
}

impl SymbolsView {
    /// Name and version of the JSON document it makes.
    pub const SCHEMA: &'static str = "ukdbg.symbols/1";

    /// The symbols that a pattern means. Of an image without a symbol table,
    /// the functions that its debugging information describes.
    pub fn of(image: &Image<'_>, pattern: Option<&SymbolPattern>, order: SymbolOrder) -> Self {
        let table = image.symbol_table();
        let mut symbols: Vec<SymbolView> = if table.is_empty() {
            described(image)
        } else {
            table
                .into_iter()
                .map(|symbol| view(image, symbol))
                .collect()
        };
        if let Some(pattern) = pattern {
            symbols.retain(|symbol| pattern.means(&symbol.name));
        }
        match order {
            SymbolOrder::Address => symbols.sort_by_key(|symbol| symbol.address),
            SymbolOrder::Size => symbols.sort_by_key(|symbol| Reverse(symbol.size)),
            SymbolOrder::Name => {
                symbols.sort_by(|a, b| a.name.demangled.cmp(&b.name.demangled));
            }
        }
        Self { symbols }
    }
}

fn described(image: &Image<'_>) -> Vec<SymbolView> {
    let functions = image.functions().into_iter();
    functions
        .map(|function| {
            let size = function
                .ranges
                .iter()
                .find(|range| range.contains(&function.entry))
                .and_then(|range| range.end.offset_from(function.entry));
            SymbolView {
                address: function.entry,
                size,
                kind: SymbolKind::Function,
                name: function.name,
            }
        })
        .collect()
}

fn view(image: &Image<'_>, symbol: Symbol) -> SymbolView {
    let segment = || {
        let mut segments = image.segments().iter();
        segments.find(|segment| segment.addresses.contains(&symbol.address))
    };
    let kind = if symbol.is_function {
        SymbolKind::Function
    } else {
        match segment() {
            Some(segment) if segment.writable => SymbolKind::Data,
            Some(_) => SymbolKind::ReadOnly,
            None => SymbolKind::Absolute,
        }
    };
    SymbolView {
        address: symbol.address,
        size: Some(symbol.size).filter(|&size| size > 0),
        kind,
        name: symbol.name,
    }
}

impl SymbolPattern {
    /// A pattern as it was typed.
    pub fn new(text: &str, case: Case) -> Self {
        Self {
            text: case.fold(text),
            case,
        }
    }

    fn means(&self, name: &FunctionName) -> bool {
        self.matches(name.demangled.raw())
            || (name.linkage != name.demangled && self.matches(name.linkage.raw()))
    }

    fn matches(&self, name: &str) -> bool {
        let name = self.case.fold(name);
        if self.text.contains(['*', '?']) {
            matches_whole(&self.text, &name)
        } else {
            name.contains(&self.text)
        }
    }
}

impl Case {
    fn fold(self, text: &str) -> String {
        match self {
            Self::Differs => text.to_owned(),
            Self::Ignored => text.to_lowercase(),
        }
    }
}

/// Whether `*` (any text) and `?` (any character) make the pattern the name.
/// Going back to the last star only keeps the work at pattern times name.
fn matches_whole(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_name = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::{Case, SymbolPattern};

    #[test]
    fn patterns() {
        let check = |pattern: &str, case: Case, name: &str, expected: bool| {
            let got = SymbolPattern::new(pattern, case).matches(name);
            assert_eq!(got, expected, "{pattern} on {name}");
        };
        check("insert", Case::Differs, "engine::Book::insert", true);
        check("Insert", Case::Differs, "engine::Book::insert", false);
        check("Insert", Case::Ignored, "engine::Book::insert", true);
        check("insert*", Case::Differs, "engine::Book::insert", false);
        check("*insert", Case::Differs, "engine::Book::insert", true);
        check(
            "engine::*::in?ert",
            Case::Differs,
            "engine::Book::insert",
            true,
        );
        check("*a*b*c", Case::Differs, "xaxbxcxbxc", true);
        check("*a*b*c", Case::Differs, "xaxbxcxbx", false);
        check("[T]", Case::Differs, "<[T] as Debug>::fmt", true);
        check("", Case::Differs, "anything", true);
        check("*", Case::Differs, "", true);
        check("?", Case::Differs, "", false);
        let stars = "*a".repeat(200);
        check(&stars, Case::Differs, &"a".repeat(150), false);
    }
}
