//! The ring is read back here as the host does, from the definitions of
//! guest-abi alone.

use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

use ukdbg_guest_abi::Slot;
use ukdbg_guest_abi::event::{FIXED_SIZE, FieldType, VERSION};
use ukdbg_guest_abi::ring::{
    CONTINUATION_PAYLOAD, INLINE_PAYLOAD, SlotKind, site_continuations, site_kind, site_offset,
};

use super::field::continuations;
use super::*;
use crate::trace_event;
use core::sync::atomic::Ordering;

mod interrupts;

fn slots(count: usize) -> &'static [Slot] {
    Vec::leak(
        (0..count)
            .map(|_| Slot {
                sequence: 0.into(),
                site: 0.into(),
                tsc: 0.into(),
                payload: [0.into(), 0.into()],
            })
            .collect(),
    )
}

fn ring(count: usize) -> (&'static Ring, &'static [Slot]) {
    let (ring, slots): (&Ring, _) = (Box::leak(Box::new(Ring::new(0))), slots(count));
    ring.init(slots, 0x1000).unwrap();
    (ring, slots)
}

#[derive(Debug, PartialEq)]
struct Event {
    index: u64,
    tsc: u64,
    site: u32,
    payload: Vec<u8>,
}

fn head(ring: &Ring) -> u64 {
    ring.header().head.load(Ordering::Acquire)
}

/// Every whole event still in the ring, and how many slots hold none.
fn read(ring: &Ring, slots: &[Slot]) -> (Vec<Event>, u64) {
    let (mut events, mut skipped) = (Vec::new(), 0);
    let mut index = head(ring).saturating_sub(slots.len() as u64);
    while index < head(ring) {
        match event_at(index, slots) {
            Some(event) => {
                index += slots_of(event.payload.len());
                events.push(event);
            }
            None => {
                skipped += 1;
                index += 1;
            }
        }
    }
    (events, skipped)
}

fn slots_of(payload: usize) -> u64 {
    (1 + (payload - INLINE_PAYLOAD) / CONTINUATION_PAYLOAD) as u64
}

fn published(index: u64, slots: &[Slot]) -> Option<&Slot> {
    let slot = &slots[index as usize % slots.len()];
    (slot.sequence.load(Ordering::Acquire) == (index + 1) as u32).then_some(slot)
}

fn event_at(index: u64, slots: &[Slot]) -> Option<Event> {
    let slot = published(index, slots)?;
    let word = slot.site.load(Ordering::Relaxed);
    if site_kind(word) != Some(SlotKind::Event) {
        return None;
    }
    let mut words: Vec<u64> = slot
        .payload
        .iter()
        .map(|word| word.load(Ordering::Relaxed))
        .collect();
    let continuations = site_continuations(word);
    for number in 1..=continuations {
        let slot = published(index + u64::from(number), slots)?;
        let word = slot.site.load(Ordering::Relaxed);
        assert_eq!(site_kind(word), Some(SlotKind::Continuation));
        assert_eq!(site_continuations(word), continuations - number);
        words.push(slot.tsc.load(Ordering::Relaxed));
        words.extend(slot.payload.iter().map(|word| word.load(Ordering::Relaxed)));
    }
    Some(Event {
        index,
        tsc: slot.tsc.load(Ordering::Relaxed),
        site: site_offset(word),
        payload: words.into_iter().flat_map(u64::to_le_bytes).collect(),
    })
}

#[expect(unsafe_code, reason = "foreign items")]
unsafe extern "C" {
    static __start_ukdbg_events: u8;
    static __stop_ukdbg_events: u8;
}

#[derive(Debug, PartialEq)]
struct Descriptor {
    level: Level,
    line: u32,
    name: String,
    file: String,
    fields: Vec<(FieldType, String)>,
}

#[expect(
    unsafe_code,
    reason = "the linker gives the section's bounds as symbols"
)]
fn section() -> &'static [u8] {
    // SAFETY: the linker defines both symbols around one section.
    unsafe {
        let (start, stop) = (
            &raw const __start_ukdbg_events,
            &raw const __stop_ukdbg_events,
        );
        std::slice::from_raw_parts(start, stop.offset_from(start) as usize)
    }
}

fn text(bytes: &mut &[u8]) -> String {
    let length = bytes.iter().position(|&byte| byte == 0).unwrap();
    let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
    *bytes = &bytes[length + 1..];
    text
}

fn descriptor(offset: u32) -> Descriptor {
    let bytes = &section()[offset as usize..];
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    let (fixed, mut rest) = bytes[..length].split_at(FIXED_SIZE);
    assert_eq!((fixed[4], fixed[7]), (VERSION, 0));
    let (name, file) = (text(&mut rest), text(&mut rest));
    let fields = (0..fixed[6])
        .map(|_| {
            let field_type = FieldType::from_code(rest[0]).unwrap();
            rest = &rest[1..];
            (field_type, text(&mut rest))
        })
        .collect();
    assert!(rest.is_empty());
    Descriptor {
        level: Level::from_code(fixed[5]).unwrap(),
        line: u32::from_le_bytes(fixed[8..].try_into().unwrap()),
        name,
        file,
        fields,
    }
}

/// The only event in this thread's ring after `record`, and its descriptor.
fn recorded(record: fn()) -> (Descriptor, Vec<u8>) {
    let slots = slots(16);
    current().init(slots, 0).unwrap();
    record();
    let (mut events, skipped) = read(current(), slots);
    assert_eq!((events.len(), skipped), (1, 0));
    let event = events.remove(0);
    (descriptor(event.site), event.payload)
}

#[test]
fn an_event_names_its_fields_and_holds_their_values() {
    let (site, payload) = recorded(|| {
        trace_event!(Level::Info, "order.accepted", id: u64 = 0x0102_0304_0506_0708, price: u32 = 9, buy: bool = true);
    });
    assert_eq!(
        (site.level, site.name.as_str()),
        (Level::Info, "order.accepted")
    );
    assert!(site.file.ends_with("trace/tests.rs") && site.line > 100);
    let fields: Vec<_> = site
        .fields
        .iter()
        .map(|(of, name)| (*of, name.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            (FieldType::U64, "id"),
            (FieldType::U32, "price"),
            (FieldType::Bool, "buy")
        ]
    );
    assert_eq!(payload, [8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn an_event_may_have_no_fields() {
    let (site, payload) = recorded(|| trace_event!(Level::Trace, "idle"));
    assert_eq!((site.name.as_str(), site.fields.len()), ("idle", 0));
    assert_eq!(payload, [0; 16]);
}

#[test]
fn a_field_may_cross_words_and_slots() {
    let (site, payload) = recorded(|| {
        let local = 0_u8;
        trace_event!(
            Level::Error, "fault", vector: u8 = 14, error: u16 = 0x0605, signed: i32 = -2,
            at: code = 0x1111_2222_3333_4444_u64, address: pointer = &raw const local,
            small: i8 = -1, wide: i64 = i64::MIN,
        );
    });
    assert_eq!(site.fields.len(), 7);
    assert_eq!(site.fields[3], (FieldType::Code, "at".into()));
    assert_eq!(payload[..7], [14, 5, 6, 0xfe, 0xff, 0xff, 0xff]);
    assert_eq!(payload[7..15], 0x1111_2222_3333_4444_u64.to_le_bytes());
    assert_ne!(payload[15..23], [0; 8]);
    assert_eq!(payload[23], 0xff);
    assert_eq!(payload[24..32], i64::MIN.to_le_bytes());
    assert_eq!(payload[32..], [0; 8]);
}

#[test]
fn sizes_become_slots() {
    fn check(sizes: &[usize], words: usize, continuation_slots: u32) {
        assert_eq!(payload_words(sizes), words);
        assert_eq!(continuations(words), continuation_slots);
    }
    check(&[], 2, 0);
    check(&[8, 8], 2, 0);
    check(&[8, 8, 1], 5, 1);
    check(&[8; 5], 5, 1);
    check(&[8, 8, 8, 8, 8, 1], 8, 2);
    check(&[8; 47], 47, 15);
}

#[test]
#[should_panic(expected = "at most 376 bytes")]
fn too_many_fields_are_refused() {
    payload_words(&[8; 48]);
}

#[test]
fn a_ring_without_slots_drops_events() {
    let ring = Ring::new(0);
    ring.record(1, [1, 2]);
    assert_eq!(head(&ring), 0);
    assert_eq!(ring.header().magic.load(Ordering::Relaxed), 0);
}

#[test]
fn unusable_slots_are_refused() {
    let ring = Ring::new(0);
    assert_eq!(ring.init(slots(8), 0), Err(RingError::TooSmall(8)));
    assert_eq!(ring.init(slots(24), 0), Err(RingError::NotPowerOfTwo(24)));
    assert_eq!(ring.init(slots(16), 0), Ok(()));
    assert_eq!(ring.init(slots(16), 0), Err(RingError::AlreadyInitialised));
}

#[test]
fn the_oldest_events_are_overwritten() {
    let (ring, slots) = ring(16);
    for number in 0..100 {
        ring.record(7, [number, !number]);
    }
    let (events, skipped) = read(ring, slots);
    assert_eq!((events.len(), skipped, head(ring)), (16, 0, 100));
    assert!(events.iter().map(|event| event.index).eq(84..100));
    assert!(events.is_sorted_by_key(|event| event.tsc));
    assert_eq!(events[0].payload[..8], 84_u64.to_le_bytes());
}

#[test]
fn a_long_event_wraps_around() {
    let (ring, slots) = ring(16);
    (0..14).for_each(|number| ring.record(1, [number, 0]));
    let words: [u64; 11] = std::array::from_fn(|index| index as u64 * 3);
    ring.record(0xff_fffe, words);
    let event = event_at(14, slots).unwrap();
    assert_eq!(event.site, 0xff_fffe);
    assert_eq!(event.payload, words.map(u64::to_le_bytes).concat());
    assert_eq!(head(ring), 18);
}

/// An interrupt may come at any point of a record; these are its stages.
#[test]
fn an_interrupted_record_is_in_flight_until_it_is_done() {
    let (ring, slots) = ring(16);
    let outer = ring.reserve(2);
    ring.record(2, [20, 21]);
    let (events, skipped) = read(ring, slots);
    assert_eq!((events.len(), skipped), (1, 2));
    assert!(events[0].tsc >= outer.tsc && events[0].index == 2);
    ring.write(outer, 15, 1, &[1, 2, 3, 4, 5]);
    let (events, skipped) = read(ring, slots);
    assert_eq!((events.len(), skipped), (2, 0));
    assert!(events.is_sorted_by_key(|event| event.tsc));
}
