//! The registers a client sees, in the order of `target.xml`, and how they lie
//! in a trap frame. Nothing is read from the processor here.

use core::num::NonZeroUsize;
use core::ops::Range;

use gdbstub::arch::{Arch, RegId, Registers};
use gdbstub_arch::x86::reg::X86_64CoreRegs;
use ukdbg_guest_abi::RegisterSet;

use super::tasks::Suspended;
use super::{pages, x87};
use crate::TrapFrame;

/// The processor with the registers an exception adds.
pub(super) enum Amd64 {}

/// What a client is told of the registers.
pub(super) const DESCRIPTION: &str = include_str!("target.xml");

/// A register by the number it has in the description.
#[derive(Debug)]
pub(super) struct RegisterNumber {
    /// Where it is in the `g` packet.
    bytes: Range<usize>,
}

/// Runs of registers of the same size: how many, and how many bytes each.
const RUNS: [(usize, usize); 7] = [
    (17, 8),
    (7, 4),
    (8, 10),
    (8, 4),
    (16, 16),
    (1, 4),
    (EXTRA, 8),
];

impl RegId for RegisterNumber {
    fn from_raw_id(mut number: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        let mut start = 0;
        for (count, size) in RUNS {
            if number < count {
                start += number * size;
                let bytes = start..start + size;
                return Some((Self { bytes }, NonZeroUsize::new(size)));
            }
            number -= count;
            start += count * size;
        }
        None
    }
}

impl Arch for Amd64 {
    type Usize = u64;
    type Registers = ClientRegisters;
    type BreakpointKind = usize;
    type RegId = RegisterNumber;

    fn target_description_xml() -> Option<&'static str> {
        Some(DESCRIPTION)
    }
}

/// Registers behind the core ones: fs_base, gs_base, cr0, cr2, cr3, cr4, efer,
/// vector, error_code.
const EXTRA: usize = 9;
/// How many of them all tasks share: those of the processor, not the trap's.
const SHARED_EXTRA: usize = 7;
/// Bytes of [`X86_64CoreRegs`] in the `g` packet.
const CORE_SIZE: usize = 0x218;
/// Bytes of all in the `g` packet.
const SIZE: usize = CORE_SIZE + EXTRA * 8;

/// All of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ClientRegisters {
    core: X86_64CoreRegs,
    extra: [u64; EXTRA],
    /// Of a task that does not run: only what a switch keeps is known.
    suspended: bool,
}

/// Whether the byte at an offset of the `g` packet is known of a task that does
/// not run: rbx, rbp, rsp, r12 to r15, rip, and what all tasks share.
fn outlives_switch(offset: usize) -> bool {
    match offset {
        0..0x80 => matches!(offset / 8, 1 | 6 | 7 | 12..),
        0x80..0x88 | 0x8c..0xa4 => true,
        _ => (CORE_SIZE..CORE_SIZE + SHARED_EXTRA * 8).contains(&offset),
    }
}

impl Registers for ClientRegisters {
    type ProgramCounter = u64;

    fn pc(&self) -> u64 {
        self.core.rip
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        self.serialize(&mut write_byte);
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let (core, extra) = bytes.split_at_checked(CORE_SIZE).ok_or(())?;
        let (words, rest) = extra.as_chunks::<8>();
        if words.len() != EXTRA || !rest.is_empty() {
            return Err(());
        }
        self.core.gdb_deserialize(core)?;
        for (value, word) in self.extra.iter_mut().zip(words) {
            *value = u64::from_le_bytes(*word);
        }
        Ok(())
    }
}

impl ClientRegisters {
    /// Says each byte of the `g` packet, or that it is not known.
    fn serialize(&self, write_byte: &mut dyn FnMut(Option<u8>)) {
        let mut offset = 0;
        let mut write = |byte: Option<u8>| {
            let known = !self.suspended || outlives_switch(offset);
            write_byte(byte.filter(|_| known));
            offset += 1;
        };
        self.core.gdb_serialize(&mut write);
        for byte in self.extra.iter().flat_map(|value| value.to_le_bytes()) {
            write(Some(byte));
        }
    }

    /// Copies one register's bytes. False when they are not known.
    pub(super) fn get(&self, register: &RegisterNumber, value: &mut [u8]) -> bool {
        let (mut offset, mut known) = (0_usize, 0);
        self.serialize(&mut |byte| {
            let place = offset
                .checked_sub(register.bytes.start)
                .and_then(|at| value.get_mut(at));
            if let (Some(place), Some(byte)) = (place, byte) {
                *place = byte;
                known += 1;
            }
            offset += 1;
        });
        known == value.len()
    }

    /// Gives one register other bytes, which must be as many as it has.
    pub(super) fn set(&mut self, register: &RegisterNumber, value: &[u8]) -> Result<(), ()> {
        let mut bytes = [0; SIZE];
        let mut rest = bytes.iter_mut();
        self.serialize(&mut |byte| {
            if let Some(place) = rest.next() {
                *place = byte.unwrap_or(0);
            }
        });
        let place = bytes.get_mut(register.bytes.clone()).ok_or(())?;
        if place.len() != value.len() {
            return Err(());
        }
        place.copy_from_slice(value);
        self.gdb_deserialize(&bytes)
    }
}

/// Flags a client may change: the status flags, DF, IF, RF, AC and ID. Others
/// can fault the return from the trap, and TF is the stub's.
const CHANGEABLE_FLAGS: u64 = 0x0025_0ed5;

/// A register that may not have the value it was to be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refused;

/// What a client reads: the frame, and the registers that are not in it.
pub(super) fn read(frame: &TrapFrame, special: &RegisterSet) -> ClientRegisters {
    let mut core = X86_64CoreRegs {
        regs: frame.general(),
        rip: frame.rip,
        eflags: frame.rflags as u32,
        ..X86_64CoreRegs::default()
    };
    let [_, _, ds, es, fs, gs] = special.segments.map(|selector| selector as u32);
    core.segments.cs = frame.cs as u32;
    core.segments.ss = frame.ss as u32;
    core.segments.ds = ds;
    core.segments.es = es;
    core.segments.fs = fs;
    core.segments.gs = gs;
    x87::read(&frame.fx, &mut core);
    let extra = [
        special.fs_base,
        special.gs_base,
        special.cr0,
        special.cr2,
        special.cr3,
        special.cr4,
        special.efer,
        frame.vector,
        frame.error_code,
    ];
    ClientRegisters {
        core,
        extra,
        suspended: false,
    }
}

/// What a client reads of a task that does not run, while another one does.
pub(super) fn read_suspended(
    task: &Suspended,
    running: &TrapFrame,
    special: &RegisterSet,
) -> ClientRegisters {
    let mut values = read(running, special);
    values.core.regs = task.general;
    values.core.rip = task.rip;
    values.suspended = true;
    values
}

/// Indices in `extra` of what only describes the trap: cr2, vector, error_code.
const TRAP_ONLY: [usize; 3] = [3, 7, 8];

/// Gives the frame a client's values, all or none: registers that the frame
/// does not hold, and values that would fault the return from the trap, are
/// refused. What only describes the trap is ignored: after a function call GDB
/// puts back all registers as they were before the trap that ended the call.
pub(super) fn write(
    frame: &mut TrapFrame,
    special: &RegisterSet,
    values: &ClientRegisters,
) -> Result<(), Refused> {
    let current = read(frame, special);
    let core = &values.core;
    let flags = u64::from(core.eflags);
    let mut extra = values.extra;
    for index in TRAP_ONLY {
        extra[index] = current.extra[index];
    }
    let refused = extra != current.extra
        || core.segments != current.core.segments
        || (flags ^ frame.rflags) & !CHANGEABLE_FLAGS & u64::from(u32::MAX) != 0
        || !pages::is_canonical(core.rip);
    if refused {
        return Err(Refused);
    }
    let mut fx = frame.fx;
    x87::write(&mut fx, core)?;
    frame.fx = fx;
    frame.set_general(core.regs);
    frame.rip = core.rip;
    frame.rflags = flags;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;

    fn serialized(registers: &ClientRegisters) -> Vec<u8> {
        let mut bytes = Vec::new();
        registers.gdb_serialize(|byte| bytes.extend(byte));
        bytes
    }

    #[test]
    fn the_description_has_as_many_bits_as_are_sent() {
        let xml = Amd64::target_description_xml().unwrap();
        let bits: usize = xml
            .split("bitsize=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert_eq!(bits, serialized(&ClientRegisters::default()).len() * 8);
    }

    #[test]
    fn a_register_has_its_place_in_the_packet() {
        #[track_caller]
        fn check(number: usize, expected: Range<usize>) {
            let (register, size) = RegisterNumber::from_raw_id(number).unwrap();
            assert_eq!(size.unwrap().get(), expected.len());
            assert_eq!(register.bytes, expected);
        }
        check(0, 0..8);
        check(16, 0x80..0x88);
        check(17, 0x88..0x8c);
        check(24, 0xa4..0xae);
        check(40, 0x114..0x124);
        check(56, 0x214..0x218);
        check(57, CORE_SIZE..CORE_SIZE + 8);
        check(65, SIZE - 8..SIZE);
        assert!(RegisterNumber::from_raw_id(66).is_none());
        assert!(RegisterNumber::from_raw_id(usize::MAX).is_none());
        let names = DESCRIPTION.matches("<reg ").count();
        assert_eq!(names, 66);
    }

    #[test]
    fn registers_survive_the_wire() {
        let special = RegisterSet {
            cr2: 7,
            segments: [1, 2, 3, 4, 5, 6],
            ..RegisterSet::default()
        };
        let sent = read(&frame(), &special);
        let mut received = ClientRegisters::default();
        received.gdb_deserialize(&serialized(&sent)).unwrap();
        assert_eq!(received, sent);
        assert_eq!(received.gdb_deserialize(&[0; 100]), Err(()));
        assert_eq!(received.gdb_deserialize(&[0; 1000]), Err(()));
    }

    #[test]
    fn of_a_suspended_task_only_what_is_known_is_sent() {
        let task = Suspended {
            general: [0x11; 16],
            rip: 0x22,
        };
        let values = read_suspended(&task, &frame(), &RegisterSet::default());
        let mut sent = Vec::new();
        values.gdb_serialize(|byte| sent.push(byte));
        assert_eq!(sent.len(), CORE_SIZE + EXTRA * 8);
        let known = |at: usize| sent[at].is_some();
        assert!(!known(0) && known(8) && !known(16) && known(56) && known(127));
        assert_eq!(sent[0x80], Some(0x22));
        assert!(!known(0x88) && known(0x8c) && !known(0xa4) && !known(CORE_SIZE - 1));
        assert!(known(CORE_SIZE) && known(CORE_SIZE + 55) && !known(CORE_SIZE + 56));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (mut frame, special) = (frame(), RegisterSet::default());
        let mut values = read(&frame, &special);
        values.core.regs[7] = 0x1234;
        values.core.rip = 0x5678;
        values.core.eflags ^= 1;
        values.core.xmm[15] = u128::MAX;
        let mut given = values.clone();
        given.extra[7] = 99;
        write(&mut frame, &special, &given).unwrap();
        assert_eq!(read(&frame, &special), values);
        assert_eq!((frame.rsp, frame.rip), (0x1234, 0x5678));
    }

    #[test]
    fn what_would_fault_the_return_is_refused() {
        fn check(change: fn(&mut ClientRegisters)) {
            let (mut frame, special) = (frame(), RegisterSet::default());
            let mut values = read(&frame, &special);
            change(&mut values);
            assert_eq!(write(&mut frame, &special, &values), Err(Refused));
        }
        check(|values| values.core.rip = 0x8000_0000_0000);
        check(|values| values.core.segments.cs += 8);
        check(|values| values.core.segments.gs += 8);
        check(|values| values.core.eflags |= 1 << 14);
        check(|values| values.core.eflags |= 1 << 8);
        check(|values| values.core.mxcsr |= 1 << 16);
        check(|values| values.extra[4] = 1);
    }
}
