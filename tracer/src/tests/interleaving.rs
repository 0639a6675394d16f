//! Writers that interrupt each other, and a reader between any two of their
//! stores: nothing read is torn, nothing is lost uncounted.

use proptest::prelude::*;

use super::model::{Model, Running};
use crate::{CpuTrace, GapKind, MAX_EVENTS, read_newest};

/// Every index below the head is in exactly one record or gap.
pub(super) fn assert_accounted(cpu: &CpuTrace) {
    let records = cpu.records.iter().map(|r| (r.index, r.slots()));
    let gaps = cpu.gaps.iter().map(|gap| (gap.first, gap.slots));
    let mut parts: Vec<_> = records.chain(gaps).collect();
    parts.sort_unstable();
    let mut next = 0;
    for (first, slots) in parts {
        assert_eq!(first, next, "{:?}", cpu.gaps);
        next = first + slots;
    }
    assert_eq!(next, cpu.ring.head);
}

fn check_read(running: &Running<'_>, cpu: &CpuTrace) {
    assert_accounted(cpu);
    for record in &cpu.records {
        let written = &running.model.written;
        let place = written.partition_point(|w| w.index < record.index);
        assert!(written[place].published, "{record:?}");
        assert!(
            written[place].matches(record),
            "{record:?}\n{:?}",
            written[place]
        );
    }
    assert_eq!(cpu.slots(GapKind::Damaged), 0, "{:?}", cpu.gaps);
    assert_eq!(cpu.slots(GapKind::Unreadable), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_running_guest_is_read_whole_or_not_at_all(
        script in prop::collection::vec(any::<u8>(), 1..400),
        before in 0..200_usize,
        slots in 4..8_u32,
    ) {
        let mut running = Running {
            model: Model::new(1 << slots, 0),
            script: Box::new(script.iter().copied().cycle()),
        };
        for _ in 0..before {
            running.act();
        }
        let trace = read_newest(&mut running, Model::table(), MAX_EVENTS);
        prop_assert!(trace.errors.is_empty());
        check_read(&running, &trace.cpus[0]);
    }

    #[test]
    fn a_stopped_guest_gives_every_published_event(
        script in prop::collection::vec(any::<u8>(), 1..400),
        before in 0..2000_usize,
        slots in 4..8_u32,
    ) {
        let mut running = Running {
            model: Model::new(1 << slots, 0),
            script: Box::new(script.iter().copied().cycle()),
        };
        for _ in 0..before {
            running.act();
        }
        let mut snapshot = running.model.snapshot();
        let trace = read_newest(&mut snapshot, Model::table(), MAX_EVENTS);
        let cpu = &trace.cpus[0];
        check_read(&running, cpu);
        let oldest = running.model.head().saturating_sub(1 << slots);
        let kept: Vec<_> = running.model.written.iter()
            .filter(|w| w.index >= oldest && w.published)
            .map(|w| w.index)
            .collect();
        prop_assert_eq!(kept, cpu.records.iter().map(|r| r.index).collect::<Vec<_>>());
        let in_flight: u64 = running.model.written.iter()
            .filter(|w| w.index >= oldest && !w.published)
            .map(|w| w.slots)
            .sum();
        prop_assert_eq!(in_flight, cpu.slots(GapKind::InFlight));
        prop_assert_eq!(cpu.slots(GapKind::NotRead), 0);
    }
}

/// A record over the ring's end, whose later slots are copied first.
#[test]
fn a_record_published_between_the_copies_of_its_parts_is_in_flight() {
    let script = [237, 0, 128];
    let mut running = Running {
        model: Model::new(1 << 4, 0),
        script: Box::new(script.iter().copied().cycle()),
    };
    for _ in 0..94 {
        running.act();
    }
    let trace = read_newest(&mut running, Model::table(), MAX_EVENTS);
    check_read(&running, &trace.cpus[0]);
}
