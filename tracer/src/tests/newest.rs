//! How much is read, what is kept of it, and how CPUs are merged.

use std::mem::offset_of;

use ukdbg_guest_abi::RingHeader;
use ukdbg_inspect::{Memory, MemoryError, PhysAddr, VirtAddr};

use super::interleaving::assert_accounted;
use super::model::{BASE, Model};
use crate::{
    CpuTrace, Gap, GapKind, Item, Payload, Record, Ring, RingError, RingTable, Snapshot, Trace,
    read_newest,
};

/// Memory that notes what is asked of it.
struct Counting<'a> {
    inner: Snapshot<'a>,
    requests: usize,
    bytes: usize,
}

impl Memory for Counting<'_> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        self.requests += 1;
        self.bytes += buf.len();
        self.inner.read(at, buf)
    }
}

#[test]
fn the_last_fifty_of_many_take_three_requests() {
    let mut model = Model::new(1 << 12, 0);
    model.write(&[0; 10_000]);
    let mut memory = Counting {
        inner: model.snapshot(),
        requests: 0,
        bytes: 0,
    };
    let trace = read_newest(&mut memory, Model::table(), 50);
    assert!(memory.requests <= 4, "{} requests", memory.requests);
    assert!(memory.bytes <= 64 * 32 + 128 + 8, "{} bytes", memory.bytes);
    let cpu = &trace.cpus[0];
    assert_accounted(cpu);
    let indices: Vec<_> = cpu.records.iter().map(|record| record.index).collect();
    assert_eq!(indices, (9950..10_000).collect::<Vec<_>>());
    assert_eq!(cpu.slots(GapKind::Overwritten), 10_000 - (1 << 12));
    assert_eq!(cpu.slots(GapKind::NotRead), (1 << 12) - 50);
}

#[test]
fn long_events_widen_the_window() {
    let mut model = Model::new(1 << 12, 0);
    model.write(&[15; 300]);
    let trace = read_newest(&mut model.snapshot(), Model::table(), 100);
    assert_eq!(trace.cpus[0].records.len(), 100);
    assert_accounted(&trace.cpus[0]);
}

#[test]
fn an_event_cut_by_the_ring_is_lost_whole() {
    let mut model = Model::new(16, 0);
    model.write(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let trace = read_newest(&mut model.snapshot(), Model::table(), 100);
    let cpu = &trace.cpus[0];
    assert_eq!(cpu.records.len(), 13);
    assert_eq!(cpu.slots(GapKind::Overwritten), 4);
    assert_accounted(cpu);
}

#[test]
fn the_low_half_of_the_sequence_may_wrap() {
    let start = u64::from(u32::MAX) - 4;
    let mut model = Model::new(16, start);
    model.write(&[0; 10]);
    let trace = read_newest(&mut model.snapshot(), Model::table(), 10);
    let first = trace.cpus[0].records.first().map(|record| record.index);
    assert_eq!(first, Some(start));
}

#[test]
fn memory_that_ends_inside_the_ring_leaves_the_rest() {
    let mut model = Model::new(64, 0);
    model.write(&[0; 64]);
    let whole = model.snapshot();
    let mut cut = Snapshot {
        bytes: &whole.bytes[..128 + 40 * 32 + 5],
        ..whole
    };
    let trace = read_newest(&mut cut, Model::table(), 100);
    let cpu = &trace.cpus[0];
    assert_eq!(cpu.records.len(), 40);
    let expected = Gap {
        first: 40,
        slots: 24,
        kind: GapKind::Unreadable,
    };
    assert_eq!(cpu.gaps, [expected]);
}

#[test]
fn headers_are_checked() {
    let check = |change: &dyn Fn(&mut Model), expected: fn(&RingError) -> bool| {
        let mut model = Model::new(16, 0);
        change(&mut model);
        let trace = read_newest(&mut model.snapshot(), Model::table(), 10);
        assert!(trace.cpus.is_empty());
        assert!(
            matches!(&trace.errors[..], [error] if expected(error)),
            "{:?}",
            trace.errors
        );
    };
    let at = |offset, value: u64, size: usize| {
        move |model: &mut Model| model.store(offset, &value.to_le_bytes()[..size])
    };
    check(&at(offset_of!(RingHeader, magic), 0, 4), |e| {
        matches!(e, RingError::Unused { .. })
    });
    check(&at(offset_of!(RingHeader, magic), 7, 4), |e| {
        matches!(e, RingError::Magic { magic: 7, .. })
    });
    check(&at(offset_of!(RingHeader, version), 9, 4), |e| {
        matches!(e, RingError::Layout { version: 9, .. })
    });
    check(&at(offset_of!(RingHeader, slot_size), 64, 4), |e| {
        matches!(e, RingError::Layout { slot_size: 64, .. })
    });
    for count in [0, 12, 1 << 33] {
        check(&at(offset_of!(RingHeader, slot_count), count, 8), |e| {
            matches!(e, RingError::Slots { .. })
        });
    }
    check(&at(offset_of!(RingHeader, slots), u64::MAX - 64, 8), |e| {
        matches!(e, RingError::Slots { .. })
    });
}

#[test]
fn a_table_beyond_memory_is_an_error() {
    let mut memory = Snapshot {
        base: VirtAddr(BASE),
        bytes: &[],
    };
    let table = RingTable {
        address: VirtAddr(u64::MAX - 3),
        cpu_count: u32::MAX,
    };
    let trace = read_newest(&mut memory, table, 10);
    assert!(matches!(
        trace.errors[..],
        [RingError::CpuCount { .. }, RingError::Unreadable { .. }]
    ));
}

fn cpu(number: u32, records: &[(u64, u64)], gaps: &[Gap]) -> CpuTrace {
    let record = |&(index, tsc): &(u64, u64)| Record {
        cpu: number,
        site: 0,
        index,
        tsc,
        payload: Payload {
            inline: [0; 16],
            more: None,
        },
    };
    CpuTrace {
        ring: Ring {
            cpu: number,
            header: VirtAddr(0),
            slots: VirtAddr(0),
            slots_physical: PhysAddr(0),
            slot_count: 16,
            head: 16,
        },
        records: records.iter().map(record).collect(),
        gaps: gaps.to_vec(),
    }
}

#[test]
fn cpus_are_merged_by_time_and_keep_their_own_order() {
    let gap = |first, slots, kind| Gap { first, slots, kind };
    let trace = Trace {
        cpus: vec![
            cpu(
                0,
                &[(2, 10), (3, 30), (5, 25)],
                &[
                    gap(0, 2, GapKind::Overwritten),
                    gap(4, 1, GapKind::InFlight),
                ],
            ),
            cpu(1, &[(0, 20), (1, 30)], &[gap(2, 1, GapKind::InFlight)]),
        ],
        errors: vec![],
    };
    let told: Vec<_> = trace
        .merged()
        .map(|item| match item {
            Item::Record(record) => (record.cpu, record.index, "record"),
            Item::Gap { cpu, gap } => (cpu, gap.first, "gap"),
        })
        .collect();
    let expected = [
        (0, 0, "gap"),
        (0, 2, "record"),
        (1, 0, "record"),
        (0, 3, "record"),
        (0, 4, "gap"),
        (0, 5, "record"),
        (1, 1, "record"),
        (1, 2, "gap"),
    ];
    assert_eq!(told, expected);
    assert_eq!(trace.time_reversals(), 1);
}
