//! What variables hold: values as trees, read by their types, bounded in
//! depth, width and size. Not how they are coloured or laid out; one plain
//! line is in here, since every front end needs it.

mod atoms;
mod boxes;
mod collection;
mod entry_values;
mod extended;
mod fat_pointer;
mod format;
mod globals;
mod hash_table;
mod object;
mod place;
mod read;
mod search;
mod sequence;
mod spans;
mod storage;
mod structure;
mod symbol;
mod text;
mod tree_map;
mod type_name;
mod variables;

#[cfg(test)]
mod tests;

use serde::Serialize;
use ukdbg_image::{FunctionName, Untrusted};

use crate::VirtAddr;

pub(crate) use entry_values::Entered;
pub use format::WriteNumber;
pub use globals::globals;
pub use place::{Key, Number, Place, PlaceError, PlaceType};
pub use symbol::{segment_symbol_text, symbol_text};
pub use type_name::short as short_type_name;
pub use variables::{NamedValue, arguments, variables};

/// How much of a value is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValueLimits {
    /// Levels of structures, arrays and followed pointers.
    pub depth: usize,
    /// Members and elements of one level.
    pub width: usize,
    /// Values in all.
    pub values: usize,
    /// Bytes of one text.
    pub text: usize,
    /// Which pointers are followed.
    pub follow: Follow,
}

/// Which pointers are followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    /// Those to numbers, characters and text, and those that own what they
    /// point to.
    Scalars,
    /// All of them, as deep as the limit allows.
    Everything,
}

impl Default for ValueLimits {
    /// For a line of a backtrace.
    fn default() -> Self {
        Self {
            depth: 3,
            width: 8,
            values: 100,
            text: 80,
            follow: Follow::Scalars,
        }
    }
}

/// A value.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Value {
    /// An unsigned integer.
    Unsigned {
        /// The number.
        value: u128,
        /// How many bits it has.
        bits: u64,
    },
    /// A signed integer.
    Signed {
        /// The number.
        value: i128,
        /// How many bits it has.
        bits: u64,
    },
    /// A boolean.
    Boolean {
        /// Its value.
        value: bool,
    },
    /// A floating-point number.
    Float {
        /// The number.
        value: f64,
    },
    /// A floating-point number of half the precision, which is written with
    /// fewer digits.
    Single {
        /// The number.
        value: f32,
    },
    /// A floating-point number that no `f64` is exactly.
    Rounded {
        /// The nearest decimal number, as far as that is known.
        text: String,
    },
    /// A complex number.
    Complex {
        /// Its real part.
        real: Box<Value>,
        /// Its imaginary part.
        imaginary: Box<Value>,
    },
    /// A span of time.
    Duration {
        /// Whole seconds.
        seconds: u64,
        /// The rest.
        nanoseconds: u32,
    },
    /// A range.
    Range {
        /// Where it starts, if it does.
        start: Option<Box<Value>>,
        /// Where it ends, if it does.
        end: Option<Box<Value>>,
        /// What the end is to it.
        bound: RangeEnd,
    },
    /// A Unicode character.
    Character {
        /// The character.
        value: char,
    },
    /// A C character.
    Byte {
        /// Its number, signed or not as its type is.
        value: i16,
    },
    /// A pointer or reference.
    Pointer {
        /// Where it points.
        address: VirtAddr,
        /// What is there, when it was followed.
        pointee: Option<Box<Value>>,
        /// The function there, for a pointer to code.
        function: Option<FunctionName>,
        /// Else what lies there in an image, with the distance from its start.
        symbol: Option<Untrusted>,
    },
    /// What a `Box`, `Rc` or `Arc` owns.
    Owned {
        /// Where it is.
        address: VirtAddr,
        /// What is there.
        value: Box<Value>,
        /// How many share it, for an `Rc` or `Arc`.
        shared: Option<ShareCounts>,
    },
    /// A pointer to a value of which only a trait is known, `&dyn Trait`, and
    /// what its table of functions says the value is.
    Object {
        /// The pointer's type.
        name: Option<Untrusted>,
        /// Where the value is.
        address: VirtAddr,
        /// The table of the trait's functions.
        table: VirtAddr,
        /// The value, when its type is known.
        value: Option<Box<Value>>,
        /// Else the type that the table's functions are named after. Functions
        /// of several types that are alike may have been merged into one.
        guess: Option<Untrusted>,
    },
    /// Text behind a pointer.
    Text {
        /// Where it is.
        address: VirtAddr,
        /// The text.
        text: Untrusted,
        /// Bytes it claims to have; none for text that ends at a zero.
        length: Option<u64>,
        /// There is more of it.
        cut: bool,
    },
    /// Elements behind a pointer, with their number: a slice, `Vec`,
    /// `VecDeque` or linked list.
    Slice {
        /// Where they are.
        address: VirtAddr,
        /// The first of them.
        elements: Vec<Value>,
        /// How many there are, by its own account.
        length: u64,
    },
    /// The elements of a set.
    Set {
        /// The first of them, in the set's own order.
        elements: Vec<Value>,
        /// How many there are, by its own account.
        length: u64,
    },
    /// The entries of a map.
    Map {
        /// The first of them, in the map's own order.
        entries: Vec<MapEntry>,
        /// How many there are, by its own account.
        length: u64,
    },
    /// An array.
    Array {
        /// The first elements.
        elements: Vec<Value>,
        /// How many there are, when the type says so.
        length: Option<u64>,
    },
    /// A structure, tuple or union.
    Structure {
        /// Its type's name.
        name: Option<Untrusted>,
        /// Its members.
        fields: Vec<Field>,
        /// Members that were left out.
        omitted: usize,
    },
    /// One variant of an enum with data.
    Variant {
        /// The enum's name.
        name: Option<Untrusted>,
        /// The variant's data, a structure named like the variant.
        value: Box<Value>,
    },
    /// A named number.
    Enumerator {
        /// The name; none when no enumerator has that number.
        name: Option<Untrusted>,
        /// The number.
        value: i128,
        /// How many bits it has.
        bits: u64,
    },
    /// A number that several enumerators, each a bit, make together.
    Flags {
        /// Their names.
        names: Vec<Untrusted>,
        /// Bits that have no name.
        rest: u128,
        /// The number.
        value: u128,
        /// How many bits it has.
        bits: u64,
    },
    /// Bytes that are no value of the type.
    Invalid {
        /// Why not.
        why: InvalidValue,
        /// The bytes, as a number.
        bits: u128,
    },
    /// It cannot be known.
    Missing {
        /// Why not.
        why: Missing,
    },
    /// Left out by a limit.
    Elided,
}

/// A member of a structure.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: Option<Untrusted>,
    /// Its value.
    pub value: Value,
}

/// An entry of a map.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MapEntry {
    /// Its key.
    pub key: Value,
    /// Its value.
    pub value: Value,
}

/// What a range's end is to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeEnd {
    /// The first value beyond it.
    Excluded,
    /// Its last value.
    Included,
    /// Its last value, which was taken.
    Exhausted,
}

/// How many share a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ShareCounts {
    /// References that keep it.
    pub strong: u64,
    /// References that do not, by the library's count: one stands for all
    /// strong ones.
    pub weak: u64,
}

/// Why bytes are no value of their type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InvalidValue {
    /// A boolean that is neither 0 nor 1.
    Boolean,
    /// Not a Unicode scalar value.
    Character,
    /// No variant has that discriminant.
    Discriminant,
    /// A collection of more elements than fit into an address space.
    Length,
    /// A collection of more elements than it has room for; the bits are that
    /// room.
    Capacity,
    /// A hash table whose numbers contradict each other; the bits are its
    /// mask.
    HashTable,
    /// A tree or list whose links do not lead to as many elements as it says;
    /// the bits are that number.
    Links,
}

/// Why a value cannot be known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Missing {
    /// The compiler kept no place for it here.
    OptimizedOut,
    /// It depends on something that the machine does not tell any more.
    Unavailable {
        /// What that is: a register, the value at the function's entry,
        /// thread-local storage.
        lacks: String,
    },
    /// Its memory cannot be read.
    Unreadable {
        /// Where.
        at: VirtAddr,
    },
    /// Its type or its location is not described in a usable way.
    Undescribed,
}

impl From<Missing> for Value {
    fn from(why: Missing) -> Self {
        Self::Missing { why }
    }
}
