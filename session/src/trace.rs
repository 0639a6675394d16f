//! Events of the trace rings, decoded by the descriptors of the image that
//! holds the root block, with code addresses named.

use ukdbg_guest_abi::event::SECTION;
use ukdbg_image::Untrusted;
use ukdbg_inspect::{Memory, MemoryError, Modules, Root, RootError, Target};
use ukdbg_tracer::{
    Clock, Event, FieldValue, Gap, GapKind, Item, MAX_EVENTS, RingError, RingTable, Schema, Trace,
    read_newest,
};

use crate::SessionError;
use crate::names;
use crate::session::Session;
use crate::view::{EventView, TraceView};

/// Why there is no trace without a root block. A link that ended says nothing
/// about the guest.
pub(crate) fn no_root(error: RootError) -> SessionError {
    match error {
        RootError::Unreadable {
            source: source @ MemoryError::Link { .. },
            ..
        } => SessionError::Memory(source),
        error => SessionError::NoTrace {
            why: error.to_string(),
        },
    }
}

/// The newest events of a session's guest.
pub(crate) fn newest<T: Target>(
    session: &mut Session<'_, T>,
    newest: Option<u64>,
) -> Result<TraceView, SessionError> {
    let root = session.root().map_err(no_root)?;
    read(&mut session.target, &session.modules, &root, newest)
}

/// The newest events of the guest, all of them when `newest` is none. What was
/// read before a link ended is kept; nothing at all is an error.
pub(crate) fn read(
    memory: &mut dyn Memory,
    modules: &Modules<'_>,
    root: &Root,
    newest: Option<u64>,
) -> Result<TraceView, SessionError> {
    let address = root.rings.ok_or_else(|| SessionError::NoTrace {
        why: "the guest's root block names none".to_owned(),
    })?;
    let rings = RingTable {
        address,
        cpu_count: root.cpu_count,
    };
    let most = newest.map_or(MAX_EVENTS, |n| usize::try_from(n).unwrap_or(MAX_EVENTS));
    let (schema, mut gaps) = schema_of(modules, root);
    let clock = Clock::new(root.tsc_frequency.unwrap_or(0), root.boot_tsc.unwrap_or(0));
    let trace = read_newest(memory, rings, most);
    if trace.cpus.is_empty()
        && let Some(source) = trace.errors.iter().find_map(ended_link)
    {
        return Err(SessionError::Memory(source.clone()));
    }
    let mut view = describe(&trace, &schema, clock, modules);
    gaps.append(&mut view.gaps);
    view.gaps = gaps;
    Ok(view)
}

fn ended_link(error: &RingError) -> Option<&MemoryError> {
    match error {
        RingError::Unreadable {
            source: source @ MemoryError::Link { .. },
            ..
        } => Some(source),
        _ => None,
    }
}

/// The descriptors in the image that holds the root block, and what is wrong
/// with some of them.
fn schema_of(modules: &Modules<'_>, root: &Root) -> (Schema, Vec<String>) {
    let section = modules
        .find(root.at)
        .and_then(|(module, _)| module.image.section(SECTION));
    let Some(section) = section else {
        let missing = format!(
            "the image has no section {SECTION}, so events have no names (was it stripped? give the unstripped ELF with --symbols)"
        );
        return (Schema::default(), vec![missing]);
    };
    let (schema, errors) = Schema::parse(section.bytes);
    let gaps = errors.iter().map(ToString::to_string).collect();
    (schema, gaps)
}

pub(crate) fn describe(
    trace: &Trace,
    schema: &Schema,
    clock: Clock,
    modules: &Modules<'_>,
) -> TraceView {
    let mut view = TraceView {
        written: trace
            .cpus
            .iter()
            .fold(0, |sum: u64, cpu| sum.saturating_add(cpu.ring.head)),
        gaps: trace.errors.iter().map(ToString::to_string).collect(),
        ..TraceView::default()
    };
    for item in trace.merged() {
        match item {
            Item::Record(record) => {
                let event = schema.event(record, clock);
                view.events.push(event_view(event, modules));
            }
            Item::Gap { cpu, gap } => note_gap(&mut view, cpu, gap),
        }
    }
    view
}

fn note_gap(view: &mut TraceView, cpu: u32, gap: &Gap) {
    let why = match gap.kind {
        GapKind::Overwritten => {
            view.lost = view.lost.saturating_add(gap.slots);
            return;
        }
        GapKind::NotRead => return,
        GapKind::InFlight => "in the middle of being written",
        GapKind::Damaged => "not laid out as an event",
        GapKind::Unreadable => "in memory that cannot be read",
    };
    view.gaps.push(match gap.slots {
        1 => format!("cpu{cpu}: the slot of index {} is {why}", gap.first),
        slots => format!(
            "cpu{cpu}: {slots} slots from index {} on are {why}",
            gap.first
        ),
    });
}

pub(crate) fn event_view(event: Event, modules: &Modules<'_>) -> EventView {
    let mut fields: Vec<(Untrusted, Untrusted)> = event
        .fields
        .into_iter()
        .map(|field| (field.name, value_text(field.value, modules)))
        .collect();
    if !event.raw.is_empty() {
        let bytes: Vec<String> = event.raw.iter().map(|byte| format!("{byte:02x}")).collect();
        fields.push(("bytes".into(), bytes.join(" ").into()));
    }
    EventView {
        tsc: event.tsc,
        nanoseconds: event.nanoseconds,
        cpu: event.cpu,
        name: event.name.unwrap_or_else(|| "<no descriptor>".into()),
        fields,
    }
}

fn value_text(value: FieldValue, modules: &Modules<'_>) -> Untrusted {
    match value {
        FieldValue::Unsigned(number) => number.to_string().into(),
        FieldValue::Signed(number) => number.to_string().into(),
        FieldValue::Bool(truth) => truth.to_string().into(),
        FieldValue::InvalidBool(byte) => format!("<invalid bool {byte:#04x}>").into(),
        FieldValue::Pointer(address) => address.to_string().into(),
        FieldValue::Code(address) => {
            names::symbol(modules, address).unwrap_or_else(|| address.to_string().into())
        }
    }
}
