//! Expressions that are shown at every stop.

use ukdbg_session::Format;

/// Those that there are, by number.
#[derive(Debug, Default)]
pub(crate) struct Displays {
    all: Vec<Display>,
    last: u32,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Display {
    pub(crate) number: u32,
    pub(crate) expression: String,
    pub(crate) format: Option<Format>,
    /// Both, as typed.
    pub(crate) text: String,
}

impl Displays {
    /// Adds one.
    pub(crate) fn add(&mut self, text: &str, expression: &str, format: Option<Format>) -> Display {
        self.last += 1;
        let display = Display {
            number: self.last,
            expression: expression.to_owned(),
            format,
            text: text.to_owned(),
        };
        self.all.push(display.clone());
        display
    }

    /// Takes out one, or all; false if there is none of that number.
    pub(crate) fn remove(&mut self, number: Option<u32>) -> bool {
        let before = self.all.len();
        self.all
            .retain(|display| number.is_some_and(|number| display.number != number));
        number.is_none() || self.all.len() < before
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Vec<Display> {
        self.all.clone()
    }
}
