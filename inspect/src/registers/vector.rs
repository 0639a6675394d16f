//! The x87 and SSE registers of one virtual CPU. Read only when a question
//! needs them: most never do. What a caller's frame had in them nobody knows,
//! since a call may destroy all of them (System V psABI 3.2.1).

use ukdbg_image::DwarfRegister;

/// A register of the x87 or SSE unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VectorRegister(u8);

/// How many there are.
const COUNT: usize = 33;
const XMM: u8 = 16;
const MXCSR: u8 = 32;

/// By GDB's names, in the order of its description of x86-64.
const NAMES: [&str; COUNT] = [
    "st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7", "fctrl", "fstat", "ftag", "fiseg",
    "fioff", "foseg", "fooff", "fop", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
    "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "mxcsr",
];

impl VectorRegister {
    /// What a function returns its first floating-point value in.
    pub const XMM0: Self = Self(XMM);
    /// What it returns a second one in.
    pub const XMM1: Self = Self(XMM + 1);
    /// What it returns a `long double` in.
    pub const ST0: Self = Self(0);

    /// Every register: `st0` to `st7`, the x87 unit's control registers,
    /// `xmm0` to `xmm15`, `mxcsr`.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..=MXCSR).map(Self)
    }

    /// The register of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|register| register.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Bytes that it holds; of a control register, those it is reported in.
    pub fn size(self) -> usize {
        match self.0 {
            0..8 => 10,
            XMM..MXCSR => 16,
            _ => 4,
        }
    }

    /// The register of a DWARF number (System V psABI, figure 3.36).
    pub fn from_dwarf(number: DwarfRegister) -> Option<Self> {
        let number = u8::try_from(number.0).ok()?;
        match number {
            17..=32 => Some(Self(XMM + number - 17)),
            33..=40 => Some(Self(number - 33)),
            64 => Some(Self(MXCSR)),
            65 | 66 => Some(Self(8 + number - 65)),
            _ => None,
        }
    }
}

/// Values of those registers that are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VectorRegisters {
    values: [Option<u128>; COUNT],
}

impl Default for VectorRegisters {
    fn default() -> Self {
        let values = [None; COUNT];
        Self { values }
    }
}

impl VectorRegisters {
    /// A register's value, when it is known.
    pub fn get(&self, register: VectorRegister) -> Option<u128> {
        self.values[usize::from(register.0)]
    }

    /// Sets a register.
    pub fn set(&mut self, register: VectorRegister, value: u128) {
        self.values[usize::from(register.0)] = Some(value);
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_dwarf() {
        let check = |number, name: Option<&str>| {
            let register = VectorRegister::from_dwarf(DwarfRegister(number));
            assert_eq!(register.map(VectorRegister::name), name, "{number}");
        };
        check(16, None);
        check(17, Some("xmm0"));
        check(32, Some("xmm15"));
        check(33, Some("st0"));
        check(40, Some("st7"));
        check(41, None);
        check(64, Some("mxcsr"));
        check(65, Some("fctrl"));
        check(66, Some("fstat"));
        check(u16::MAX, None);
    }

    #[test]
    fn names_lead_back() {
        for register in VectorRegister::all() {
            assert_eq!(VectorRegister::named(register.name()), Some(register));
        }
        assert_eq!(VectorRegister::XMM1.name(), "xmm1");
        assert_eq!(VectorRegister::named("rax"), None);
    }
}
