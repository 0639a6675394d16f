//! How long things took: a histogram with a bounded relative error, so that a
//! run of any length needs the same memory.

/// Buckets for each power of two: an error of 1/16 at most.
const STEPS: usize = 16;
const STEP_BITS: u32 = STEPS.ilog2();
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS;

/// Counts of durations, in ticks of any clock.
pub(crate) struct Latency {
    counts: [u64; BUCKETS],
    total: u64,
    min: u64,
    max: u64,
}

impl Latency {
    pub(crate) const fn new() -> Self {
        Self {
            counts: [0; BUCKETS],
            total: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    pub(crate) fn add(&mut self, ticks: u64) {
        self.counts[bucket(ticks)] += 1;
        self.total += 1;
        self.min = self.min.min(ticks);
        self.max = self.max.max(ticks);
    }

    pub(crate) fn min(&self) -> u64 {
        self.min.min(self.max)
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The duration that `percent` of a hundred do not exceed.
    pub(crate) fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return lowest_of(index).clamp(self.min(), self.max);
            }
        }
        self.max
    }
}

/// The bucket of a duration: its highest bits.
fn bucket(ticks: u64) -> usize {
    if ticks < STEPS as u64 {
        return ticks as usize;
    }
    let shift = ticks.ilog2() - STEP_BITS;
    (shift as usize + 1) * STEPS + (ticks >> shift) as usize - STEPS
}

/// The smallest duration of a bucket.
fn lowest_of(bucket: usize) -> u64 {
    match bucket / STEPS {
        0 => bucket as u64,
        power => ((bucket % STEPS + STEPS) as u64) << (power - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_every_duration_in_order() {
        for ticks in [0, 1, 15, 16, 17, 31, 32, 1000, 123_456_789, u64::MAX] {
            let index = bucket(ticks);
            assert!(index < BUCKETS && lowest_of(index) <= ticks, "{ticks}");
            assert!(ticks - lowest_of(index) <= ticks / 16, "{ticks}");
        }
        for index in 0..BUCKETS {
            assert_eq!(bucket(lowest_of(index)), index);
        }
    }

    #[test]
    fn percentiles_are_where_they_belong() {
        let mut latency = Latency::new();
        (1..=100).for_each(|ticks| latency.add(ticks));
        let figures = [
            latency.min(),
            latency.percentile(50),
            latency.percentile(99),
            latency.max(),
        ];
        assert_eq!(figures, [1, 50, 96, 100]);
        assert_eq!(Latency::new().percentile(50), 0);
    }
}
