//! The whole interface without a terminal and without a machine.

mod hostile;
mod sample;
mod screens;
mod updates;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use ukdbg_session::inspect::StopReason;
use ukdbg_session::{Reply, SessionError};

use super::engine::{Event, Question};
use super::keys::Key;
use super::message::{Effect, Message};
use super::model::Model;
use super::update::{settle, update};
use super::view::view;
use super::{Leaving, Palette, Setup, Start};

type Answer = fn(&Question) -> Result<Reply, SessionError>;

/// A model with an engine that answers from a sample.
struct Bench {
    model: Model,
    answer: Answer,
    /// Effects other than questions, in order.
    effects: Vec<Effect>,
    /// Questions, in order.
    asked: Vec<Question>,
}

impl Bench {
    /// A guest that runs, at this size of the terminal.
    fn new(width: u16, height: u16) -> Self {
        let setup = Setup {
            endpoint: "unix:/tmp/gdb.sock".to_owned(),
            image: "sample-kernel".to_owned(),
            start: Start::Running,
            leaving: Leaving::EndsGuest,
            palette: Palette::Sixteen,
        };
        let mut model = Model::new(setup, Size::new(width, height));
        settle(&mut model);
        Self {
            model,
            answer: sample::answer,
            effects: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// The same after it faulted.
    fn faulted(width: u16, height: u16) -> Self {
        let mut bench = Self::new(width, height);
        bench.console(b"\x1b[32mbook\x1b[0m: 1000 orders\n");
        bench.stop(StopReason::Trap);
        bench
    }

    fn send(&mut self, message: Message) {
        let mut effects = update(&mut self.model, message);
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                let Effect::Ask(ticket) = effect else {
                    self.effects.push(effect);
                    continue;
                };
                self.asked.push(ticket.question.clone());
                let answer = Box::new((self.answer)(&ticket.question));
                let message = Message::Engine(Event::Answer(ticket, answer));
                next.extend(update(&mut self.model, message));
            }
            effects = next;
        }
    }

    fn keys(&mut self, keys: &str) {
        keys.chars().for_each(|key| self.key(Key::Char(key)));
    }

    fn key(&mut self, key: Key) {
        self.send(Message::Key(key));
    }

    fn console(&mut self, bytes: &[u8]) {
        self.send(Message::Engine(Event::Console(bytes.to_vec())));
    }

    fn stop(&mut self, reason: StopReason) {
        self.send(Message::Engine(Event::Stopped(sample::stop(reason))));
    }

    /// What is on the screen.
    fn buffer(&self) -> Buffer {
        let Size { width, height } = self.model.size;
        draw(&self.model, width, height)
    }

    /// Its text.
    fn text(&self) -> String {
        text(&self.buffer())
    }
}

fn draw(model: &Model, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let lines = buffer.content.chunks(width).map(|cells| {
        let line: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}
