//! What messages do to the model, and what is asked of the engine.

use ratatui::style::{Color, Modifier};
use ukdbg_session::diagnose::VerdictKind;
use ukdbg_session::inspect::{StopReason, TargetError, VirtAddr};
use ukdbg_session::{Reply, SessionError};

use super::{Bench, sample};
use crate::tui::engine::{Event, Question, Ticket};
use crate::tui::keys::Key;
use crate::tui::message::{Effect, Message, Quit};
use crate::tui::model::Machine;
use crate::tui::pane::PaneId;

fn disconnected() -> SessionError {
    SessionError::Target(TargetError::Disconnected {
        peer: "unix:/tmp/gdb.sock".to_owned(),
    })
}

#[test]
fn keys_that_reach_the_guest() {
    let check = |stopped: bool, keys: &[Key], expected: &[Effect]| {
        let mut bench = if stopped {
            Bench::faulted(80, 24)
        } else {
            Bench::new(80, 24)
        };
        keys.iter().for_each(|key| bench.key(*key));
        assert_eq!(bench.effects, expected, "{keys:?}");
    };
    check(true, &[Key::Char('c')], &[Effect::Resume]);
    check(false, &[Key::Char('c')], &[]);
    check(false, &[Key::Char('s')], &[Effect::Interrupt]);
    check(false, &[Key::Char('i')], &[Effect::Interrupt]);
    check(false, &[Key::Control('c')], &[Effect::Interrupt]);
    check(true, &[Key::Control('c')], &[]);
    check(true, &[Key::Char('q')], &[Effect::Quit(Quit::Asked)]);
    check(true, &[Key::Char('?'), Key::Char('q')], &[]);
    check(true, &[Key::Char('/'), Key::Char('q'), Key::Enter], &[]);
}

#[test]
fn a_fault_brings_the_report_and_a_mere_stop_does_not() {
    let mut bench = Bench::faulted(80, 24);
    assert_eq!(bench.model.focus(), PaneId::Report);
    assert_eq!(bench.model.verdict, Some(VerdictKind::NullReference));

    bench = Bench::new(120, 40);
    bench.answer = |question| match question {
        Question::Report => Ok(Reply::Report(Box::new(sample::report(
            VerdictKind::NoFault,
        )))),
        other => sample::answer(other),
    };
    bench.stop(StopReason::Interrupted);
    assert_eq!(bench.model.focus(), PaneId::Console);
    assert!(
        bench.text().contains("null_field.rs:24"),
        "{}",
        bench.text()
    );
}

#[test]
fn another_frame_moves_what_is_about_it() {
    let mut bench = Bench::faulted(120, 40);
    bench.keys("2");
    bench.asked.clear();
    bench.keys("jj");
    let inlined = VirtAddr(0x10_2a40 + 0x111);
    let call = VirtAddr(0x10_2a40 + 2 * 0x111 - 1);
    let expected = [
        Question::Source { frame: 1 },
        Question::Disassembly { at: inlined },
        Question::Source { frame: 2 },
        Question::Registers { frame: 1 },
        Question::Disassembly { at: call },
    ];
    assert_eq!(bench.asked, expected, "frame 1 is inlined into frame 0");
}

#[test]
fn what_is_not_in_sight_is_not_asked() {
    let mut bench = Bench::faulted(80, 24);
    assert_eq!(
        bench.asked,
        [Question::Report, Question::Registers { frame: 0 }]
    );
    bench.keys("7");
    assert_eq!(
        bench.asked[2..],
        [Question::Source { frame: 0 }, Question::Trace]
    );
    bench.asked.clear();
    bench.keys("r");
    assert_eq!(bench.asked.len(), 4);
}

#[test]
fn without_a_report_there_is_a_backtrace() {
    let mut bench = Bench::new(80, 24);
    bench.answer = |question| match question {
        Question::Report => Err(disconnected()),
        other => sample::answer(other),
    };
    bench.stop(StopReason::Trap);
    assert!(bench.asked.contains(&Question::Backtrace));
    assert!(bench.model.panes.backtrace.frame().is_some());
    assert!(
        bench
            .text()
            .contains("the connection to unix:/tmp/gdb.sock ended")
    );
}

#[test]
fn answers_about_an_earlier_stop_are_dropped() {
    let mut bench = Bench::faulted(120, 40);
    bench.stop(StopReason::Trap);
    let ticket = Ticket {
        stop: 1,
        pane: PaneId::Report,
        question: Question::Report,
    };
    let answer = Box::new(Err(disconnected()));
    bench.send(Message::Engine(Event::Answer(ticket, answer)));
    assert_eq!(bench.model.notices.count(), 0);
}

#[test]
fn a_machine_that_is_gone_keeps_what_was_read() {
    let mut bench = Bench::faulted(80, 24);
    bench.send(Message::Engine(Event::Lost(disconnected())));
    assert!(matches!(bench.model.machine, Machine::Gone(_)));
    bench.stop(StopReason::Exited { status: None });
    assert_eq!(bench.model.verdict, Some(VerdictKind::NullReference));
    bench.keys("c");
    assert_eq!(bench.effects, []);
    assert!(bench.text().contains("null reference"));
    bench.keys("e");
    assert!(bench.text().contains("the connection to"));
}

#[test]
fn registers_that_changed_stand_out() {
    let mut bench = Bench::faulted(120, 40);
    bench.keys("4");
    let red = |bench: &Bench| {
        let buffer = bench.buffer();
        let cells = buffer.content.iter();
        cells
            .filter(|cell| cell.fg == Color::Red && cell.modifier.contains(Modifier::BOLD))
            .map(|cell| cell.symbol().to_owned())
            .collect::<String>()
    };
    assert_eq!(red(&bench), "");
    bench.answer = |question| {
        let mut answer = sample::answer(question);
        if let Ok(Reply::Registers(view)) = &mut answer {
            view.registers[0].value = Some(ukdbg_session::view::Word(0xabc));
        }
        answer
    };
    bench.send(Message::Engine(Event::Running));
    bench.stop(StopReason::Trap);
    bench.keys("4");
    assert_eq!(red(&bench), "0x0000000000000abc");
}

#[test]
fn the_console_keeps_colours_and_is_bounded() {
    let mut bench = Bench::new(40, 10);
    bench.console(b"a\x1b[31mred");
    bench.console(b"\x1b[0m plain\n\ttab");
    let buffer = bench.buffer();
    assert_eq!(buffer[(2, 1)].fg, Color::Red);
    assert_eq!(buffer[(6, 1)].fg, Color::Reset);
    assert!(bench.text().contains("ared plain"));
    assert!(bench.text().contains("        tab"));
    for _ in 0..3 {
        bench.console("line\n".repeat(10_000).as_bytes());
    }
    bench.console(&vec![b'x'; 5_000_000]);
    let rows = bench.model.panes.get(PaneId::Console).listing().len();
    assert_eq!(rows, 10_000);
}

#[test]
fn a_search_finds_and_says_when_it_does_not() {
    let mut bench = Bench::faulted(80, 24);
    bench.keys("3/line_50");
    bench.key(Key::Enter);
    assert!(bench.text().contains("let line_50"), "{}", bench.text());
    bench.keys("/nowhere");
    bench.key(Key::Enter);
    assert!(bench.text().contains("`nowhere` is not in Source"));
}

#[test]
fn pasted_text_is_not_keys() {
    let mut bench = Bench::faulted(80, 24);
    bench.send(Message::Paste("q".to_owned()));
    assert_eq!(bench.effects, []);
    bench.keys("3/");
    bench.send(Message::Paste("line_5\u{1b}0".to_owned()));
    assert_eq!(bench.model.prompt.as_deref(), Some("line_50"));
}
