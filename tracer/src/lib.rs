//! What a guest's trace rings say.
//!
//! Two inputs: the image's event descriptors, read once into a [`Schema`], and
//! guest memory, through any [`Memory`](ukdbg_inspect::Memory). [`read_newest`]
//! gives the newest events of every CPU and accounts for every slot that was
//! ever reserved: it is part of a [`Record`] or of a [`Gap`], never silently
//! absent. [`Trace::merged`] puts the CPUs together by time, and
//! [`Schema::event`] tells one record in full.
//!
//! ```
//! # use ukdbg_inspect::{MemoryError, VirtAddr, Memory};
//! use ukdbg_tracer::{Clock, Item, RingTable, Schema, Snapshot, read_newest};
//!
//! let (schema, unusable) = Schema::parse(b"");
//! assert!(unusable.is_empty());
//! let mut memory = Snapshot { base: VirtAddr(0x1000), bytes: &[0; 128] };
//! let rings = RingTable { address: VirtAddr(0x1000), cpu_count: 1 };
//! let trace = read_newest(&mut memory, rings, 50);
//! for item in trace.merged() {
//!     if let Item::Record(record) = item {
//!         println!("{:?}", schema.event(record, Clock::UNKNOWN));
//!     }
//! }
//! ```
//!
//! A record is returned only if it is whole. That rests on one condition of the
//! ring's protocol: no writer is interrupted for so long that others fill the
//! whole ring meanwhile.
//!
//! Not here: which link the bytes came over, finding the root block, naming
//! code addresses, and turning events into text.
#![forbid(unsafe_code)]

mod bytes;
mod clock;
mod decode;
mod descriptor;
mod event;
mod merge;
mod read;
mod record;
mod ring;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod value;
mod window;

pub use clock::Clock;
pub use descriptor::{DescriptorError, DescriptorFault};
pub use event::{Event, EventField};
pub use merge::Item;
pub use read::{CpuTrace, MAX_EVENTS, Trace, read_newest};
pub use record::{Gap, GapKind, Payload, Record};
pub use ring::{MAX_CPUS, Ring, RingError, RingTable};
pub use schema::{EventId, EventType, Field, Schema};
pub use source::Snapshot;
pub use value::FieldValue;
