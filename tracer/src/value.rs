//! A field's value, by its type.

use serde::Serialize;
use ukdbg_guest_abi::event::FieldType;
use ukdbg_inspect::VirtAddr;

use crate::{Field, Payload};

/// A field's value. Addresses are left for others to name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// A truth value.
    Bool(bool),
    /// A data address.
    Pointer(VirtAddr),
    /// A code address.
    Code(VirtAddr),
    /// A truth value's byte that is neither 0 nor 1.
    InvalidBool(u8),
}

impl FieldValue {
    /// A field's value in a payload; none when the payload is too short.
    pub fn read(field: &Field, payload: &Payload) -> Option<Self> {
        let at = field.offset;
        Some(match field.kind {
            FieldType::U8 => Self::Unsigned(payload.array(at).map(u8::from_le_bytes)?.into()),
            FieldType::U16 => Self::Unsigned(payload.array(at).map(u16::from_le_bytes)?.into()),
            FieldType::U32 => Self::Unsigned(payload.array(at).map(u32::from_le_bytes)?.into()),
            FieldType::U64 => Self::Unsigned(payload.array(at).map(u64::from_le_bytes)?),
            FieldType::I8 => Self::Signed(payload.array(at).map(i8::from_le_bytes)?.into()),
            FieldType::I16 => Self::Signed(payload.array(at).map(i16::from_le_bytes)?.into()),
            FieldType::I32 => Self::Signed(payload.array(at).map(i32::from_le_bytes)?.into()),
            FieldType::I64 => Self::Signed(payload.array(at).map(i64::from_le_bytes)?),
            FieldType::Bool => match payload.array(at)? {
                [0] => Self::Bool(false),
                [1] => Self::Bool(true),
                [other] => Self::InvalidBool(other),
            },
            FieldType::Pointer => Self::Pointer(address(payload, at)?),
            FieldType::Code => Self::Code(address(payload, at)?),
        })
    }
}

fn address(payload: &Payload, at: usize) -> Option<VirtAddr> {
    payload.array(at).map(u64::from_le_bytes).map(VirtAddr)
}
