//! Names and texts that try to write to the terminal.

use ukdbg_session::LinkAddr;
use ukdbg_session::inspect::StackEnd;
use ukdbg_session::view::{NextStep, PanicView, StackOwner};

use super::views::{argument, backtrace, event, frame, location, name, report};
use crate::render::{Commands, Styles, backtraces, events, report as render};

/// Clears the screen, sets the title, turns what follows around.
const EVIL: &str = "evil\u{1b}[2J\u{9b}1m\u{1b}]0;t\u{7}\r\u{202e}\u{2066}x";

/// Nothing in the text moves the cursor or changes what is read.
#[track_caller]
fn check(text: &str) {
    let bad: Vec<char> = text
        .chars()
        .filter(|&c| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect();
    assert!(bad.is_empty(), "{bad:?} in {text:?}");
    assert!(text.contains("evil\\u{1b}[2J"), "{text:?}");
}

#[test]
fn a_report_full_of_escapes() {
    let mut view = report();
    view.verdict.sentence = EVIL.into();
    view.verdict.because = vec![EVIL.into()];
    if let Some(place) = &mut view.verdict.place {
        place.function = Some(name(EVIL));
        place.location = Some(location(EVIL, 1));
    }
    view.panic = Some(PanicView {
        message: EVIL.into(),
        place: Some(EVIL.into()),
    });
    if let Some(instruction) = &mut view.instruction {
        instruction.text = EVIL.into();
        instruction.operands[0].meaning = Some(EVIL.into());
        // A value of one field each, none of which comes from a guest, but
        // what they mean does.
        instruction.operands[1].meaning = Some(EVIL.into());
    }
    if let Some(source) = &mut view.source {
        source.location = location(EVIL, 88);
        source.lines[0].text = EVIL.into();
        source.lines[1].text = EVIL.into();
    }
    view.gaps = vec![EVIL.to_owned()];
    view.next = vec![NextStep::Graph {
        function: EVIL.into(),
        module: Some(EVIL.to_owned()),
        at: Some(LinkAddr(1)),
    }];
    if let Some(trace) = &mut view.events {
        trace.events = vec![event(EVIL, None, EVIL)];
        trace.gaps = vec![EVIL.to_owned()];
    }
    let text = render(&view, &Commands::default(), Styles::PLAIN);
    check(&text);
    let told = text.matches("evil").count();
    assert!(told >= 15, "every field is shown: {told} in {text}");
}

#[test]
fn a_backtrace_full_of_escapes() {
    let mut evil = frame(EVIL, 1);
    evil.location = Some(location(EVIL, 1));
    evil.arguments = vec![argument(EVIL, EVIL)];
    let mut first = backtrace(vec![evil.clone()], StackEnd::Root);
    first.of = StackOwner::Task { name: EVIL.into() };
    let second = backtrace(vec![evil], StackEnd::Root);
    check(&backtraces(&[first, second], Styles::PLAIN));
}

#[test]
fn an_event_full_of_escapes() {
    let mut view = report().events.unwrap();
    view.events = vec![event(EVIL, Some(1), EVIL)];
    view.events[0].fields.push((EVIL.into(), EVIL.into()));
    check(&events(&view, Styles::PLAIN));
}

/// A name with a newline makes no line of its own.
#[test]
fn a_newline_in_a_name_stays_in_its_line() {
    let view = backtrace(vec![frame("a\n#1   main at x.rs:1", 1)], StackEnd::Root);
    let text = backtraces(&[view], Styles::PLAIN);
    assert_eq!(text.lines().count(), 1, "{text}");
}
