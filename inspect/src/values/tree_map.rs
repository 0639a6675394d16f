//! `BTreeMap` and `BTreeSet`: nodes with up to eleven entries; inner nodes
//! begin with a leaf's members and add edges.

use ukdbg_image::{TypeId, TypeKind};

use super::read::{POINTER, Reader};
use super::search::{Place, Refusal, parameter, past};
use super::storage::Storage;
use super::{InvalidValue, MapEntry, Value};
use crate::VirtAddr;
use crate::memory::read_u64;

/// Levels of a tree: with six entries in a node or more, as the library keeps
/// them, none is as high.
const MOST_LEVELS: u64 = 24;

/// How the nodes of one map are laid out.
struct Layout {
    keys: Column,
    values: Column,
    length: u64,
    length_size: u64,
    /// Entries in a node at most.
    capacity: u64,
    edges: u64,
}

/// An array in a node.
struct Column {
    offset: u64,
    step: u64,
}

/// The first entries of a tree, by where their key and value are.
struct Walk {
    entries: Vec<(VirtAddr, VirtAddr)>,
    most: usize,
}

/// A tree's links or lengths are impossible.
struct Broken;

impl Reader<'_, '_> {
    /// `BTreeMap<K, V>`.
    pub(super) fn tree_map(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let types = (parameter(&place.ty, "K")?, parameter(&place.ty, "V")?);
        let length = self.whole_of(place, "length")?;
        if depth >= self.limits.depth && length > 0 {
            return Ok(Value::Elided);
        }
        let places = match self.entry_places(place, types, length)? {
            Ok(places) => places,
            Err(invalid) => return Ok(invalid),
        };
        let mut entries = Vec::new();
        for (key, value) in places {
            if self.left == 0 {
                break;
            }
            entries.push(MapEntry {
                key: self.value(Some(types.0), &Storage::Memory(key), depth + 1),
                value: self.value(Some(types.1), &Storage::Memory(value), depth + 1),
            });
        }
        Ok(Value::Map { entries, length })
    }

    /// `BTreeSet<T>`: a map to nothing.
    pub(super) fn tree_set(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let element = parameter(&place.ty, "T")?;
        let map = self.find(place, "map")?;
        let types = (parameter(&map.ty, "K")?, parameter(&map.ty, "V")?);
        let length = self.whole_of(&map, "length")?;
        if depth >= self.limits.depth && length > 0 {
            return Ok(Value::Elided);
        }
        Ok(match self.entry_places(&map, types, length)? {
            Ok(places) => {
                let keys = places.into_iter().map(|(key, _)| key);
                Value::Set {
                    elements: self.elements(element, keys, depth + 1),
                    length,
                }
            }
            Err(invalid) => invalid,
        })
    }

    pub(super) fn entry_places(
        &mut self,
        map: &Place,
        types: (TypeId, TypeId),
        length: u64,
    ) -> Result<Result<Vec<(VirtAddr, VirtAddr)>, Value>, Refusal> {
        let root = self.find(map, "root")?;
        let node_part = self.find(&root, "node")?;
        let layout = self.layout(&node_part, types)?;
        if length == 0 {
            return Ok(Ok(Vec::new()));
        }
        let height = self.whole_of(&root, "height")?;
        let (node, _) = self.thin(node_part)?;
        let shown = usize::try_from(length).unwrap_or(usize::MAX);
        let mut walk = Walk {
            entries: Vec::new(),
            most: shown.min(self.limits.width),
        };
        let sound = height <= MOST_LEVELS
            && self.walk(&layout, node, height, &mut walk).is_ok()
            && walk.entries.len() == walk.most;
        Ok(if sound {
            Ok(walk.entries)
        } else {
            Err(Value::Invalid {
                why: InvalidValue::Links,
                bits: length.into(),
            })
        })
    }

    fn layout(&self, node: &Place, types: (TypeId, TypeId)) -> Result<Layout, Refusal> {
        let TypeKind::Pointer(leaf) = self.peel(node.clone()).ty.kind else {
            return Err(Refusal::Shape);
        };
        // At address zero, a member's place is its offset.
        let leaf = self.place_at(leaf, VirtAddr(0))?;
        let length = self.find(&leaf, "len")?;
        let (keys, capacity) = self.column(&leaf, "keys", types.0)?;
        let (values, _) = self.column(&leaf, "vals", types.1)?;
        let parent = self.find(&leaf, "parent")?;
        let parent = self.find(&parent, "__0")?;
        let TypeKind::Pointer(inner) = self.peel(parent).ty.kind else {
            return Err(Refusal::Shape);
        };
        let inner = self.place_at(inner, VirtAddr(0))?;
        Ok(Layout {
            keys,
            values,
            length: offset(&length)?,
            length_size: length.ty.size.ok_or(Refusal::Shape)?,
            capacity,
            edges: offset(&self.find(&inner, "edges")?)?,
        })
    }

    fn column(&self, leaf: &Place, name: &str, ty: TypeId) -> Result<(Column, u64), Refusal> {
        let array = self.find(leaf, name)?;
        let TypeKind::Array { counts, .. } = &array.ty.kind else {
            return Err(Refusal::Shape);
        };
        let [Some(capacity)] = counts.as_slice() else {
            return Err(Refusal::Shape);
        };
        let column = Column {
            offset: offset(&array)?,
            step: self.size_of(ty).ok_or(Refusal::Shape)?,
        };
        Ok((column, *capacity))
    }

    /// Entries in order: before each, what its edge leads to.
    fn walk(
        &mut self,
        layout: &Layout,
        node: VirtAddr,
        height: u64,
        walk: &mut Walk,
    ) -> Result<(), Broken> {
        let length = Storage::Memory(past(node, layout.length))
            .number(layout.length_size, self.memory)
            .map_err(|_| Broken)?;
        let length = u64::try_from(length).map_err(|_| Broken)?;
        // A node without entries would let a tree be walked for nothing.
        if length == 0 || length > layout.capacity {
            return Err(Broken);
        }
        for index in 0..=length {
            if walk.entries.len() >= walk.most {
                return Ok(());
            }
            if let Some(below) = height.checked_sub(1) {
                let edge = layout.edges + index * POINTER;
                let child = read_u64(self.memory, past(node, edge)).map_err(|_| Broken)?;
                self.walk(layout, VirtAddr(child), below, walk)?;
            }
            if index < length && walk.entries.len() < walk.most {
                let place = |column: &Column| {
                    past(past(node, column.offset), index.wrapping_mul(column.step))
                };
                walk.entries
                    .push((place(&layout.keys), place(&layout.values)));
            }
        }
        Ok(())
    }
}

fn offset(place: &Place) -> Result<u64, Refusal> {
    match place.storage {
        Storage::Memory(VirtAddr(offset)) => Ok(offset),
        Storage::Bytes(_) => Err(Refusal::Shape),
    }
}
