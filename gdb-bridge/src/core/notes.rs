//! The notes of a core that hold CPUs: the kernel's `NT_PRSTATUS`, QEMU's own,
//! which knows control registers, and ours, which knows everything. Pure
//! functions over their bytes.

use ukdbg_inspect::{
    PagingState, Register, Registers, SystemRegisters, SystemSegment, TableRegister, VirtAddr,
};

use crate::dump::MachineNote;

/// `NT_PRSTATUS`.
pub(crate) const PRSTATUS: u32 = 1;
/// Where the registers begin in x86-64's `elf_prstatus`.
pub(crate) const PRSTATUS_REGISTERS: usize = 112;

/// Our own notes: all CPUs as a document, and what was kept beside them. Their
/// types are none that other tools print a meaning of.
pub(crate) const OURS: &[u8] = b"UKDBG";
pub(crate) const MACHINE: u32 = 0x756b_0001;
pub(crate) const EVIDENCE: u32 = 0x756b_0002;

/// The order of `user_regs_struct`; the gap is `orig_rax`.
pub(crate) const USER_REGISTERS: [Option<Register>; 27] = {
    use Register as R;
    [
        Some(R::R15),
        Some(R::R14),
        Some(R::R13),
        Some(R::R12),
        Some(R::Rbp),
        Some(R::Rbx),
        Some(R::R11),
        Some(R::R10),
        Some(R::R9),
        Some(R::R8),
        Some(R::Rax),
        Some(R::Rcx),
        Some(R::Rdx),
        Some(R::Rsi),
        Some(R::Rdi),
        None,
        Some(R::Rip),
        Some(R::Cs),
        Some(R::Rflags),
        Some(R::Rsp),
        Some(R::Ss),
        Some(R::FsBase),
        Some(R::GsBase),
        Some(R::Ds),
        Some(R::Es),
        Some(R::Fs),
        Some(R::Gs),
    ]
};

/// The words of QEMU's `QEMUCPUState` (target/i386/arch_dump.c) after its
/// version and size; ten segments and five control registers follow.
pub(crate) const QEMU_WORDS: [Register; 18] = {
    use Register as R;
    [
        R::Rax,
        R::Rbx,
        R::Rcx,
        R::Rdx,
        R::Rsi,
        R::Rdi,
        R::Rsp,
        R::Rbp,
        R::R8,
        R::R9,
        R::R10,
        R::R11,
        R::R12,
        R::R13,
        R::R14,
        R::R15,
        R::Rip,
        R::Rflags,
    ]
};
/// Its segments, each 24 bytes: selector, limit, flags, padding, base.
pub(crate) const QEMU_SEGMENTS: [(Register, Option<Register>); 6] = {
    use Register as R;
    [
        (R::Cs, None),
        (R::Ds, None),
        (R::Es, None),
        (R::Fs, Some(R::FsBase)),
        (R::Gs, Some(R::GsBase)),
        (R::Ss, None),
    ]
};
/// The segments after those, by their index.
pub(crate) const QEMU_LDT: usize = 6;
pub(crate) const QEMU_TR: usize = 7;
pub(crate) const QEMU_GDT: usize = 8;
pub(crate) const QEMU_IDT: usize = 9;
/// The control registers; number 1 does not exist.
pub(crate) const QEMU_CONTROL: [(usize, Register); 4] = [
    (0, Register::Cr0),
    (2, Register::Cr2),
    (3, Register::Cr3),
    (4, Register::Cr4),
];

/// Its size, and where its parts are.
pub(crate) const QEMU_SIZE: usize = 440;
pub(crate) const QEMU_WORDS_AT: usize = 8;
pub(crate) const QEMU_SEGMENTS_AT: usize = QEMU_WORDS_AT + 18 * 8;
pub(crate) const QEMU_CONTROL_AT: usize = QEMU_SEGMENTS_AT + 10 * 24;

/// The descriptor's `L` bit in a segment's flags: 64-bit code.
pub(crate) const SEGMENT_LONG: u32 = 1 << 21;
/// EFER.LMA.
pub(crate) const LONG_MODE: u64 = 1 << 10;

/// A CPU as it was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cpu {
    /// Its number, where the note tells; else its place among the notes.
    pub(super) id: Option<u32>,
    pub(super) registers: Registers,
    /// What leads to its tables. QEMU does not write EFER itself down: that it
    /// is in long mode is known only while it runs 64-bit code.
    pub(super) system: SystemRegisters,
}

impl Cpu {
    /// What steers its address translation, as far as reading goes.
    pub(super) fn paging(&self) -> Option<PagingState> {
        PagingState::with_system(&self.registers, &self.system)
    }
}

/// The CPUs found so far. All kinds of notes are in order of the CPUs.
#[derive(Debug, Default)]
pub(super) struct Found {
    status: Vec<Cpu>,
    qemu: Vec<Cpu>,
    ours: Vec<Cpu>,
    whole: bool,
    evidence: Vec<u8>,
}

impl Found {
    /// Takes one note; of an unknown kind or too short, it is passed over.
    pub(super) fn take(&mut self, name: &[u8], kind: u32, content: &[u8]) {
        match (name, kind) {
            (b"CORE", PRSTATUS) => self.status.extend(status(content)),
            (b"QEMU", 0) => self.qemu.extend(qemu(content)),
            (OURS, MACHINE) => self.machine(content),
            (OURS, EVIDENCE) => self.evidence = content.to_vec(),
            _ => {}
        }
    }

    /// A document of another version of ours, which cannot be read, leaves
    /// what the other notes say.
    fn machine(&mut self, content: &[u8]) {
        let Ok(note) = serde_json::from_slice::<MachineNote>(content) else {
            return;
        };
        self.whole = note.whole;
        self.ours = note
            .cpus
            .into_iter()
            .map(|cpu| Cpu {
                id: Some(cpu.id),
                registers: cpu.registers,
                system: SystemRegisters::default(),
            })
            .collect();
    }

    /// Whether memory is physical: control registers are known.
    pub(super) fn is_whole_machine(&self) -> bool {
        match self.ours.is_empty() {
            true => !self.qemu.is_empty(),
            false => self.whole,
        }
    }

    /// What was kept beside the CPUs, and the CPUs as the best of the notes
    /// tell them.
    pub(super) fn into_parts(self) -> (Vec<u8>, Vec<Cpu>) {
        let mut best = [self.ours, self.qemu, self.status];
        // Ours does not repeat what QEMU's has room for.
        let [ours, qemu, _] = &mut best;
        for (cpu, with_tables) in ours.iter_mut().zip(qemu) {
            cpu.system = with_tables.system;
        }
        let cpus = best.into_iter().find(|cpus| !cpus.is_empty());
        (self.evidence, cpus.unwrap_or_default())
    }
}

fn status(content: &[u8]) -> Option<Cpu> {
    let mut cpu = Cpu::default();
    for (index, register) in USER_REGISTERS.into_iter().enumerate() {
        let value = word(content, PRSTATUS_REGISTERS + index * 8)?;
        if let Some(register) = register {
            cpu.registers.set(register, value);
        }
    }
    Some(cpu)
}

fn qemu(content: &[u8]) -> Option<Cpu> {
    // Version 1 is the only one there is; a later one may differ.
    if half(content, 0)? != 1 {
        return None;
    }
    let mut registers = Registers::default();
    for (index, register) in QEMU_WORDS.into_iter().enumerate() {
        registers.set(register, word(content, QEMU_WORDS_AT + index * 8)?);
    }
    for (index, (selector, base)) in QEMU_SEGMENTS.into_iter().enumerate() {
        let at = QEMU_SEGMENTS_AT + index * 24;
        registers.set(selector, half(content, at)?.into());
        if let Some(base) = base {
            registers.set(base, word(content, at + 16)?);
        }
    }
    for (index, register) in QEMU_CONTROL {
        registers.set(register, word(content, QEMU_CONTROL_AT + index * 8)?);
    }
    let long_mode = half(content, QEMU_SEGMENTS_AT + 8)? & SEGMENT_LONG != 0;
    let segment = |index: usize| {
        let at = QEMU_SEGMENTS_AT + index * 24;
        Some(SystemSegment {
            selector: half(content, at)? as u16,
            base: VirtAddr(word(content, at + 16)?),
            limit: half(content, at + 4)?,
        })
    };
    let table = |index: usize| {
        segment(index).map(|SystemSegment { base, limit, .. }| TableRegister { base, limit })
    };
    // No kernel's table is empty and at 0: that is a note without them.
    let gdtr = table(QEMU_GDT).filter(|gdt| gdt.base.0 != 0 || gdt.limit != 0);
    Some(Cpu {
        id: None,
        registers,
        system: SystemRegisters {
            ldtr: segment(QEMU_LDT).filter(|_| gdtr.is_some()),
            tr: segment(QEMU_TR).filter(|_| gdtr.is_some()),
            idtr: table(QEMU_IDT).filter(|_| gdtr.is_some()),
            gdtr,
            long_mode: Some(long_mode),
        },
    })
}

fn word(content: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*content.get(at..)?.first_chunk()?))
}

fn half(content: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*content.get(at..)?.first_chunk()?))
}
