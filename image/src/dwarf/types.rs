//! Types (DWARF 5 chapter 5), one level at a time.

use gimli::{AttributeValue, DebuggingInformationEntry, EntriesTreeNode, UnitOffset};

use super::constants;
use super::members::Children;
use super::{Debug, Scope, Slice};
use crate::{BaseEncoding, Type, TypeId, TypeKind, TypeParameter, Untrusted};

pub(super) type Entry<'data> = DebuggingInformationEntry<Slice<'data>>;

/// Aliases to see through before giving up.
const MOST_ALIASES: usize = 16;

/// Reads a type.
pub(crate) fn type_of(debug: &Debug<'_>, id: TypeId) -> Option<Type> {
    type_behind(debug, id, MOST_ALIASES)
}

/// Reads a type, or the one that it stands for in a type unit (DWARF 5
/// §5.7.1).
fn type_behind(debug: &Debug<'_>, id: TypeId, references: usize) -> Option<Type> {
    let unit = debug.unit_containing(id.0)?;
    let scope = Scope { debug, unit: &unit };
    let entry = UnitOffset(id.0.checked_sub(unit.offset)?);
    let mut tree = unit.dwarf.entries_tree(Some(entry)).ok()?;
    let root = tree.root().ok()?;
    let whole = root.entry().attr_value(gimli::DW_AT_signature);
    let whole = whole.and_then(|signature| scope.position(signature));
    let found = whole
        .zip(references.checked_sub(1))
        .and_then(|(whole, left)| type_behind(debug, TypeId(whole), left));
    // Without the type unit, what stands for it says its name.
    found.or_else(|| read(scope, root))
}

fn read<'data>(
    scope: Scope<'_, 'data>,
    node: EntriesTreeNode<'_, '_, Slice<'data>>,
) -> Option<Type> {
    let entry = node.entry();
    let name = entry.attr_value(gimli::DW_AT_name);
    let name = name
        .and_then(|name| scope.string(name))
        .map(Untrusted::from_bytes);
    let size = entry
        .attr_value(gimli::DW_AT_byte_size)
        .and_then(|size| size.udata_value());
    let (kind, parameters) = kind(scope, node)?;
    // Rust states the size of no pointer (LLVM leaves it out).
    let size = match kind {
        TypeKind::Pointer(_) => size.or(Some(u64::from(scope.unit.dwarf.encoding().address_size))),
        _ => size,
    };
    Some(Type {
        name,
        size,
        kind,
        parameters,
    })
}

fn kind<'data>(
    scope: Scope<'_, 'data>,
    node: EntriesTreeNode<'_, '_, Slice<'data>>,
) -> Option<(TypeKind, Vec<TypeParameter>)> {
    let entry = node.entry();
    if entry.attr_value(gimli::DW_AT_declaration) == Some(AttributeValue::Flag(true)) {
        return Some((TypeKind::Incomplete, Vec::new()));
    }
    let target = target(scope, entry);
    let mut parameters = Vec::new();
    let kind = match entry.tag() {
        gimli::DW_TAG_base_type => base_kind(entry),
        gimli::DW_TAG_pointer_type
        | gimli::DW_TAG_reference_type
        | gimli::DW_TAG_rvalue_reference_type => TypeKind::Pointer(target),
        gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type => {
            let children = Children::read(scope, node);
            parameters = children.parameters;
            TypeKind::Struct {
                members: children.members,
                variants: children.variants,
            }
        }
        gimli::DW_TAG_union_type => {
            let children = Children::read(scope, node);
            parameters = children.parameters;
            TypeKind::Union {
                members: children.members,
            }
        }
        gimli::DW_TAG_enumeration_type => enumeration(scope, node, target),
        gimli::DW_TAG_array_type => TypeKind::Array {
            element: target,
            counts: counts(node),
        },
        tag if is_alias(tag) => TypeKind::Alias(target),
        gimli::DW_TAG_subroutine_type => TypeKind::Function,
        gimli::DW_TAG_unspecified_type | gimli::DW_TAG_ptr_to_member_type => TypeKind::Incomplete,
        // Not a type: whoever named it was wrong, or we misread.
        _ => return None,
    };
    Some((kind, parameters))
}

/// What the type refers to.
pub(super) fn target<'data>(scope: Scope<'_, 'data>, entry: &Entry<'data>) -> Option<TypeId> {
    let value = entry.attr_value(gimli::DW_AT_type)?;
    scope.position(value).map(TypeId)
}

fn base_kind(entry: &Entry<'_>) -> TypeKind {
    let encoding = match entry.attr_value(gimli::DW_AT_encoding) {
        Some(AttributeValue::Encoding(encoding)) => encoding,
        _ => return TypeKind::Incomplete,
    };
    TypeKind::Base(match encoding {
        gimli::DW_ATE_unsigned => BaseEncoding::Unsigned,
        gimli::DW_ATE_signed => BaseEncoding::Signed,
        gimli::DW_ATE_float => BaseEncoding::Float,
        gimli::DW_ATE_complex_float => BaseEncoding::ComplexFloat,
        gimli::DW_ATE_boolean => BaseEncoding::Boolean,
        gimli::DW_ATE_UTF => BaseEncoding::Unicode,
        gimli::DW_ATE_signed_char => BaseEncoding::SignedCharacter,
        gimli::DW_ATE_unsigned_char => BaseEncoding::UnsignedCharacter,
        gimli::DW_ATE_address => BaseEncoding::Address,
        _ => return TypeKind::Incomplete,
    })
}

/// Whether values of a type are signed, aliases seen through.
pub(super) fn is_signed(scope: Scope<'_, '_>, id: Option<TypeId>) -> bool {
    let signed = |entry: &Entry<'_>| {
        (entry.tag() == gimli::DW_TAG_base_type).then(|| {
            let kind = base_kind(entry);
            matches!(
                kind,
                TypeKind::Base(BaseEncoding::Signed | BaseEncoding::SignedCharacter)
            )
        })
    };
    behind_aliases(scope.debug, id, signed).unwrap_or(false)
}

/// A type's size, aliases seen through.
pub(super) fn size_of(scope: Scope<'_, '_>, id: Option<TypeId>) -> Option<u64> {
    behind_aliases(scope.debug, id, |entry| {
        entry.attr_value(gimli::DW_AT_byte_size)?.udata_value()
    })
}

/// What the first entry along a chain of aliases answers. The entries alone
/// are read: what they hold may lead back to where the question came from.
fn behind_aliases<T>(
    debug: &Debug<'_>,
    id: Option<TypeId>,
    answer: impl Fn(&Entry<'_>) -> Option<T>,
) -> Option<T> {
    let mut next = id;
    for _ in 0..MOST_ALIASES {
        let position = next?.0;
        let unit = debug.unit_containing(position)?;
        let scope = Scope { debug, unit: &unit };
        let entry = UnitOffset(position.checked_sub(unit.offset)?);
        let entry = unit.dwarf.entry(entry).ok()?;
        if let Some(answer) = answer(&entry) {
            return Some(answer);
        }
        next = match entry.attr_value(gimli::DW_AT_signature) {
            Some(signature) => scope.position(signature).map(TypeId),
            None if is_alias(entry.tag()) => target(scope, &entry),
            None => None,
        };
    }
    None
}

fn is_alias(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_typedef
            | gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
            | gimli::DW_TAG_restrict_type
            | gimli::DW_TAG_atomic_type
            | gimli::DW_TAG_immutable_type
            | gimli::DW_TAG_packed_type
            | gimli::DW_TAG_shared_type
            | gimli::DW_TAG_subrange_type
    )
}

fn enumeration<'data>(
    scope: Scope<'_, 'data>,
    node: EntriesTreeNode<'_, '_, Slice<'data>>,
    underlying: Option<TypeId>,
) -> TypeKind {
    let mut signed = is_signed(scope, underlying);
    let mut enumerators = Vec::new();
    let mut children = node.children();
    while let Ok(Some(child)) = children.next() {
        let entry = child.entry();
        if entry.tag() != gimli::DW_TAG_enumerator {
            continue;
        }
        let name = entry
            .attr_value(gimli::DW_AT_name)
            .and_then(|name| scope.string(name));
        let value = entry
            .attr(gimli::DW_AT_const_value)
            .map(|value| value.raw_value());
        // GCC's C front end names no underlying type in DWARF 4; a negative
        // value shows it.
        let negative = matches!(value, Some(AttributeValue::Sdata(value)) if value < 0);
        signed |= underlying.is_none() && negative;
        if let (Some(name), Some(value)) = (name, value)
            && let Some(value) = constants::integer(&value, signed)
        {
            enumerators.push((Untrusted::from_bytes(name), value));
        }
    }
    TypeKind::Enumeration {
        enumerators,
        signed,
    }
}

/// Elements per dimension (DWARF 5 §5.5, §5.13).
fn counts(node: EntriesTreeNode<'_, '_, Slice<'_>>) -> Vec<Option<u64>> {
    let mut counts = Vec::new();
    let mut children = node.children();
    while let Ok(Some(child)) = children.next() {
        let entry = child.entry();
        if entry.tag() != gimli::DW_TAG_subrange_type {
            continue;
        }
        let number = |name| entry.attr(name).map(|value| value.raw_value());
        let count = number(gimli::DW_AT_count).and_then(|count| count.udata_value());
        let lower = number(gimli::DW_AT_lower_bound).and_then(|lower| lower.udata_value());
        let upper = number(gimli::DW_AT_upper_bound).and_then(upper_bound);
        let extent = |upper: i128| {
            let extent = upper
                .checked_add(1)?
                .checked_sub(i128::from(lower.unwrap_or(0)))?;
            u64::try_from(extent).ok()
        };
        counts.push(count.or_else(|| upper.and_then(extent)));
    }
    counts
}

/// Compilers write the upper bound of an array without elements as -1, in
/// whichever size.
fn upper_bound(value: AttributeValue<Slice<'_>>) -> Option<i128> {
    let all_ones = match value {
        AttributeValue::Data4(value) => value == u32::MAX,
        AttributeValue::Data8(value) | AttributeValue::Udata(value) => value == u64::MAX,
        _ => false,
    };
    if all_ones {
        Some(-1)
    } else {
        constants::integer(&value, false)
    }
}
