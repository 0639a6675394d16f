//! A value as text, in one line or laid out, as a Rust developer would write
//! it. What could not be known stands in angle brackets.

use std::fmt::Write as _;
use std::time::Duration;

use ukdbg_image::Untrusted;

use super::type_name;
use super::{Field, InvalidValue, MapEntry, Missing, RangeEnd, Value};

impl Value {
    /// The value on one line. The text holds parts that the guest or its
    /// image supplied, and is to be escaped like them.
    pub fn line(&self) -> Untrusted {
        self.line_with(&|_, _| None)
    }

    /// As [`Value::line`], each number within it as `write` has it by its bits
    /// and how many there are; none leaves it as it is.
    pub fn line_with(&self, write: WriteNumber<'_>) -> Untrusted {
        Writer::write(self, None, write)
    }

    /// The value laid out as `{:#?}` does: a member or an element to a line.
    /// To be escaped like [`Value::line`], each line by itself.
    pub fn pretty(&self) -> Untrusted {
        self.pretty_with(&|_, _| None)
    }

    /// As [`Value::pretty`] and [`Value::line_with`].
    pub fn pretty_with(&self, write: WriteNumber<'_>) -> Untrusted {
        Writer::write(self, Some(0), write)
    }

    /// The bits of a number, and how many there are; none for another value.
    fn number(&self) -> Option<(u128, u64)> {
        let (number, bits) = match *self {
            Self::Unsigned { value, bits } | Self::Flags { value, bits, .. } => (value, bits),
            Self::Signed { value, bits } | Self::Enumerator { value, bits, .. } => {
                (value.cast_unsigned(), bits)
            }
            Self::Boolean { value } => (value.into(), 8),
            Self::Character { value } => (u32::from(value).into(), 32),
            Self::Byte { value } => (i128::from(value).cast_unsigned(), 8),
            Self::Single { value } => (value.to_bits().into(), 32),
            Self::Float { value } => (value.to_bits().into(), 64),
            Self::Pointer { address, .. } => (address.0.into(), 64),
            _ => return None,
        };
        let unused = 128_u64.saturating_sub(bits.max(1));
        let mask = u128::MAX >> u32::try_from(unused).unwrap_or(0).min(127);
        Some((number & mask, bits))
    }
}

/// How a number is written, by its bits and how many there are.
pub type WriteNumber<'a> = &'a dyn Fn(u128, u64) -> Option<String>;

struct Writer<'a> {
    write: WriteNumber<'a>,
    out: String,
    /// Levels of indentation; none for one line.
    indent: Option<usize>,
}

/// What encloses the parts of a value.
struct Brackets {
    open: &'static str,
    close: &'static str,
    /// Parts that are left out.
    more: bool,
}

impl<'a> Writer<'a> {
    fn write(value: &Value, indent: Option<usize>, write: WriteNumber<'a>) -> Untrusted {
        let mut writer = Self {
            write,
            out: String::new(),
            indent,
        };
        writer.value(value);
        Untrusted::from(writer.out)
    }

    fn value(&mut self, value: &Value) {
        let number = value.number();
        if let Some(text) = number.and_then(|(number, bits)| (self.write)(number, bits)) {
            self.out.push_str(&text);
            if let Value::Pointer {
                pointee: Some(pointee),
                ..
            } = value
            {
                self.out.push_str(" → ");
                self.value(pointee);
            }
            return;
        }
        match value {
            Value::Unsigned { value, .. } => self.push(value),
            Value::Signed { value, .. } => self.push(value),
            Value::Boolean { value } => self.push(value),
            Value::Float { value } => self.push(format_args!("{value:?}")),
            Value::Single { value } => self.push(format_args!("{value:?}")),
            Value::Rounded { text } => self.push(format_args!("≈{text}")),
            Value::Complex { real, imaginary } => {
                self.value(real);
                self.out.push_str(" + ");
                self.value(imaginary);
                self.out.push('i');
            }
            Value::Duration {
                seconds,
                nanoseconds,
            } => {
                let time = Duration::new(*seconds, *nanoseconds);
                self.push(format_args!("{time:?}"));
            }
            Value::Range { start, end, bound } => {
                self.range(start.as_deref(), end.as_deref(), *bound);
            }
            Value::Character { value } => self.push(format_args!("{value:?}")),
            Value::Byte { value } => self.byte(*value),
            Value::Pointer { .. } | Value::Object { .. } => self.pointer(value),
            Value::Owned { value, .. } | Value::Variant { value, .. } => self.value(value),
            Value::Text { text, cut, .. } => {
                self.push(format_args!("{:?}", text.raw()));
                self.out.push_str(if *cut { "…" } else { "" });
            }
            Value::Slice {
                elements, length, ..
            } => self.elements("[", "]", elements, Some(*length)),
            Value::Set { elements, length } => self.elements("{", "}", elements, Some(*length)),
            Value::Array { elements, length } => self.elements("[", "]", elements, *length),
            Value::Map { entries, length } => self.entries(entries, *length),
            Value::Structure {
                name,
                fields,
                omitted,
            } => self.structure(name.as_ref(), fields, *omitted),
            Value::Enumerator { name, value, .. } => match name {
                Some(name) => self.out.push_str(name.raw()),
                None => self.push(value),
            },
            Value::Flags { names, rest, .. } => {
                let names: Vec<&str> = names.iter().map(Untrusted::raw).collect();
                self.out.push_str(&names.join(" | "));
                if *rest != 0 {
                    self.push(format_args!(" | {rest:#x}"));
                }
            }
            Value::Invalid { why, bits } => {
                self.push(format_args!("<{} {bits:#x}>", invalid(*why)));
            }
            Value::Missing { why } => self.missing(why),
            Value::Elided => self.out.push('…'),
        }
    }

    fn push(&mut self, text: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{text}");
    }

    fn byte(&mut self, value: i16) {
        match u8::try_from(value).ok().filter(u8::is_ascii_graphic) {
            Some(letter) => self.push(format_args!("{value} '{}'", char::from(letter))),
            None => self.push(value),
        }
    }

    fn range(&mut self, start: Option<&Value>, end: Option<&Value>, bound: RangeEnd) {
        if let Some(start) = start {
            self.value(start);
        }
        self.out.push_str(match bound {
            RangeEnd::Excluded => "..",
            RangeEnd::Included | RangeEnd::Exhausted => "..=",
        });
        if let Some(end) = end {
            self.value(end);
        }
        if bound == RangeEnd::Exhausted {
            self.out.push_str("@empty");
        }
    }

    fn pointer(&mut self, value: &Value) {
        match value {
            Value::Pointer {
                address,
                pointee,
                function,
                symbol,
            } => {
                self.push(address);
                if let Some(function) = function {
                    self.push(format_args!(" <{}>", function.demangled.raw()));
                }
                if let Some(symbol) = symbol {
                    self.push(format_args!(" <{}>", symbol.raw()));
                }
                if let Some(pointee) = pointee {
                    self.out.push_str(" → ");
                    self.value(pointee);
                }
            }
            Value::Object {
                name,
                address,
                table,
                value,
                guess,
            } => {
                let name = name.as_ref().map_or("", Untrusted::raw);
                self.push(format_args!("{} → ", type_name::short(name)));
                match (value, guess) {
                    (Some(value), _) => self.value(value),
                    (None, Some(guess)) => {
                        let guess = type_name::short(guess.raw());
                        // A type that is declared within a method.
                        let guess = match guess.rsplit_once(">::") {
                            Some((_, last)) if guess.starts_with('<') => last,
                            _ => &guess,
                        };
                        self.push(format_args!("<perhaps {guess}, at {address}>"));
                    }
                    (None, None) => {
                        self.push(format_args!(
                            "<of unknown type at {address}, table {table}>"
                        ));
                    }
                }
            }
            _ => {}
        }
    }

    fn missing(&mut self, why: &Missing) {
        match why {
            Missing::OptimizedOut => self.out.push_str("<optimized out>"),
            Missing::Unavailable { lacks } => {
                self.push(format_args!("<unavailable: {lacks}>"));
            }
            Missing::Unreadable { at } => self.push(format_args!("<unreadable at {at}>")),
            Missing::Undescribed => self.out.push_str("<not described>"),
        }
    }

    /// Parts between brackets, in one line or each on its own.
    fn parts(&mut self, brackets: &Brackets, count: usize, mut part: impl FnMut(&mut Self, usize)) {
        let Brackets { open, close, more } = *brackets;
        if count == 0 && !more {
            self.out.push_str(open.trim_end());
            self.out.push_str(close.trim_start());
            return;
        }
        let outer = self.indent;
        // What has no parts to show is not worth lines.
        let laid_out = outer.filter(|_| count > 0);
        self.indent = laid_out.map(|levels| levels + 1).or(outer);
        self.out.push_str(match laid_out {
            Some(_) => open.trim_end(),
            None => open,
        });
        for index in 0..count + usize::from(more) {
            match laid_out {
                Some(levels) => self.new_line(levels + 1),
                None => self.out.push_str(if index == 0 { "" } else { ", " }),
            }
            if index < count {
                part(self, index);
                self.out.push_str(laid_out.map_or("", |_| ","));
            } else {
                self.out.push('…');
            }
        }
        self.indent = outer;
        match laid_out {
            Some(levels) => {
                self.new_line(levels);
                self.out.push_str(close.trim_start());
            }
            None => self.out.push_str(close),
        }
    }

    fn new_line(&mut self, levels: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("    ", levels));
    }

    fn elements(
        &mut self,
        open: &'static str,
        close: &'static str,
        elements: &[Value],
        length: Option<u64>,
    ) {
        let shown = elements.len();
        let more = length.filter(|&length| length > shown as u64);
        let brackets = Brackets {
            open,
            close,
            more: more.is_some(),
        };
        self.parts(&brackets, shown, |writer, index| {
            writer.value(&elements[index]);
        });
        if let Some(length) = more {
            self.push(format_args!(" ({length} elements)"));
        }
    }

    fn entries(&mut self, entries: &[MapEntry], length: u64) {
        let shown = entries.len();
        let more = length > shown as u64;
        let brackets = Brackets {
            open: "{",
            close: "}",
            more,
        };
        self.parts(&brackets, shown, |writer, index| {
            writer.value(&entries[index].key);
            writer.out.push_str(": ");
            writer.value(&entries[index].value);
        });
        if more {
            self.push(format_args!(" ({length} entries)"));
        }
    }

    fn structure(&mut self, name: Option<&Untrusted>, fields: &[Field], omitted: usize) {
        let name = type_name::of_value(name.map_or("", Untrusted::raw));
        self.out.push_str(&name);
        if fields.is_empty() && omitted == 0 {
            self.out.push_str(if name.is_empty() { "()" } else { "" });
            return;
        }
        let positional = !fields.is_empty() && fields.iter().enumerate().all(is_positional);
        let (open, close) = match positional {
            true => ("(", ")"),
            false if name.is_empty() => ("{ ", " }"),
            false => (" { ", " }"),
        };
        let brackets = Brackets {
            open,
            close,
            more: omitted > 0,
        };
        // A tuple of one is told from parentheses by its comma.
        let lone = positional && name.is_empty() && fields.len() == 1 && self.indent.is_none();
        self.parts(&brackets, fields.len(), |writer, index| {
            let field = &fields[index];
            if let Some(label) = field.name.as_ref().filter(|_| !positional) {
                writer.push(format_args!("{}: ", label.raw()));
            }
            writer.value(&field.value);
            writer.out.push_str(if lone { "," } else { "" });
        });
    }
}

fn invalid(why: InvalidValue) -> &'static str {
    match why {
        InvalidValue::Boolean => "invalid bool",
        InvalidValue::Character => "invalid char",
        InvalidValue::Discriminant => "invalid variant",
        InvalidValue::Length => "invalid length",
        InvalidValue::Capacity => "invalid capacity",
        InvalidValue::HashTable => "invalid hash table",
        InvalidValue::Links => "invalid links of length",
    }
}

/// rustc names a tuple's members `__0`, `__1` and so on.
fn is_positional((index, field): (usize, &Field)) -> bool {
    let number = field
        .name
        .as_ref()
        .and_then(|name| name.raw().strip_prefix("__"));
    number.is_some_and(|number| number == index.to_string())
}
