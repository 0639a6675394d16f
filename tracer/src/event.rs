//! A record told in full: owned, so that it can leave the thread and the
//! schema it came from.

use serde::Serialize;
use ukdbg_guest_abi::event::Level;
use ukdbg_image::Untrusted;

use crate::{Clock, FieldValue, Record, Schema};

/// An event, with all that is known of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    /// The CPU it happened on.
    pub cpu: u32,
    /// Index of its first slot in that CPU's ring.
    pub index: u64,
    /// Time-stamp counter.
    pub tsc: u64,
    /// Nanoseconds since the guest's start, when its clock is known.
    pub nanoseconds: Option<u64>,
    /// What happened; none when no descriptor fits the record.
    pub name: Option<Untrusted>,
    /// How much it matters.
    #[serde(serialize_with = "level_name")]
    pub level: Option<Level>,
    /// Source file of the site.
    pub file: Option<Untrusted>,
    /// Line of the site.
    pub line: Option<u32>,
    /// The fields, in the order of the source.
    pub fields: Vec<EventField>,
    /// The payload as bytes, for an event without a descriptor; empty for all
    /// others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<u8>,
}

/// A field with its value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EventField {
    /// Its name.
    pub name: Untrusted,
    /// Its value.
    pub value: FieldValue,
}

impl Event {
    pub(crate) fn new(schema: &Schema, record: &Record, clock: Clock) -> Self {
        let kind = schema.type_of(record).map(|id| schema.event_type(id));
        let fields = kind.map_or(&[][..], |kind| &kind.fields);
        Self {
            cpu: record.cpu,
            index: record.index,
            tsc: record.tsc,
            nanoseconds: clock.nanoseconds(record.tsc),
            name: kind.map(|kind| kind.name.clone()),
            level: kind.map(|kind| kind.level),
            file: kind.map(|kind| kind.file.clone()),
            line: kind.map(|kind| kind.line),
            fields: fields
                .iter()
                .filter_map(|field| {
                    let value = FieldValue::read(field, &record.payload)?;
                    let name = field.name.clone();
                    Some(EventField { name, value })
                })
                .collect(),
            raw: match kind {
                Some(_) => Vec::new(),
                None => record.payload.bytes().collect(),
            },
        }
    }
}

fn level_name<S: serde::Serializer>(
    level: &Option<Level>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let name = level.map(|level| match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    });
    name.serialize(serializer)
}
