//! Memory and sections that mean harm: no panic, and no more work or memory
//! than the bytes there are.

use std::mem::offset_of;

use proptest::prelude::*;
use ukdbg_guest_abi::RingHeader;
use ukdbg_inspect::{Memory, MemoryError, VirtAddr};

use super::interleaving::assert_accounted;
use super::model::Model;
use crate::{Clock, MAX_EVENTS, Schema, read_newest};

proptest! {
    #[test]
    fn any_section_parses(section in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Schema::parse(&section);
    }

    #[test]
    fn any_descriptor_body_parses(mut section in prop::collection::vec(0..12_u8, 12..60)) {
        let length = section.len() as u32;
        section[..4].copy_from_slice(&length.to_le_bytes());
        section[4] = 1;
        let (schema, errors) = Schema::parse(&section);
        prop_assert_eq!(schema.types().len() + errors.len(), 1);
    }

    #[test]
    fn any_ring_is_accounted_for(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..60),
        events in prop::sample::select(vec![0, 1, 5, 50, MAX_EVENTS, usize::MAX]),
    ) {
        let mut model = Model::new(64, 0);
        model.write(&[0, 2, 0, 15, 1, 0, 0, 7, 0, 3, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 1]);
        for (place, byte) in changes {
            let at = place.index(model.bytes.len());
            model.bytes[at] = byte;
        }
        let (schema, _) = Schema::parse(&[]);
        let trace = read_newest(&mut model.snapshot(), Model::table(), events);
        for cpu in &trace.cpus {
            assert_accounted(cpu);
            prop_assert!(cpu.records.len() <= events);
        }
        for record in trace.cpus.iter().flat_map(|cpu| &cpu.records) {
            schema.event(record, Clock::UNKNOWN);
        }
        prop_assert!(trace.merged().count() <= 400);
    }
}

/// All memory is there, and all of it is what `fill` says.
struct Endless<F>(F);

impl<F: Fn(u64) -> u8> Memory for Endless<F> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        for (position, byte) in buf.iter_mut().enumerate() {
            *byte = (self.0)(at.0.wrapping_add(position as u64));
        }
        Ok(buf.len())
    }
}

#[test]
fn the_largest_claim_costs_what_was_asked_for() {
    let mut model = Model::new(1 << 4, 0);
    model.store(
        offset_of!(RingHeader, slot_count),
        &(1_u64 << 32).to_le_bytes(),
    );
    model.store(offset_of!(RingHeader, head), &u64::MAX.to_le_bytes());
    let header = model.bytes[..128].to_vec();
    let mut memory = Endless(|at: u64| {
        let offset = at.wrapping_sub(super::model::BASE);
        header.get(offset as usize).copied().unwrap_or(0)
    });
    let trace = read_newest(&mut memory, Model::table(), 50);
    assert_accounted(&trace.cpus[0]);
    assert!(trace.cpus[0].records.is_empty());
}

#[test]
fn a_claim_beyond_memory_costs_nothing() {
    let mut model = Model::new(1 << 4, 0);
    model.store(
        offset_of!(RingHeader, slot_count),
        &(1_u64 << 32).to_le_bytes(),
    );
    model.store(offset_of!(RingHeader, head), &(1_u64 << 40).to_le_bytes());
    let trace = read_newest(&mut model.snapshot(), Model::table(), usize::MAX);
    assert_accounted(&trace.cpus[0]);
}
