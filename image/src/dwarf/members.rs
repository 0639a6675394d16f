//! Members of structs and unions, bit-fields, and the variants of enums with
//! data (DWARF 5 §5.7).

use gimli::{AttributeValue, EntriesTreeNode, Operation};

use super::types::{Entry, is_signed, size_of, target};
use super::{Scope, Slice, constants};
use crate::{Member, TypeParameter, Untrusted, Variant, VariantPart};

/// What the children of a struct or union say.
#[derive(Default)]
pub(super) struct Children {
    pub(super) members: Vec<Member>,
    pub(super) variants: Option<VariantPart>,
    pub(super) parameters: Vec<TypeParameter>,
}

impl Children {
    pub(super) fn read<'data>(
        scope: Scope<'_, 'data>,
        node: EntriesTreeNode<'_, '_, Slice<'data>>,
    ) -> Self {
        let mut read = Self::default();
        let mut children = node.children();
        while let Ok(Some(child)) = children.next() {
            match child.entry().tag() {
                gimli::DW_TAG_member | gimli::DW_TAG_inheritance => {
                    read.members.extend(member(scope, child.entry()));
                }
                gimli::DW_TAG_template_type_parameter => {
                    read.parameters.push(parameter(scope, child.entry()));
                }
                gimli::DW_TAG_variant_part => read.variants = Some(variant_part(scope, child)),
                _ => {}
            }
        }
        read
    }
}

fn parameter<'data>(scope: Scope<'_, 'data>, entry: &Entry<'data>) -> TypeParameter {
    let name = entry
        .attr_value(gimli::DW_AT_name)
        .and_then(|name| scope.string(name));
    TypeParameter {
        name: name.map(Untrusted::from_bytes),
        ty: target(scope, entry),
    }
}

/// A member; none for a static one, or one whose place depends on the object
/// (a C++ virtual base).
pub(super) fn member<'data>(scope: Scope<'_, 'data>, entry: &Entry<'data>) -> Option<Member> {
    if entry.has_attr(gimli::DW_AT_external) || entry.has_attr(gimli::DW_AT_declaration) {
        return None;
    }
    let name = entry
        .attr_value(gimli::DW_AT_name)
        .and_then(|name| scope.string(name));
    let ty = target(scope, entry);
    let offset = match entry.attr_value(gimli::DW_AT_data_member_location) {
        // A union's members, and a bit-field placed by bits alone.
        None => 0,
        Some(AttributeValue::Exprloc(expression)) => {
            let mut operations = expression.operations(scope.unit.dwarf.encoding());
            match (operations.next(), operations.next()) {
                (Ok(Some(Operation::PlusConstant { value })), Ok(None)) => value,
                _ => return None,
            }
        }
        Some(value) => value.udata_value()?,
    };
    let bits = bit_field(scope, entry, offset, ty);
    let offset = match bits {
        Some((bit, _)) if !entry.has_attr(gimli::DW_AT_data_member_location) => bit / 8,
        _ => offset,
    };
    Some(Member {
        name: name.map(Untrusted::from_bytes),
        ty,
        offset,
        bits,
    })
}

/// Offset and size in bits, from the start of the struct.
fn bit_field<'data>(
    scope: Scope<'_, 'data>,
    entry: &Entry<'data>,
    offset: u64,
    ty: Option<crate::TypeId>,
) -> Option<(u64, u64)> {
    let number = |name| entry.attr_value(name).and_then(|value| value.udata_value());
    let size = number(gimli::DW_AT_bit_size)?;
    if let Some(bit) = number(gimli::DW_AT_data_bit_offset) {
        return Some((offset.checked_mul(8)?.checked_add(bit)?, size));
    }
    // Before DWARF 4: counted from the most significant bit of the storage
    // unit (DWARF 3 §5.6.6).
    // Negative for a field that goes on behind its storage unit, as packed
    // ones do.
    let from_top = entry.attr_value(gimli::DW_AT_bit_offset).and_then(|value| {
        let positive = value.udata_value().and_then(|bits| bits.try_into().ok());
        positive.or_else(|| value.sdata_value())
    });
    let Some(from_top) = from_top else {
        return Some((offset.checked_mul(8)?, size));
    };
    let storage = number(gimli::DW_AT_byte_size).or_else(|| size_of(scope, ty))?;
    let end = offset.checked_add(storage)?.checked_mul(8)?;
    Some((end.checked_sub_signed(from_top)?.checked_sub(size)?, size))
}

fn variant_part<'data>(
    scope: Scope<'_, 'data>,
    node: EntriesTreeNode<'_, '_, Slice<'data>>,
) -> VariantPart {
    let wanted = match node.entry().attr_value(gimli::DW_AT_discr) {
        Some(AttributeValue::UnitRef(offset)) => Some(offset),
        _ => None,
    };
    let mut part = VariantPart {
        discriminant: None,
        variants: Vec::new(),
    };
    let mut signed = false;
    let mut children = node.children();
    while let Ok(Some(child)) = children.next() {
        match child.entry().tag() {
            gimli::DW_TAG_member if Some(child.entry().offset()) == wanted => {
                part.discriminant = member(scope, child.entry());
                let ty = part
                    .discriminant
                    .as_ref()
                    .and_then(|discriminant| discriminant.ty);
                signed = is_signed(scope, ty);
            }
            gimli::DW_TAG_variant => part.variants.push(variant(scope, child, signed)),
            _ => {}
        }
    }
    part
}

/// The members of a variant. Variants in it would be no compiler's, and may be
/// as deep as the file is long.
fn members<'data>(
    scope: Scope<'_, 'data>,
    node: EntriesTreeNode<'_, '_, Slice<'data>>,
) -> Vec<Member> {
    let mut members = Vec::new();
    let mut children = node.children();
    while let Ok(Some(child)) = children.next() {
        if child.entry().tag() == gimli::DW_TAG_member {
            members.extend(member(scope, child.entry()));
        }
    }
    members
}

fn variant<'data>(
    scope: Scope<'_, 'data>,
    node: EntriesTreeNode<'_, '_, Slice<'data>>,
    signed: bool,
) -> Variant {
    let entry = node.entry();
    let raw = |name| entry.attr(name).map(|attribute| attribute.raw_value());
    let single = raw(gimli::DW_AT_discr_value)
        .and_then(|value| constants::integer(&value, signed))
        .map(|value| vec![value..=value]);
    let discriminant = single.or_else(|| match raw(gimli::DW_AT_discr_list) {
        Some(AttributeValue::Block(list)) => Some(constants::discriminants(list, signed)),
        _ => None,
    });
    Variant {
        discriminant,
        members: members(scope, node),
    }
}
