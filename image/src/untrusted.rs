//! Text that an image or a guest supplied. Escaping is the business of
//! whoever writes it out.

use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Text from an image or a guest: it may hold control characters, terminal
/// escapes, or the syntax of whatever it is pasted into.
///
/// It has no `Display` on purpose: a writer takes [`Untrusted::raw`] and
/// escapes it for its own grammar. Copies share the text: the same file is
/// named by thousands of places.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Untrusted(Arc<str>);

impl Untrusted {
    /// Text from bytes; what is not UTF-8 becomes U+FFFD.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into())
    }

    /// The text as it is, unescaped.
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}

/// JSON escapes control characters itself.
impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
