//! Text behind pointers.

use ukdbg_image::Untrusted;

use super::Value;
use super::read::Reader;
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
}
