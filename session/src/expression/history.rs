//! Values that somebody asked for, by number, as they were then: GDB's `$1`,
//! `$`, `$$`, `$$2`.

use std::collections::VecDeque;

use ukdbg_inspect::{Memory, Place};

use super::error::ExpressionErrorKind;

/// Values that are kept at once.
const MOST_VALUES: usize = 1000;
/// A larger value is kept as its place alone.
const MOST_BYTES: usize = 4096;

/// The values, the newest last.
#[derive(Default)]
pub(crate) struct History<'data> {
    values: VecDeque<Place<'data>>,
    /// The number of the newest.
    last: usize,
}

impl<'data> History<'data> {
    /// Keeps a value, and gives its number.
    pub(crate) fn keep(&mut self, place: &Place<'data>, memory: &mut dyn Memory) -> usize {
        if self.values.len() >= MOST_VALUES {
            self.values.pop_front();
        }
        self.values.push_back(place.kept(MOST_BYTES, memory));
        self.last += 1;
        self.last
    }

    /// The value that a name behind a `$` means; none for a register's name.
    pub(super) fn find(&self, name: &str) -> Option<Result<Place<'data>, ExpressionErrorKind>> {
        let back = match name.strip_prefix('$') {
            Some("") => Some(1),
            Some(digits) => Some(digits.parse().ok()?),
            None if name.is_empty() => Some(0),
            None => None,
        };
        let number = match back {
            Some(back) => self.last.checked_sub(back),
            None => Some(name.parse().ok()?),
        };
        let dropped = self.last - self.values.len();
        let found = number
            .and_then(|number| number.checked_sub(dropped + 1))
            .and_then(|index| self.values.get(index));
        Some(
            found
                .cloned()
                .ok_or_else(|| ExpressionErrorKind::NoSuchValue {
                    name: name.to_owned(),
                }),
        )
    }
}
