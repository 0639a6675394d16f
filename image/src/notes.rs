//! ELF notes (gABI "Note Section"): owner, type, descriptor.

use object::Endianness;
use object::elf::{self, FileHeader64};
use object::read::elf::NoteIterator;

/// Descriptors of the notes of one owner (with its zero) and type. What
/// follows a malformed note in the same place is not read.
pub(crate) fn descriptors<'data>(
    notes: &[(&'data [u8], u64)],
    owner: &[u8],
    kind: u32,
) -> Vec<&'data [u8]> {
    let mut found: Vec<&[u8]> = Vec::new();
    for &(bytes, alignment) in notes {
        // The form of a note does not depend on the class of the file.
        let iterator =
            NoteIterator::<FileHeader64<Endianness>>::new(Endianness::Little, alignment, bytes);
        let Ok(mut iterator) = iterator else {
            continue;
        };
        while let Ok(Some(note)) = iterator.next() {
            let same = note.name_bytes() == owner && note.n_type(Endianness::Little).0 == kind;
            // A segment and a section usually hold the same note.
            if same && !found.iter().any(|seen| std::ptr::eq(*seen, note.desc())) {
                found.push(note.desc());
            }
        }
    }
    found
}

/// The GNU build-id.
pub(crate) fn build_id<'data>(notes: &[(&'data [u8], u64)]) -> Option<&'data [u8]> {
    descriptors(notes, b"GNU\0", elf::NT_GNU_BUILD_ID.0)
        .into_iter()
        .find(|id| !id.is_empty())
}
