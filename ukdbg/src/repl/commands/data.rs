//! Values: printed, changed, and shown at every stop.

use serde::Serialize;
use ukdbg_session::{Extent, Format, Letter, Reply, Request};

use super::{Command, Does, Takes};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use crate::repl::display::Display;
use crate::repl::prompt::Prompt;
use crate::repl::words::{Words, assignment};

pub(super) static COMMANDS: [Command; 4] = [
    Command::new(
        "print",
        &["p", "inspect", "call"],
        "[/FORMAT] [EXPR]",
        "Print the value of EXPR. FORMAT is a letter: x d u o t a c f.\n\
         EXPR = VALUE changes it first. $1 is the first value printed, $ the last, $$ the one before.",
        "print/x $rip",
        Does::This(print),
    )
    .takes(Takes::Value),
    Command::new(
        "output",
        &[],
        "[/FORMAT] EXPR",
        "The same without a newline.",
        "output 6 * 7",
        Does::This(output),
    )
    .takes(Takes::Value),
    Command::new(
        "display",
        &[],
        "[/FORMAT] [EXPR]",
        "Show EXPR at every stop; without EXPR, show all of them now.",
        "display/i $pc",
        Does::This(display),
    )
    .takes(Takes::Value),
    Command::new(
        "undisplay",
        &[],
        "[N]",
        "Show it no more; without N, none.",
        "undisplay 1",
        Does::This(undisplay),
    ),
];

fn print(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let format = words.format()?;
    let expression = words.some_rest().unwrap_or("$");
    let reply = prompt.value(expression, format)?;
    let kept = prompt.keep(expression)?;
    let numbered = Numbered {
        number: kept,
        reply: &reply,
    };
    prompt.say_document(reply.schema(), &numbered, |prompt| {
        format!("${kept} = {}", prompt.value_text(&reply))
    })
}

/// A value with the number that it is kept under.
#[derive(Serialize)]
struct Numbered<'a> {
    number: usize,
    #[serde(flatten)]
    reply: &'a Reply,
}

fn output(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let format = words.format()?;
    let expression = words.needed("the value of what")?;
    let reply = prompt.value(expression, format)?;
    prompt.say(&reply, |prompt| {
        prompt.value_text(&reply).trim_end().to_owned()
    })
}

fn display(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let text = words.clone().rest().to_owned();
    let format = words.format()?;
    let Some(expression) = words.some_rest() else {
        for display in prompt.displays.all() {
            prompt.show_display(&display)?;
        }
        return Ok(());
    };
    let added = prompt.displays.add(&text, expression, format);
    let shown = prompt.show_display(&added);
    if shown.is_err() {
        prompt.displays.remove(Some(added.number));
    }
    shown
}

fn undisplay(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let number = words.number("the number of a display")?;
    let number = number.map(|number| u32::try_from(number).unwrap_or(0));
    words.end()?;
    if !prompt.displays.remove(number) {
        return Err(words.wrong("there is no such display").hint("info display"));
    }
    prompt.say_done()
}

impl Prompt<'_> {
    /// The value of an expression in the selected frame, changed first if it
    /// says so.
    pub(super) fn value(
        &mut self,
        expression: &str,
        format: Option<Format>,
    ) -> Result<Reply, Failure> {
        if let Some((place, value)) = assignment(expression) {
            return self.assign(place, value);
        }
        self.ask(Request::Print {
            expression: expression.to_owned(),
            frame: self.selected(),
            format,
            extent: Extent::default(),
        })
    }

    /// Keeps a value that was printed, and gives the number it has now.
    fn keep(&mut self, expression: &str) -> Result<usize, Failure> {
        let expression = assignment(expression).map_or(expression, |(place, _)| place);
        let request = Request::Keep {
            expression: expression.to_owned(),
            frame: self.selected(),
        };
        match self.ask(request)? {
            Reply::Kept(view) => Ok(view.number),
            _ => Err(Failure::text(Exit::Defect, "a reply of another kind")),
        }
    }

    pub(super) fn assign(&mut self, place: &str, value: &str) -> Result<Reply, Failure> {
        self.ask(Request::Assign {
            place: place.to_owned(),
            value: value.to_owned(),
            frame: self.selected(),
        })
    }

    pub(super) fn value_text(&self, reply: &Reply) -> String {
        match reply {
            Reply::Print(view) => format!("{}\n", render::value(view, self.output.width())),
            _ => String::new(),
        }
    }

    /// Shows one expression of those that are shown at every stop.
    pub(in crate::repl) fn show_display(&mut self, display: &Display) -> Result<(), Failure> {
        let (number, text) = (display.number, &display.text);
        let heading = format!("{number}: {} = ", crate::escape::escape_str(text));
        let format = display.format;
        let reply = match format.filter(|format| is_memory(*format)) {
            Some(format) => self.ask(Request::Examine {
                expression: display.expression.clone(),
                frame: self.selected(),
                format,
            })?,
            None => self.value(&display.expression, format)?,
        };
        self.say(&reply, |prompt| match &reply {
            Reply::Memory(memory) => format!(
                "{}\n{}",
                heading.trim_end_matches(" = "),
                render::memory(memory, prompt.output.styles())
            ),
            reply => format!("{heading}{}", prompt.value_text(reply)),
        })
    }
}

/// Whether a format is one of memory, as in `x`.
fn is_memory(format: Format) -> bool {
    let by_letter = matches!(format.letter, Some(Letter::Instruction | Letter::Text));
    by_letter || format.size.is_some() || format.count.is_some()
}
