//! Typed places: where a value is and of what type, and the ways from one to
//! the next (a field, an element, what a pointer points to). What an
//! expression means is not decided here.

use ukdbg_image::{BaseEncoding, Image, Member, Type, TypeId, TypeKind, Untrusted, Variable};

use super::read::{POINTER, Reader, base, low_word, sign_extend};
use super::storage::Storage;
use super::symbol::symbol_text;
use super::variables::{Context, locate};
use super::{Missing, Value, ValueLimits};
use crate::memory::read_exact;
use crate::modules::{Module, Modules};
use crate::unwind::Frame;
use crate::{Memory, Registers, VirtAddr};

mod elements;
mod error;
mod fields;
mod library;
mod names;
mod slices;

pub use error::PlaceError;
pub use library::Key;
use names::{resolve, size_of, type_name};

/// Structures that are looked through on the way to a pointer (a box, a
/// reference-counted pointer, a vector's buffer).
const MOST_WRAPPERS: usize = 8;

/// A value's place and type.
#[derive(Clone)]
pub struct Place<'data> {
    /// The image that describes its type; none for a type that needs none.
    module: Option<Module<'data>>,
    ty: PlaceType,
    storage: Storage,
}

/// The type of a place: an image's, or one that an expression made.
#[derive(Clone, PartialEq, Debug)]
pub enum PlaceType {
    /// A type that the image describes.
    Described(TypeId),
    /// A number.
    Base {
        /// How its bytes are read.
        encoding: BaseEncoding,
        /// Their number, at most 16.
        size: u64,
    },
    /// A pointer; none when nothing is known of what is there.
    Pointer(Option<Box<PlaceType>>),
    /// Elements in a row.
    Array {
        /// Their type.
        element: Box<PlaceType>,
        /// How many.
        length: u64,
    },
    /// Nothing is known, a symbol without a type.
    Unknown,
}

/// A number that was read from a place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Number {
    /// The value; a signed one is extended.
    pub value: i128,
    /// How its bytes are read.
    pub encoding: BaseEncoding,
    /// How many there are.
    pub size: u64,
}

impl<'data> Place<'data> {
    /// The place of a variable. Without a frame only a static has one.
    pub fn of_variable(
        modules: &Modules<'data>,
        module: &Module<'data>,
        frame: Option<&Frame>,
        variable: &Variable<'data>,
        memory: &mut dyn Memory,
    ) -> Self {
        let registers = frame.map_or_else(Registers::default, |frame| frame.registers);
        let context = Context {
            modules,
            module,
            registers: &registers,
            cfa: frame.and_then(|frame| frame.cfa),
            frame,
            limits: ValueLimits::default(),
        };
        let storage = match locate(&context, memory, variable) {
            Ok(location) => Storage::of(&location, frame, memory),
            Err(error) => Storage::Bytes(vec![Err(error.into())]),
        };
        Self {
            module: Some(module.clone()),
            ty: variable.ty.map_or(PlaceType::Unknown, PlaceType::Described),
            storage,
        }
    }

    /// A value of a type in memory. The module is the one that describes the
    /// type.
    pub fn in_memory(module: Option<Module<'data>>, ty: PlaceType, at: VirtAddr) -> Self {
        Self {
            module,
            ty,
            storage: Storage::Memory(at),
        }
    }

    /// A computed number.
    pub fn number(number: Number) -> Self {
        let (encoding, size) = (number.encoding, number.size);
        Self {
            module: None,
            ty: PlaceType::Base { encoding, size },
            storage: bytes(number.value, size),
        }
    }

    /// A computed pointer. The module is the one that describes what it points
    /// to.
    pub fn pointer(
        module: Option<Module<'data>>,
        pointee: Option<PlaceType>,
        to: VirtAddr,
    ) -> Self {
        Self {
            module,
            ty: PlaceType::Pointer(pointee.map(Box::new)),
            storage: bytes(i128::from(to.0), POINTER),
        }
    }

    /// A value that is not known, and why.
    pub fn missing(why: Missing) -> Self {
        Self {
            module: None,
            ty: PlaceType::Unknown,
            storage: Storage::Bytes(vec![Err(why)]),
        }
    }

    /// Where it is, when that is in memory.
    pub fn address(&self) -> Option<VirtAddr> {
        match self.storage {
            Storage::Memory(at) => Some(at),
            Storage::Bytes(_) => None,
        }
    }

    /// The module that describes its type.
    pub fn module(&self) -> Option<&Module<'data>> {
        self.module.as_ref()
    }

    /// Its type.
    pub fn ty(&self) -> &PlaceType {
        &self.ty
    }

    /// What its type is called.
    pub fn type_name(&self) -> String {
        type_name(self.image(), &self.ty)
    }

    /// The same place, seen as another type.
    #[must_use]
    pub fn seen_as(&self, module: Option<Module<'data>>, ty: PlaceType) -> Self {
        Self {
            module,
            ty,
            storage: self.storage.clone(),
        }
    }

    /// A pointer to it.
    pub fn address_of(&self) -> Result<Self, PlaceError> {
        let at = self.address().ok_or(PlaceError::NoAddress)?;
        Ok(Self::pointer(
            self.module.clone(),
            Some(self.ty.clone()),
            at,
        ))
    }

    /// The same with its bytes as they are now, unless there are more than so
    /// many: it stays what it is when memory changes. What it points to may not.
    #[must_use]
    pub fn kept(&self, most: usize, memory: &mut dyn Memory) -> Self {
        let size = self.size().and_then(|size| usize::try_from(size).ok());
        let Some(size) = size.filter(|&size| size > 0 && size <= most) else {
            return self.clone();
        };
        Self {
            module: self.module.clone(),
            ty: self.ty.clone(),
            storage: Storage::Bytes(self.storage.bytes(0, size, memory)),
        }
    }

    /// What it holds.
    pub fn value(
        &self,
        modules: &Modules<'data>,
        limits: ValueLimits,
        memory: &mut dyn Memory,
    ) -> Value {
        if let Some(why) = self.storage.missing() {
            return why.into();
        }
        match &self.ty {
            PlaceType::Described(id) => self.read(modules, limits, memory, Some(*id)),
            PlaceType::Base { encoding, size } => match self.storage.number(*size, memory) {
                Ok(bits) => base(*encoding, bits, *size),
                Err(why) => why.into(),
            },
            PlaceType::Pointer(_) => match self.target(memory) {
                Ok((to, pointee)) => Value::Pointer {
                    address: to,
                    function: function_at(modules, to),
                    symbol: match function_at(modules, to) {
                        Some(_) => None,
                        None => symbol_text(modules, to),
                    },
                    pointee: followed(modules, limits, memory, pointee.as_ref()),
                },
                Err(PlaceError::Missing(why)) => why.into(),
                Err(_) => Missing::Undescribed.into(),
            },
            PlaceType::Array { length, .. } => {
                let shown = (*length).min(limits.width as u64);
                let elements = (0..shown).map(|index| match self.index(index, memory) {
                    Ok(element) => element.value(modules, limits, memory),
                    Err(_) => Missing::Undescribed.into(),
                });
                Value::Array {
                    elements: elements.collect(),
                    length: Some(*length),
                }
            }
            PlaceType::Unknown => Missing::Undescribed.into(),
        }
    }

    fn read(
        &self,
        modules: &Modules<'data>,
        limits: ValueLimits,
        memory: &mut dyn Memory,
        ty: Option<TypeId>,
    ) -> Value {
        let Some(module) = &self.module else {
            return Missing::Undescribed.into();
        };
        let mut reader = Reader {
            modules,
            image: &module.image,
            memory,
            limits,
            left: limits.values,
        };
        reader.value(ty, &self.storage, 0)
    }

    fn image(&self) -> Option<&Image<'data>> {
        self.module.as_ref().map(|module| &*module.image)
    }

    /// The type that the image describes, names and qualifiers looked through.
    fn described(&self) -> Option<Type> {
        match self.ty {
            PlaceType::Described(id) => resolve(self.image()?, id),
            _ => None,
        }
    }

    /// Its number: an integer, a boolean, a character, a pointer, an
    /// enumerator.
    pub fn as_number(&self, memory: &mut dyn Memory) -> Result<Number, PlaceError> {
        let (encoding, size) = match &self.ty {
            PlaceType::Base { encoding, size } => (*encoding, *size),
            PlaceType::Pointer(_) => (BaseEncoding::Address, POINTER),
            _ => self.scalar().ok_or_else(|| PlaceError::NotANumber {
                ty: self.type_name(),
            })?,
        };
        if let Some(why) = self.storage.missing() {
            return Err(why.into());
        }
        let bits = self.storage.number(size, memory)?;
        if encoding == BaseEncoding::Float && !matches!(size, 4 | 8) {
            return self.other_fraction(bits, size);
        }
        let signed = matches!(
            encoding,
            BaseEncoding::Signed | BaseEncoding::SignedCharacter
        );
        let value = if signed {
            sign_extend(bits, size * 8)
        } else {
            bits.cast_signed()
        };
        Ok(Number {
            value,
            encoding,
            size,
        })
    }

    /// A floating-point number of another size, as near as an `f64` gets.
    fn other_fraction(&self, bits: u128, size: u64) -> Result<Number, PlaceError> {
        let described = self.described();
        let name = described.as_ref().and_then(|ty| ty.name.as_ref());
        let value = super::extended::fraction(name.map_or("", Untrusted::raw), bits, size);
        let value = value.ok_or_else(|| PlaceError::NotANumber {
            ty: self.type_name(),
        })?;
        Ok(Number {
            value: value.to_bits().into(),
            encoding: BaseEncoding::Float,
            size: 8,
        })
    }

    fn scalar(&self) -> Option<(BaseEncoding, u64)> {
        let mut place = self.clone();
        for _ in 0..MOST_WRAPPERS {
            let ty = place.described()?;
            let only = match ty.kind {
                TypeKind::Base(BaseEncoding::ComplexFloat) => return None,
                TypeKind::Base(encoding) => return Some((encoding, ty.size?)),
                TypeKind::Enumeration { signed: true, .. } => {
                    return Some((BaseEncoding::Signed, ty.size?));
                }
                TypeKind::Enumeration { signed: false, .. } => {
                    return Some((BaseEncoding::Unsigned, ty.size?));
                }
                TypeKind::Pointer(_) => return Some((BaseEncoding::Address, POINTER)),
                // A wrapper around one number (`Cell`, an atomic, a newtype).
                TypeKind::Struct {
                    mut members,
                    variants: None,
                } if members.len() == 1 => members.swap_remove(0),
                _ => return None,
            };
            if only.offset != 0 || only.bits.is_some() {
                return None;
            }
            place = place.member(&only);
        }
        None
    }

    /// What it points to: the address, and the place there where its type is
    /// known. Structures around a pointer are looked through.
    pub fn target(&self, memory: &mut dyn Memory) -> Result<(VirtAddr, Option<Self>), PlaceError> {
        if let Some(place) = self.led_to(memory)
            && let Some(at) = place.address()
        {
            return Ok((at, Some(place)));
        }
        self.plain_target(memory)
    }

    /// The same without a look at what library types are for.
    fn plain_target(
        &self,
        memory: &mut dyn Memory,
    ) -> Result<(VirtAddr, Option<Self>), PlaceError> {
        let (pointer, pointee) = self
            .pointer_within()
            .ok_or_else(|| PlaceError::NotAPointer {
                ty: self.type_name(),
            })?;
        if let Some(why) = pointer.missing() {
            return Err(why.into());
        }
        let to = VirtAddr(low_word(pointer.number(POINTER, memory)?));
        let place = pointee.map(|ty| Self::in_memory(self.module.clone(), ty, to));
        Ok((to, place))
    }

    fn pointer_within(&self) -> Option<(Storage, Option<PlaceType>)> {
        if let PlaceType::Pointer(pointee) = &self.ty {
            return Some((self.storage.clone(), pointee.as_deref().cloned()));
        }
        let mut place = self.clone();
        for _ in 0..MOST_WRAPPERS {
            let members = match place.described()?.kind {
                TypeKind::Pointer(pointee) => {
                    return Some((place.storage, pointee.map(PlaceType::Described)));
                }
                TypeKind::Struct {
                    members,
                    variants: None,
                } => members,
                _ => return None,
            };
            // The data of a fat pointer comes first; what has no size (an
            // allocator, a marker) does not count.
            let first = members.iter().find(|member| place.has_size(member))?;
            place = place.member(first);
        }
        None
    }

    fn has_size(&self, member: &Member) -> bool {
        let place = self.member(member);
        place.size().is_none_or(|size| size > 0)
    }

    /// Bytes that a value of its type takes.
    pub fn size(&self) -> Option<u64> {
        size_of(self.image(), &self.ty)
    }

    fn member(&self, member: &Member) -> Self {
        Self {
            module: self.module.clone(),
            ty: member.ty.map_or(PlaceType::Unknown, PlaceType::Described),
            storage: self.storage.at(member.offset),
        }
    }
}

fn bytes(value: i128, size: u64) -> Storage {
    let size = usize::try_from(size).unwrap_or(16).min(16);
    Storage::Bytes(
        value.to_le_bytes()[..size]
            .iter()
            .copied()
            .map(Ok)
            .collect(),
    )
}

fn function_at(modules: &Modules<'_>, at: VirtAddr) -> Option<ukdbg_image::FunctionName> {
    let (module, link) = modules.find(at)?;
    let function = module.image.function_at(link)?;
    (function.entry == link).then_some(function.name)
}

/// What is behind a pointer, as far as the limits have room for it.
fn followed<'data>(
    modules: &Modules<'data>,
    limits: ValueLimits,
    memory: &mut dyn Memory,
    pointee: Option<&Place<'data>>,
) -> Option<Box<Value>> {
    let pointee = pointee.filter(|place| place.ty != PlaceType::Unknown)?;
    let at = pointee.address().filter(|at| at.0 != 0)?;
    read_exact(memory, at, &mut [0]).ok()?;
    let depth = limits.depth.checked_sub(1)?;
    let limits = ValueLimits { depth, ..limits };
    Some(Box::new(pointee.value(modules, limits, memory)))
}
