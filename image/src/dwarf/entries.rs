//! Reading entries one after another, as gimli gives them, with a bound that
//! it does not have.

use gimli::{Abbreviation, EntriesRaw};

use super::Slice;

/// Attributes of one entry. Some take no bytes, so that a small file could
/// otherwise describe entries of millions.
const MOST_ATTRIBUTES: usize = 256;

/// The next entry's abbreviation; none for the end of a list of children.
#[inline]
pub(super) fn next_abbreviation<'abbrev>(
    entries: &mut EntriesRaw<'abbrev, Slice<'_>>,
) -> gimli::Result<Option<&'abbrev Abbreviation>> {
    let abbreviation = entries.read_abbreviation()?;
    match abbreviation {
        Some(abbreviation) if abbreviation.attributes().len() > MOST_ATTRIBUTES => {
            Err(gimli::Error::UnsupportedAttributeForm(gimli::DW_FORM_null))
        }
        abbreviation => Ok(abbreviation),
    }
}
