//! The notes of a core that we write: every CPU as GDB reads it, as readers of
//! QEMU's cores do, and completely, as only [`Core`](crate::Core) does.

use serde::{Deserialize, Serialize};
use ukdbg_inspect::{Register, Registers, SystemRegisters, SystemSegment, TableRegister, VcpuId};

use crate::core::notes::{
    EVIDENCE, LONG_MODE, MACHINE, OURS, PRSTATUS, PRSTATUS_REGISTERS, QEMU_CONTROL,
    QEMU_CONTROL_AT, QEMU_GDT, QEMU_IDT, QEMU_LDT, QEMU_SEGMENTS, QEMU_SEGMENTS_AT, QEMU_SIZE,
    QEMU_TR, QEMU_WORDS, QEMU_WORDS_AT, SEGMENT_LONG, USER_REGISTERS,
};

/// Size of x86-64's `elf_prstatus`, and where its process identifier is.
const PRSTATUS_SIZE: usize = 336;
const PRSTATUS_PID: usize = 32;

/// What our own note says, as a document.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MachineNote {
    /// Memory is physical, and found through the CPUs' page tables.
    pub(crate) whole: bool,
    /// All that is known of every CPU, first the one that stopped.
    pub(crate) cpus: Vec<CpuNote>,
}

/// A CPU in our own note.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CpuNote {
    /// Its number.
    pub(crate) id: u32,
    /// Its registers.
    pub(crate) registers: Registers,
}

/// A CPU as it is written down.
#[derive(Debug)]
pub(super) struct WrittenCpu {
    pub(super) id: VcpuId,
    pub(super) registers: Registers,
    /// Only QEMU's note has room for these.
    pub(super) system: SystemRegisters,
}

/// All notes, one behind the other.
pub(super) fn encode(cpus: &[WrittenCpu], whole: bool, evidence: &[u8]) -> Vec<u8> {
    let mut notes = Vec::new();
    for cpu in cpus {
        let content = status(cpu.id, &cpu.registers);
        push(&mut notes, b"CORE", PRSTATUS, &content);
    }
    if whole {
        for cpu in cpus {
            push(&mut notes, b"QEMU", 0, &qemu(&cpu.registers, &cpu.system));
        }
    }
    let note = |cpu: &WrittenCpu| CpuNote {
        id: cpu.id.0,
        registers: cpu.registers,
    };
    let machine = MachineNote {
        whole,
        cpus: cpus.iter().map(note).collect(),
    };
    let machine = serde_json::to_vec(&machine).expect("numbers and names are always JSON");
    push(&mut notes, OURS, MACHINE, &machine);
    if !evidence.is_empty() {
        push(&mut notes, OURS, EVIDENCE, evidence);
    }
    notes
}

/// System V gABI, chapter 5: name and content each padded to four bytes.
fn push(notes: &mut Vec<u8>, name: &[u8], kind: u32, content: &[u8]) {
    let length = |bytes: usize| u32::try_from(bytes).expect("a note is small").to_le_bytes();
    notes.extend(length(name.len() + 1));
    notes.extend(length(content.len()));
    notes.extend(kind.to_le_bytes());
    notes.extend_from_slice(name);
    notes.push(0);
    notes.resize(notes.len().next_multiple_of(4), 0);
    notes.extend_from_slice(content);
    notes.resize(notes.len().next_multiple_of(4), 0);
}

fn status(vcpu: VcpuId, registers: &Registers) -> Vec<u8> {
    let mut content = vec![0; PRSTATUS_SIZE];
    // GDB names threads by it, and takes 0 for none.
    let id = vcpu.0.saturating_add(1);
    content[PRSTATUS_PID..PRSTATUS_PID + 4].copy_from_slice(&id.to_le_bytes());
    for (index, register) in USER_REGISTERS.into_iter().enumerate() {
        let value = register.and_then(|register| registers.get(register));
        put(&mut content, PRSTATUS_REGISTERS + index * 8, value);
    }
    content
}

fn qemu(registers: &Registers, system: &SystemRegisters) -> Vec<u8> {
    let mut content = vec![0; QEMU_SIZE];
    content[..4].copy_from_slice(&1_u32.to_le_bytes());
    content[4..8].copy_from_slice(&(QEMU_SIZE as u32).to_le_bytes());
    for (index, register) in QEMU_WORDS.into_iter().enumerate() {
        put(
            &mut content,
            QEMU_WORDS_AT + index * 8,
            registers.get(register),
        );
    }
    for (index, (selector, base)) in QEMU_SEGMENTS.into_iter().enumerate() {
        let at = QEMU_SEGMENTS_AT + index * 24;
        put(
            &mut content,
            at,
            registers.get(selector).map(|word| word & 0xffff),
        );
        put(
            &mut content,
            at + 16,
            base.and_then(|base| registers.get(base)),
        );
    }
    let table = |register: Option<TableRegister>| {
        register.map(|TableRegister { base, limit }| SystemSegment {
            selector: 0,
            base,
            limit,
        })
    };
    let tables = [
        (QEMU_LDT, system.ldtr),
        (QEMU_TR, system.tr),
        (QEMU_GDT, table(system.gdtr)),
        (QEMU_IDT, table(system.idtr)),
    ];
    for (index, segment) in tables {
        let Some(segment) = segment else { continue };
        let at = QEMU_SEGMENTS_AT + index * 24;
        content[at..at + 4].copy_from_slice(&u32::from(segment.selector).to_le_bytes());
        content[at + 4..at + 8].copy_from_slice(&segment.limit.to_le_bytes());
        put(&mut content, at + 16, Some(segment.base.0));
    }
    // What a code segment's descriptor says is not known; a kernel in long
    // mode that stands in 32-bit code is rare enough.
    let long = registers
        .get(Register::Efer)
        .is_some_and(|efer| efer & LONG_MODE != 0);
    if long {
        let flags = QEMU_SEGMENTS_AT + 8;
        content[flags..flags + 4].copy_from_slice(&SEGMENT_LONG.to_le_bytes());
    }
    for (index, register) in QEMU_CONTROL {
        put(
            &mut content,
            QEMU_CONTROL_AT + index * 8,
            registers.get(register),
        );
    }
    content
}

fn put(content: &mut [u8], at: usize, value: Option<u64>) {
    if let Some(value) = value {
        content[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}
