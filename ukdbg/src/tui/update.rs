//! How the model changes: total, and without I/O. What is to be done outside
//! comes back as effects.

use ratatui::layout::Size;
use ukdbg_session::diagnose::VerdictKind;
use ukdbg_session::inspect::{Stop, StopReason};
use ukdbg_session::{Reply, SessionError};

use super::engine::{Event, Ticket};
use super::help;
use super::keys::{self, Action, Direction, Key, Motion};
use super::layout::overlay_inner;
use super::listing::Listing;
use super::message::{Effect, Message, Quit};
use super::model::{Machine, Model, Overlay, OverlayKind};
use super::notices;
use super::pane::{Context, News, PaneId};

/// The longest text to look for.
const LONGEST_SOUGHT: usize = 200;

/// Takes a message in; says what is to be done.
pub(crate) fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    let mut effects = match message {
        Message::Key(key) => press(model, key),
        Message::Paste(text) => paste(model, &text),
        Message::Resize(size) => resize(model, size),
        Message::Engine(event) => hear(model, event),
        Message::Suspend => vec![Effect::Suspend],
        Message::EngineEnded => vec![Effect::Quit(Quit::EngineEnded)],
        Message::Signal(number) => vec![Effect::Quit(Quit::Signal(number))],
    };
    settle(model);
    effects.extend(ask(model));
    effects
}

/// Tells the panes in sight what room they have.
pub(crate) fn settle(model: &mut Model) {
    for slot in model.arrangement().slots {
        model.panes.tell_one(slot.front, &News::Fit(slot.inner()));
    }
    if let Some(overlay) = &mut model.overlay {
        overlay
            .listing
            .fit(overlay_inner(model.size, overlay.listing.len()));
    }
}

/// What the panes want to know and did not ask yet.
pub(crate) fn ask(model: &mut Model) -> Vec<Effect> {
    if !model.is_stopped() {
        return Vec::new();
    }
    let arrangement = model.arrangement();
    let mut effects = Vec::new();
    for pane in PaneId::ALL {
        let context = Context {
            visible: arrangement.shows(pane),
            frame: model.panes.backtrace.frame(),
        };
        let Some(question) = model.panes.get(pane).wants(&context) else {
            continue;
        };
        let asked = &mut model.asked[pane.index()];
        if asked.as_ref() != Some(&question) {
            *asked = Some(question.clone());
            effects.push(Effect::Ask(Ticket {
                stop: model.stop,
                pane,
                question,
            }));
        }
    }
    effects
}

fn resize(model: &mut Model, size: Size) -> Vec<Effect> {
    model.size = size;
    Vec::new()
}

fn press(model: &mut Model, key: Key) -> Vec<Effect> {
    if model.prompt.is_some() {
        edit(model, key);
        return Vec::new();
    }
    let Some(action) = keys::action(key) else {
        return Vec::new();
    };
    if let Some(overlay) = &mut model.overlay {
        match action {
            Action::Move(motion) => {
                overlay.listing.go(motion);
                return Vec::new();
            }
            Action::Dismiss | Action::Quit => {
                model.overlay = None;
                return Vec::new();
            }
            Action::Help if overlay.kind == OverlayKind::Help => {
                model.overlay = None;
                return Vec::new();
            }
            Action::Messages if overlay.kind == OverlayKind::Messages => {
                model.overlay = None;
                return Vec::new();
            }
            _ => model.overlay = None,
        }
    }
    act(model, action)
}

fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Continue => return resume(model),
        Action::Interrupt => return interrupt(model),
        Action::Refresh => refresh(model),
        Action::Caller => model.panes.backtrace.select(Motion::Down),
        Action::Callee => model.panes.backtrace.select(Motion::Up),
        Action::Open => model.focus_on(PaneId::Source),
        Action::Move(motion) => tell_focused(model, &News::Move(motion)),
        Action::Detail => tell_focused(model, &News::Detail),
        Action::Search => model.prompt = Some(String::new()),
        Action::SearchAgain(direction) => search(model, direction),
        Action::Show(pane) => model.focus_on(pane),
        Action::NextPane => model.focus_on(model.focus().after(1)),
        Action::PreviousPane => model.focus_on(model.focus().after(PaneId::ALL.len() - 1)),
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::Messages => overlay(model, OverlayKind::Messages),
        Action::Help => overlay(model, OverlayKind::Help),
        Action::Dismiss => {
            if !model.notices.dismiss() {
                model.zoomed = false;
            }
        }
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit => return vec![Effect::Quit(Quit::Asked)],
    }
    Vec::new()
}

fn tell_focused(model: &mut Model, news: &News<'_>) {
    let focus = model.focus();
    model.panes.tell_one(focus, news);
}

fn overlay(model: &mut Model, kind: OverlayKind) {
    model.notices.dismiss();
    let mut listing = Listing::default();
    let width = usize::from(overlay_inner(model.size, 0).width);
    listing.set(match kind {
        OverlayKind::Help => help::rows(model.setup.leaving),
        OverlayKind::Messages => model.notices.rows(width),
    });
    model.overlay = Some(Overlay { kind, listing });
}

fn resume(model: &mut Model) -> Vec<Effect> {
    match &model.machine {
        Machine::Stopped(_) => return vec![Effect::Resume],
        Machine::Running | Machine::Stopping => model.notices.add("the guest runs already", None),
        Machine::Gone(why) => model
            .notices
            .add(format!("the machine is gone: {why}"), None),
    }
    Vec::new()
}

fn interrupt(model: &mut Model) -> Vec<Effect> {
    match &model.machine {
        Machine::Running | Machine::Stopping => {
            model.machine = Machine::Stopping;
            return vec![Effect::Interrupt];
        }
        Machine::Stopped(_) => model.notices.add(
            "the guest stands still already",
            Some("c continues it, q quits"),
        ),
        Machine::Gone(why) => model
            .notices
            .add(format!("the machine is gone: {why}"), Some("q quits")),
    }
    Vec::new()
}

fn refresh(model: &mut Model) {
    match model.is_stopped() {
        true => model.asked = Default::default(),
        false => model
            .notices
            .add("a running guest cannot be asked", Some("s stops it")),
    }
}

fn edit(model: &mut Model, key: Key) {
    let Some(text) = &mut model.prompt else {
        return;
    };
    match key {
        Key::Char(c) if text.chars().count() < LONGEST_SOUGHT => text.push(c),
        Key::Backspace if text.is_empty() => model.prompt = None,
        Key::Backspace => drop(text.pop()),
        Key::Enter => {
            let text = model.prompt.take().unwrap_or_default();
            if !text.is_empty() {
                model.sought = text;
            }
            search(model, Direction::Forward);
        }
        Key::Escape | Key::Control('c') => model.prompt = None,
        _ => {}
    }
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if model.prompt.is_some() {
        for c in text
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_SOUGHT)
        {
            edit(model, Key::Char(c));
        }
    }
    Vec::new()
}

fn search(model: &mut Model, direction: Direction) {
    let focus = model.focus();
    let listing = model.panes.get_mut(focus).listing_mut();
    if model.sought.is_empty() {
        model
            .notices
            .add("nothing to look for yet", Some("/ asks for it"));
    } else if !listing.find(&model.sought, direction) {
        let text = format!("`{}` is not in {}", model.sought, focus.title());
        model.notices.add(text, None);
    }
}

fn hear(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Answer(ticket, answer) => take_answer(model, &ticket, *answer),
        Event::Running => model.machine = Machine::Running,
        Event::Stopped(stop) => stopped(model, stop),
        Event::Refused(error) => {
            let hint = notices::hint(&error);
            model.notices.add(error.to_string(), hint);
        }
        Event::Lost(error) => {
            let hint = notices::hint(&error);
            model.notices.add(error.to_string(), hint);
            model.machine = Machine::Gone(error.to_string());
        }
        Event::Console(bytes) => model.panes.tell(&News::Console(&bytes)),
    }
    Vec::new()
}

fn stopped(model: &mut Model, stop: Stop) {
    model.machine = match stop.reason {
        StopReason::Exited { status: None } => Machine::Gone("it ended".to_owned()),
        StopReason::Exited {
            status: Some(status),
        } => Machine::Gone(format!("it ended with status {status}")),
        _ => Machine::Stopped(stop),
    };
    model.stop += 1;
    // An end after a fault takes nothing back.
    if model.is_stopped() {
        model.verdict = None;
    }
    model.asked = Default::default();
    model.panes.tell(&News::Stopped);
}

fn take_answer(model: &mut Model, ticket: &Ticket, answer: Result<Reply, SessionError>) {
    let asked = model.asked[ticket.pane.index()].as_ref();
    if ticket.stop != model.stop || asked != Some(&ticket.question) {
        return;
    }
    match answer {
        Ok(reply) => {
            model.panes.tell(&News::Reply(&ticket.question, &reply));
            if let Reply::Report(report) = &reply {
                judge(model, report.verdict.kind);
            }
        }
        Err(error) => {
            let text = error.to_string();
            let hint = notices::hint(&error);
            model.panes.tell(&News::Failed(&ticket.question, &text));
            let notice = format!("{}: {text}", ticket.pane.title());
            match notices::is_answer(&error) {
                true => model.notices.keep(notice, hint),
                false => model.notices.add(notice, hint),
            }
        }
    }
}

/// A fault's report is the first page; a guest that was merely stopped is
/// looked at as before.
fn judge(model: &mut Model, kind: VerdictKind) {
    let first = model.verdict.is_none();
    model.verdict = Some(kind);
    if !first {
        return;
    }
    if kind != VerdictKind::NoFault {
        model.focus_on(PaneId::Report);
    } else if model.focus() == PaneId::Console && model.arrangement().slots.len() == 1 {
        model.focus_on(PaneId::Source);
    }
}
