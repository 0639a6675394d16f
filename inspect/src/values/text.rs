//! Text behind pointers.

use ukdbg_image::{BaseEncoding, TypeId, TypeKind, Untrusted};

use super::Value;
use super::fat_pointer::Second;
use super::read::Reader;
use super::search::{Place, Refusal};
use super::storage::Storage;
use crate::VirtAddr;
use crate::memory::{read_available, read_c_string};

impl Reader<'_, '_> {
    /// Text of a stated length.
    pub(super) fn text(&mut self, address: VirtAddr, length: u64) -> Value {
        let want = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(self.limits.text);
        let mut bytes = vec![0; want];
        let got = read_available(self.memory, address, &mut bytes);
        if got == 0 && want > 0 {
            return super::Missing::Unreadable { at: address }.into();
        }
        // A character that the limit cuts in two is left out.
        let whole = match std::str::from_utf8(&bytes[..got]) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => got,
        };
        Value::Text {
            address,
            text: Untrusted::from_bytes(&bytes[..whole]),
            length: Some(length),
            cut: (whole as u64) < length,
        }
    }

    /// `CString`: a boxed slice of bytes, the last one zero.
    pub(super) fn c_text(&mut self, place: &Place) -> Result<Value, Refusal> {
        let inner = self.find(place, "inner")?;
        let bytes = self.fat_pointer(&inner)?;
        match bytes.second {
            Second::Length(length) => Ok(self.text(bytes.address, length.saturating_sub(1))),
            Second::Table(_) => Err(Refusal::Shape),
        }
    }

    /// Text that ends at a zero; none where nothing can be read.
    pub(super) fn c_string(&mut self, address: VirtAddr) -> Option<Value> {
        let mut first = [0];
        if read_available(self.memory, address, &mut first) == 0 {
            return None;
        }
        let string = read_c_string(self.memory, address, self.limits.text);
        Some(Value::Text {
            address,
            text: string.text,
            length: None,
            cut: !string.terminated,
        })
    }

    /// Text in an array of C's `char`, as far as its first zero. A byte by
    /// another name is more often a number.
    pub(super) fn character_array(
        &mut self,
        element: Option<TypeId>,
        length: Option<u64>,
        storage: &Storage,
    ) -> Option<Value> {
        let element = self.resolve(element?)?;
        let name = element.name.as_ref().map(Untrusted::raw);
        let character = BaseEncoding::SignedCharacter;
        if element.kind != TypeKind::Base(character) || name != Some("char") {
            return None;
        }
        let Storage::Memory(address) = *storage else {
            return None;
        };
        let length = usize::try_from(length.filter(|&length| length > 0)?).ok()?;
        let size = length.min(self.limits.text);
        let bytes = storage.known_bytes(size, self.memory)?;
        let end = bytes.iter().position(|&byte| byte == 0);
        let (text, rest) = bytes.split_at(end.unwrap_or(size));
        let unprintable = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
        let unused = rest.iter().all(|&byte| byte == 0);
        // What begins with a zero and goes on is an array of numbers.
        let is_text = (unused || !text.is_empty()) && !text.iter().any(unprintable);
        is_text.then(|| Value::Text {
            address,
            text: Untrusted::from_bytes(text),
            length: None,
            cut: !unused || size < length,
        })
    }
}
