//! `Vec`, `String`, `VecDeque` and `LinkedList`, by their members: a pointer
//! or an array, a capacity, a length.

use ukdbg_image::{Member, TypeId, TypeKind, Untrusted};

use super::read::Reader;
use super::search::{Place, Refusal, parameter, past};
use super::storage::Storage;
use super::{InvalidValue, Value};
use crate::VirtAddr;

/// Bytes of which no program has more: half of a 57-bit address space (SDM
/// volume 1 §3.3.7.1).
const MOST_BYTES: u64 = 1 << 56;

/// Where elements are, how many, of what size.
pub(super) struct Run {
    pub(super) element: TypeId,
    pub(super) address: VirtAddr,
    pub(super) length: u64,
    pub(super) step: u64,
}

/// A run that begins within its room and goes on at the room's start.
pub(super) struct Ring {
    pub(super) run: Run,
    head: u64,
    capacity: u64,
}

impl Ring {
    pub(super) fn place(&self, index: u64) -> VirtAddr {
        let index = self.head.wrapping_add(index);
        // Both are below the capacity.
        let wrapped = match index >= self.capacity {
            true => index.wrapping_sub(self.capacity),
            false => index,
        };
        place_in(&self.run, wrapped)
    }
}

impl Run {
    /// What contradicts it.
    pub(super) fn contradiction(&self) -> Option<Value> {
        let bytes = self.length.checked_mul(self.step);
        let end = bytes
            .filter(|&bytes| bytes <= MOST_BYTES)
            .and_then(|bytes| self.address.checked_add(bytes));
        let why = InvalidValue::Length;
        let bits = self.length.into();
        end.is_none().then_some(Value::Invalid { why, bits })
    }
}

impl Reader<'_, '_> {
    /// A run of elements of a type.
    pub(super) fn run(
        &self,
        element: TypeId,
        address: VirtAddr,
        length: u64,
    ) -> Result<Run, Refusal> {
        Ok(Run {
            element,
            address,
            length,
            step: self.size_of(element).ok_or(Refusal::Shape)?,
        })
    }

    /// A run as a value, unless it contradicts itself.
    pub(super) fn slice(&mut self, run: &Run, depth: usize) -> Value {
        if let Some(invalid) = run.contradiction() {
            return invalid;
        }
        if depth >= self.limits.depth && run.length > 0 {
            return Value::Elided;
        }
        let places = (0..run.length).map(|index| place_in(run, index));
        Value::Slice {
            address: run.address,
            elements: self.elements(run.element, places, depth + 1),
            length: run.length,
        }
    }

    /// The first values of those places.
    pub(super) fn elements(
        &mut self,
        element: TypeId,
        places: impl Iterator<Item = VirtAddr>,
        depth: usize,
    ) -> Vec<Value> {
        let mut elements = Vec::new();
        for at in places.take(self.limits.width) {
            if self.left == 0 {
                break;
            }
            elements.push(self.value(Some(element), &Storage::Memory(at), depth));
        }
        elements
    }

    /// `Vec<T>`.
    pub(super) fn vector(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let run = match self.vector_run(place)? {
            Ok(run) => run,
            Err(invalid) => return Ok(invalid),
        };
        Ok(self.slice(&run, depth))
    }

    /// `String`: a vector of bytes, or a wrapper of one.
    pub(super) fn string(&mut self, place: &Place) -> Result<Value, Refusal> {
        let vector = self.find(place, "vec").unwrap_or_else(|_| place.clone());
        Ok(match self.vector_run(&vector)? {
            Ok(run) => match run.contradiction() {
                Some(invalid) => invalid,
                None => self.text(run.address, run.length),
            },
            Err(invalid) => invalid,
        })
    }

    pub(super) fn vector_run(&mut self, place: &Place) -> Result<Result<Run, Value>, Refusal> {
        let Ok(buffer) = self.find(place, "buf") else {
            return self.inline_run(place);
        };
        let length = self.whole_of(place, "len")?;
        let (address, _) = self.thin_of(&buffer, "ptr")?;
        let run = self.run(parameter(&place.ty, "T")?, address, length)?;
        let capacity = self.whole_of(&buffer, "cap")?;
        // Without a size there is always room.
        if run.step > 0 && capacity < length && run.contradiction().is_none() {
            return Ok(Err(Value::Invalid {
                why: InvalidValue::Capacity,
                bits: capacity.into(),
            }));
        }
        Ok(Ok(run))
    }

    /// A vector without a heap: its elements are in an array of its own, of
    /// which some are set.
    fn inline_run(&mut self, place: &Place) -> Result<Result<Run, Value>, Refusal> {
        let TypeKind::Struct { members, .. } = &place.ty.kind else {
            return Err(Refusal::Shape);
        };
        let is_length = |member: &&Member| member.name.as_ref().map(Untrusted::raw) == Some("len");
        let length = members.iter().find(is_length).ok_or(Refusal::Shape)?;
        let others = members.iter().filter(|member| !is_length(member));
        let arrays = others.filter_map(|member| self.part(member, &place.storage).ok());
        let arrays = arrays.map(|part| self.peel(part));
        let mut arrays = arrays.filter(|part| matches!(part.ty.kind, TypeKind::Array { .. }));
        let array = arrays.next().ok_or(Refusal::Shape)?;
        drop(arrays);
        let (TypeKind::Array { element, counts }, Storage::Memory(address)) =
            (&array.ty.kind, &array.storage)
        else {
            return Err(Refusal::Shape);
        };
        let [Some(capacity)] = counts.as_slice() else {
            return Err(Refusal::Shape);
        };
        let element = element.and_then(|id| self.resolve(id));
        let element = element.filter(|ty| matches!(ty.kind, TypeKind::Union { .. }));
        let element = parameter(&element.ok_or(Refusal::Shape)?, "T")?;
        let length = self.part(length, &place.storage)?;
        let length = self.whole(length)?;
        let run = self.run(element, *address, length)?;
        Ok(if run.length <= *capacity {
            Ok(run)
        } else {
            let (why, bits) = (InvalidValue::Capacity, (*capacity).into());
            Err(Value::Invalid { why, bits })
        })
    }

    /// `VecDeque<T>`: a ring that begins at `head`.
    pub(super) fn ring(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let ring = match self.ring_of(place)? {
            Ok(ring) => ring,
            Err(invalid) => return Ok(invalid),
        };
        let length = ring.run.length;
        if depth >= self.limits.depth && length > 0 {
            return Ok(Value::Elided);
        }
        let places = (0..length).map(|index| ring.place(index));
        Ok(Value::Slice {
            address: ring.run.address,
            elements: self.elements(ring.run.element, places, depth + 1),
            length,
        })
    }

    pub(super) fn ring_of(&mut self, place: &Place) -> Result<Result<Ring, Value>, Refusal> {
        let head = self.whole_of(place, "head")?;
        let run = match self.vector_run(place)? {
            Ok(run) => run,
            Err(invalid) => return Ok(Err(invalid)),
        };
        if let Some(invalid) = run.contradiction() {
            return Ok(Err(invalid));
        }
        let buffer = self.find(place, "buf")?;
        let capacity = self.whole_of(&buffer, "cap")?;
        if run.step > 0 && run.length > 0 && head >= capacity {
            return Ok(Err(Value::Invalid {
                why: InvalidValue::Capacity,
                bits: capacity.into(),
            }));
        }
        Ok(Ok(Ring {
            run,
            head,
            capacity,
        }))
    }

    /// `LinkedList<T>`.
    pub(super) fn list(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let element = parameter(&place.ty, "T")?;
        let length = self.whole_of(place, "len")?;
        if depth >= self.limits.depth && length > 0 {
            return Ok(Value::Elided);
        }
        let (address, places) = match self.list_places(place, length)? {
            Ok(found) => found,
            Err(invalid) => return Ok(invalid),
        };
        Ok(Value::Slice {
            address,
            elements: self.elements(element, places.into_iter(), depth + 1),
            length,
        })
    }

    /// The first node of a list, and the elements of those the limits allow.
    pub(super) fn list_places(
        &mut self,
        place: &Place,
        length: u64,
    ) -> Result<Result<(VirtAddr, Vec<VirtAddr>), Value>, Refusal> {
        let head = self.find(place, "head")?;
        let (first, node) = self.link(&head)?;
        let shown = usize::try_from(length).unwrap_or(usize::MAX);
        let mut places = Vec::new();
        let mut next = first;
        while places.len() < shown.min(self.limits.width) {
            if next.0 == 0 {
                return Ok(Err(Value::Invalid {
                    why: InvalidValue::Links,
                    bits: length.into(),
                }));
            }
            let here = self.place_at(node, next)?;
            if let Storage::Memory(at) = self.find(&here, "element")?.storage {
                places.push(at);
            }
            let link = self.find(&here, "next")?;
            next = match self.link(&link) {
                Ok((next, _)) => next,
                // The element that cannot be read says so.
                Err(Refusal::Missing(_)) => break,
                Err(refusal) => return Err(refusal),
            };
        }
        Ok(Ok((first, places)))
    }

    /// An optional pointer to a node: none is null.
    pub(super) fn link(&mut self, place: &Place) -> Result<(VirtAddr, Option<TypeId>), Refusal> {
        let some = self.find(place, "__0")?;
        let is_pointer = matches!(self.peel(some.clone()).ty.kind, TypeKind::Pointer(_));
        if is_pointer {
            self.thin(some)
        } else {
            Err(Refusal::Shape)
        }
    }
}

fn place_in(run: &Run, index: u64) -> VirtAddr {
    past(run.address, index.wrapping_mul(run.step))
}
