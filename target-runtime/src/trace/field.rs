//! Fields of an event: their types, and packing their values into the words
//! of ring slots. It knows nothing of rings.

use ukdbg_guest_abi::event::FieldType;
use ukdbg_guest_abi::ring::{CONTINUATION_PAYLOAD, INLINE_PAYLOAD, MAX_CONTINUATIONS};

/// A value that can be a field of an event.
pub trait FieldValue {
    /// What the event's descriptor calls it.
    const TYPE: FieldType;
    /// The value's bytes, zero-extended.
    fn to_word(self) -> u64;
}

macro_rules! field_values {
    ($($type:ty as $unsigned:ty => $name:ident),* $(,)?) => {
        $(impl FieldValue for $type {
            const TYPE: FieldType = FieldType::$name;
            #[inline(always)]
            fn to_word(self) -> u64 {
                self as $unsigned as u64
            }
        })*
    };
}

field_values! {
    u8 as u8 => U8, u16 as u16 => U16, u32 as u32 => U32, u64 as u64 => U64,
    i8 as u8 => I8, i16 as u16 => I16, i32 as u32 => I32, i64 as u64 => I64,
    bool as u8 => Bool,
}

macro_rules! addresses {
    ($($(#[$doc:meta])* $address:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $address(u64);

            impl From<u64> for $address {
                #[inline(always)]
                fn from(address: u64) -> Self {
                    Self(address)
                }
            }
            impl<T> From<*const T> for $address {
                #[inline(always)]
                fn from(pointer: *const T) -> Self {
                    Self(pointer as usize as u64)
                }
            }
            impl<T> From<*mut T> for $address {
                #[inline(always)]
                fn from(pointer: *mut T) -> Self {
                    Self(pointer as usize as u64)
                }
            }
            impl FieldValue for $address {
                const TYPE: FieldType = FieldType::$address;
                #[inline(always)]
                fn to_word(self) -> u64 {
                    self.0
                }
            }
        )*
    };
}

addresses! {
    /// The value of a field of type `pointer`: an address of data.
    Pointer,
    /// The value of a field of type `code`: an address in the text.
    Code,
}

/// Words of an event's first slot.
const INLINE_WORDS: usize = INLINE_PAYLOAD / 8;
/// Words of a continuation slot.
pub(super) const CONTINUATION_WORDS: usize = CONTINUATION_PAYLOAD / 8;

/// Words of the slots that hold fields of these sizes. Fails the build when
/// they are more than an event can have.
pub const fn payload_words(sizes: &[usize]) -> usize {
    let mut size = 0;
    let mut index = 0;
    while index < sizes.len() {
        size += sizes[index];
        index += 1;
    }
    let slots = size
        .saturating_sub(INLINE_PAYLOAD)
        .div_ceil(CONTINUATION_PAYLOAD);
    assert!(
        slots <= MAX_CONTINUATIONS as usize,
        "an event has at most 376 bytes of fields"
    );
    INLINE_WORDS + slots * CONTINUATION_WORDS
}

/// Continuation slots that hold the words behind an event's first slot.
pub(super) const fn continuations(words: usize) -> u32 {
    // Fits: `payload_words` bounds the words.
    (words.saturating_sub(INLINE_WORDS) / CONTINUATION_WORDS) as u32
}

/// An event's payload while its fields are put in one after the other.
///
/// All sizes and positions are constants, so that a compiler which inlines
/// `push` leaves a few shifts.
pub struct Payload<const WORDS: usize> {
    words: [u64; WORDS],
    length: usize,
}

impl<const WORDS: usize> Default for Payload<WORDS> {
    #[inline(always)]
    fn default() -> Self {
        Self {
            words: [0; WORDS],
            length: 0,
        }
    }
}

impl<const WORDS: usize> Payload<WORDS> {
    /// Appends a field's value.
    #[inline(always)]
    pub fn push<T: FieldValue>(&mut self, value: T) {
        let word = value.to_word();
        let (at, shift) = (self.length / 8, self.length % 8 * 8);
        self.words[at] |= word << shift;
        if shift + T::TYPE.size() * 8 > 64 {
            self.words[at + 1] = word >> (64 - shift);
        }
        self.length += T::TYPE.size();
    }

    /// The words, as they go into slots.
    #[inline(always)]
    pub fn words(self) -> [u64; WORDS] {
        self.words
    }
}

/// The Rust type of a field's type as `trace_event!` names it.
#[doc(hidden)]
#[macro_export]
macro_rules! __event_type {
    (pointer) => {
        $crate::trace::Pointer
    };
    (code) => {
        $crate::trace::Code
    };
    ($type:ident) => {
        $type
    };
}

/// The value of a field, as its type.
#[doc(hidden)]
#[macro_export]
macro_rules! __event_value {
    (pointer, $value:expr) => {
        $crate::trace::Pointer::from($value)
    };
    (code, $value:expr) => {
        $crate::trace::Code::from($value)
    };
    ($type:ident, $value:expr) => {
        $value
    };
}
