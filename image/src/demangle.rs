//! Names as their authors write them: Rust's two mangling schemes and C++'s.
//! Bounded, since a mangled name of a hundred bytes can stand for gigabytes.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};

use crate::{FunctionName, Untrusted};

/// Longer demangled names are of no use to a reader.
const MOST_BYTES: usize = 16 * 1024;

/// Nesting that real names stay far below.
const MOST_NESTING: u32 = 128;

/// Names that were asked for already: generic functions are in many units.
#[derive(Default)]
pub(crate) struct KnownNames<'data>(Mutex<HashMap<&'data [u8], FunctionName>>);

impl<'data> KnownNames<'data> {
    /// As [`function_name`].
    pub(crate) fn get(&self, linkage: &'data [u8]) -> FunctionName {
        let names = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names().get(linkage) {
            return known.clone();
        }
        // Others need not wait meanwhile.
        let name = function_name(linkage);
        names().entry(linkage).or_insert(name).clone()
    }
}

/// The name in both forms.
pub(crate) fn function_name(linkage: &[u8]) -> FunctionName {
    let linkage = Untrusted::from_bytes(linkage);
    let demangled = demangled(linkage.raw()).map_or_else(|| linkage.clone(), Untrusted::from);
    FunctionName { linkage, demangled }
}

/// The demangled form; none for what is not mangled.
pub(crate) fn demangled(name: &str) -> Option<String> {
    // `.llvm.123`, `.cold`, `.part.0`: which copy it is, not what it is called.
    rust(name).or_else(|| cpp(name))
}

fn rust(name: &str) -> Option<String> {
    let symbol = rustc_demangle::try_demangle(name).ok()?;
    let mut text = Bounded::of_about(name.len());
    // The alternate form leaves out the legacy scheme's hash.
    write!(text, "{symbol:#}").ok()?;
    Some(text.0)
}

fn cpp(name: &str) -> Option<String> {
    // Without this any name is a valid encoding of some type ("i" is "int").
    if !name.starts_with("_Z") {
        return None;
    }
    let options = cpp_demangle::ParseOptions::default().recursion_limit(MOST_NESTING);
    let symbol = cpp_demangle::Symbol::new_with_options(name, &options).ok()?;
    let options = cpp_demangle::DemangleOptions::default().recursion_limit(MOST_NESTING);
    let mut text = Bounded::of_about(name.len());
    symbol.structured_demangle(&mut text, &options).ok()?;
    Some(text.0)
}

/// Text that refuses to grow beyond its bound.
struct Bounded(String);

impl Bounded {
    /// With room for a text that is as long as the name, as most are at most.
    fn of_about(bytes: usize) -> Self {
        Self(String::with_capacity(bytes.min(MOST_BYTES)))
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MOST_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(linkage: &str, expected: &str) {
        assert_eq!(function_name(linkage.as_bytes()).demangled.raw(), expected);
    }

    #[test]
    fn names_of_every_scheme() {
        check("main", "main");
        check("i", "i");
        check(
            "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE",
            "core::fmt::Write::write_fmt",
        );
        check("_RNvCs1234_7mycrate3foo", "mycrate::foo");
        check("_ZN3foo3barEi", "foo::bar(int)");
        check("_ZN4Book6insertEv.cold", "Book::insert() [clone .cold]");
        check("_Z", "_Z");
        check("", "");
    }

    #[test]
    fn a_bomb_stays_as_it_is() {
        // Each substitution doubles the one before it.
        let mut bomb = String::from("_Z1fIiE");
        bomb.push_str(&"S_St4pairIS_S_E".repeat(40));
        let name = function_name(bomb.as_bytes());
        assert!(name.demangled.raw().len() <= MOST_BYTES.max(bomb.len()));
        let nested = format!("_Z1f{}i", "P".repeat(100_000));
        assert_eq!(function_name(nested.as_bytes()).demangled.raw(), nested);
    }
}
