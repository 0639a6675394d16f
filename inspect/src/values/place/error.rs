//! Why a step cannot be taken from a place.

use super::super::Missing;

/// A step that cannot be taken from a place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// There is no such member.
    #[error("`{ty}` has no field `{field}`")]
    NoField {
        /// The type.
        ty: String,
        /// The field asked for.
        field: String,
        /// The ones it has.
        known: Vec<String>,
    },
    /// It has no members.
    #[error("`{ty}` has no fields")]
    NoFields {
        /// The type.
        ty: String,
    },
    /// It has no elements.
    #[error("`{ty}` cannot be indexed")]
    NotIndexable {
        /// The type.
        ty: String,
    },
    /// It points nowhere.
    #[error("`{ty}` is no pointer")]
    NotAPointer {
        /// The type.
        ty: String,
    },
    /// The element is not one of those that are there.
    #[error("index {index} is outside of the {length} elements")]
    OutOfRange {
        /// The index.
        index: u64,
        /// How many there are.
        length: u64,
    },
    /// Its elements are apart.
    #[error("the elements of `{ty}` do not lie in a row: take fewer of them")]
    NotInARow {
        /// The type.
        ty: String,
    },
    /// A map has no such key.
    #[error("`{ty}` has no such key")]
    NoEntry {
        /// The type.
        ty: String,
    },
    /// It is no number.
    #[error("`{ty}` is no number")]
    NotANumber {
        /// The type.
        ty: String,
    },
    /// It is in no memory: in a register, or computed.
    #[error("the value is not in memory")]
    NoAddress,
    /// The size of what is pointed to is not known.
    #[error("the size of `{ty}` is not known")]
    Unsized {
        /// The type.
        ty: String,
    },
    /// The value itself is not known.
    #[error("{}", missing(.0))]
    Missing(Missing),
}

fn missing(why: &Missing) -> String {
    match why {
        Missing::OptimizedOut => "the value is optimised out here".to_owned(),
        Missing::Unavailable { lacks } => format!("the value needs {lacks}, which is not known"),
        Missing::Unreadable { at } => format!("the memory at {at} cannot be read"),
        Missing::Undescribed => "the image does not describe the value".to_owned(),
    }
}

impl From<Missing> for PlaceError {
    fn from(why: Missing) -> Self {
        Self::Missing(why)
    }
}
