//! Hostile text, absurd sizes, and any keys at all.

use proptest::prelude::*;
use ratatui::layout::Size;
use ukdbg_session::inspect::{StopReason, VcpuId};
use ukdbg_session::view::{ArgumentView, StackOwner};
use ukdbg_session::{Reply, SessionError, Untrusted};

use super::{Bench, draw, sample, text};
use crate::tui::engine::Question;
use crate::tui::keys::{GROUPS, Key};
use crate::tui::message::Message;
use crate::tui::pane::PaneId;

const HOSTILE: &str = "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\r\n\u{202e}\u{200b}evil";

fn hostile() -> Untrusted {
    HOSTILE.into()
}

fn hostile_answer(question: &Question) -> Result<Reply, SessionError> {
    let mut reply = sample::answer(question)?;
    match &mut reply {
        Reply::Report(report) => {
            report.verdict.sentence = hostile();
            report.gaps.push(HOSTILE.to_owned());
            report.backtrace.of = StackOwner::Task { name: hostile() };
            let frame = &mut report.backtrace.frames[0];
            frame.function = Some(sample::name(HOSTILE));
            frame.module = Some(HOSTILE.to_owned());
            frame.arguments.push(ArgumentView {
                name: hostile(),
                value: hostile(),
            });
            if let Some(instruction) = &mut report.instruction {
                instruction.text = hostile();
            }
        }
        Reply::Registers(view) => view.registers[0].points_at = Some(hostile()),
        Reply::Disassembly(view) => {
            view.function = Some(sample::name(HOSTILE));
            view.lines[16].text = hostile();
        }
        Reply::Source(view) => {
            view.location.file.path = hostile();
            view.lines[24].text = hostile();
        }
        Reply::Trace(view) => {
            let event = view.events.last_mut().unwrap();
            event.name = hostile();
            event.fields.push((hostile(), hostile()));
        }
        _ => {}
    }
    Ok(reply)
}

#[test]
fn no_control_character_reaches_the_screen() {
    for pane in PaneId::ALL {
        let mut bench = Bench::new(120, 40);
        bench.model.setup.image = HOSTILE.to_owned();
        bench.answer = hostile_answer;
        bench.console(HOSTILE.as_bytes());
        bench.stop(StopReason::Trap);
        bench.key(Key::Char(pane.digit()));
        let shown = bench.text();
        let bad = shown
            .chars()
            .find(|c| *c != '\n' && crate::escape::is_unsafe(*c));
        assert_eq!(bad, None, "{pane:?}\n{shown}");
        assert!(shown.contains("evil"), "{pane:?}\n{shown}");
    }
}

#[test]
fn endless_text_is_cut() {
    let mut bench = Bench::new(80, 24);
    bench.answer = |question| {
        let mut reply = sample::answer(question)?;
        if let Reply::Report(report) = &mut reply {
            let name = "x".repeat(10 << 20);
            report.backtrace.frames[0].function = Some(sample::name(&name));
            report.backtrace.of = StackOwner::Cpu {
                id: VcpuId(u32::MAX),
            };
        }
        Ok(reply)
    };
    bench.stop(StopReason::Trap);
    bench.keys("2llllGg");
    assert!(bench.text().contains("xxx"));
}

fn any_key() -> impl Strategy<Value = Key> {
    let bound: Vec<Key> = GROUPS
        .iter()
        .flat_map(|group| group.bindings)
        .flat_map(|binding| binding.keys)
        .copied()
        .collect();
    prop_oneof![
        8 => prop::sample::select(bound),
        1 => any::<char>().prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Control),
        1 => Just(Key::Backspace),
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let any_size = (0u16..200, 0u16..60);
    prop_oneof![
        10 => any_key().prop_map(Message::Key),
        1 => any_size.prop_map(|(width, height)| Message::Resize(Size::new(width, height))),
        1 => any::<String>().prop_map(Message::Paste),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| {
            Message::Engine(crate::tui::engine::Event::Console(bytes))
        }),
        1 => Just(()).prop_map(|()| {
            let stop = sample::stop(StopReason::Trap);
            Message::Engine(crate::tui::engine::Event::Stopped(stop))
        }),
        1 => Just(()).prop_map(|()| Message::Engine(crate::tui::engine::Event::Running)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_panics_at_any_size(
        size in (1u16..200, 1u16..60),
        other in (1u16..200, 1u16..60),
        messages in prop::collection::vec(any_message(), 0..40),
        keys_are_hostile in any::<bool>(),
    ) {
        let mut bench = Bench::new(size.0, size.1);
        if keys_are_hostile {
            bench.answer = hostile_answer;
        }
        for message in messages {
            bench.send(message);
            let shown = bench.text();
            prop_assert!(!shown.chars().any(|c| c != '\n' && crate::escape::is_unsafe(c)));
        }
        // A terminal may have another size than the last message said.
        text(&draw(&bench.model, other.0, other.1));
    }
}
