//! Where the elements of the library's collections are, for who picks one of
//! them. Not what the elements hold.

use ukdbg_image::{Type, TypeId, TypeKind};

use super::atoms::base_name;
use super::read::Reader;
use super::search::{Place, Refusal, parameter};
use super::sequence::{Ring, Run};
use super::storage::Storage;
use crate::VirtAddr;

/// The elements of a collection.
pub(super) enum Collection {
    /// In a row.
    Row(Run),
    /// In a ring.
    Ring(Ring),
    /// Each somewhere, in order, as far as the limits allow.
    Scattered {
        element: TypeId,
        places: Vec<VirtAddr>,
    },
    /// A map's entries: where each key and value is.
    Map {
        key: TypeId,
        value: TypeId,
        entries: Vec<(VirtAddr, VirtAddr)>,
    },
}

impl Reader<'_, '_> {
    /// The elements of a collection that is known and sound.
    pub(super) fn collection(&mut self, ty: &Type, storage: &Storage) -> Option<Collection> {
        let place = Place {
            ty: ty.clone(),
            storage: storage.clone(),
        };
        let name = ty.name.as_ref()?.raw();
        let found = match base_name(name) {
            _ if ty.parameters.is_empty() => Err(Refusal::Shape),
            "Vec" | "VecInner" | "ArrayVec" => self
                .vector_run(&place)
                .map(|run| run.ok().map(Collection::Row)),
            "VecDeque" => self
                .ring_of(&place)
                .map(|ring| ring.ok().map(Collection::Ring)),
            "BinaryHeap" => self
                .find(&place, "data")
                .and_then(|vector| self.vector_run(&vector))
                .map(|run| run.ok().map(Collection::Row)),
            "LinkedList" => self.list_elements(&place),
            "BTreeMap" => self.tree_entries(&place),
            "HashMap" => self.hash_entries(&place),
            "Rc" | "Arc" => self
                .shared_run(&place)
                .map(|run| Some(Collection::Row(run))),
            _ => Err(Refusal::Shape),
        };
        let found = found.ok().flatten()?;
        match &found {
            Collection::Row(run) if run.contradiction().is_some() => None,
            _ => Some(found),
        }
    }

    fn list_elements(&mut self, place: &Place) -> Result<Option<Collection>, Refusal> {
        let element = parameter(&place.ty, "T")?;
        let length = self.whole_of(place, "len")?;
        let found = self.list_places(place, length)?.ok();
        Ok(found.map(|(_, places)| Collection::Scattered { element, places }))
    }

    fn tree_entries(&mut self, place: &Place) -> Result<Option<Collection>, Refusal> {
        let (key, value) = (parameter(&place.ty, "K")?, parameter(&place.ty, "V")?);
        let length = self.whole_of(place, "length")?;
        let entries = self.entry_places(place, (key, value), length)?.ok();
        Ok(entries.map(|entries| Collection::Map {
            key,
            value,
            entries,
        }))
    }

    fn hash_entries(&mut self, place: &Place) -> Result<Option<Collection>, Refusal> {
        let Ok(table) = self.table(place)? else {
            return Ok(None);
        };
        let entry = self.resolve(table.entry).ok_or(Refusal::Shape)?;
        let TypeKind::Struct { members, .. } = &entry.kind else {
            return Err(Refusal::Shape);
        };
        let [key, value] = members.as_slice() else {
            return Err(Refusal::Shape);
        };
        let at = |base: VirtAddr, offset: u64| VirtAddr(base.0.wrapping_add(offset));
        let entries = table.elements.iter();
        Ok(Some(Collection::Map {
            key: key.ty.ok_or(Refusal::Shape)?,
            value: value.ty.ok_or(Refusal::Shape)?,
            entries: entries
                .map(|&base| (at(base, key.offset), at(base, value.offset)))
                .collect(),
        }))
    }
}
