//! What the library's pointers lead to, and what its collections hold at an
//! index or under a key.

use ukdbg_image::TypeKind;

use super::super::collection::Collection;
use super::super::read::Reader;
use super::super::search;
use super::super::{Follow, Value, ValueLimits};
use super::{Place, PlaceError, PlaceType};
use crate::modules::Modules;
use crate::{Memory, VirtAddr};

/// Entries of a map, or of a list, that are looked at.
const LIMITS: ValueLimits = ValueLimits {
    depth: 4,
    width: 1 << 16,
    values: 64,
    text: 1 << 12,
    follow: Follow::Scalars,
};

/// What an entry of a map is found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key<'a> {
    /// An integer, a character, a boolean.
    Number(i128),
    /// Text.
    Text(&'a str),
}

impl<'data> Place<'data> {
    fn with_reader<T>(
        &self,
        memory: &mut dyn Memory,
        ask: impl FnOnce(&mut Reader<'_, 'data>, &search::Place) -> Option<T>,
    ) -> Option<T> {
        let module = self.module.clone()?;
        let place = search::Place {
            ty: self.described()?,
            storage: self.storage.clone(),
        };
        let image = std::sync::Arc::clone(&module.image);
        let mut modules = Modules::default();
        modules.push(module);
        let mut reader = Reader {
            modules: &modules,
            image: &image,
            memory,
            limits: LIMITS,
            left: LIMITS.values,
        };
        ask(&mut reader, &place)
    }

    /// What an `Rc`, an `Arc` or a pointer to an object of a trait leads to.
    pub(super) fn led_to(&self, memory: &mut dyn Memory) -> Option<Self> {
        let (at, ty) = self.with_reader(memory, |reader, place| reader.led_to(place).ok())?;
        let ty = PlaceType::Described(ty);
        Some(Self::in_memory(self.module.clone(), ty, at))
    }

    /// Elements of the library's collections.
    pub(super) fn collection(&self, memory: &mut dyn Memory) -> Option<Collection> {
        self.with_reader(memory, |reader, place| {
            reader.collection(&place.ty, &place.storage)
        })
    }

    /// The value that a map has for a key. What is no map itself may lead to
    /// one.
    pub fn entry(&self, key: Key<'_>, memory: &mut dyn Memory) -> Result<Self, PlaceError> {
        match self.collection(memory) {
            Some(Collection::Map {
                key: key_type,
                value,
                entries,
            }) => {
                let place =
                    |ty, at| Self::in_memory(self.module.clone(), PlaceType::Described(ty), at);
                let mut entries = entries.into_iter();
                let found = entries.find(|&(at, _)| place(key_type, at).is_key(key, memory));
                found
                    .map(|(_, at)| place(value, at))
                    .ok_or(PlaceError::NoEntry {
                        ty: self.type_name(),
                    })
            }
            _ => match (self.target(memory), key) {
                (Ok((_, Some(next))), _) if next.ty != self.ty => next.entry(key, memory),
                _ => Err(PlaceError::NotIndexable {
                    ty: self.type_name(),
                }),
            },
        }
    }

    fn is_key(&self, key: Key<'_>, memory: &mut dyn Memory) -> bool {
        match key {
            Key::Number(wanted) => self
                .as_number(memory)
                .is_ok_and(|number| number.value == wanted),
            Key::Text(wanted) => self.text(memory).as_deref() == Some(wanted),
        }
    }

    /// The text that it is, whole; none for what is no text.
    pub fn text(&self, memory: &mut dyn Memory) -> Option<String> {
        let module = self.module.clone()?;
        let mut modules = Modules::default();
        modules.push(module);
        match self.value(&modules, LIMITS, memory) {
            Value::Text {
                text, cut: false, ..
            } => Some(text.raw().to_owned()),
            _ => None,
        }
    }

    /// The number of the enumerator of that name.
    pub fn enumerator(&self, name: &str) -> Option<i128> {
        let TypeKind::Enumeration { enumerators, .. } = self.described()?.kind else {
            return None;
        };
        let mut enumerators = enumerators.into_iter();
        let found = enumerators.find(|(own, _)| own.raw() == name);
        found.map(|(_, number)| number)
    }

    /// An element of a collection that does not lie in a row.
    pub(super) fn element(
        &self,
        collection: &Collection,
        index: u64,
        memory: &mut dyn Memory,
    ) -> Result<Self, PlaceError> {
        let (element, length, at): (_, u64, Option<VirtAddr>) = match collection {
            Collection::Row(run) => {
                let offset = index.wrapping_mul(run.step);
                let at = search::past(run.address, offset);
                (run.element, run.length, Some(at))
            }
            Collection::Ring(ring) => (ring.run.element, ring.run.length, Some(ring.place(index))),
            Collection::Scattered { element, places } => {
                let at = usize::try_from(index)
                    .ok()
                    .and_then(|index| places.get(index));
                (*element, places.len() as u64, at.copied())
            }
            Collection::Map { .. } => return self.entry(Key::Number(index.into()), memory),
        };
        let at = at.filter(|_| index < length);
        let at = at.ok_or(PlaceError::OutOfRange { index, length })?;
        let ty = PlaceType::Described(element);
        Ok(Self::in_memory(self.module.clone(), ty, at))
    }
}
