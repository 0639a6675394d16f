//! From a place to its elements.

use ukdbg_image::{TypeKind, Untrusted};

use super::super::collection::Collection;
use super::fields::is_called;
use super::{Place, PlaceError, PlaceType};
use crate::Memory;

/// References to what has elements that are followed.
pub(super) const MOST_REFERENCES: usize = 4;

impl<'data> Place<'data> {
    /// An element of an array, of a slice, or behind a pointer.
    pub fn index(&self, index: u64, memory: &mut dyn Memory) -> Result<Self, PlaceError> {
        let mut place = self.clone();
        for _ in 0..MOST_REFERENCES {
            if let Some(collection) = place.collection(memory) {
                return place.element(&collection, index, memory);
            }
            let Some(next) = place.reference(memory) else {
                break;
            };
            place = next;
        }
        let elements = self.elements(memory)?;
        if let Some(length) = elements.length.filter(|&length| index >= length) {
            return Err(PlaceError::OutOfRange { index, length });
        }
        elements.at(index)
    }

    /// What it leads to, when that is a structure.
    pub(super) fn reference(&self, memory: &mut dyn Memory) -> Option<Self> {
        let (_, next) = self.target(memory).ok()?;
        let next = next?;
        let is_structure = matches!(next.described()?.kind, TypeKind::Struct { .. });
        is_structure.then_some(next)
    }

    /// It and those that follow it, as an array.
    pub fn repeated(&self, length: u64) -> Result<Self, PlaceError> {
        self.address().ok_or(PlaceError::NoAddress)?;
        Ok(Self {
            ty: PlaceType::Array {
                element: Box::new(self.ty.clone()),
                length,
            },
            ..self.clone()
        })
    }

    pub(super) fn elements(&self, memory: &mut dyn Memory) -> Result<Elements<'data>, PlaceError> {
        self.elements_within(MOST_REFERENCES, memory)
    }

    fn elements_within(
        &self,
        references: usize,
        memory: &mut dyn Memory,
    ) -> Result<Elements<'data>, PlaceError> {
        let not = || PlaceError::NotIndexable {
            ty: self.type_name(),
        };
        if let PlaceType::Array { element, length } = &self.ty {
            return Ok(Elements {
                first: self.seen_as(self.module.clone(), (**element).clone()),
                length: Some(*length),
            });
        }
        match self.described().map(|ty| ty.kind) {
            Some(TypeKind::Array { element, counts }) => {
                let element = element.map_or(PlaceType::Unknown, PlaceType::Described);
                let (length, inner) = counts.split_first().ok_or_else(not)?;
                let element = inner
                    .iter()
                    .rev()
                    .fold(element, |element, count| PlaceType::Array {
                        element: Box::new(element),
                        length: count.unwrap_or(0),
                    });
                Ok(Elements {
                    first: self.seen_as(self.module.clone(), element),
                    length: *length,
                })
            }
            Some(TypeKind::Struct { .. }) => match self.collection(memory) {
                Some(Collection::Row(run)) => Ok(Elements {
                    first: Self::in_memory(
                        self.module.clone(),
                        PlaceType::Described(run.element),
                        run.address,
                    ),
                    length: Some(run.length),
                }),
                Some(_) => Err(PlaceError::NotInARow {
                    ty: self.type_name(),
                }),
                None => self.counted(memory).ok_or_else(not),
            },
            _ => {
                let (_, first) = self.target(memory).map_err(|error| match error {
                    PlaceError::NotAPointer { .. } => not(),
                    other => other,
                })?;
                let first = first.ok_or_else(not)?;
                if let PlaceType::Array { .. } = first.ty {
                    return first.elements_within(references.saturating_sub(1), memory);
                }
                // A reference to an array or a vector is indexed like it.
                match first.described().map(|ty| ty.kind) {
                    Some(TypeKind::Array { .. } | TypeKind::Struct { .. }) if references > 0 => {
                        first
                            .elements_within(references - 1, memory)
                            .or(Ok(Elements {
                                first,
                                length: None,
                            }))
                    }
                    _ => Ok(Elements {
                        first,
                        length: None,
                    }),
                }
            }
        }
    }

    /// A pointer beside a number of elements: a slice, a vector.
    fn counted(&self, memory: &mut dyn Memory) -> Option<Elements<'data>> {
        let TypeKind::Struct {
            members,
            variants: None,
        } = self.described()?.kind
        else {
            return None;
        };
        let length = members
            .iter()
            .find(|member| is_called(member, "length") || is_called(member, "len"))?;
        let length = self.member(length).as_number(memory).ok()?;
        let length = u64::try_from(length.value).ok()?;
        let data = members.iter().find(|member| {
            ["data_ptr", "buf", "ptr"]
                .iter()
                .any(|name| is_called(member, name))
        })?;
        let (to, pointee) = self.member(data).target(memory).ok()?;
        let element = self.parameter("T").or_else(|| Some(pointee?.ty))?;
        Some(Elements {
            first: Self::in_memory(self.module.clone(), element, to),
            length: Some(length),
        })
    }

    /// A generic type's parameter.
    fn parameter(&self, name: &str) -> Option<PlaceType> {
        let parameters = self.described()?.parameters;
        let named = parameters
            .iter()
            .find(|parameter| parameter.name.as_ref().map(Untrusted::raw) == Some(name));
        named?.ty.map(PlaceType::Described)
    }
}

/// Elements in a row in one storage.
pub(super) struct Elements<'data> {
    first: Place<'data>,
    pub(super) length: Option<u64>,
}

impl<'data> Elements<'data> {
    pub(super) fn at(&self, index: u64) -> Result<Place<'data>, PlaceError> {
        let unsized_ = || PlaceError::Unsized {
            ty: self.first.type_name(),
        };
        let step = self.first.size().ok_or_else(unsized_)?;
        let offset = index.checked_mul(step).ok_or_else(unsized_)?;
        Ok(Place {
            storage: self.first.storage.at(offset),
            ..self.first.clone()
        })
    }
}
