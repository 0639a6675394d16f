//! Event sites: descriptors that stay in the ELF, in a section that is not
//! loaded.
//!
//! A descriptor is, without padding:
//!
//! | size | what |
//! | --- | --- |
//! | u32 | length of the whole descriptor in bytes, this field included |
//! | u8 | [`VERSION`] |
//! | u8 | [`Level`] |
//! | u8 | number of fields |
//! | u8 | reserved, 0 |
//! | u32 | source line |
//! | asciz | event name (`order.accepted`) |
//! | asciz | source file, as `file!()` gives it |
//! | per field | u8 [`FieldType`], then asciz name |
//!
//! Payload bytes are the fields' values in order, each of its type's size,
//! little-endian, without padding.

/// Name of the section, not allocated in the image.
pub const SECTION: &str = ".ukdbg.events";
/// Version of the descriptor's layout.
pub const VERSION: u8 = 1;
/// Bytes before the event's name.
pub const FIXED_SIZE: usize = 12;

/// How much an event matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Level {
    /// Something failed.
    Error = 0,
    /// Something is suspicious.
    Warn = 1,
    /// A step of the application.
    Info = 2,
    /// A step of the kernel.
    Debug = 3,
    /// Everything.
    Trace = 4,
}

impl Level {
    /// The level a descriptor's byte names.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Error,
            1 => Self::Warn,
            2 => Self::Info,
            3 => Self::Debug,
            4 => Self::Trace,
            _ => return None,
        })
    }
}

/// Type of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FieldType {
    /// Unsigned, 1 byte.
    U8 = 1,
    /// Unsigned, 2 bytes.
    U16 = 2,
    /// Unsigned, 4 bytes.
    U32 = 3,
    /// Unsigned, 8 bytes.
    U64 = 4,
    /// Signed, 1 byte.
    I8 = 5,
    /// Signed, 2 bytes.
    I16 = 6,
    /// Signed, 4 bytes.
    I32 = 7,
    /// Signed, 8 bytes.
    I64 = 8,
    /// 1 byte, 0 or 1.
    Bool = 9,
    /// A data address, 8 bytes.
    Pointer = 10,
    /// A code address, 8 bytes.
    Code = 11,
}

impl FieldType {
    /// The type a descriptor's byte names.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::U8,
            2 => Self::U16,
            3 => Self::U32,
            4 => Self::U64,
            5 => Self::I8,
            6 => Self::I16,
            7 => Self::I32,
            8 => Self::I64,
            9 => Self::Bool,
            10 => Self::Pointer,
            11 => Self::Code,
            _ => return None,
        })
    }

    /// Bytes of a value in the payload.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 => 4,
            Self::U64 | Self::I64 | Self::Pointer | Self::Code => 8,
        }
    }
}
