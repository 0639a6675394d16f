//! Which events an image can record: its descriptors, merged and looked up.

use std::collections::HashMap;

use ukdbg_guest_abi::event::{FIXED_SIZE, FieldType, Level};
use ukdbg_guest_abi::ring::{CONTINUATION_PAYLOAD, INLINE_PAYLOAD, SITE_OFFSET_BITS};
use ukdbg_image::Untrusted;

use crate::bytes::u32_at;
use crate::descriptor::{self, DescriptorError, DescriptorFault};
use crate::{Clock, Event, Record};

/// An event type's place in its [`Schema`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId(usize);

/// A kind of event: one `trace_event!` of the source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventType {
    /// Its name, `order.accepted`.
    pub name: Untrusted,
    /// How much it matters.
    pub level: Level,
    /// The source file.
    pub file: Untrusted,
    /// The line there.
    pub line: u32,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Bytes that the fields take together.
    pub payload_size: usize,
}

/// A field of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name.
    pub name: Untrusted,
    /// Its type.
    pub kind: FieldType,
    /// Where it is in the payload.
    pub offset: usize,
}

impl EventType {
    /// How many slots beyond the first an event of this type takes.
    pub fn continuations(&self) -> usize {
        self.payload_size
            .saturating_sub(INLINE_PAYLOAD)
            .div_ceil(CONTINUATION_PAYLOAD)
    }
}

/// Every event type of an image.
#[derive(Clone, Default, Debug)]
pub struct Schema {
    types: Vec<EventType>,
    /// Descriptor offset and what it describes, ascending.
    sites: Vec<(u32, EventId)>,
}

impl Schema {
    /// Reads the section [`SECTION`](ukdbg_guest_abi::event::SECTION). What
    /// cannot be used is reported, what can be is kept. Descriptors of the
    /// same content are one event type: inlining repeats a site.
    pub fn parse(section: &[u8]) -> (Self, Vec<DescriptorError>) {
        let mut schema = Self::default();
        let mut errors = Vec::new();
        let mut known = HashMap::new();
        let mut offset = 0;
        while offset < section.len() {
            let (site, descriptor) = match bounds(section, offset) {
                Ok(found) => found,
                Err(fault) => {
                    errors.push(DescriptorError { offset, fault });
                    break;
                }
            };
            match descriptor::parse(descriptor) {
                Ok(event) => {
                    let id = *known.entry(descriptor).or_insert_with(|| {
                        schema.types.push(event);
                        EventId(schema.types.len() - 1)
                    });
                    schema.sites.push((site, id));
                }
                Err(fault) => errors.push(DescriptorError { offset, fault }),
            }
            offset += descriptor.len();
        }
        (schema, errors)
    }

    /// Every event type, in the order of the section.
    pub fn types(&self) -> impl ExactSizeIterator<Item = (EventId, &EventType)> {
        let numbered = self.types.iter().enumerate();
        numbered.map(|(number, event)| (EventId(number), event))
    }

    /// An event type.
    ///
    /// # Panics
    /// With an id of another schema.
    pub fn event_type(&self, id: EventId) -> &EventType {
        &self.types[id.0]
    }

    /// The type of a record: none when no descriptor is at its offset, or when
    /// the record's length is not that type's. Then record and schema are of
    /// different builds, or the record is damaged.
    pub fn type_of(&self, record: &Record) -> Option<EventId> {
        let place = self
            .sites
            .binary_search_by_key(&record.site, |&(offset, _)| offset)
            .ok()?;
        let id = self.sites[place].1;
        let expected = self.types[id.0].continuations();
        (usize::try_from(record.payload.continuations()) == Ok(expected)).then_some(id)
    }

    /// A record, told in full.
    pub fn event(&self, record: &Record, clock: Clock) -> Event {
        Event::new(self, record, clock)
    }
}

/// The descriptor at an offset, as far as its length says, with the offset as
/// a slot holds it.
fn bounds(section: &[u8], offset: usize) -> Result<(u32, &[u8]), DescriptorFault> {
    let site = u32::try_from(offset)
        .ok()
        .filter(|site| site >> SITE_OFFSET_BITS == 0)
        .ok_or(DescriptorFault::Unreachable)?;
    let rest = &section[offset..];
    let length = u32_at(rest, 0).unwrap_or(0);
    usize::try_from(length)
        .ok()
        .filter(|&length| length >= FIXED_SIZE)
        .and_then(|length| rest.get(..length))
        .map(|descriptor| (site, descriptor))
        .ok_or(DescriptorFault::Length {
            length,
            left: rest.len(),
        })
}
