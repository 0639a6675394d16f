//! The guest's own writer and macro against this reader, in one process: its
//! ring copied word by word, its descriptors from the test's own executable.

use std::mem::{offset_of, size_of};
use std::sync::atomic::Ordering::Acquire;
use std::sync::atomic::{AtomicU32, AtomicU64};

use ukdbg_guest_abi::{RingHeader, Slot};
use ukdbg_image::{Decompressed, Image};
use ukdbg_inspect::VirtAddr;
use ukdbg_target_runtime::trace::{Level, RINGS};
use ukdbg_target_runtime::trace_event;
use ukdbg_tracer::{Clock, Event, FieldValue, GapKind, RingTable, Schema, Snapshot, read_newest};

const SLOTS: usize = 64;
const TABLE: u64 = 0x1000;

fn slots() -> &'static [Slot] {
    let slots: Vec<_> = (0..SLOTS)
        .map(|_| Slot {
            sequence: AtomicU32::new(0),
            site: AtomicU32::new(0),
            tsc: AtomicU64::new(0),
            payload: [const { AtomicU64::new(0) }; 2],
        })
        .collect();
    Box::leak(slots.into())
}

/// The ring as a debugger would find it in memory, its slots behind it.
fn copied(header: &RingHeader, slots: &[Slot]) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<RingHeader>()];
    let mut put = |offset: usize, value: &[u8]| {
        bytes[offset..offset + value.len()].copy_from_slice(value);
    };
    put(
        offset_of!(RingHeader, magic),
        &header.magic.load(Acquire).to_le_bytes(),
    );
    put(
        offset_of!(RingHeader, version),
        &header.version.to_le_bytes(),
    );
    put(
        offset_of!(RingHeader, slot_size),
        &header.slot_size.to_le_bytes(),
    );
    put(
        offset_of!(RingHeader, slot_count),
        &header.slot_count.load(Acquire).to_le_bytes(),
    );
    let address = TABLE + size_of::<RingHeader>() as u64;
    put(offset_of!(RingHeader, slots), &address.to_le_bytes());
    put(
        offset_of!(RingHeader, head),
        &header.head.load(Acquire).to_le_bytes(),
    );
    for slot in slots {
        bytes.extend(slot.sequence.load(Acquire).to_le_bytes());
        bytes.extend(slot.site.load(Acquire).to_le_bytes());
        bytes.extend(slot.tsc.load(Acquire).to_le_bytes());
        bytes.extend(slot.payload[0].load(Acquire).to_le_bytes());
        bytes.extend(slot.payload[1].load(Acquire).to_le_bytes());
    }
    bytes
}

fn name(event: &Event) -> &str {
    event.name.as_ref().map_or("?", |name| name.raw())
}

#[test]
fn what_the_macro_records_is_read_back() {
    let slots = slots();
    RINGS[0].init(slots, 0).unwrap();
    for number in 0..100_u64 {
        trace_event!(Level::Info, "order.accepted", id: u64 = number, price: u32 = 7);
        trace_event!(
            Level::Debug, "book.state",
            a: u64 = number, b: i16 = -3, c: bool = true, d: u64 = 5, e: code = 0x40_0000_u64
        );
    }
    let executable = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let room = Decompressed::default();
    let image = Image::parse(&executable, &room).unwrap();
    // A host's program keeps its descriptors in a section that is loaded.
    let section = image.section("ukdbg_events").unwrap();
    let (schema, errors) = Schema::parse(section.bytes);
    assert_eq!(errors, []);

    let bytes = copied(RINGS[0].header(), slots);
    let mut memory = Snapshot {
        base: VirtAddr(TABLE),
        bytes: &bytes,
    };
    let table = RingTable {
        address: VirtAddr(TABLE),
        cpu_count: 1,
    };
    let trace = read_newest(&mut memory, table, 1000);
    assert_eq!(trace.errors, []);
    assert_eq!(trace.time_reversals(), 0);
    let cpu = &trace.cpus[0];
    // One slot and two slots, a hundred times each; the oldest event that is
    // left may be cut.
    assert_eq!(cpu.ring.head, 300);
    let lost = cpu.slots(GapKind::Overwritten);
    assert!((236..=237).contains(&lost), "{:?}", cpu.gaps);
    assert_eq!(cpu.gaps.len(), 1);

    let events: Vec<_> = cpu
        .records
        .iter()
        .map(|record| schema.event(record, Clock::UNKNOWN))
        .collect();
    let [.., accepted, state] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(
        (name(accepted), name(state)),
        ("order.accepted", "book.state")
    );
    let values = |event: &Event| -> Vec<FieldValue> {
        event.fields.iter().map(|field| field.value).collect()
    };
    assert_eq!(
        values(accepted),
        [FieldValue::Unsigned(99), FieldValue::Unsigned(7)]
    );
    assert_eq!(
        values(state),
        [
            FieldValue::Unsigned(99),
            FieldValue::Signed(-3),
            FieldValue::Bool(true),
            FieldValue::Unsigned(5),
            FieldValue::Code(VirtAddr(0x40_0000)),
        ]
    );
    assert!(
        state
            .file
            .as_ref()
            .unwrap()
            .raw()
            .ends_with("real_writer.rs")
    );
    assert_eq!(state.level, Some(Level::Debug));
}
