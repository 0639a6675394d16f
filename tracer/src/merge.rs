//! Several CPUs as one sequence. Order within a CPU is the ring's and never
//! changed; between CPUs it is the time-stamp counter's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::{CpuTrace, Gap, Record, Trace};

/// One element of a merged trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// An event.
    Record(&'a Record),
    /// Slots without one, at their place among the events of their CPU.
    Gap {
        /// The CPU.
        cpu: u32,
        /// The slots.
        gap: &'a Gap,
    },
}

impl Trace {
    /// Events of all CPUs, oldest first, with the gaps where they are.
    pub fn merged(&self) -> impl Iterator<Item = Item<'_>> {
        let mut rest: Vec<_> = self.cpus.iter().map(Rest::new).collect();
        let mut queue: BinaryHeap<_> = rest.iter().enumerate().filter_map(Rest::key).collect();
        std::iter::from_fn(move || {
            let Reverse((_, cpu)) = queue.pop()?;
            let item = rest[cpu].next();
            queue.extend(Rest::key((cpu, &rest[cpu])));
            item
        })
    }

    /// How often a CPU's time-stamp counter went back from one event to the
    /// next: never, unless the counter was written or the ring is damaged.
    pub fn time_reversals(&self) -> usize {
        let pairs = self.cpus.iter().flat_map(|cpu| cpu.records.windows(2));
        pairs.filter(|pair| pair[1].tsc < pair[0].tsc).count()
    }
}

/// What is left of a CPU's trace.
struct Rest<'a> {
    cpu: u32,
    records: &'a [Record],
    gaps: &'a [Gap],
}

impl<'a> Rest<'a> {
    fn new(trace: &'a CpuTrace) -> Self {
        Self {
            cpu: trace.ring.cpu,
            records: &trace.records,
            gaps: &trace.gaps,
        }
    }

    /// When the next item is due: a gap with the record behind it, the last
    /// one at the end of time.
    fn key((number, rest): (usize, &Self)) -> Option<Reverse<(u64, usize)>> {
        match (rest.records.first(), rest.gaps.first()) {
            (Some(record), _) => Some(Reverse((record.tsc, number))),
            (None, Some(_)) => Some(Reverse((u64::MAX, number))),
            (None, None) => None,
        }
    }

    fn next(&mut self) -> Option<Item<'a>> {
        let next_record = self.records.first().map_or(u64::MAX, |record| record.index);
        if let Some((gap, gaps)) = self.gaps.split_first()
            && gap.first <= next_record
        {
            self.gaps = gaps;
            let cpu = self.cpu;
            return Some(Item::Gap { cpu, gap });
        }
        let (record, records) = self.records.split_first()?;
        self.records = records;
        Some(Item::Record(record))
    }
}

/// The positions of the CPUs in the order of their records, oldest first.
pub(crate) fn record_order(cpus: &[CpuTrace]) -> Vec<usize> {
    let mut next = vec![0; cpus.len()];
    let key = |number: usize, place: usize| {
        let record = cpus[number].records.get(place)?;
        Some(Reverse((record.tsc, number)))
    };
    let mut queue: BinaryHeap<_> = (0..cpus.len()).filter_map(|cpu| key(cpu, 0)).collect();
    let mut order = Vec::new();
    while let Some(Reverse((_, cpu))) = queue.pop() {
        order.push(cpu);
        next[cpu] += 1;
        queue.extend(key(cpu, next[cpu]));
    }
    order
}
