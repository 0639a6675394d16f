//! From a place to some of its elements.

use super::super::Missing;
use super::super::collection::Collection;
use super::super::storage::Storage;
use super::elements::MOST_REFERENCES;
use super::{Place, PlaceError, PlaceType};
use crate::Memory;

/// Elements that are gathered into one array, and the bytes that they may take.
const MOST_GATHERED: u64 = 1 << 14;

impl<'data> Place<'data> {
    /// Elements from one up to and without another.
    pub fn slice(
        &self,
        from: u64,
        to: Option<u64>,
        memory: &mut dyn Memory,
    ) -> Result<Self, PlaceError> {
        if let Some((place, collection)) = self.scattered(memory) {
            return place.gathered(&collection, from, to, memory);
        }
        let elements = self.elements(memory)?;
        let to = to.or(elements.length).ok_or(Missing::Undescribed)?;
        let length = count(from, to, elements.length)?;
        let first = elements.at(from)?;
        Ok(Self {
            ty: PlaceType::Array {
                element: Box::new(first.ty),
                length,
            },
            ..first
        })
    }

    /// A collection whose elements do not lie in a row, this or what it leads
    /// to.
    fn scattered(&self, memory: &mut dyn Memory) -> Option<(Self, Collection)> {
        let mut place = self.clone();
        for _ in 0..MOST_REFERENCES {
            match place.collection(memory) {
                Some(Collection::Row(_) | Collection::Map { .. }) => return None,
                Some(collection) => return Some((place, collection)),
                None => place = place.reference(memory)?,
            }
        }
        None
    }

    /// Elements that are apart, copied into a row.
    fn gathered(
        &self,
        collection: &Collection,
        from: u64,
        to: Option<u64>,
        memory: &mut dyn Memory,
    ) -> Result<Self, PlaceError> {
        let (element, length) = match collection {
            Collection::Row(run) => (run.element, run.length),
            Collection::Ring(ring) => (ring.run.element, ring.run.length),
            Collection::Scattered { element, places } => (*element, places.len() as u64),
            Collection::Map { key, entries, .. } => (*key, entries.len() as u64),
        };
        let count = count(from, to.unwrap_or(length), Some(length))?;
        let element = PlaceType::Described(element);
        let size = super::size_of(self.image(), &element).unwrap_or(u64::MAX);
        if count.saturating_mul(size.max(1)) > MOST_GATHERED {
            return Err(PlaceError::NotInARow {
                ty: self.type_name(),
            });
        }
        let mut bytes = Vec::new();
        for index in from..from.saturating_add(count) {
            let place = self.element(collection, index, memory)?;
            bytes.extend(place.storage.bytes(0, size as usize, memory));
        }
        Ok(Self {
            module: self.module.clone(),
            ty: PlaceType::Array {
                element: Box::new(element),
                length: count,
            },
            storage: Storage::Bytes(bytes),
        })
    }
}

/// How many elements from one up to and without another.
fn count(from: u64, to: u64, length: Option<u64>) -> Result<u64, PlaceError> {
    if let Some(length) = length.filter(|&length| to > length) {
        return Err(PlaceError::OutOfRange { index: to, length });
    }
    to.checked_sub(from).ok_or(PlaceError::OutOfRange {
        index: from,
        length: to,
    })
}
