//! Recording events: the writer's side of the trace ring.
//!
//! [`trace_event!`](crate::trace_event) places a descriptor in a section of
//! the ELF that is never loaded, and writes the time, the descriptor's offset
//! and the fields' values into the ring of the CPU it runs on. Nothing is
//! formatted, allocated or locked, so it may stand anywhere: in an interrupt,
//! in a non-maskable one, in the allocator.
//!
//! Reading rings back is the host's work; nothing here decodes.

mod field;
mod ring;
mod site;
#[cfg(test)]
mod tests;

pub use field::{Code, FieldValue, Payload, Pointer, payload_words};
pub use ring::{CPU_COUNT, RINGS, Ring, RingError, current};
pub use ukdbg_guest_abi::event::{Level, VERSION as DESCRIPTOR_VERSION};

/// Records an event: a level, a name, and any number of typed fields.
///
/// ```
/// use ukdbg_target_runtime::{trace::Level, trace_event};
/// # let (id, price, rip, block) = (1, 2, 0x10_0000_u64, [0_u8; 8]);
/// trace_event!(Level::Info, "order.accepted", id: u64 = id, price: u32 = price);
/// trace_event!(Level::Debug, "allocation", by: code = rip, block: pointer = block.as_ptr());
/// ```
///
/// A field's type is one of `u8` … `u64`, `i8` … `i64`, `bool`, `pointer` (an
/// address of data) and `code` (an address in the text); the value must have
/// that type, and for the last two be an address or a raw pointer. Two `u64`
/// fit into one slot of the ring; more fields take more slots.
///
/// The name and the fields' names stay in the ELF. While the CPU's ring is not
/// initialised the event is dropped, after the values were computed.
#[macro_export]
macro_rules! trace_event {
    ($level:expr, $name:literal $(, $field:ident : $type:ident = $value:expr)* $(,)?) => {{
        const SIZES: &[usize] = &[
            $(<$crate::__event_type!($type) as $crate::trace::FieldValue>::TYPE.size(),)*
        ];
        #[allow(unused_mut)]
        let mut payload =
            $crate::trace::Payload::<{ $crate::trace::payload_words(SIZES) }>::default();
        $(payload.push::<$crate::__event_type!($type)>($crate::__event_value!($type, $value));)*
        let site = $crate::__event_site!($level, $name, $($field: $type),*);
        $crate::trace::current().record(site, payload.words());
    }};
}
