//! Indexes that outlive a process, as bytes: what they are sealed with, and
//! what must hold before they are believed. Where the bytes are kept is the
//! caller's part.
//!
//! Two indexes are worth it, functions and globals by name: each reads every
//! unit of an image. Places of addresses and of lines are found without an
//! index of the whole image, sooner than one could be read.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// Of this form, by these rules: to be raised with every change of what an
/// index holds or how it is built.
const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"ukdbgidx";
/// Magic, version, checksum of what follows.
const HEADER: usize = 16;

/// Which index.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum IndexKind {
    /// Functions by name.
    Functions,
    /// Globals and statics by name.
    Globals,
}

/// Keeps indexes of images between runs, by build-id. It may forget any.
pub trait IndexStore<'data>: Send + Sync {
    /// The bytes that were saved last, or any others: they are checked.
    fn load(&self, build_id: &[u8], kind: IndexKind) -> Option<&'data [u8]>;
    /// Keeps bytes, if it can.
    fn save(&self, build_id: &[u8], kind: IndexKind, bytes: &[u8]);
}

/// What an index must be of to be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Origin<'a> {
    pub(crate) kind: IndexKind,
    pub(crate) build_id: &'a [u8],
    /// Checksum of the section headers: stripped or not, joined with another
    /// file or not, an image has one build-id.
    pub(crate) sections: u32,
}

/// Where one image's indexes are kept, if anywhere.
#[derive(Default)]
pub(crate) struct KeptIndexes<'data> {
    store: Option<Box<dyn IndexStore<'data> + 'data>>,
    once: OnceLock<()>,
}

impl<'data> KeptIndexes<'data> {
    pub(crate) fn new(store: impl IndexStore<'data> + 'data) -> Self {
        Self {
            store: Some(Box::new(store)),
            once: OnceLock::new(),
        }
    }

    /// Does something the first time, if there is a store.
    pub(crate) fn once(&self, first: impl FnOnce()) {
        if self.store.is_some() {
            self.once.get_or_init(first);
        }
    }

    /// A kept index that can be believed.
    pub(crate) fn load<Index: Deserialize<'data>>(
        &self,
        origin: impl FnOnce() -> Option<Origin<'data>>,
    ) -> Option<Index> {
        let store = self.store.as_ref()?;
        let origin = origin()?;
        unseal(origin, store.load(origin.build_id, origin.kind)?)
    }

    pub(crate) fn save(
        &self,
        origin: impl FnOnce() -> Option<Origin<'data>>,
        index: &impl Serialize,
    ) {
        if let Some(store) = &self.store
            && let Some(origin) = origin()
            && let Some(bytes) = seal(origin, index)
        {
            store.save(origin.build_id, origin.kind, &bytes);
        }
    }
}

/// An index as bytes; none where it cannot be written.
pub(crate) fn seal(origin: Origin<'_>, index: &impl Serialize) -> Option<Vec<u8>> {
    let body = postcard::to_allocvec(&(origin, index)).ok()?;
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    Some(bytes)
}

/// The index in bytes; none unless they are whole, of this version and of that
/// image.
pub(crate) fn unseal<'a, Index: Deserialize<'a>>(
    origin: Origin<'_>,
    bytes: &'a [u8],
) -> Option<Index> {
    let body = bytes.strip_prefix(MAGIC)?;
    let (version, body) = body.split_first_chunk::<4>()?;
    let (checksum, body) = body.split_first_chunk::<4>()?;
    let known = u32::from_le_bytes(*version) == VERSION
        && u32::from_le_bytes(*checksum) == crc32fast::hash(body);
    if !known {
        return None;
    }
    let (found, rest) = postcard::take_from_bytes::<Origin<'a>>(body).ok()?;
    if found != origin {
        return None;
    }
    let (index, rest) = postcard::take_from_bytes(rest).ok()?;
    rest.is_empty().then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin<'_> = Origin {
        kind: IndexKind::Functions,
        build_id: b"\x01\x02\x03",
        sections: 7,
    };

    fn sealed() -> Vec<u8> {
        seal(ORIGIN, &vec![(1_u64, "one"), (2, "two")]).expect("it can be written")
    }

    fn read(origin: Origin<'_>, bytes: &[u8]) -> Option<Vec<(u64, String)>> {
        unseal(origin, bytes)
    }

    #[test]
    fn what_was_sealed_is_read() {
        let read = read(ORIGIN, &sealed()).expect("it is whole");
        assert_eq!(read, [(1, "one".to_owned()), (2, "two".to_owned())]);
    }

    #[test]
    fn what_is_of_another_image_is_not_read() {
        let others = [
            Origin {
                kind: IndexKind::Globals,
                ..ORIGIN
            },
            Origin {
                build_id: b"\x01\x02",
                ..ORIGIN
            },
            Origin {
                sections: 8,
                ..ORIGIN
            },
        ];
        for other in others {
            assert_eq!(read(other, &sealed()), None, "{other:?}");
        }
    }

    #[test]
    fn what_is_damaged_is_not_read() {
        let whole = sealed();
        for place in 0..whole.len() {
            assert_eq!(read(ORIGIN, &whole[..place]), None, "cut at {place}");
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[place] ^= 1 << bit;
                assert_eq!(read(ORIGIN, &damaged), None, "bit {bit} of {place}");
            }
        }
        let longer = [&whole[..], b"x"].concat();
        assert_eq!(read(ORIGIN, &longer), None);
    }

    proptest::proptest! {
        /// Even with a checksum that is right.
        #[test]
        fn any_body_is_survived(body in proptest::collection::vec(0_u8.., 0..200)) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(VERSION.to_le_bytes());
            bytes.extend(crc32fast::hash(&body).to_le_bytes());
            bytes.extend(body);
            let _ = read(ORIGIN, &bytes);
        }
    }
}
