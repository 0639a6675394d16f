//! The processor's exceptions: what a vector is called, what its error code
//! says, and where its saved instruction pointer points. What a fault means
//! is `diagnose`'s to say.

use serde::Serialize;

/// Where the saved instruction pointer of an exception points (SDM 3A 6.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionClass {
    /// At the instruction that failed.
    Fault,
    /// Behind the instruction that trapped.
    Trap,
    /// Either: a debug exception is a fault for instruction breakpoints and
    /// a trap for everything else (SDM 3A 6.15).
    FaultOrTrap,
    /// Nowhere dependable.
    Abort,
    /// At the next instruction: it came from outside.
    Interrupt,
}

/// One of the 32 vectors that the architecture reserves (SDM 3A table 6-1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Exception {
    /// The vector.
    pub vector: u8,
    /// The mnemonic, with its `#`.
    pub mnemonic: &'static str,
    /// The name.
    pub name: &'static str,
    /// Where the saved instruction pointer points.
    pub class: ExceptionClass,
    /// The processor pushes an error code.
    pub pushes_error_code: bool,
}

const fn exception(
    vector: u8,
    mnemonic: &'static str,
    name: &'static str,
    class: ExceptionClass,
) -> Exception {
    // SDM 3A table 6-1, column "Error Code".
    let pushes_error_code = matches!(vector, 8 | 10 | 11 | 12 | 13 | 14 | 17 | 21 | 29 | 30);
    Exception {
        vector,
        mnemonic,
        name,
        class,
        pushes_error_code,
    }
}

use ExceptionClass::{Abort, Fault, FaultOrTrap, Interrupt, Trap};

/// SDM 3A table 6-1; 28 to 30 from AMD's APM volume 2, table 8-1.
const EXCEPTIONS: [Exception; 32] = [
    exception(0, "#DE", "divide error", Fault),
    exception(1, "#DB", "debug exception", FaultOrTrap),
    exception(2, "NMI", "non-maskable interrupt", Interrupt),
    exception(3, "#BP", "breakpoint", Trap),
    exception(4, "#OF", "overflow", Trap),
    exception(5, "#BR", "bound range exceeded", Fault),
    exception(6, "#UD", "invalid opcode", Fault),
    exception(7, "#NM", "device not available", Fault),
    exception(8, "#DF", "double fault", Abort),
    exception(9, "#9", "coprocessor segment overrun", Abort),
    exception(10, "#TS", "invalid TSS", Fault),
    exception(11, "#NP", "segment not present", Fault),
    exception(12, "#SS", "stack-segment fault", Fault),
    exception(13, "#GP", "general protection fault", Fault),
    exception(14, "#PF", "page fault", Fault),
    exception(15, "#15", "reserved", Fault),
    exception(16, "#MF", "x87 floating-point error", Fault),
    exception(17, "#AC", "alignment check", Fault),
    exception(18, "#MC", "machine check", Abort),
    exception(19, "#XM", "SIMD floating-point exception", Fault),
    exception(20, "#VE", "virtualization exception", Fault),
    exception(21, "#CP", "control protection exception", Fault),
    exception(22, "#22", "reserved", Fault),
    exception(23, "#23", "reserved", Fault),
    exception(24, "#24", "reserved", Fault),
    exception(25, "#25", "reserved", Fault),
    exception(26, "#26", "reserved", Fault),
    exception(27, "#27", "reserved", Fault),
    exception(28, "#HV", "hypervisor injection exception", Fault),
    exception(29, "#VC", "VMM communication exception", Fault),
    exception(30, "#SX", "security exception", Fault),
    exception(31, "#31", "reserved", Fault),
];

impl Exception {
    /// The exception of a vector; none for an interrupt (32 and above).
    pub fn of_vector(vector: u32) -> Option<&'static Self> {
        EXCEPTIONS.get(usize::try_from(vector).ok()?)
    }

    /// What an error code of this vector says; none when the vector has no
    /// error code.
    pub fn decode_error(&self, code: u64) -> Option<ErrorCode> {
        if !self.pushes_error_code {
            return None;
        }
        Some(match self.vector {
            14 => ErrorCode::PageFault(PageFaultCode::decode(code)),
            10..=13 => ErrorCode::Selector(SelectorCode::decode(code)),
            _ => ErrorCode::Plain { code },
        })
    }
}

/// An error code, decoded by its vector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ErrorCode {
    /// A page fault's (SDM 3A 4.7).
    PageFault(PageFaultCode),
    /// One that names a segment selector (SDM 3A 6.13).
    Selector(SelectorCode),
    /// One with a format of its own, or always 0.
    Plain {
        /// The code.
        code: u64,
    },
}

/// A page fault's error code (SDM 3A 4.7, figure 4-12).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct PageFaultCode {
    /// The code as pushed.
    pub code: u64,
    /// Bit 0: the page was there, its rights forbade the access. Clear: no
    /// page.
    pub present: bool,
    /// Bit 1: a write; clear: a read or a fetch.
    pub write: bool,
    /// Bit 2: from user mode.
    pub user: bool,
    /// Bit 3: a reserved bit was set in a paging-structure entry.
    pub reserved_bit: bool,
    /// Bit 4: an instruction fetch. Only told where no-execute pages or SMEP
    /// are on; without them a fetch looks like a read.
    pub fetch: bool,
    /// Bit 5: a protection key forbade it.
    pub protection_key: bool,
    /// Bit 6: a shadow-stack access.
    pub shadow_stack: bool,
    /// Bits that none of these explain.
    pub unknown_bits: u64,
}

impl PageFaultCode {
    /// Decodes the code a page fault pushed.
    pub fn decode(code: u64) -> Self {
        let bit = |number: u32| code & (1 << number) != 0;
        Self {
            code,
            present: bit(0),
            write: bit(1),
            user: bit(2),
            reserved_bit: bit(3),
            fetch: bit(4),
            protection_key: bit(5),
            shadow_stack: bit(6),
            unknown_bits: code & !0x7f,
        }
    }
}

/// The descriptor table a selector error code points into.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DescriptorTable {
    /// The global one.
    Gdt,
    /// The local one.
    Ldt,
    /// The interrupt table.
    Idt,
}

/// An error code that names a descriptor (SDM 3A 6.13, figure 6-7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SelectorCode {
    /// The code as pushed; 0: no descriptor is to blame.
    pub code: u64,
    /// It happened while an event from outside was delivered.
    pub external: bool,
    /// The table.
    pub table: DescriptorTable,
    /// Index in that table: for the IDT, a vector.
    pub index: u16,
}

impl SelectorCode {
    /// Decodes the code that such an exception pushed.
    pub fn decode(code: u64) -> Self {
        let table = match (code >> 1) & 3 {
            0 => DescriptorTable::Gdt,
            2 => DescriptorTable::Ldt,
            _ => DescriptorTable::Idt,
        };
        Self {
            code,
            external: code & 1 != 0,
            table,
            index: ((code >> 3) & 0x1fff) as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_knows_its_error_codes() {
        for (index, entry) in EXCEPTIONS.iter().enumerate() {
            assert_eq!(usize::from(entry.vector), index);
        }
        let with_code: Vec<u8> = EXCEPTIONS
            .iter()
            .filter(|entry| entry.pushes_error_code)
            .map(|entry| entry.vector)
            .collect();
        assert_eq!(with_code, [8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
        assert_eq!(Exception::of_vector(32), None);
    }

    #[test]
    fn page_fault_codes() {
        let check = |code: u64, set: &[&str]| {
            let decoded = PageFaultCode::decode(code);
            let mut got = Vec::new();
            let mut note = |on: bool, name| {
                if on {
                    got.push(name);
                }
            };
            note(decoded.present, "present");
            note(decoded.write, "write");
            note(decoded.user, "user");
            note(decoded.reserved_bit, "reserved");
            note(decoded.fetch, "fetch");
            note(decoded.unknown_bits != 0, "unknown");
            assert_eq!(got, set, "{code:#x}");
        };
        check(0, &[]);
        check(2, &["write"]);
        check(3, &["present", "write"]);
        check(0x11, &["present", "fetch"]);
        check(0xd, &["present", "user", "reserved"]);
        check(0x8000, &["unknown"]);
    }

    #[test]
    fn selector_codes() {
        let decoded = SelectorCode::decode(0x10 * 8 + 2 + 1);
        assert_eq!(decoded.table, DescriptorTable::Idt);
        assert!(decoded.external);
        assert_eq!(decoded.index, 0x10);
        let gate = Exception::of_vector(13).and_then(|e| e.decode_error(0));
        assert!(matches!(gate, Some(ErrorCode::Selector(code)) if code.code == 0));
        assert_eq!(
            Exception::of_vector(0).and_then(|e| e.decode_error(1)),
            None
        );
    }
}
