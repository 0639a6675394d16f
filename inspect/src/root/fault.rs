//! A fault record, decoded.

use core::mem::offset_of;

use serde::Serialize;
use ukdbg_guest_abi::fault::{FaultKind, FaultRecord, MAGIC, MESSAGE_SIZE, RegisterSet, VERSION};
use ukdbg_image::Untrusted;

use super::RootError;
use super::record::Record;
use crate::{Memory, Register, Registers, VirtAddr};

/// One CPU's last fault, as its guest recorded it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultReport {
    /// Where the record is.
    pub at: VirtAddr,
    /// The CPU.
    pub cpu: u32,
    /// Faults of this CPU so far, this one included.
    pub count: u32,
    /// The record was complete; otherwise it was still being written, and
    /// any part of it may be old.
    pub complete: bool,
    /// What happened.
    pub fault: Fault,
    /// Time-stamp counter at the fault.
    pub tsc: u64,
    /// Index in the stack table of the stack that was interrupted.
    pub stack: Option<u32>,
    /// Every register at the faulting instruction, or where the panic handler
    /// was called.
    pub registers: Registers,
}

/// What a fault record tells.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fault {
    /// A processor exception.
    Exception {
        /// The vector.
        vector: u32,
        /// The error code; 0 for a vector without one.
        error_code: u64,
        /// The page-fault address register at the exception; says something
        /// for a page fault only.
        cr2: VirtAddr,
    },
    /// A panic of the guest's language.
    Panic {
        /// Its message, perhaps cut.
        message: Untrusted,
        /// Its source file, perhaps cut.
        file: Untrusted,
        /// Its line.
        line: u32,
    },
}

const WHAT: &str = "fault record";

impl FaultReport {
    /// Reads the record at an address; none when that CPU had no fault yet.
    pub fn read<M: Memory + ?Sized>(
        memory: &mut M,
        at: VirtAddr,
    ) -> Result<Option<Self>, RootError> {
        let record = Record::read(memory, WHAT, at, size_of::<FaultRecord>())?;
        record.expect_magic(offset_of!(FaultRecord, magic), MAGIC)?;
        record.expect_version(offset_of!(FaultRecord, version), VERSION)?;
        let sequence = record.u32(offset_of!(FaultRecord, sequence));
        let Some(fault) = decode_fault(&record)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            at,
            cpu: record.u32(offset_of!(FaultRecord, cpu)),
            count: sequence.div_ceil(2),
            complete: sequence.is_multiple_of(2),
            fault,
            tsc: record.u64(offset_of!(FaultRecord, tsc)),
            stack: Some(record.u32(offset_of!(FaultRecord, stack)))
                .filter(|&index| index != u32::MAX),
            registers: decode_registers(&record),
        }))
    }
}

fn decode_fault(record: &Record) -> Result<Option<Fault>, RootError> {
    let kind = record.u32(offset_of!(FaultRecord, kind));
    match FaultKind::from_code(kind) {
        None => Err(record.implausible("kind", kind.into())),
        Some(FaultKind::None) => Ok(None),
        Some(FaultKind::Exception) => Ok(Some(Fault::Exception {
            vector: record.u32(offset_of!(FaultRecord, vector)),
            error_code: record.u64(offset_of!(FaultRecord, error_code)),
            cr2: VirtAddr(record.u64(offset_of!(FaultRecord, cr2))),
        })),
        Some(FaultKind::Panic) => {
            let text = |start: usize, length: usize| {
                let length = usize::try_from(record.u32(length)).unwrap_or(MESSAGE_SIZE);
                Untrusted::from_bytes(record.bytes(start, length.min(MESSAGE_SIZE)))
            };
            Ok(Some(Fault::Panic {
                message: text(
                    offset_of!(FaultRecord, message),
                    offset_of!(FaultRecord, message_length),
                ),
                file: text(
                    offset_of!(FaultRecord, file),
                    offset_of!(FaultRecord, file_length),
                ),
                line: record.u32(offset_of!(FaultRecord, line)),
            }))
        }
    }
}

/// The order of `RegisterSet::general`, GDB's amd64 order, is that of
/// [`Register`]'s first sixteen.
fn decode_registers(record: &Record) -> Registers {
    use Register::{Cr0, Cr2, Cr3, Cr4, Cs, Ds, Efer, Es, Fs, FsBase, Gs, GsBase, Rflags, Rip, Ss};
    let base = offset_of!(FaultRecord, registers);
    let word = |offset: usize| record.u64(base + offset);
    let mut registers = Registers::default();
    for (index, &register) in Register::ALL.iter().take(16).enumerate() {
        registers.set(register, word(offset_of!(RegisterSet, general) + 8 * index));
    }
    for (index, register) in [Cs, Ss, Ds, Es, Fs, Gs].into_iter().enumerate() {
        registers.set(
            register,
            word(offset_of!(RegisterSet, segments) + 8 * index),
        );
    }
    let single = [
        (Rip, offset_of!(RegisterSet, rip)),
        (Rflags, offset_of!(RegisterSet, rflags)),
        (FsBase, offset_of!(RegisterSet, fs_base)),
        (GsBase, offset_of!(RegisterSet, gs_base)),
        (Cr0, offset_of!(RegisterSet, cr0)),
        (Cr2, offset_of!(RegisterSet, cr2)),
        (Cr3, offset_of!(RegisterSet, cr3)),
        (Cr4, offset_of!(RegisterSet, cr4)),
        (Efer, offset_of!(RegisterSet, efer)),
    ];
    for (register, offset) in single {
        registers.set(register, word(offset));
    }
    registers
}
