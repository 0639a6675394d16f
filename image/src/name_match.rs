//! Finding functions by the names that people type: the last components of a
//! path, without generic arguments and parameters.

/// The components of a demangled path, generic arguments and parameters left
/// out: `<Book<u64> as Store>::insert::<T>(u8)` is `Book`, `insert`.
pub(crate) fn path_components(demangled: &str) -> Vec<&str> {
    let mut components = Vec::new();
    collect_components(demangled, &mut components, 8);
    components
}

fn collect_components<'a>(path: &'a str, components: &mut Vec<&'a str>, nesting: u32) {
    for (index, part) in split_at_top(path).into_iter().enumerate() {
        let part = part.trim();
        if let Some(inner) = part.strip_prefix('<') {
            // `<Type as Trait>` and `<Type>` lead to Type; a turbofish to
            // nothing.
            let inner = inner.strip_suffix('>').unwrap_or(inner);
            if index == 0 && nesting > 0 {
                let own = as_position(inner).map_or(inner, |at| &inner[..at]);
                collect_components(own, components, nesting - 1);
            }
            continue;
        }
        let end = part.find(['<', '(']).filter(|&end| end > 0);
        let bare = end.map_or(part, |end| &part[..end]);
        // C++ return types and qualifiers stand before the name.
        let bare = bare.rsplit(' ').next().unwrap_or(bare);
        if !bare.is_empty() {
            components.push(bare);
        }
    }
}

/// The parts between `::` outside of all brackets.
fn split_at_top(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut nesting = 0usize;
    let mut previous = ' ';
    for (at, character) in path.char_indices() {
        match character {
            '<' | '(' | '[' | '{' => nesting += 1,
            '>' if previous == '-' => {}
            '>' | ')' | ']' | '}' => nesting = nesting.saturating_sub(1),
            ':' if previous == ':' && nesting == 0 && at > start => {
                parts.push(&path[start..at - 1]);
                start = at + 1;
            }
            _ => {}
        }
        previous = character;
    }
    parts.push(&path[start..]);
    parts
}

/// Where ` as ` stands outside of all brackets.
fn as_position(text: &str) -> Option<usize> {
    let mut nesting = 0usize;
    for (at, character) in text.char_indices() {
        match character {
            '<' | '(' | '[' => nesting += 1,
            '>' | ')' | ']' => nesting = nesting.saturating_sub(1),
            ' ' if nesting == 0 && text[at..].starts_with(" as ") => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether a demangled name is what the components of a query mean.
pub(crate) fn ends_with(demangled: &str, query: &[&str]) -> bool {
    let own = || path_components(demangled).ends_with(query);
    !query.is_empty() && (own() || trait_components(demangled).ends_with(query))
}

/// The components with the trait of `<Type as Trait>::name` for the type;
/// none where no trait is named.
fn trait_components(demangled: &str) -> Vec<&str> {
    let parts = split_at_top(demangled);
    let inner = parts
        .first()
        .and_then(|first| first.trim().strip_prefix('<'));
    let inner = inner.map(|inner| inner.strip_suffix('>').unwrap_or(inner));
    let Some((inner, position)) = inner.and_then(|inner| Some((inner, as_position(inner)?))) else {
        return Vec::new();
    };
    let mut components = path_components(&inner[position + " as ".len()..]);
    for part in &parts[1..] {
        components.extend(path_components(part));
    }
    components
}

/// The part of a query that any mangled form of a match holds verbatim; empty
/// when there is no such part.
pub(crate) fn verbatim_part<'a>(query: &[&'a str]) -> &'a str {
    let last = query.last().copied().unwrap_or_default();
    let plain = last
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { last } else { "" }
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to
/// another, if at most `limit`.
pub(crate) fn distance(left: &str, right: &str, limit: usize) -> Option<usize> {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    let mut before = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, &character) in left.iter().enumerate() {
        let mut current = vec![row + 1; right.len() + 1];
        for (column, &other) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(character != other);
            let mut best = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && character == right[column - 1] && left[row - 1] == other;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            current[column + 1] = best;
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().filter(|&edits| edits <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(demangled: &str, expected: &[&str]) {
        assert_eq!(path_components(demangled), expected, "{demangled}");
    }

    #[test]
    fn components() {
        check("main", &["main"]);
        check(
            "engine::book::Book::insert",
            &["engine", "book", "Book", "insert"],
        );
        check("<engine::Book>::insert", &["engine", "Book", "insert"]);
        check(
            "<Book<u64> as Store<a::B>>::insert::<T>",
            &["Book", "insert"],
        );
        check("<[T] as core::fmt::Debug>::fmt", &["[T]", "fmt"]);
        check("foo::bar(int, std::pair<int, a::b>)", &["foo", "bar"]);
        check("void swap<int>(int&, int&)", &["swap"]);
        check(
            "core::ops::function::FnOnce::call_once{{vtable.shim}}",
            &[
                "core",
                "ops",
                "function",
                "FnOnce",
                "call_once{{vtable.shim}}",
            ],
        );
        check("app::main::{closure#0}", &["app", "main", "{closure#0}"]);
        check("<fn(u8) -> u8 as a::Call>::call", &["fn", "call"]);
        check("", &[]);
        check("::", &[]);
        check("<<<<", &[]);
    }

    #[test]
    fn suffixes() {
        let book = "engine::book::Book::insert";
        assert!(ends_with(book, &path_components("insert")));
        assert!(ends_with(book, &path_components("Book::insert")));
        assert!(ends_with(book, &path_components(book)));
        let of_trait = "<engine::Book<a::B> as engine::Store<u8>>::insert";
        assert!(ends_with(of_trait, &path_components("Store::insert")));
        assert!(ends_with(of_trait, &path_components("Book::insert")));
        assert!(ends_with(
            of_trait,
            &path_components("<Book as Store>::insert")
        ));
        assert!(!ends_with(
            of_trait,
            &path_components("Book::Store::insert")
        ));
        assert!(!ends_with(book, &path_components("ook::insert")));
        assert!(!ends_with(book, &path_components("")));
    }

    #[test]
    fn distances() {
        assert_eq!(distance("insert", "insert", 2), Some(0));
        assert_eq!(distance("insret", "insert", 2), Some(1));
        assert_eq!(distance("inser", "insert", 2), Some(1));
        assert_eq!(distance("", "ab", 2), Some(2));
        assert_eq!(distance("abc", "xyz", 2), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_components(text in "[a<>(){}: \\-é\\[\\]]{0,40}") {
            let components = path_components(&text);
            proptest::prop_assert!(components.iter().all(|part| text.contains(part)));
        }
    }
}
