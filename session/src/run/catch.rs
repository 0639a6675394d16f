//! Places that mean something in every guest: faults, panics, task switches,
//! trace events, the processor's handlers.

use ukdbg_guest_abi::event::SECTION;
use ukdbg_image::iced_x86::FlowControl;
use ukdbg_image::{Function, Image, LinkAddr, decode};
use ukdbg_inspect::{
    DescriptorTables, Exception, Module, SystemRegisters, Target, VcpuId, VirtAddr,
};
use ukdbg_tracer::Schema;

use super::motion::{Gate, Why};
use super::place::{functions, of_address, of_link, sorted};
use super::table::Location;
use super::{BreakAt, lines, place};
use crate::SessionError;
use crate::session::Session;

/// What a Rust program ends by: the panic handler's symbol, and where it is not
/// known, what calls it.
const RUST_PANICS: [&str; 2] = ["rust_begin_unwind", "core::panicking::panic_fmt"];
/// What C programs end by.
const C_PANICS: [&str; 4] = ["panic", "abort", "__assert_fail", "__stack_chk_fail"];
/// The guest runtime's switch from one task to another.
const TASK_SWITCH: &str = "ukdbg_switch";
/// The exceptions that a debugger makes itself: single step and breakpoint.
const OF_DEBUGGERS: [u8; 2] = [1, 3];

/// The locations of what a breakpoint is to stop at.
pub(super) fn locations<T: Target>(
    session: &mut Session<'_, T>,
    at: &BreakAt,
    frame: Option<usize>,
) -> Result<Vec<Location>, SessionError> {
    let (found, what) = match at {
        BreakAt::Place(text) => return place::resolve(session, text, frame),
        BreakAt::Matching(pattern) => return place::matching(session, pattern),
        BreakAt::Fault => (faults(session)?, "handler of faults"),
        BreakAt::Panic => (panics(session), "function that ends in a panic"),
        BreakAt::TaskSwitch => (switches(session), "switch of tasks"),
        BreakAt::TraceEvent(name) => (events(session, name), "trace event of that name"),
    };
    if found.is_empty() {
        return Err(SessionError::NothingToCatch { what });
    }
    Ok(sorted(found))
}

fn faults<T: Target>(session: &mut Session<'_, T>) -> Result<Vec<Location>, SessionError> {
    let mut found: Vec<VirtAddr> = session.rendezvous();
    if found.is_empty() {
        let vcpu = session.current_vcpu()?;
        let handlers = handlers(session, vcpu)?.into_iter();
        let exceptions = handlers.filter(|(vector, _)| {
            Exception::of_vector((*vector).into()).is_some() && !OF_DEBUGGERS.contains(vector)
        });
        found.extend(exceptions.map(|(_, at)| at));
    }
    let found = found.into_iter();
    Ok(found.map(|at| of_address(session, at)).collect())
}

fn panics<T>(session: &Session<'_, T>) -> Vec<Location> {
    let mut found = Vec::new();
    for name in RUST_PANICS {
        if found.is_empty() {
            found = functions(session, name);
        }
    }
    for (index, module) in session.modules.iter().enumerate() {
        for name in C_PANICS {
            // By the whole name: a path may end in such a word.
            let functions = module.image.functions_named(name).into_iter();
            let exact = functions.filter(|function| function.name.linkage.raw() == name);
            found.extend(exact.filter_map(|function| {
                let link = place::body(&module.image, &function);
                of_link(index, link, module.run_address(link)?)
            }));
        }
    }
    found
}

/// Where the runtime's switch returns, on the stack of the task that goes on.
fn switches<T>(session: &Session<'_, T>) -> Vec<Location> {
    let mut found = Vec::new();
    for (index, module) in session.modules.iter().enumerate() {
        for function in module.image.functions_named(TASK_SWITCH) {
            let returns = returns(&module.image, &function).into_iter();
            found
                .extend(returns.filter_map(|link| of_link(index, link, module.run_address(link)?)));
        }
    }
    found
}

fn returns(image: &Image<'_>, function: &Function) -> Vec<LinkAddr> {
    let mut found = Vec::new();
    for range in &function.ranges {
        let size = range.end.offset_from(range.start).unwrap_or(0);
        let code = image.bytes_at(range.start).unwrap_or_default();
        let code = &code[..code.len().min(usize::try_from(size).unwrap_or(0))];
        let returns = decode(code, range.start);
        let returns = returns.filter(|it| it.flow_control() == FlowControl::Return);
        found.extend(returns.map(|instruction| LinkAddr(instruction.ip())));
    }
    found
}

fn events<T>(session: &Session<'_, T>, name: &str) -> Vec<Location> {
    let sections = session.modules.iter().filter_map(|module: &Module<'_>| {
        let section = module.image.section(SECTION)?;
        Some(Schema::parse(section.bytes).0)
    });
    let schemas: Vec<Schema> = sections.collect();
    let mut found = Vec::new();
    for (_, event) in schemas.iter().flat_map(Schema::types) {
        if event.name.raw() == name {
            found.extend(lines::of_line(session, event.file.raw(), event.line));
        }
    }
    found
}

/// A gate at every handler of the processor's, but for those of a debugger.
pub(super) fn trap_gates<T: Target>(
    session: &mut Session<'_, T>,
    vcpu: VcpuId,
) -> Result<Vec<Gate>, SessionError> {
    let handlers = handlers(session, vcpu)?.into_iter();
    let gates: Vec<Gate> = handlers
        .filter(|(vector, _)| !OF_DEBUGGERS.contains(vector))
        .map(|(vector, at)| Gate {
            at,
            stack: None,
            why: Why::Trap(vector),
        })
        .collect();
    if gates.is_empty() {
        let what = "interrupt table";
        return Err(SessionError::NothingToCatch { what });
    }
    Ok(gates)
}

/// The handlers of a CPU's interrupt table: vectors with their addresses.
fn handlers<T: Target>(
    session: &mut Session<'_, T>,
    vcpu: VcpuId,
) -> Result<Vec<(u8, VirtAddr)>, SessionError> {
    // Memory is that of the CPU asked last.
    session.target.registers(vcpu)?;
    let all = session.target.system_registers(vcpu)?;
    let wanted = SystemRegisters {
        idtr: all.idtr,
        long_mode: all.long_mode,
        ..SystemRegisters::default()
    };
    let tables = DescriptorTables::read(&mut session.target, wanted);
    let present = tables.idt.iter().filter(|gate| gate.present);
    Ok(present.map(|gate| (gate.vector, gate.handler)).collect())
}
