//! `HashMap` and `HashSet` as hashbrown lays them out: a byte of control for
//! each bucket, and the buckets before them, the first one nearest.

use ukdbg_image::{TypeId, TypeKind};

use super::read::Reader;
use super::search::{Place, Refusal, parameter};
use super::storage::Storage;
use super::{InvalidValue, MapEntry, Missing, Value};
use crate::VirtAddr;
use crate::memory::read_available;

/// Buckets looked at. A table is an eighth empty at least, and mostly more;
/// one that was emptied may be empty altogether.
const MOST_BUCKETS: u64 = 1 << 16;
/// Set in the control byte of a bucket without an element.
const EMPTY: u8 = 0x80;

/// What a table holds.
pub(super) struct Table {
    /// Each element, as far as they were looked for.
    pub(super) elements: Vec<VirtAddr>,
    length: u64,
    /// The type of an element: a tuple of key and value.
    pub(super) entry: TypeId,
}

impl Reader<'_, '_> {
    /// `HashMap<K, V>`.
    pub(super) fn hash_map(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let table = match self.table(place)? {
            Ok(table) => table,
            Err(invalid) => return Ok(invalid),
        };
        if depth >= self.limits.depth && table.length > 0 {
            return Ok(Value::Elided);
        }
        let entry = self.resolve(table.entry).ok_or(Refusal::Shape)?;
        let TypeKind::Struct { members, .. } = &entry.kind else {
            return Err(Refusal::Shape);
        };
        let [key, value] = members.as_slice() else {
            return Err(Refusal::Shape);
        };
        let mut entries = Vec::new();
        for at in table.elements {
            if self.left == 0 {
                break;
            }
            let storage = Storage::Memory(at);
            entries.push(MapEntry {
                key: self.value(key.ty, &storage.at(key.offset), depth + 1),
                value: self.value(value.ty, &storage.at(value.offset), depth + 1),
            });
        }
        Ok(Value::Map {
            entries,
            length: table.length,
        })
    }

    /// `HashSet<T>`: a map to nothing.
    pub(super) fn hash_set(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let element = parameter(&place.ty, "T")?;
        let table = match self.table(place)? {
            Ok(table) => table,
            Err(invalid) => return Ok(invalid),
        };
        if depth >= self.limits.depth && table.length > 0 {
            return Ok(Value::Elided);
        }
        Ok(Value::Set {
            elements: self.elements(element, table.elements.into_iter(), depth + 1),
            length: table.length,
        })
    }

    pub(super) fn table(&mut self, place: &Place) -> Result<Result<Table, Value>, Refusal> {
        let generic = self.find(place, "table")?;
        let entry = parameter(&generic.ty, "T")?;
        let mask = self.whole_of(&generic, "bucket_mask")?;
        let length = self.whole_of(&generic, "items")?;
        let (control, _) = self.thin_of(&generic, "ctrl")?;
        let size = self.size_of(entry).ok_or(Refusal::Shape)?;
        let buckets = mask.checked_add(1).filter(|count| count.is_power_of_two());
        let Some(buckets) = buckets.filter(|&buckets| length <= buckets) else {
            return Ok(Err(contradiction(mask)));
        };
        let mut run = self.run(entry, control, buckets)?;
        // The buckets lie before the control bytes.
        run.address = VirtAddr(0);
        if run.contradiction().is_some() {
            return Ok(Err(contradiction(mask)));
        }
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        let full = self.full_buckets(control, buckets, wanted.min(self.limits.width));
        let lacking = full.len() < wanted.min(self.limits.width);
        if lacking && read_available(self.memory, control, &mut [0]) == 0 {
            return Err(Missing::Unreadable { at: control }.into());
        }
        if lacking && buckets <= MOST_BUCKETS {
            return Ok(Err(contradiction(mask)));
        }
        let below = |index: u64| {
            let distance = (index + 1).wrapping_mul(size);
            VirtAddr(control.0.wrapping_sub(distance))
        };
        Ok(Ok(Table {
            elements: full.into_iter().map(below).collect(),
            length,
            entry,
        }))
    }

    /// Numbers of the first so many buckets with an element.
    fn full_buckets(&mut self, control: VirtAddr, buckets: u64, wanted: usize) -> Vec<u64> {
        const PIECE: usize = 256;
        let mut full = Vec::new();
        let mut index = 0;
        let end = buckets.min(MOST_BUCKETS);
        while index < end && full.len() < wanted {
            let mut bytes = [EMPTY; PIECE];
            let size = PIECE.min(usize::try_from(end - index).unwrap_or(PIECE));
            let at = VirtAddr(control.0.wrapping_add(index));
            let got = read_available(self.memory, at, &mut bytes[..size]);
            let numbered = (index..).zip(&bytes[..got]);
            full.extend(
                numbered
                    .filter(|(_, byte)| **byte & EMPTY == 0)
                    .map(|(index, _)| index),
            );
            if got < size {
                break;
            }
            index += size as u64;
        }
        full.truncate(wanted);
        full
    }
}

fn contradiction(mask: u64) -> Value {
    Value::Invalid {
        why: InvalidValue::HashTable,
        bits: mask.into(),
    }
}
