//! Event descriptors and a ring: one half of the input each.

use ukdbg_session::inspect::VirtAddr;
use ukdbg_tracer::{Clock, MAX_EVENTS, RingTable, Schema, Snapshot, read_newest};

/// Where the ring is in memory; what seeds were made for.
pub(crate) const RING: VirtAddr = VirtAddr(0x1000);
/// Bytes of the input that are descriptors.
pub(crate) const DESCRIPTORS: usize = 4096;

/// Reads the newest events and tells each in full.
pub(super) fn ask(bytes: &[u8]) {
    let (descriptors, ring) = bytes.split_at(bytes.len().min(DESCRIPTORS));
    let (schema, _) = Schema::parse(descriptors);
    let mut memory = Snapshot {
        base: RING,
        bytes: ring,
    };
    let table = RingTable {
        address: RING,
        cpu_count: 2,
    };
    let clock = Clock::new(1_000_000_000, 0);
    for newest in [50, MAX_EVENTS] {
        let trace = read_newest(&mut memory, table, newest);
        let _ = (trace.merged().count(), trace.time_reversals());
        for record in trace.cpus.iter().flat_map(|cpu| &cpu.records) {
            schema.event(record, clock);
        }
    }
}
