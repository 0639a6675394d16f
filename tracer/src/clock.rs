//! From time-stamp counter to nanoseconds. What the guest says of its clock is
//! taken as it is; a guest that does not know its clock has ticks only.

use std::num::NonZeroU64;

/// A guest's time-stamp counter, as its root block describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    frequency: Option<NonZeroU64>,
    boot: u64,
}

impl Clock {
    /// A counter of which nothing is known.
    pub const UNKNOWN: Self = Self {
        frequency: None,
        boot: 0,
    };

    /// A counter of `frequency` ticks in a second (0: not known) that stood at
    /// `boot` when the guest started.
    pub const fn new(frequency: u64, boot: u64) -> Self {
        Self {
            frequency: NonZeroU64::new(frequency),
            boot,
        }
    }

    /// Nanoseconds from the guest's start to a tick. None for a tick before
    /// the start, a time that does not fit, or a clock that is not known.
    pub fn nanoseconds(self, tsc: u64) -> Option<u64> {
        let ticks = u128::from(tsc.checked_sub(self.boot)?);
        let nanoseconds = ticks * 1_000_000_000 / u128::from(self.frequency?.get());
        u64::try_from(nanoseconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn ticks_become_nanoseconds_since_boot() {
        let check = |frequency, boot, tsc, expected| {
            assert_eq!(Clock::new(frequency, boot).nanoseconds(tsc), expected);
        };
        check(1_000_000_000, 0, 7, Some(7));
        check(2_500_000_000, 1_000, 3_500, Some(1_000));
        check(3_000_000_000, 0, u64::MAX, Some(6_148_914_691_236_517_205));
        check(0, 0, 7, None);
        check(1_000_000_000, 8, 7, None);
        check(1, 0, u64::MAX, None);
    }
}
