//! The stack table, decoded: every stack, whose it is, where its task goes on.

use core::mem::offset_of;
use std::ops::Range;

use serde::Serialize;
use ukdbg_guest_abi::stack::{MAGIC, NAME_SIZE, StackKind, VERSION};
use ukdbg_guest_abi::{StackEntry, StackTable};
use ukdbg_image::Untrusted;

use super::RootError;
use super::record::{MAX_STACKS, Record};
use crate::{Memory, VirtAddr};

/// What a stack is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StackUse {
    /// The stack the guest boots on.
    Boot,
    /// A task's.
    Task,
    /// One that the processor switches to on an exception or interrupt.
    Interrupt,
}

/// One stack.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stack {
    /// Its index in the table.
    pub index: u32,
    /// Its name.
    pub name: Untrusted,
    /// What it is for.
    #[serde(rename = "use")]
    pub usage: StackUse,
    /// A task that can run again.
    pub alive: bool,
    /// Lowest usable address.
    pub low: VirtAddr,
    /// One past the highest usable address.
    pub high: VirtAddr,
    /// Bytes of unmapped guard below `low`.
    pub guard_size: u64,
    /// Stack pointer of a task that is not running.
    pub saved_rsp: Option<VirtAddr>,
}

impl Stack {
    /// Whether an address is in the usable part.
    pub fn contains(&self, at: VirtAddr) -> bool {
        (self.low..self.high).contains(&at)
    }

    /// The unmapped range below.
    pub fn guard(&self) -> Range<VirtAddr> {
        VirtAddr(self.low.0.saturating_sub(self.guard_size))..self.low
    }
}

/// Every stack of the guest.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Stacks {
    /// The stacks that could be read.
    pub stacks: Vec<Stack>,
    /// Entries the table claims; more than `stacks` when some make no sense.
    pub claimed: u32,
    /// Index of the task that runs.
    pub current: Option<u32>,
}

const WHAT: &str = "stack table";

impl Stacks {
    /// Reads the table at an address.
    pub fn read<M: Memory + ?Sized>(memory: &mut M, at: VirtAddr) -> Result<Self, RootError> {
        let header = Record::read(memory, WHAT, at, size_of::<StackTable>())?;
        header.expect_magic(offset_of!(StackTable, magic), MAGIC)?;
        header.expect_version(offset_of!(StackTable, version), VERSION)?;
        let entry_size = header.u32(offset_of!(StackTable, entry_size));
        if !(size_of::<StackEntry>()..=4096).contains(&(entry_size as usize)) {
            return Err(header.implausible("entry size", entry_size.into()));
        }
        let claimed = header.u32(offset_of!(StackTable, count));
        if claimed > MAX_STACKS {
            return Err(header.implausible("number of stacks", claimed.into()));
        }
        let mut stacks = Vec::new();
        if let Some(entries) = header.address(offset_of!(StackTable, entries)) {
            for index in 0..claimed {
                let offset = u64::from(index) * u64::from(entry_size);
                let Some(at) = entries.checked_add(offset) else {
                    break;
                };
                match Record::read(memory, "stack entry", at, size_of::<StackEntry>()) {
                    Ok(record) => stacks.extend(decode(&record, index)),
                    Err(error) if stacks.is_empty() => return Err(error),
                    Err(_) => break,
                }
            }
        }
        let current = header.u32(offset_of!(StackTable, current));
        Ok(Self {
            stacks,
            claimed,
            current: Some(current).filter(|&index| index < claimed),
        })
    }

    /// The stack whose usable part holds an address.
    pub fn containing(&self, at: VirtAddr) -> Option<&Stack> {
        self.stacks.iter().find(|stack| stack.contains(at))
    }

    /// The stack whose guard holds an address.
    pub fn guarding(&self, at: VirtAddr) -> Option<&Stack> {
        self.stacks.iter().find(|stack| stack.guard().contains(&at))
    }
}

/// An entry, unless its numbers cannot be true.
fn decode(record: &Record, index: u32) -> Option<Stack> {
    let name = record.bytes(offset_of!(StackEntry, name), NAME_SIZE);
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(NAME_SIZE);
    let usage = match StackKind::from_code(record.u32(offset_of!(StackEntry, kind)))? {
        StackKind::Boot => StackUse::Boot,
        StackKind::Task => StackUse::Task,
        StackKind::Interrupt => StackUse::Interrupt,
    };
    let low = VirtAddr(record.u64(offset_of!(StackEntry, low)));
    let high = VirtAddr(record.u64(offset_of!(StackEntry, high)));
    (low < high).then(|| Stack {
        index,
        name: Untrusted::from_bytes(&name[..end]),
        usage,
        alive: record.u32(offset_of!(StackEntry, alive)) == 1,
        low,
        high,
        guard_size: record.u64(offset_of!(StackEntry, guard_size)),
        saved_rsp: record.address(offset_of!(StackEntry, saved_rsp)),
    })
}
