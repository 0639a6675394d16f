//! Filling in the fault record.
#![expect(unsafe_code, reason = "one record for each CPU, in a static")]

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use ukdbg_guest_abi::fault::{MAGIC, MESSAGE_SIZE, VERSION};
use ukdbg_guest_abi::{FaultKind, FaultRecord, RegisterSet};

use crate::cell::CpuCell;
use crate::trap::TrapFrame;
use crate::{cpu, stack};

/// One record for each CPU.
pub(crate) static RECORDS: CpuCell<[FaultRecord; 1]> = CpuCell::new([FaultRecord {
    magic: MAGIC,
    version: VERSION,
    sequence: AtomicU32::new(0),
    kind: FaultKind::None as u32,
    cpu: 0,
    vector: 0,
    error_code: 0,
    cr2: 0,
    tsc: AtomicU64::new(0),
    stack: u32::MAX,
    line: 0,
    message_length: 0,
    file_length: 0,
    registers: RegisterSet::ZERO,
    message: [0; MESSAGE_SIZE],
    file: [0; MESSAGE_SIZE],
}]);

/// Records an exception.
pub(super) fn exception(frame: &TrapFrame, cr2: u64) -> *const FaultRecord {
    let registers = RegisterSet {
        general: frame.general(),
        rip: frame.rip,
        rflags: frame.rflags,
        segments: [
            frame.cs,
            frame.ss,
            cpu::ds(),
            cpu::es(),
            cpu::fs(),
            cpu::gs(),
        ],
        ..RegisterSet::ZERO
    };
    fill(|record| {
        record.kind = FaultKind::Exception as u32;
        record.vector = frame.vector as u32;
        record.error_code = frame.error_code;
        set_registers(record, registers, cr2);
        record.line = 0;
        record.message_length = 0;
        record.file_length = 0;
    })
}

/// Records a panic; `registers` has the general ones, rip and rflags.
pub(super) fn panic(
    registers: RegisterSet,
    message: &dyn fmt::Display,
    location: Option<(&str, u32)>,
) -> *const FaultRecord {
    let (file, line) = location.unwrap_or_default();
    fill(|record| {
        record.kind = FaultKind::Panic as u32;
        record.vector = 0;
        record.error_code = 0;
        let segments = [
            cpu::cs(),
            cpu::ss(),
            cpu::ds(),
            cpu::es(),
            cpu::fs(),
            cpu::gs(),
        ];
        set_registers(
            record,
            RegisterSet {
                segments,
                ..registers
            },
            cpu::cr2(),
        );
        record.line = line;
        record.message_length = write_text(&mut record.message, message);
        record.file_length = write_text(&mut record.file, &file);
    })
}

fn fill(write: impl FnOnce(&mut FaultRecord)) -> *const FaultRecord {
    let record = RECORDS.get().cast::<FaultRecord>();
    // SAFETY: this CPU alone writes its record, and `fault::begin` lets only
    // one fault at a time get here.
    let record = unsafe { &mut *record };
    // Odd while it is being written.
    let sequence = record.sequence.load(Ordering::Relaxed);
    record
        .sequence
        .store(sequence.wrapping_add(1), Ordering::Relaxed);
    fence(Ordering::Release);
    record.tsc.store(cpu::read_tsc(), Ordering::Relaxed);
    write(record);
    record
        .sequence
        .store(sequence.wrapping_add(2), Ordering::Release);
    record
}

fn set_registers(record: &mut FaultRecord, registers: RegisterSet, cr2: u64) {
    record.cr2 = cr2;
    record.stack = stack::containing(registers.general[7]).map_or(u32::MAX, |index| index as u32);
    // SAFETY: every long-mode processor has these registers.
    let (fs_base, gs_base, efer) = unsafe {
        (
            cpu::read_msr(cpu::MSR_FS_BASE),
            cpu::read_msr(cpu::MSR_GS_BASE),
            cpu::read_msr(cpu::MSR_EFER),
        )
    };
    record.registers = RegisterSet {
        fs_base,
        gs_base,
        cr0: cpu::cr0(),
        cr2,
        cr3: cpu::cr3(),
        cr4: cpu::cr4(),
        efer,
        ..registers
    };
}

/// Writes as much of a text as fits, cut at a character's end.
fn write_text(buffer: &mut [u8], text: &dyn fmt::Display) -> u32 {
    struct Cut<'a> {
        buffer: &'a mut [u8],
        used: usize,
    }
    impl fmt::Write for Cut<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = self.buffer.len() - self.used;
            let length = text.floor_char_boundary(room);
            self.buffer[self.used..self.used + length].copy_from_slice(&text.as_bytes()[..length]);
            self.used += length;
            if length < text.len() {
                Err(fmt::Error)
            } else {
                Ok(())
            }
        }
    }
    let mut cut = Cut { buffer, used: 0 };
    // An error says that it was cut, which the length shows as well.
    let _ = write!(cut, "{text}");
    cut.used as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_a_character() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let mut buffer = [0; 8];
            let used = write_text(&mut buffer, &text) as usize;
            assert_eq!(core::str::from_utf8(&buffer[..used]).unwrap(), expected);
        }
        check("", "");
        check("index", "index");
        check("index out of", "index ou");
        check("1234567é", "1234567");
    }
}
