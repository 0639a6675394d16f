//! Requests: each has its reply, and its own errors.

use std::sync::Arc;
use std::time::Instant;

use ukdbg_image::SourcePath;
use ukdbg_inspect::{MemoryError, Modules, Register, VirtAddr};

use super::guest;
use super::machine::Machine;
use crate::{NoSources, Reply, Request, Scope, Session, SessionError, SourceText};

fn disassembly(
    session: &mut Session<'_, Machine>,
    at: u64,
) -> Result<Vec<(u64, bool)>, SessionError> {
    let reply = session.answer(Request::Disassembly { at: VirtAddr(at) })?;
    let Reply::Disassembly(view) = reply else {
        panic!("{reply:?}")
    };
    let lines = view
        .lines
        .iter()
        .map(|line| (line.address.0, line.selected));
    Ok(lines.collect())
}

#[test]
fn a_function_is_disassembled_whole() {
    let Some(guest) = guest() else { return };
    let mut session = guest.session(guest.recursing(1));
    let lines = disassembly(&mut session, guest.in_price()).unwrap();
    assert_eq!(lines[0].0, guest.symbol("commit"));
    assert_eq!(lines.len(), guest.code("commit").len());
    let selected: Vec<u64> = lines.iter().filter(|l| l.1).map(|l| l.0).collect();
    assert_eq!(selected, [guest.in_price()]);
}

#[test]
fn code_without_a_function_is_shown_from_the_address_on() {
    let mut machine = Machine::default();
    machine.put(0x9000, &[0x90; 256]);
    machine.cpus.push(ukdbg_inspect::Registers::default());
    let mut session = Session::new(machine, Modules::default(), Box::new(NoSources));
    let lines = disassembly(&mut session, 0x9010).unwrap();
    assert_eq!(lines.first(), Some(&(0x9010, true)));
    assert_eq!(lines.len(), 64);
    let near_the_end = disassembly(&mut session, 0x90fe).unwrap();
    assert_eq!(near_the_end.len(), 2);
    assert_eq!(
        disassembly(&mut session, 0x5000).unwrap_err(),
        SessionError::Memory(MemoryError::Unmapped {
            at: VirtAddr(0x5000)
        })
    );
}

/// A page of a function that cannot be read hides what lies in it, not the
/// address that was asked about.
#[test]
fn a_function_whose_start_cannot_be_read() {
    let Some(guest) = guest() else { return };
    let at = guest.in_price();
    let mut machine = Machine::default();
    let code = guest.image.bytes_at(ukdbg_image::LinkAddr(at)).unwrap();
    machine.put(at, code);
    machine.cpus.push(ukdbg_inspect::Registers::default());
    let lines = disassembly(&mut guest.session(machine), at).unwrap();
    assert_eq!(lines.first(), Some(&(at, true)));
}

#[test]
fn what_was_shown_is_forgotten_when_the_machine_runs() {
    let Some(guest) = guest() else { return };
    let mut session = guest.session(guest.recursing(5));
    session.answer(Request::Backtrace(Scope::Selected)).unwrap();
    session.resume().unwrap();
    assert!(session.poll(Instant::now()).unwrap().is_some());
    session.target().cpus[0].set(Register::Rip, guest.symbol("idle"));
    let pc = |session: &mut Session<'_, Machine>| {
        let reply = session.answer(Request::Registers { frame: 0 }).unwrap();
        let Reply::Registers(view) = reply else {
            panic!("{reply:?}")
        };
        let pc = view.registers.iter().find(|r| r.register == Register::Rip);
        pc.and_then(|pc| Some((pc.value?.0, pc.points_at.clone()?.raw().to_owned())))
    };
    let idle = guest.symbol("idle");
    assert_eq!(pc(&mut session), Some((idle, "idle".to_owned())));
    // A stop is a new one also when it was not this session that resumed.
    session.target().cpus[0].set(Register::Rip, idle + 1);
    assert!(session.poll(Instant::now()).unwrap().is_some());
    assert_eq!(pc(&mut session), Some((idle + 1, "idle+0x1".to_owned())));
}

/// Gives the program's own source.
struct OwnSource;

impl SourceText for OwnSource {
    fn text(&mut self, path: &SourcePath) -> Option<Arc<str>> {
        path.path
            .raw()
            .ends_with("guest.c")
            .then(|| Arc::from(include_str!("guest.c")))
    }
}

#[test]
fn the_source_of_a_frame() {
    let Some(guest) = guest() else { return };
    let mut modules = Modules::default();
    modules.push(ukdbg_inspect::Module::unmoved(
        "guest".into(),
        Arc::clone(&guest.image),
    ));
    let mut session = Session::new(guest.recursing(1), modules, Box::new(OwnSource));
    let reply = session
        .answer(Request::Source {
            frame: 1,
            context: 1,
        })
        .unwrap();
    let Reply::Source(view) = reply else {
        panic!("{reply:?}")
    };
    let lines: Vec<(u32, &str, bool)> = view
        .lines
        .iter()
        .map(|line| (line.number, line.text.raw(), line.selected))
        .collect();
    assert_eq!(
        lines,
        [
            (
                8,
                "static inline __attribute__((always_inline)) int level(int *order) {",
                false
            ),
            (9, "    return price(order) * 2;", true),
            (10, "}", false),
        ]
    );
}

#[test]
fn what_has_no_answer_says_why() {
    let Some(guest) = guest() else { return };
    let mut machine = guest.machine();
    machine.put(0x9000, &[0x90; 64]);
    machine.cpus[0].set(Register::Rip, 0x9000);
    let mut session = guest.session(machine);
    let source = session.answer(Request::Source {
        frame: 0,
        context: 1,
    });
    assert_eq!(source.unwrap_err(), SessionError::NoSource { index: 0 });
    let graph = session.answer(Request::Graph {
        at: VirtAddr(0x9000),
    });
    let nowhere = SessionError::NoCode {
        at: VirtAddr(0x9000),
    };
    assert_eq!(graph.unwrap_err(), nowhere);
    let trace = session.answer(Request::Trace { newest: Some(5) });
    let Err(SessionError::NoTrace { why }) = trace else {
        panic!("{trace:?}")
    };
    assert!(why.contains("root block"), "{why}");
}

#[test]
fn replies_name_their_documents() {
    let Some(guest) = guest() else { return };
    let mut session = guest.session(guest.recursing(1));
    let at = VirtAddr(guest.in_price());
    let requests = [
        (Request::Backtrace(Scope::Selected), "ukdbg.backtrace/1"),
        (Request::Report(Default::default()), "ukdbg.report/1"),
        (Request::Registers { frame: 0 }, "ukdbg.registers/1"),
        (Request::Disassembly { at }, "ukdbg.disassembly/1"),
        (
            Request::Source {
                frame: 0,
                context: 0,
            },
            "ukdbg.source/1",
        ),
        (Request::Graph { at }, "ukdbg.cfg/1"),
    ];
    for (request, schema) in requests {
        let reply = session.answer(request).unwrap();
        assert_eq!(reply.schema(), schema);
    }
}

#[test]
fn a_machine_without_cpus() {
    let Some(guest) = guest() else { return };
    let mut machine = guest.machine();
    machine.cpus.clear();
    let answer = guest
        .session(machine)
        .answer(Request::Backtrace(Scope::All));
    assert!(
        matches!(answer, Err(SessionError::NoRegisters)),
        "{answer:?}"
    );
}
