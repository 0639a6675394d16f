//! Where each register lies in a `g` packet.
//!
//! QEMU's layout is known, and its stub is recognised by more than the
//! packet's length; other stubs are asked for their target description, and
//! without one GDB's own layout of x86-64 applies to what it covers. The XML
//! is scanned for the two elements that matter: a description is a list of
//! registers in order.

use ukdbg_inspect::{Register, Registers, VectorRegister, VectorRegisters};

/// One register's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    register: Option<Register>,
    vector: Option<VectorRegister>,
    number: u32,
    offset: usize,
    length: usize,
}

/// The layout of a stub's `g` packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    fields: Vec<Field>,
}

/// The size of QEMU's `g` packet for x86-64, in bytes.
pub(crate) const QEMU_LENGTH: usize = 608;

/// Sizes of `g` in GDB's own x86-64 layout: integer registers only, with x87,
/// with SSE, with `orig_rax`, with the segment bases.
const GDB_LENGTHS: [usize; 5] = [164, 276, 536, 544, 560];

/// More registers than any description of an x86 has.
const MOST_REGISTERS: usize = 1024;

impl Layout {
    /// QEMU's: `gdb-xml/i386-64bit.xml`.
    pub(crate) fn qemu() -> Self {
        let mut layout = Self::core();
        let tail = [Some(Register::FsBase), Some(Register::GsBase), None]
            .into_iter()
            .chain([Register::Cr0, Register::Cr2, Register::Cr3].map(Some))
            .chain([Register::Cr4, Register::Cr8, Register::Efer].map(Some));
        for register in tail {
            layout.push(register, 8);
        }
        layout.push_vectors();
        layout
    }

    /// What all x86-64 layouts begin with.
    fn core() -> Self {
        let mut layout = Self { fields: Vec::new() };
        for register in &Register::ALL[..=Register::Rip as usize] {
            layout.push(Some(*register), 8);
        }
        for register in &Register::ALL[Register::Rflags as usize..=Register::Gs as usize] {
            layout.push(Some(*register), 4);
        }
        layout
    }

    /// GDB's own layout, if the packet's length is one it can have. 32-bit
    /// stubs have other lengths.
    pub(crate) fn by_length(length: usize) -> Option<Self> {
        // What a shorter packet does not hold is not known.
        let mut layout = Self::core();
        layout.push_vectors();
        GDB_LENGTHS.contains(&length).then_some(layout)
    }

    /// The x87 and SSE registers, which are in the same order in all layouts.
    fn push_vectors(&mut self) {
        for register in VectorRegister::all() {
            self.push(None, register.size());
            let field = self.fields.last_mut().expect("it was just pushed");
            field.vector = Some(register);
        }
    }

    /// From a target description with its includes already in place; `None`
    /// if it lists no program counter of 64 bits.
    pub(crate) fn from_description(xml: &str) -> Option<Self> {
        let mut registers = Vec::new();
        let mut next = 0_u32;
        for element in elements(xml, "reg").take(MOST_REGISTERS) {
            let bits: usize = attribute(element, "bitsize")?.parse().ok()?;
            let number =
                attribute(element, "regnum").map_or(Some(next), |text| text.parse().ok())?;
            next = number.checked_add(1)?;
            let name = attribute(element, "name")?;
            registers.push((number, name, bits.checked_add(7)? / 8));
        }
        registers.sort_by_key(|(number, ..)| *number);
        let mut layout = Self { fields: Vec::new() };
        for (number, name, length) in registers {
            layout.push_numbered(number, by_name(name), length)?;
            let field = layout.fields.last_mut().expect("it was just pushed");
            field.vector = VectorRegister::named(name).filter(|it| it.size() == length);
        }
        let pc = layout
            .fields
            .iter()
            .find(|field| field.register == Some(Register::Rip))?;
        (pc.length == 8).then_some(layout)
    }

    fn push(&mut self, register: Option<Register>, length: usize) {
        let number = u32::try_from(self.fields.len()).expect("a built-in layout is short");
        self.push_numbered(number, register, length)
            .expect("a built-in layout is small");
    }

    fn push_numbered(
        &mut self,
        number: u32,
        register: Option<Register>,
        length: usize,
    ) -> Option<()> {
        let offset = match self.fields.last() {
            Some(last) => last.offset.checked_add(last.length)?,
            None => 0,
        };
        self.fields.push(Field {
            register,
            vector: None,
            number,
            offset,
            length,
        });
        Some(())
    }

    /// Takes the registers out of a `g` packet's digits. A register that the
    /// stub marks with `x`, or that lies past the end, is not known.
    pub(crate) fn decode(&self, digits: &[u8]) -> Registers {
        let mut registers = Registers::default();
        for field in &self.fields {
            let Some(register) = field.register.filter(|_| field.length <= 8) else {
                continue;
            };
            let place = field.offset.saturating_mul(2)
                ..field.offset.saturating_add(field.length).saturating_mul(2);
            if let Some(value) = digits.get(place).and_then(super::reply::little_endian) {
                registers.set(register, value);
            }
        }
        registers
    }

    /// As [`Layout::decode`], of the x87 and SSE registers.
    pub(crate) fn decode_vectors(&self, digits: &[u8]) -> VectorRegisters {
        let mut registers = VectorRegisters::default();
        for field in &self.fields {
            let Some(register) = field.vector else {
                continue;
            };
            let place = field.offset.saturating_mul(2)
                ..field.offset.saturating_add(field.length).saturating_mul(2);
            if let Some(value) = digits.get(place).and_then(wide) {
                registers.set(register, value);
            }
        }
        registers
    }

    /// Puts a register into a `g` packet's digits; whether there is room for it.
    pub(crate) fn encode(&self, digits: &mut [u8], register: Register, value: u64) -> bool {
        let mut fields = self.fields.iter();
        let Some(field) = fields.find(|field| field.register == Some(register)) else {
            return false;
        };
        let place = field.offset.saturating_mul(2)
            ..field.offset.saturating_add(field.length).saturating_mul(2);
        let Some(place) = digits.get_mut(place) else {
            return false;
        };
        let bytes = value.to_le_bytes();
        for (pair, byte) in place.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(format!("{byte:02x}").as_bytes());
        }
        true
    }
}

/// A little-endian number of up to 16 bytes; none when some digit is not one.
fn wide(digits: &[u8]) -> Option<u128> {
    let (low, high) = digits.split_at(digits.len().min(16));
    let high = match high {
        [] => 0,
        high => super::reply::little_endian(high)?,
    };
    Some(u128::from(high) << 64 | u128::from(super::reply::little_endian(low)?))
}

/// The files that a description includes, in order.
pub(crate) fn includes(xml: &str) -> impl Iterator<Item = &str> {
    elements(xml, "xi:include").filter_map(|element| attribute(element, "href"))
}

fn by_name(name: &str) -> Option<Register> {
    match name {
        "eflags" => Some(Register::Rflags),
        _ => Register::ALL
            .into_iter()
            .find(|register| register.name() == name),
    }
}

/// The attribute text of each `<name …>` outside comments.
fn elements<'a>(xml: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = xml;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('<')? + 1..];
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = &comment[comment.find("-->")? + 3..];
                continue;
            }
            let end = rest.find('>')?;
            let element = &rest[..end];
            rest = &rest[end + 1..];
            if let Some(attributes) = element.strip_prefix(name)
                && attributes.starts_with(|next: char| next.is_ascii_whitespace() || next == '/')
            {
                return Some(attributes);
            }
        }
    })
}

/// The value of an attribute, in either kind of quotes.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = element;
    loop {
        let equals = rest.find('=')?;
        let found = rest[..equals]
            .trim_end()
            .rsplit(|c: char| c.is_ascii_whitespace())
            .next()?;
        let value = rest[equals + 1..].trim_start();
        let quote = value
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))?;
        let value = &value[1..];
        let end = value.find(quote)?;
        if found == name {
            return Some(&value[..end]);
        }
        rest = &value[end + 1..];
    }
}

#[cfg(test)]
mod tests;
