//! What a function returned, by the type that DWARF gives it and the calling
//! convention (System V psABI 3.2.3).

use ukdbg_image::{BaseEncoding, Image, LinkAddr, ReturnType, TypeId, TypeKind};
use ukdbg_inspect::{
    Module, Number, Place, PlaceType, Register, Registers, Target, VcpuId, VirtAddr,
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
    _vcpu: VcpuId,
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
    let Some(place) = place_of(&module, link, ty, registers) else {
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
) -> Option<Place<'data>> {
    let image = &module.image;
    let described = PlaceType::Described(ty);
    let size = Place::in_memory(Some(module.clone()), described.clone(), VirtAddr(0)).size()?;
    if size > IN_REGISTERS {
        // The callee gives the address back that it was given.
        let at = VirtAddr(registers.get(Register::Rax)?);
        return Some(Place::in_memory(Some(module.clone()), described, at));
    }
    let mut leaves = Vec::new();
    flatten(image, ty, 0, MOST_NESTING, &mut leaves)?;
    let (rax, rdx) = (registers.get(Register::Rax)?, registers.get(Register::Rdx)?);
    let value = match in_words(&leaves, size, is_rust(image, link))? {
        Words::Packed => u128::from(rdx) << 64 | u128::from(rax),
        Words::Apart(second) => {
            let low = u32::try_from(second.checked_mul(8)?).ok()?;
            let first = u128::from(rax) & (1_u128.checked_shl(low)? - 1);
            first | u128::from(rdx) << low
        }
    };
    let number = Number {
        value: value.cast_signed(),
        encoding: BaseEncoding::Unsigned,
        size,
    };
    Some(Place::number(number).seen_as(Some(module.clone()), described))
}

/// One scalar of a value: where in it, how large, and whether it is a
/// floating-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leaf {
    offset: u64,
    size: u64,
    float: bool,
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
    if leaves.iter().any(|leaf| leaf.float) {
        return None;
    }
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
    let mut leaf = |float| {
        leaves.push(Leaf {
            offset,
            size: described.size?,
            float,
        });
        (leaves.len() <= MOST_LEAVES).then_some(())
    };
    match described.kind {
        TypeKind::Base(encoding) => leaf(encoding == BaseEncoding::Float),
        TypeKind::Pointer(_) | TypeKind::Enumeration { .. } => leaf(false),
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

    fn check(leaves: &[(u64, u64, bool)], size: u64, rust: bool, expected: Option<Words>) {
        let leaves: Vec<Leaf> = leaves
            .iter()
            .map(|&(offset, size, float)| Leaf {
                offset,
                size,
                float,
            })
            .collect();
        assert_eq!(in_words(&leaves, size, rust), expected, "{leaves:?}");
    }

    #[test]
    fn the_registers_of_a_value() {
        for rust in [false, true] {
            check(&[(0, 4, false)], 4, rust, Some(Words::Packed));
            check(&[(0, 16, false)], 16, rust, Some(Words::Packed));
            check(&[(0, 8, true)], 8, rust, None);
            check(&[], 0, rust, None);
            check(&[(1, 4, false)], 5, rust, None);
        }
        let two = [(0, 4, false), (4, 4, false)];
        check(&two, 8, false, Some(Words::Packed));
        check(&two, 8, true, Some(Words::Apart(4)));
        let pair = [(0, 8, false), (8, 8, false)];
        check(&pair, 16, true, Some(Words::Apart(8)));
        check(&pair, 16, false, Some(Words::Packed));
    }
}
