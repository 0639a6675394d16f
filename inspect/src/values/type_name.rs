//! Names of types as a developer writes them: without paths, without the
//! allocator, functions of traits with an arrow. Not what a type is.

/// The name without paths and without parameters that are what they always
/// are.
pub fn short(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    // Where the current path began.
    let mut start = 0;
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == ':' && letters.peek() == Some(&':') {
            letters.next();
            if out.ends_with(['>', ')', ']']) {
                // An associated type: the path before it belongs to it.
                out.push_str("::");
                start = out.len();
            } else {
                out.truncate(start);
            }
            continue;
        }
        out.push(letter);
        if !(letter.is_alphanumeric() || "_{}#$".contains(letter)) {
            start = out.len();
        }
    }
    for usual in [", Global", ", RandomState"] {
        out = out.replace(&format!("{usual}>"), ">");
    }
    with_arrows(out).replace("closure_env#", "closure#")
}

/// `FnOnce<(A, B), Output=C>` as `FnOnce(A, B) -> C`.
fn with_arrows(name: String) -> String {
    let Some((at, opening)) = ["Fn<(", "FnMut<(", "FnOnce<("]
        .iter()
        .filter_map(|opening| Some((name.find(opening)?, opening.len())))
        .min()
    else {
        return name;
    };
    let (head, rest) = name.split_at(at + opening);
    let Some(closing) = closing(rest) else {
        return name;
    };
    let (arguments, rest) = rest.split_at(closing);
    // Behind the parenthesis: `>`, or `, Output=C>`.
    let rest = &rest[1..];
    let output = rest.strip_prefix(", Output=").unwrap_or(rest);
    let Some(end) = self::closing(output) else {
        return name;
    };
    let (output, tail) = output.split_at(end);
    let arrow = match output {
        "" | "()" => String::new(),
        output => format!(" -> {output}"),
    };
    let head = head.trim_end_matches("<(");
    let arguments = arguments.trim_end_matches(',');
    format!("{head}({arguments}){arrow}{}", &tail[1..])
}

/// Where the bracket is closed that was opened before the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '>' if text[..at].ends_with('-') => {}
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' if depth == 0 => return Some(at),
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The name that a value of the type begins with: a tuple has none, a
/// structure's parameters are left out, a closure keeps the function it is
/// from.
pub(super) fn of_value(name: &str) -> String {
    if name.starts_with(['(', '&', '*']) {
        return String::new();
    }
    // A marker is nothing but its parameter.
    if name.starts_with("PhantomData<") {
        return name.to_owned();
    }
    let own = name.split('<').next().unwrap_or(name);
    if !own.contains("{closure_env#") {
        let last = own.rsplit("::").next().unwrap_or(own);
        return last.to_owned();
    }
    let mut components = own.rsplit("::");
    let closure = components.next().unwrap_or(own);
    let closure = closure.replace("closure_env#", "closure#");
    match components.next() {
        Some(function) => format!("{function}::{closure}"),
        None => closure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short() {
        let check = |name: &str, expected: &str| assert_eq!(short(name), expected, "{name}");
        check("u8", "u8");
        check("&mut dyn engine::Observer", "&mut dyn Observer");
        check(
            "alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output=()>, alloc::alloc::Global>",
            "Box<dyn FnOnce()>",
        );
        check(
            "&dyn core::ops::function::Fn<(&mut a::B<c::D>, usize), Output=u64>",
            "&dyn Fn(&mut B<D>, usize) -> u64",
        );
        check(
            "alloc::boxed::Box<dyn a::FnMut<(u8,)>, alloc::alloc::Global>",
            "Box<dyn FnMut(u8)>",
        );
        check("Vec<a::B<c::D>, alloc::alloc::Global>", "Vec<B<D>>");
        check("<a::B as c::D>::E", "<B as D>::E");
        check("a::main::{closure_env#0}", "{closure#0}");
        check("Fn<(", "Fn<(");
        check("Fn<(]", "Fn<(]");
        check("::", "");
        check("", "");
    }

    #[test]
    fn values_begin_with_their_own_name() {
        let check = |name: &str, expected: &str| assert_eq!(of_value(name), expected, "{name}");
        check("(u8, u8)", "");
        check("Range<u32>", "Range");
        check("PhantomData<a::B>", "PhantomData<a::B>");
        check("a::main::{closure_env#3}<T>", "main::{closure#3}");
        check("{closure_env#3}<T>", "{closure#3}");
    }
}
