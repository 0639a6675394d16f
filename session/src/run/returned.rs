//! What a function returned, by the type that DWARF gives it and the calling
//! convention (System V psABI 3.2.3).

use ukdbg_image::iced_x86::{Instruction, OpKind, Register as CodeRegister};
use ukdbg_image::{
    BaseEncoding, Function, Image, LinkAddr, ReturnType, TypeId, TypeKind, Untrusted, decode,
};
use ukdbg_inspect::{
    Memory, Module, Number, Place, PlaceType, Register, Registers, Target, VectorRegister, VirtAddr,
};

use crate::print;
use crate::session::Session;
use crate::view::Returned;

/// What the two integer registers hold.
const IN_REGISTERS: u64 = 16;
/// Types looked through on the way to a scalar.
const MOST_NESTING: usize = 16;
/// Scalars of a value that is in registers.
const MOST_LEAVES: usize = 16;

/// The value a function returned, in the registers that its caller finds.
pub(super) fn value<T: Target>(
    session: &mut Session<'_, T>,
    function: Option<VirtAddr>,
    registers: &Registers,
) -> Returned {
    let unknown = |why: &str| Returned::Unknown {
        why: why.to_owned(),
    };
    let found = function.and_then(|at| {
        let (module, link) = session.modules.find(at)?;
        Some((module.clone(), link))
    });
    let Some((module, link)) = found else {
        return unknown("no image describes the function");
    };
    let ty = match module.image.return_type(link) {
        ReturnType::Unknown => return unknown("the image does not say what the function returns"),
        ReturnType::Nothing => return Returned::Nothing,
        ReturnType::Type(ty) => ty,
    };
    let Some(place) = place_of(&module, link, ty, registers, &mut session.target) else {
        return unknown("where a value of this type is returned is not known");
    };
    Returned::Value {
        type_name: place.type_name().into(),
        text: print::in_line(session, &place, None),
    }
}

/// Where the value is. None when the registers that hold it are not known, or
/// the convention is not.
fn place_of<'data>(
    module: &Module<'data>,
    link: LinkAddr,
    ty: TypeId,
    registers: &Registers,
    memory: &mut dyn Memory,
) -> Option<Place<'data>> {
    let image = &module.image;
    let described = PlaceType::Described(ty);
    let size = Place::in_memory(Some(module.clone()), described.clone(), VirtAddr(0)).size()?;
    if size > IN_REGISTERS {
        // Wide vectors and complex numbers are not in memory.
        if !is_structure(image, ty) {
            return None;
        }
        // The callee gives the address back that it was given.
        let at = VirtAddr(registers.get(Register::Rax)?);
        return Some(Place::in_memory(Some(module.clone()), described, at));
    }
    let mut leaves = Vec::new();
    flatten(image, ty, 0, MOST_NESTING, &mut leaves)?;
    let rust = is_rust(image, link);
    let value = if leaves.iter().all(|leaf| leaf.class == Class::Integer) {
        let (rax, rdx) = (registers.get(Register::Rax)?, registers.get(Register::Rdx)?);
        joined(in_words(&leaves, size, rust)?, rax, rdx)?
    } else {
        let function = image.function_at(link)?;
        // Without an SSE unit in use, Rust returns such a number in rax.
        if rust && (leaves.len() != 1 || !writes_xmm0(image, &function)) {
            return None;
        }
        by_class(&classes(&leaves, size)?, registers, memory)?
    };
    let number = Number {
        value: value.cast_signed(),
        encoding: BaseEncoding::Unsigned,
        size,
    };
    Some(Place::number(number).seen_as(Some(module.clone()), described))
}

/// Whether a type is one that is returned in memory when it is large.
fn is_structure(image: &Image<'_>, ty: TypeId) -> bool {
    let mut ty = ty;
    for _ in 0..MOST_NESTING {
        match image.type_of(ty).map(|described| described.kind) {
            Some(TypeKind::Alias(Some(of))) => ty = of,
            Some(kind) => return matches!(kind, TypeKind::Struct { .. }),
            None => return false,
        }
    }
    false
}

fn joined(words: Words, rax: u64, rdx: u64) -> Option<u128> {
    Some(match words {
        Words::Packed => u128::from(rdx) << 64 | u128::from(rax),
        Words::Apart(second) => {
            let low = u32::try_from(second.checked_mul(8)?).ok()?;
            let first = u128::from(rax) & (1_u128.checked_shl(low)? - 1);
            first | u128::from(rdx) << low
        }
    })
}

/// The value of which each eight bytes are in the next register of their class.
fn by_class(classes: &[Class], registers: &Registers, memory: &mut dyn Memory) -> Option<u128> {
    let vectors = memory.vector_registers();
    if classes.first() == Some(&Class::X87) {
        return vectors.get(VectorRegister::ST0);
    }
    let mut words = [Register::Rax, Register::Rdx].into_iter();
    let mut lanes = [VectorRegister::XMM0, VectorRegister::XMM1].into_iter();
    let mut value = 0;
    for (class, shift) in classes.iter().zip([0, 64]) {
        let part = match class {
            Class::Integer => registers.get(words.next()?)?.into(),
            Class::Sse => vectors.get(lanes.next()?)? & u128::from(u64::MAX),
            Class::X87 => return None,
        };
        value |= part << shift;
    }
    Some(value)
}

/// Whether a function has code that writes the register.
fn writes_xmm0(image: &Image<'_>, function: &Function) -> bool {
    let writes = |instruction: Instruction| {
        instruction.op0_kind() == OpKind::Register
            && instruction.op0_register() == CodeRegister::XMM0
    };
    function.ranges.iter().any(|range| {
        let size = range.end.offset_from(range.start).unwrap_or(0);
        let code = image.bytes_at(range.start).unwrap_or_default();
        let code = &code[..code.len().min(usize::try_from(size).unwrap_or(0))];
        decode(code, range.start).any(writes)
    })
}

/// The class of a scalar by the convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Integer,
    Sse,
    X87,
}

/// One scalar of a value: where in it, how large, and its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leaf {
    offset: u64,
    size: u64,
    class: Class,
}

/// The class of each eight bytes: of several scalars in them, an integer's
/// wins. None for what is not aligned, which is returned in memory.
fn classes(leaves: &[Leaf], size: u64) -> Option<Vec<Class>> {
    let unaligned = |leaf: &Leaf| leaf.size == 0 || !leaf.offset.is_multiple_of(leaf.size);
    if leaves.is_empty() || leaves.iter().any(unaligned) {
        return None;
    }
    if leaves.iter().any(|leaf| leaf.class == Class::X87) {
        return (leaves.len() == 1).then(|| vec![Class::X87]);
    }
    let of_word = |word: u64| {
        let mut here = leaves.iter().filter(|leaf| leaf.offset / 8 == word);
        let first = here.next()?.class;
        Some(here.fold(first, |class, leaf| match leaf.class {
            Class::Integer => Class::Integer,
            _ => class,
        }))
    };
    // A word of padding only has no class that matters, and no register.
    let words = size.div_ceil(8);
    (0..words).map(of_word).collect()
}

/// How a value lies in `rax` and `rdx`.
#[derive(Debug, PartialEq, Eq)]
enum Words {
    /// As in memory.
    Packed,
    /// Its second scalar, at this offset, has `rdx` for itself.
    Apart(u64),
}

/// None where it is not in these registers, or nobody says that it is. Rust's
/// own convention is not written down: what its compilers do is that two
/// scalars are returned in a register each.
fn in_words(leaves: &[Leaf], size: u64, rust: bool) -> Option<Words> {
    let unaligned = |leaf: &Leaf| leaf.size == 0 || !leaf.offset.is_multiple_of(leaf.size.min(8));
    match leaves {
        [] => None,
        _ if leaves.iter().any(unaligned) => None,
        [_, second] if rust && size <= IN_REGISTERS => Some(Words::Apart(second.offset)),
        _ => Some(Words::Packed),
    }
}

/// The scalars of a type, by their place in it. None where that depends on the
/// value, or is not described.
fn flatten(
    image: &Image<'_>,
    ty: TypeId,
    offset: u64,
    nesting: usize,
    leaves: &mut Vec<Leaf>,
) -> Option<()> {
    let nesting = nesting.checked_sub(1)?;
    let described = image.type_of(ty)?;
    let mut leaf = |offset, size, class| {
        leaves.push(Leaf {
            offset,
            size,
            class,
        });
        (leaves.len() <= MOST_LEAVES).then_some(())
    };
    let size = described.size;
    match described.kind {
        TypeKind::Base(BaseEncoding::Float) => {
            let name = described.name.as_ref().map(Untrusted::raw);
            let class = match (size?, name) {
                (4 | 8, _) => Class::Sse,
                (16, Some("long double")) => Class::X87,
                _ => return None,
            };
            leaf(offset, size?, class)
        }
        TypeKind::Base(BaseEncoding::ComplexFloat) => {
            let half = size? / 2;
            if !matches!(half, 4 | 8) {
                return None;
            }
            leaf(offset, half, Class::Sse)?;
            leaf(offset.checked_add(half)?, half, Class::Sse)
        }
        TypeKind::Base(_) | TypeKind::Pointer(_) | TypeKind::Enumeration { .. } => {
            leaf(offset, size?, Class::Integer)
        }
        TypeKind::Alias(Some(of)) => flatten(image, of, offset, nesting, leaves),
        TypeKind::Struct {
            members,
            variants: None,
        } => {
            for member in members {
                if member.bits.is_some() {
                    return None;
                }
                flatten(
                    image,
                    member.ty?,
                    offset.checked_add(member.offset)?,
                    nesting,
                    leaves,
                )?;
            }
            leaves.sort_by_key(|leaf| leaf.offset);
            Some(())
        }
        _ => None,
    }
}

/// Whether a function is compiled by Rust's own convention: what it exports
/// under a plain name is not.
fn is_rust(image: &Image<'_>, link: LinkAddr) -> bool {
    image.function_at(link).is_some_and(|function| {
        let name = function.name.linkage.raw().to_owned();
        name.starts_with("_R") || name.starts_with("_ZN") && name.ends_with('E')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(leaves: &[(u64, u64, Class)]) -> Vec<Leaf> {
        let leaves = leaves.iter().map(|&(offset, size, class)| Leaf {
            offset,
            size,
            class,
        });
        leaves.collect()
    }

    fn check(words: &[(u64, u64)], size: u64, rust: bool, expected: Option<Words>) {
        let words: Vec<_> = words
            .iter()
            .map(|&(offset, size)| (offset, size, Class::Integer))
            .collect();
        assert_eq!(in_words(&leaves(&words), size, rust), expected, "{words:?}");
    }

    #[test]
    fn the_registers_of_a_value() {
        for rust in [false, true] {
            check(&[(0, 4)], 4, rust, Some(Words::Packed));
            check(&[(0, 16)], 16, rust, Some(Words::Packed));
            check(&[], 0, rust, None);
            check(&[(1, 4)], 5, rust, None);
        }
        let two = [(0, 4), (4, 4)];
        check(&two, 8, false, Some(Words::Packed));
        check(&two, 8, true, Some(Words::Apart(4)));
        let pair = [(0, 8), (8, 8)];
        check(&pair, 16, true, Some(Words::Apart(8)));
        check(&pair, 16, false, Some(Words::Packed));
    }

    #[test]
    fn the_classes_of_eight_bytes() {
        use Class::{Integer, Sse, X87};
        let check = |words: &[(u64, u64, Class)], size: u64, expected: Option<&[Class]>| {
            let found = classes(&leaves(words), size);
            assert_eq!(found.as_deref(), expected, "{words:?}");
        };
        check(&[(0, 8, Sse)], 8, Some(&[Sse]));
        check(&[(0, 4, Sse), (4, 4, Sse)], 8, Some(&[Sse]));
        check(&[(0, 4, Sse), (4, 4, Integer)], 8, Some(&[Integer]));
        check(&[(0, 8, Sse), (8, 4, Integer)], 16, Some(&[Sse, Integer]));
        check(&[(0, 8, Integer), (8, 8, Sse)], 16, Some(&[Integer, Sse]));
        check(&[(0, 16, X87)], 16, Some(&[X87]));
        check(&[(0, 4, Sse), (2, 4, Sse)], 8, None);
        check(&[(0, 4, Sse)], 16, None);
        check(&[], 0, None);
    }
}
