//! Ranges and spans of time of the standard library.

use ukdbg_image::{TypeKind, Untrusted};

use super::read::Reader;
use super::search::{Place, Refusal};
use super::{RangeEnd, Value};

impl Reader<'_, '_> {
    /// `Range` and those like it, by the name without parameters.
    pub(super) fn range(
        &mut self,
        name: &str,
        place: &Place,
        depth: usize,
    ) -> Result<Value, Refusal> {
        let mut end = |wanted: &str| self.range_end(place, wanted, depth);
        let (start, end) = match name {
            "RangeFull" => (None, None),
            "RangeFrom" => (Some(end("start")?), None),
            "RangeTo" | "RangeToInclusive" => (None, Some(end("end")?)),
            _ => (Some(end("start")?), Some(end("end")?)),
        };
        let bound = match name {
            "RangeInclusive" if self.whole_of(place, "exhausted")? != 0 => RangeEnd::Exhausted,
            "RangeInclusive" | "RangeToInclusive" => RangeEnd::Included,
            _ => RangeEnd::Excluded,
        };
        Ok(Value::Range { start, end, bound })
    }

    fn range_end(
        &mut self,
        place: &Place,
        name: &str,
        depth: usize,
    ) -> Result<Box<Value>, Refusal> {
        let TypeKind::Struct { members, .. } = &place.ty.kind else {
            return Err(Refusal::Shape);
        };
        let named = |wanted: &str| {
            let mut members = members.iter();
            members.find(|member| member.name.as_ref().map(Untrusted::raw) == Some(wanted))
        };
        // Newer ranges call their inclusive end `last`.
        let member = named(name).or_else(|| named("last").filter(|_| name == "end"));
        let part = self.part(member.ok_or(Refusal::Shape)?, &place.storage)?;
        Ok(Box::new(self.value_in(&part.ty, &part.storage, depth + 1)))
    }

    /// `Duration`: seconds, and nanoseconds of less than one.
    pub(super) fn duration(&mut self, place: &Place) -> Result<Value, Refusal> {
        let seconds = self.whole_of(place, "secs")?;
        let nanoseconds = self.whole_of(place, "nanos")?;
        match u32::try_from(nanoseconds) {
            Ok(nanoseconds @ 0..1_000_000_000) => Ok(Value::Duration {
                seconds,
                nanoseconds,
            }),
            _ => Err(Refusal::Shape),
        }
    }
}
