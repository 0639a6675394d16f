//! A value on one line, as a Rust developer would write it. What could not be
//! known stands in angle brackets.

use std::fmt::Write as _;

use ukdbg_image::Untrusted;

use super::{Field, InvalidValue, Missing, Value};

impl Value {
    /// The value on one line. The text holds parts that the guest or its
    /// image supplied, and is to be escaped like them.
    pub fn line(&self) -> Untrusted {
        let mut line = String::new();
        self.write(&mut line);
        Untrusted::from(line)
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Unsigned { value } => push(out, value),
            Self::Signed { value } => push(out, value),
            Self::Boolean { value } => push(out, value),
            Self::Float { value } => push(out, format_args!("{value:?}")),
            Self::Character { value } => push(out, format_args!("{value:?}")),
            Self::Byte { value } => match u8::try_from(*value).ok().filter(u8::is_ascii_graphic) {
                Some(letter) => push(out, format_args!("{value} '{}'", char::from(letter))),
                None => push(out, value),
            },
            Self::Pointer {
                address,
                pointee,
                function,
            } => {
                push(out, address);
                if let Some(function) = function {
                    push(out, format_args!(" <{}>", function.demangled.raw()));
                }
                if let Some(pointee) = pointee {
                    out.push_str(" → ");
                    pointee.write(out);
                }
            }
            Self::Text { text, cut, .. } => {
                push(out, format_args!("{:?}", text.raw()));
                out.push_str(if *cut { "…" } else { "" });
            }
            Self::Slice {
                elements, length, ..
            } => write_elements(out, elements, Some(*length)),
            Self::Array { elements, length } => write_elements(out, elements, *length),
            Self::Structure {
                name,
                fields,
                omitted,
            } => write_structure(out, name.as_ref(), fields, *omitted),
            Self::Variant { value, .. } => value.write(out),
            Self::Enumerator { name, value } => match name {
                Some(name) => out.push_str(name.raw()),
                None => push(out, value),
            },
            Self::Invalid { why, bits } => {
                push(out, format_args!("<{} {bits:#x}>", invalid(*why)));
            }
            Self::Missing { why } => write_missing(out, why),
            Self::Elided => out.push('…'),
        }
    }
}

fn push(out: &mut String, text: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{text}");
}

fn invalid(why: InvalidValue) -> &'static str {
    match why {
        InvalidValue::Boolean => "invalid bool",
        InvalidValue::Character => "invalid char",
        InvalidValue::Discriminant => "invalid variant",
    }
}

fn write_missing(out: &mut String, why: &Missing) {
    match why {
        Missing::OptimizedOut => out.push_str("<optimized out>"),
        Missing::Unavailable => out.push_str("<unavailable>"),
        Missing::Unreadable { at } => push(out, format_args!("<unreadable at {at}>")),
        Missing::Undescribed => out.push_str("<not described>"),
    }
}

fn write_elements(out: &mut String, elements: &[Value], length: Option<u64>) {
    out.push('[');
    for (index, element) in elements.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        element.write(out);
    }
    if length.is_some_and(|length| length > elements.len() as u64) {
        out.push_str(if elements.is_empty() { "…" } else { ", …" });
    }
    out.push(']');
    if let Some(length) = length.filter(|&length| length > elements.len() as u64) {
        push(out, format_args!(" ({length} elements)"));
    }
}

fn write_structure(out: &mut String, name: Option<&Untrusted>, fields: &[Field], omitted: usize) {
    // A tuple's name is its type in parentheses.
    let name = name.map_or("", Untrusted::raw);
    let name = if name.starts_with('(') { "" } else { name };
    out.push_str(name);
    let positional = !fields.is_empty() && fields.iter().enumerate().all(is_positional);
    let (open, close) = match (positional, fields.is_empty() && omitted == 0) {
        (_, true) if name.is_empty() => ("()", ""),
        (_, true) => ("", ""),
        (true, false) => ("(", ")"),
        (false, false) if name.is_empty() => ("{ ", " }"),
        (false, false) => (" { ", " }"),
    };
    out.push_str(open);
    for (index, field) in fields.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        if let Some(label) = field.name.as_ref().filter(|_| !positional) {
            push(out, format_args!("{}: ", label.raw()));
        }
        field.value.write(out);
    }
    if omitted > 0 {
        out.push_str(if fields.is_empty() { "…" } else { ", …" });
    }
    out.push_str(close);
}

/// rustc names a tuple's members `__0`, `__1` and so on.
fn is_positional((index, field): (usize, &Field)) -> bool {
    let number = field
        .name
        .as_ref()
        .and_then(|name| name.raw().strip_prefix("__"));
    number.is_some_and(|number| number == index.to_string())
}
