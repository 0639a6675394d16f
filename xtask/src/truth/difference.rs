//! What kind of difference there is between our answer and the others', and
//! who is right where that is known.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::answer::{Answer, Place};

/// An address of which we say what neither other tool says.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) address: u64,
    pub(super) kind: Kind,
    pub(super) ours: Answer,
    pub(super) llvm: Answer,
    pub(super) gnu: Answer,
}

/// Kinds of difference, by what they come from where that can be shown, else
/// by what differs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    LabelInSymbol,
    TwoNames,
    Function,
    Chain,
    File,
    Line,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::LabelInSymbol,
        Self::TwoNames,
        Self::Function,
        Self::Chain,
        Self::File,
        Self::Line,
    ];

    /// What differs.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::LabelInSymbol => "a label inside a symbol that has a size",
            Self::TwoNames => "several symbols at one address",
            Self::Function => "the function's name",
            Self::Chain => "the inline chain",
            Self::File => "the file",
            Self::Line => "the line",
        }
    }

    /// Who is right; none where nobody has looked into it yet.
    pub(super) fn verdict(self) -> Option<&'static str> {
        match self {
            Self::LabelInSymbol => Some(
                "No DWARF names a function there. The symbol that we name covers the address \
                 by its size; the other tools name the nearest label before it, which has none.",
            ),
            Self::TwoNames => Some(
                "No DWARF names a function there, and the symbols begin at the same address: \
                 each of the names is right.",
            ),
            Self::Function | Self::Chain | Self::File | Self::Line => None,
        }
    }

    /// The kind of one difference; `other` is what another tool says.
    pub(super) fn of(ours: &Answer, other: &Answer, address: u64, symbols: &Symbols) -> Self {
        if ours.len() != other.len() {
            return Self::Chain;
        }
        let pairs = || ours.iter().zip(other);
        if pairs().any(|(ours, other)| ours.function != other.function) {
            let places = |place: &Place| (place.file.clone(), place.line);
            let only_names = pairs().all(|(ours, other)| places(ours) == places(other));
            return match (ours.as_slice(), other.as_slice()) {
                ([ours], [other]) if only_names => symbols.kind(ours, other, address),
                _ => Self::Function,
            };
        }
        if pairs().any(|(ours, other)| ours.file != other.file) {
            return Self::File;
        }
        Self::Line
    }
}

/// The symbols of an image by name: address and size.
#[derive(Default)]
pub(super) struct Symbols(HashMap<String, Vec<(u64, u64)>>);

impl Symbols {
    /// Those that nm prints.
    ///
    /// # Errors
    /// When nm cannot be run or fails.
    pub(super) fn of(image: &Path) -> Result<Self> {
        let output = Command::new("nm")
            .args(["--defined-only", "--format=posix"])
            .arg(image)
            .output()
            .context("cannot start nm")?;
        ensure!(output.status.success(), "nm fails on {}", image.display());
        Ok(Self::parse(&String::from_utf8_lossy(&output.stdout)))
    }

    fn parse(printed: &str) -> Self {
        let mut symbols = Self::default();
        for line in printed.lines() {
            // `name type value [size]`; no name of code has a space.
            let mut fields = line.split_whitespace();
            let (Some(name), Some(_), Some(value)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
            let size = fields.next().and_then(hexadecimal).unwrap_or(0);
            if let Some(value) = hexadecimal(value) {
                let known = symbols.0.entry(name.to_owned()).or_default();
                known.push((value, size));
            }
        }
        symbols
    }

    /// The kind of difference between two names for the same place.
    fn kind(&self, ours: &Place, other: &Place, address: u64) -> Kind {
        let of = |place: &Place| {
            let name = place.function.as_ref();
            name.and_then(|name| self.0.get(name))
                .map_or(&[][..], Vec::as_slice)
        };
        for &(ours, size) in of(ours) {
            for &(other, others_size) in of(other) {
                if ours == other {
                    return Kind::TwoNames;
                }
                let covered = ours <= address && address - ours < size;
                if covered && (ours..=address).contains(&other) && others_size == 0 {
                    return Kind::LabelInSymbol;
                }
            }
        }
        Kind::Function
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(places: &[(&str, &str, u64)]) -> Answer {
        let place = |&(function, file, line): &(&str, &str, u64)| Place {
            function: Some(function.to_owned()),
            file: Some(file.to_owned()),
            line: Some(line),
        };
        places.iter().map(place).collect()
    }

    #[test]
    fn kinds_are_told_apart() {
        #[track_caller]
        fn check(ours: &[(&str, &str, u64)], other: &[(&str, &str, u64)], expected: Kind) {
            let symbols = Symbols::parse(
                "thunks T 100 40\nthunk T 110 \nalias t 100\nfar T 200 10\nfn T 100 40\n",
            );
            let (ours, other) = (answer(ours), answer(other));
            assert_eq!(Kind::of(&ours, &other, 0x118, &symbols), expected);
        }
        let place = |function| [(function, "a.S", 1)];
        check(&place("thunks"), &place("thunk"), Kind::LabelInSymbol);
        check(&place("thunks"), &place("alias"), Kind::TwoNames);
        check(&place("thunk"), &place("thunks"), Kind::Function);
        check(&place("thunks"), &place("far"), Kind::Function);
        check(&place("thunks"), &place("unknown"), Kind::Function);
        check(&[("f", "a", 1)], &[("f", "b", 1)], Kind::File);
        check(&[("f", "a", 1)], &[("f", "a", 2)], Kind::Line);
        check(&[("thunks", "a", 1)], &[("thunk", "a", 2)], Kind::Function);
        check(&[("f", "a", 1)], &[], Kind::Chain);
    }

    #[test]
    fn what_is_known_is_explained() {
        for kind in Kind::ALL {
            assert_eq!(kind.verdict().is_some(), kind < Kind::Function);
        }
    }
}
