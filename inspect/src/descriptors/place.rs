//! What an address is to the processor's tables.

use serde::Serialize;

use super::{DescriptorTables, GATE, TableRegister, TaskState};
use crate::VirtAddr;

/// How far below the top of an interrupt stack an address is still taken for
/// one in it: nothing says how long such a stack is.
const LONGEST_STACK: u64 = 32 << 10;

/// An address among the tables, or one that they name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TablePlace {
    /// In the global descriptor table.
    Gdt {
        /// The selector of the descriptor there.
        selector: u16,
    },
    /// In the interrupt descriptor table.
    Idt {
        /// The vector of the gate there.
        vector: u8,
    },
    /// In the local descriptor table.
    Ldt {
        /// Bytes from its start.
        offset: u64,
    },
    /// In the task state.
    TaskState {
        /// The field there.
        field: &'static str,
    },
    /// Where a gate leads.
    Handler {
        /// The first vector of those that lead there.
        first: u8,
        /// How many do.
        gates: usize,
    },
    /// Below the top of a stack that the processor switches to. How long the
    /// stack is, the tables do not say.
    Stack {
        /// The field of the task state with that top.
        field: &'static str,
        /// The top.
        top: VirtAddr,
    },
}

/// The fields of a task state, in its order (SDM 3A figure 8-11).
const FIELDS: [(usize, &str); 10] = [
    (TaskState::RSP, "RSP0"),
    (TaskState::RSP + 8, "RSP1"),
    (TaskState::RSP + 16, "RSP2"),
    (TaskState::IST, "IST1"),
    (TaskState::IST + 8, "IST2"),
    (TaskState::IST + 16, "IST3"),
    (TaskState::IST + 24, "IST4"),
    (TaskState::IST + 32, "IST5"),
    (TaskState::IST + 40, "IST6"),
    (TaskState::IST + 48, "IST7"),
];

impl DescriptorTables {
    /// Everything that the tables say about an address.
    pub fn places_of(&self, at: VirtAddr) -> Vec<TablePlace> {
        let registers = &self.registers;
        let ldt = registers.ldtr.filter(|ldt| ldt.selector & !3 != 0);
        let ldt = ldt.map(|ldt| TableRegister {
            base: ldt.base,
            limit: ldt.limit,
        });
        let mut places: Vec<TablePlace> = [
            inside(at, registers.gdtr).map(|offset| TablePlace::Gdt {
                selector: (offset & 0xfff8) as u16,
            }),
            inside(at, registers.idtr).and_then(|offset| {
                let vector = u8::try_from(offset / GATE as u64).ok()?;
                Some(TablePlace::Idt { vector })
            }),
            inside(at, ldt).map(|offset| TablePlace::Ldt { offset }),
            self.task.as_ref().and_then(|task| field_at(task, at)),
            self.handler(at),
        ]
        .into_iter()
        .flatten()
        .collect();
        // A table that happens to lie below a stack's top is none.
        if places.is_empty() {
            places.extend(self.task.as_ref().and_then(|task| stack_of(task, at)));
        }
        places
    }

    fn handler(&self, at: VirtAddr) -> Option<TablePlace> {
        let mut leading = self
            .idt
            .iter()
            .filter(|gate| gate.present && gate.handler == at);
        let first = leading.next()?.vector;
        Some(TablePlace::Handler {
            first,
            gates: leading.count() + 1,
        })
    }
}

fn inside(at: VirtAddr, table: Option<TableRegister>) -> Option<u64> {
    let TableRegister { base, limit } = table?;
    // A register that was never loaded covers the whole 64 KB from 0.
    let offset = at.offset_from(base).filter(|_| base.0 != 0)?;
    (offset <= u64::from(limit)).then_some(offset)
}

fn field_at(task: &TaskState, at: VirtAddr) -> Option<TablePlace> {
    let offset = usize::try_from(at.offset_from(task.at)?).ok()?;
    if offset >= TaskState::SIZE {
        return None;
    }
    let named = FIELDS
        .iter()
        .find(|(start, _)| (*start..start + 8).contains(&offset));
    Some(TablePlace::TaskState {
        field: named.map_or("reserved", |(_, name)| name),
    })
}

/// The stack whose top is the nearest above the address.
fn stack_of(task: &TaskState, at: VirtAddr) -> Option<TablePlace> {
    let (field, top) = task
        .stacks()
        .filter(|(_, top)| *top > at && top.0 - at.0 <= LONGEST_STACK)
        .min_by_key(|(_, top)| *top)?;
    Some(TablePlace::Stack { field, top })
}

impl TaskState {
    /// The tops of the stacks that are set, with the names of their fields.
    pub fn stacks(&self) -> impl Iterator<Item = (&'static str, VirtAddr)> {
        let tops = self.rsp.iter().chain(&self.ist).zip(FIELDS);
        tops.filter(|(top, _)| top.0 != 0)
            .map(|(top, (_, name))| (name, *top))
    }
}
