//! One event descriptor's bytes (see [`ukdbg_guest_abi::event`]), checked. What
//! descriptors mean together is the schema's.

use serde::Serialize;
use ukdbg_guest_abi::event::{FIXED_SIZE, FieldType, Level, VERSION};
use ukdbg_guest_abi::ring::{CONTINUATION_PAYLOAD, INLINE_PAYLOAD, MAX_CONTINUATIONS};
use ukdbg_image::Untrusted;

use crate::bytes::u32_at;
use crate::schema::{EventType, Field};

/// The longest payload a ring can hold.
const MAX_PAYLOAD: usize = INLINE_PAYLOAD + MAX_CONTINUATIONS as usize * CONTINUATION_PAYLOAD;

/// A descriptor that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[error("event descriptor at offset {offset:#x}: {fault}")]
pub struct DescriptorError {
    /// Its offset in the section.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: DescriptorFault,
}

/// What is wrong with a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum DescriptorFault {
    /// Its length cannot be right, so that what follows it cannot be found.
    #[error("length {length} with {left} bytes left, the rest of the section is not used")]
    Length {
        /// The length it claims.
        length: u32,
        /// Bytes left in the section.
        left: usize,
    },
    /// No slot of a ring can name its offset.
    #[error("beyond the offsets that a slot can hold, the rest of the section is not used")]
    Unreachable,
    /// A version of another runtime.
    #[error("version {version}, this reader knows {VERSION}")]
    Version {
        /// The version.
        version: u8,
    },
    /// An unknown level.
    #[error("unknown level {level}")]
    Level {
        /// The level.
        level: u8,
    },
    /// An unknown field type.
    #[error("unknown type {code} of field {field}")]
    FieldType {
        /// The field's position.
        field: u8,
        /// The type.
        code: u8,
    },
    /// Its strings do not fill it exactly.
    #[error("its strings do not fill it exactly")]
    Strings,
    /// Its fields are longer than any event can be.
    #[error("its fields take {size} bytes, more than an event can have")]
    PayloadSize {
        /// Their size.
        size: usize,
    },
}

/// Parses a descriptor that is `descriptor`, no more and no less.
pub(crate) fn parse(descriptor: &[u8]) -> Result<EventType, DescriptorFault> {
    let (Some(&[.., version, level, field_count, _]), Some(line)) =
        (descriptor.first_chunk::<8>(), u32_at(descriptor, 8))
    else {
        return Err(DescriptorFault::Strings);
    };
    if version != VERSION {
        return Err(DescriptorFault::Version { version });
    }
    let level = Level::from_code(level).ok_or(DescriptorFault::Level { level })?;
    let mut rest = &descriptor[FIXED_SIZE..];
    let name = string(&mut rest)?;
    let file = string(&mut rest)?;
    let mut fields = Vec::new();
    let mut size = 0;
    for field in 0..field_count {
        let (&code, after) = rest.split_first().ok_or(DescriptorFault::Strings)?;
        rest = after;
        let kind = FieldType::from_code(code).ok_or(DescriptorFault::FieldType { field, code })?;
        let name = string(&mut rest)?;
        fields.push(Field {
            name,
            kind,
            offset: size,
        });
        size += kind.size();
    }
    if !rest.is_empty() {
        return Err(DescriptorFault::Strings);
    }
    if size > MAX_PAYLOAD {
        return Err(DescriptorFault::PayloadSize { size });
    }
    Ok(EventType {
        name,
        level,
        file,
        line,
        fields,
        payload_size: size,
    })
}

/// Takes a zero-terminated string off the front.
fn string(rest: &mut &[u8]) -> Result<Untrusted, DescriptorFault> {
    let end = rest
        .iter()
        .position(|&byte| byte == 0)
        .ok_or(DescriptorFault::Strings)?;
    let text = Untrusted::from_bytes(&rest[..end]);
    *rest = &rest[end + 1..];
    Ok(text)
}
