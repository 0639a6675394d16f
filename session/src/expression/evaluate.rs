//! From a tree to a place in the machine.

use ukdbg_image::BaseEncoding;
use ukdbg_inspect::{
    Frame, Key, Memory, Module, Modules, Number, Place, PlaceError, PlaceType, VirtAddr,
};

use super::error::{ExpressionError, ExpressionErrorKind};
use super::history::History;
use super::names::Names;
use super::numbers::{binary, cast, fraction, of_fraction, sized, truth};
use super::parser::{located, parse};
use super::syntax::{Binary, Node, NodeKind, Span, TypeName, Unary};
use super::vectors;

/// Bytes of a number that may be an address: boot code's have four.
const SMALLEST_ADDRESS: u64 = 4;

/// Where an expression is evaluated.
pub(crate) struct Evaluator<'a, 'data> {
    /// The images.
    pub(crate) modules: &'a Modules<'data>,
    /// The frame and the level of its inline chain; none in a machine without
    /// registers.
    pub(crate) frame: Option<(&'a Frame, usize)>,
    /// Values that were asked for before.
    pub(crate) history: &'a History<'data>,
    /// The machine's memory.
    pub(crate) memory: &'a mut dyn Memory,
}

/// Evaluates an expression.
pub(crate) fn evaluate<'data>(
    evaluator: &mut Evaluator<'_, 'data>,
    text: &str,
) -> Result<Place<'data>, Box<ExpressionError>> {
    let node = parse(text)?;
    evaluator
        .node(&node)
        .map_err(|(span, kind)| located(text, span, kind))
}

type Found<'data> = Result<Place<'data>, (Span, ExpressionErrorKind)>;

/// The error with the part it is about.
fn at<E: Into<ExpressionErrorKind>>(node: &Node) -> impl FnOnce(E) -> (Span, ExpressionErrorKind) {
    let span = node.span;
    move |error| (span, error.into())
}

impl<'data> Evaluator<'_, 'data> {
    fn names(&self) -> Names<'_, 'data> {
        Names {
            modules: self.modules,
            frame: self.frame,
        }
    }

    fn node(&mut self, node: &Node) -> Found<'data> {
        match &node.kind {
            NodeKind::Number(number) => {
                let value = i128::try_from(*number);
                let value = value.map_err(|_| (node.span, ExpressionErrorKind::Overflow))?;
                Ok(Place::number(sized(value, 8)))
            }
            NodeKind::Character(character) => Ok(Place::number(Number {
                value: i128::from(u32::from(*character)),
                encoding: BaseEncoding::Unicode,
                size: 4,
            })),
            NodeKind::Fraction(value) => Ok(Place::number(of_fraction(*value, 8))),
            NodeKind::Text(_) => Err((node.span, ExpressionErrorKind::Text)),
            NodeKind::SizeOf(inner) => self.size_of(node, inner),
            NodeKind::SizeOfType(ty) => {
                let (module, ty) = self.named_type(ty)?;
                let place = Place::in_memory(module, ty, VirtAddr(0));
                size_of(&place).map_err(at(node))
            }
            NodeKind::Boolean(value) => Ok(Place::number(truth(*value))),
            NodeKind::Name(name) => {
                let names = Names {
                    modules: self.modules,
                    frame: self.frame,
                };
                names.find(name, self.memory).map_err(at(node))
            }
            NodeKind::Register(name) => {
                if let Some(kept) = self.history.find(name) {
                    return kept.map_err(at(node));
                }
                let vector = vectors::register(self.frame, name, self.memory);
                match vector.map_err(|kind| (node.span, kind))? {
                    Some(place) => Ok(place),
                    None => self.names().known_register(name).map_err(at(node)),
                }
            }
            NodeKind::Field(of, name) => {
                let place = self.node(of)?;
                if let NodeKind::Register(register) = &of.kind
                    && let Some(lanes) = vectors::lanes(register, &place, name)
                {
                    return Ok(lanes);
                }
                place.field(name, self.memory).map_err(at(node))
            }
            NodeKind::Index(of, index) => {
                let place = self.node(of)?;
                self.element(node, &place, index)
            }
            NodeKind::Slice(of, from, to) => {
                let place = self.node(of)?;
                let from = from.as_ref().map_or(Ok(0), |from| self.index(from))?;
                let to = to.as_ref().map(|to| self.index(to)).transpose()?;
                place.slice(from, to, self.memory).map_err(at(node))
            }
            NodeKind::Unary(operator, inner) => self.unary(node, *operator, inner),
            NodeKind::Binary(operator, left, right) => self.binary(node, *operator, left, right),
            NodeKind::Cast(inner, ty) => self.cast(node, inner, ty),
        }
    }

    /// A value that must be a number.
    fn number(&mut self, node: &Node) -> Result<Number, (Span, ExpressionErrorKind)> {
        let place = self.node(node)?;
        place.as_number(self.memory).map_err(at(node))
    }

    /// An element by its index, or what a map has for a key.
    fn element(&mut self, node: &Node, place: &Place<'data>, index: &Node) -> Found<'data> {
        if let NodeKind::Text(text) = &index.kind {
            return place.entry(Key::Text(text), self.memory).map_err(at(node));
        }
        let number = self.number(index)?.value;
        let Ok(index) = u64::try_from(number) else {
            // A key of a map may be below zero.
            let found = place.entry(Key::Number(number), self.memory);
            let wrong = ExpressionErrorKind::BadIndex { index: number };
            return found.map_err(|_| (index.span, wrong));
        };
        place.index(index, self.memory).map_err(at(node))
    }

    /// The size of a value, or of the type that a name is when no value has it.
    fn size_of(&mut self, node: &Node, inner: &Node) -> Found<'data> {
        let value = self.node(inner);
        if let (NodeKind::Name(name), Err(_)) = (&inner.kind, &value) {
            let ty = TypeName::Named(name.clone(), inner.span);
            if let Ok((module, ty)) = self.named_type(&ty) {
                let place = Place::in_memory(module, ty, VirtAddr(0));
                return size_of(&place).map_err(at(node));
            }
        }
        size_of(&value?).map_err(at(node))
    }

    fn index(&mut self, node: &Node) -> Result<u64, (Span, ExpressionErrorKind)> {
        let index = self.number(node)?.value;
        u64::try_from(index).map_err(|_| (node.span, ExpressionErrorKind::BadIndex { index }))
    }

    fn unary(&mut self, node: &Node, operator: Unary, inner: &Node) -> Found<'data> {
        match operator {
            Unary::Dereference => {
                let place = self.node(inner)?;
                self.dereferenced(&place).map_err(at(node))
            }
            Unary::AddressOf => {
                let place = self.node(inner)?;
                // A function's name is its address already.
                if matches!(inner.kind, NodeKind::Name(_))
                    && *place.ty() == PlaceType::Pointer(None)
                {
                    return Ok(place);
                }
                place.address_of().map_err(at(node))
            }
            Unary::Negate => {
                let number = self.number(inner)?;
                if let Some(value) = fraction(number) {
                    return Ok(Place::number(of_fraction(-value, number.size)));
                }
                let value = number.value.checked_neg();
                let value = value.ok_or((node.span, ExpressionErrorKind::Overflow))?;
                Ok(Place::number(sized(value, number.size)))
            }
            Unary::Not => {
                let number = self.number(inner)?;
                if number.encoding == BaseEncoding::Boolean {
                    return Ok(Place::number(truth(number.value == 0)));
                }
                Ok(Place::number(complement(number)))
            }
            Unary::Complement => Ok(Place::number(complement(self.number(inner)?))),
        }
    }

    /// What a pointer points to. Where nothing says of what type that is, a
    /// 64-bit word.
    fn dereferenced(&mut self, place: &Place<'data>) -> Result<Place<'data>, PlaceError> {
        let word = PlaceType::Base {
            encoding: BaseEncoding::Unsigned,
            size: 8,
        };
        match place.target(self.memory) {
            Ok((_, Some(pointee))) if *pointee.ty() != PlaceType::Unknown => Ok(pointee),
            Ok((to, _)) => Ok(Place::in_memory(None, word, to)),
            Err(PlaceError::NotAPointer { ty }) => {
                // A number is an address where an address is meant.
                let number = place.as_number(self.memory).ok();
                let number = number.filter(|number| number.size >= SMALLEST_ADDRESS);
                let to = number.and_then(|number| as_address(number.value));
                let to = to.ok_or(PlaceError::NotAPointer { ty })?;
                Ok(Place::in_memory(None, word, to))
            }
            Err(error) => Err(error),
        }
    }

    fn binary(&mut self, node: &Node, operator: Binary, left: &Node, right: &Node) -> Found<'data> {
        if operator == Binary::Repeat {
            let first = self.node(left)?;
            let count = self.index(right)?;
            return first.repeated(count).map_err(at(left));
        }
        if let Some(equal) = self.compared_text(operator, left, right) {
            return equal;
        }
        let places = self.operands(left, right)?;
        if let Some(moved) = self.pointer_arithmetic(operator, &places) {
            return moved.map_err(at(node));
        }
        let a = places.0.as_number(self.memory).map_err(at(left))?;
        // `&&` and `||` do not look at what they do not need.
        match (operator, a.value != 0) {
            (Binary::BothTrue, false) => return Ok(Place::number(truth(false))),
            (Binary::EitherTrue, true) => return Ok(Place::number(truth(true))),
            _ => {}
        }
        let b = places.1.as_number(self.memory).map_err(at(right))?;
        binary(operator, a, b).map(Place::number).map_err(at(node))
    }

    /// Both operands. A name that stands for nothing may be one of the
    /// enumerators that the other operand has.
    fn operands(
        &mut self,
        left: &Node,
        right: &Node,
    ) -> Result<(Place<'data>, Place<'data>), (Span, ExpressionErrorKind)> {
        match (self.node(left), self.node(right)) {
            (Ok(left), Err(error)) => match enumerator(&left, right) {
                Some(right) => Ok((left, right)),
                None => Err(error),
            },
            (Err(error), Ok(right)) => match enumerator(&right, left) {
                Some(left) => Ok((left, right)),
                None => Err(error),
            },
            (left, right) => Ok((left?, right?)),
        }
    }

    /// `place == "text"`; none when neither operand is text.
    fn compared_text(
        &mut self,
        operator: Binary,
        left: &Node,
        right: &Node,
    ) -> Option<Found<'data>> {
        let (place, text) = match (&left.kind, &right.kind) {
            (NodeKind::Text(_), NodeKind::Text(_)) => return None,
            (_, NodeKind::Text(text)) => (left, text),
            (NodeKind::Text(text), _) => (right, text),
            _ => return None,
        };
        let wanted = match operator {
            Binary::Equal => true,
            Binary::NotEqual => false,
            _ => return None,
        };
        let found = self.node(place).and_then(|found| {
            let held = found.text(self.memory);
            held.ok_or((place.span, ExpressionErrorKind::Text))
        });
        Some(found.map(|held| Place::number(truth((held == *text) == wanted))))
    }

    /// `pointer + count`, `count + pointer`, `pointer - count` in elements,
    /// and the elements between two pointers. None for other operands.
    fn pointer_arithmetic(
        &mut self,
        operator: Binary,
        (left, right): &(Place<'data>, Place<'data>),
    ) -> Option<Result<Place<'data>, ExpressionErrorKind>> {
        if !matches!(operator, Binary::Add | Binary::Subtract) {
            return None;
        }
        let pointers = [self.pointer(left), self.pointer(right)];
        let (pointer, count) = match (pointers, operator) {
            ([Some(a), Some(b)], Binary::Subtract) => {
                let bytes = i128::from(a.to.0) - i128::from(b.to.0);
                return Some(Ok(Place::number(sized(bytes / a.step, 8))));
            }
            ([Some(pointer), None], _) => (pointer, right.as_number(self.memory).ok()?.value),
            ([None, Some(pointer)], Binary::Add) => {
                (pointer, left.as_number(self.memory).ok()?.value)
            }
            _ => return None,
        };
        let bytes = count.checked_mul(pointer.step);
        let moved = bytes.and_then(|bytes| match operator {
            Binary::Add => i128::from(pointer.to.0).checked_add(bytes),
            _ => i128::from(pointer.to.0).checked_sub(bytes),
        });
        let to = moved.and_then(as_address);
        Some(
            to.map(|to| Place::pointer(pointer.module, pointer.pointee, to))
                .ok_or(ExpressionErrorKind::Overflow),
        )
    }

    /// A place that holds a pointer itself, not one in a wrapper.
    fn pointer(&mut self, place: &Place<'data>) -> Option<Pointer<'data>> {
        let number = place.as_number(self.memory).ok()?;
        if number.encoding != BaseEncoding::Address {
            return None;
        }
        let (to, pointee) = place.target(self.memory).ok()?;
        let size = pointee
            .as_ref()
            .and_then(Place::size)
            .filter(|&size| size > 0);
        Some(Pointer {
            to,
            step: i128::from(size.unwrap_or(1)),
            module: place.module().cloned(),
            pointee: pointee.map(|pointee| pointee.ty().clone()),
        })
    }

    fn cast(&mut self, node: &Node, inner: &Node, ty: &TypeName) -> Found<'data> {
        let place = self.node(inner)?;
        let (module, ty) = self.named_type(ty)?;
        match ty {
            PlaceType::Base { encoding, size } => {
                let number = place.as_number(self.memory).map_err(at(inner))?;
                Ok(Place::number(cast(number, encoding, size)))
            }
            PlaceType::Pointer(pointee) => {
                let to = match place.target(self.memory) {
                    Ok((to, _)) => to,
                    Err(_) => self.as_address(&place).map_err(at(inner))?,
                };
                Ok(Place::pointer(module, pointee.map(|pointee| *pointee), to))
            }
            // A described number is converted, anything else seen anew.
            ty => {
                let seen = place.seen_as(module.clone(), ty.clone());
                let numbers = (
                    place.as_number(self.memory),
                    seen.size(),
                    seen.as_number(self.memory),
                );
                if let (Ok(number), Some(size), Ok(like)) = &numbers
                    && (fraction(*number).is_some() || number.size != *size)
                {
                    let number = Place::number(cast(*number, like.encoding, *size));
                    return Ok(number.seen_as(module, ty));
                }
                if seen.size().is_none() {
                    let error = PlaceError::Unsized {
                        ty: seen.type_name(),
                    };
                    return Err((node.span, error.into()));
                }
                Ok(seen)
            }
        }
    }

    /// A number that is an address, or the address of what is no number.
    pub(crate) fn as_address(&mut self, place: &Place<'data>) -> Result<VirtAddr, PlaceError> {
        match place.as_number(self.memory) {
            Ok(number) => as_address(number.value).ok_or(PlaceError::NotAPointer {
                ty: place.type_name(),
            }),
            Err(PlaceError::NotANumber { .. }) => match place.address() {
                Some(address) => Ok(address),
                None => Ok(place.target(self.memory)?.0),
            },
            Err(error) => Err(error),
        }
    }

    fn named_type(
        &self,
        ty: &TypeName,
    ) -> Result<(Option<Module<'data>>, PlaceType), (Span, ExpressionErrorKind)> {
        Ok(match ty {
            TypeName::Base(encoding, size) => (
                None,
                PlaceType::Base {
                    encoding: *encoding,
                    size: *size,
                },
            ),
            TypeName::Void => (None, PlaceType::Unknown),
            TypeName::Named(name, span) => {
                let found = self.modules.iter().find_map(|module| {
                    let id = module.image.types_named(name).into_iter().next()?;
                    Some((module.clone(), id))
                });
                let (module, id) = found.ok_or_else(|| {
                    let name = name.clone();
                    (*span, ExpressionErrorKind::UnknownType { name })
                })?;
                (Some(module), PlaceType::Described(id))
            }
            TypeName::Pointer(to) => {
                let (module, to) = self.named_type(to)?;
                let pointee = Some(Box::new(to)).filter(|to| **to != PlaceType::Unknown);
                (module, PlaceType::Pointer(pointee))
            }
            TypeName::Array(element, length) => {
                let (module, element) = self.named_type(element)?;
                let element = Box::new(element);
                let length = *length;
                (module, PlaceType::Array { element, length })
            }
        })
    }
}

/// A pointer taken apart.
struct Pointer<'data> {
    to: VirtAddr,
    /// Bytes from one element to the next.
    step: i128,
    module: Option<Module<'data>>,
    pointee: Option<PlaceType>,
}

fn size_of<'data>(place: &Place<'data>) -> Result<Place<'data>, PlaceError> {
    let size = place.size().ok_or_else(|| PlaceError::Unsized {
        ty: place.type_name(),
    })?;
    Ok(Place::number(sized(size.into(), 8)))
}

/// The enumerator of that name, or of that path's end, that a place may hold.
fn enumerator<'data>(place: &Place<'data>, name: &Node) -> Option<Place<'data>> {
    let NodeKind::Name(name) = &name.kind else {
        return None;
    };
    let value = place.enumerator(name.rsplit("::").next().unwrap_or(name))?;
    Some(Place::number(sized(value, 8)))
}

fn complement(number: Number) -> Number {
    let flipped = Number {
        value: !number.value,
        ..number
    };
    cast(flipped, number.encoding, number.size)
}

/// An address; a negative number counts from the end of the address space.
fn as_address(value: i128) -> Option<VirtAddr> {
    let positive = u64::try_from(value).ok();
    let negative = || i64::try_from(value).ok().map(i64::cast_unsigned);
    positive.or_else(negative).map(VirtAddr)
}
