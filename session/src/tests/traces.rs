//! Traces as shown: names, values, what was lost, what is not an event.

use ukdbg_image::Untrusted;
use ukdbg_inspect::{
    Memory, MemoryError, Modules, PhysAddr, Root, RootError, TargetError, VirtAddr,
};
use ukdbg_tracer::{
    Clock, CpuTrace, Event, EventField, FieldValue, Gap, GapKind, Ring, Schema, Trace,
};

use super::guest;
use crate::SessionError;
use crate::trace::{describe, event_view, no_root, read};

fn cpu(cpu: u32, head: u64, gaps: &[(u64, u64, GapKind)]) -> CpuTrace {
    CpuTrace {
        ring: Ring {
            cpu,
            header: VirtAddr(0),
            slots: VirtAddr(0),
            slots_physical: PhysAddr(0),
            slot_count: 8,
            head,
        },
        records: Vec::new(),
        gaps: gaps
            .iter()
            .map(|&(first, slots, kind)| Gap { first, slots, kind })
            .collect(),
    }
}

#[test]
fn losses_are_counted_and_damage_is_named() {
    let Some(guest) = guest() else { return };
    let trace = Trace {
        cpus: vec![
            cpu(
                0,
                u64::MAX,
                &[(0, 90, GapKind::Overwritten), (95, 1, GapKind::InFlight)],
            ),
            cpu(1, 7, &[(0, 5, GapKind::NotRead), (5, 2, GapKind::Damaged)]),
        ],
        errors: Vec::new(),
    };
    let session = guest.session(guest.machine());
    let view = describe(
        &trace,
        &Schema::default(),
        Clock::UNKNOWN,
        session.modules(),
    );
    assert_eq!(view.lost, 90);
    assert_eq!(view.written, u64::MAX, "a hostile head overflows nothing");
    let mut gaps = view.gaps;
    gaps.sort();
    assert_eq!(
        gaps,
        [
            "cpu0: the slot of index 95 is in the middle of being written",
            "cpu1: 2 slots from index 5 on are not laid out as an event",
        ]
    );
}

#[test]
fn values_are_shown_by_their_types() {
    let Some(guest) = guest() else { return };
    let session = guest.session(guest.machine());
    let commit = guest.symbol("commit");
    let values = [
        FieldValue::Unsigned(7),
        FieldValue::Signed(-7),
        FieldValue::Bool(true),
        FieldValue::InvalidBool(9),
        FieldValue::Pointer(VirtAddr(0x10)),
        FieldValue::Code(VirtAddr(commit + 4)),
        FieldValue::Code(VirtAddr(0x10)),
    ];
    let event = Event {
        cpu: 1,
        index: 0,
        tsc: 5,
        nanoseconds: None,
        name: None,
        level: None,
        file: None,
        line: None,
        fields: values
            .into_iter()
            .map(|value| EventField {
                name: "f".into(),
                value,
            })
            .collect(),
        raw: vec![1, 0xff],
    };
    let view = event_view(event, session.modules());
    assert_eq!(view.name.raw(), "<no descriptor>");
    let values: Vec<&str> = view
        .fields
        .iter()
        .map(|(_, value)| Untrusted::raw(value))
        .collect();
    assert_eq!(
        values,
        [
            "7",
            "-7",
            "true",
            "<invalid bool 0x09>",
            "0x10",
            "commit+0x4",
            "0x10",
            "01 ff"
        ]
    );
}

/// A link that ended is no fault of the image.
#[test]
fn an_ended_link_is_not_a_missing_trace() {
    let at = VirtAddr(0x1000);
    let unreadable = |source| RootError::Unreadable {
        what: "root block",
        at,
        source,
    };
    let ended = MemoryError::Link {
        at,
        source: TargetError::Disconnected {
            peer: "QEMU".to_owned(),
        },
    };
    assert_eq!(
        no_root(unreadable(ended.clone())),
        SessionError::Memory(ended)
    );
    let unmapped = no_root(unreadable(MemoryError::Unmapped { at }));
    assert!(matches!(unmapped, SessionError::NoTrace { .. }));
    let none = no_root(RootError::NotFound);
    assert!(matches!(none, SessionError::NoTrace { .. }));
}

/// Memory behind a link that ended.
struct Ended;

impl Memory for Ended {
    fn read(&mut self, at: VirtAddr, _buf: &mut [u8]) -> Result<usize, MemoryError> {
        Err(MemoryError::Link {
            at,
            source: TargetError::Disconnected {
                peer: "QEMU".to_owned(),
            },
        })
    }
}

#[test]
fn rings_behind_an_ended_link() {
    let root = Root {
        at: VirtAddr(0x1000),
        tsc_frequency: None,
        boot_tsc: None,
        cpu_count: 1,
        rings: Some(VirtAddr(0x2000)),
        fault_records: None,
        rendezvous: None,
        heap_ledger: None,
        stack_table: None,
    };
    let found = read(&mut Ended, &Modules::default(), &root, None);
    let link = matches!(found, Err(SessionError::Memory(MemoryError::Link { .. })));
    assert!(link, "{found:?}");
}
