//! Standard output and standard error of a command: text or one JSON document,
//! never both on one stream.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use ukdbg_session::Reply;
use ukdbg_session::inspect::Modules;

use crate::arguments::Global;
use crate::companion_files;
use crate::images::Loaded;
use crate::render::Styles;
use crate::tui::Palette;

/// Where a command's answers go.
pub(crate) struct Output {
    json: bool,
    styles: Styles,
    /// What answers are made from.
    images: Mutex<Modules<'static>>,
}

/// A reply as a document: its schema beside its fields.
#[derive(Serialize)]
struct Document<'a, T: Serialize> {
    schema: &'static str,
    #[serde(flatten)]
    content: &'a T,
}

/// The same for an answer to a command.
#[derive(Serialize)]
struct Answer<'a, T: Serialize> {
    schema: &'static str,
    command: &'a str,
    #[serde(flatten)]
    content: &'a T,
}

/// The text of a JSON document of that schema.
pub(crate) fn document_text<T: Serialize>(schema: &'static str, content: &T) -> io::Result<String> {
    Ok(serde_json::to_string(&Document { schema, content })?)
}

impl Output {
    /// As the global options ask for.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            styles: Styles::choose(global.color, || io::stdout().is_terminal()),
            images: Mutex::default(),
        }
    }

    /// Whether answers are JSON documents.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The styles for text on standard output.
    pub(crate) fn styles(&self) -> Styles {
        self.styles
    }

    /// The colours that a whole screen may use.
    pub(crate) fn palette(&self) -> Palette {
        if self.styles.enabled() {
            Palette::Sixteen
        } else {
            Palette::Monochrome
        }
    }

    /// Columns to fill: the terminal's, `COLUMNS`, or 100.
    pub(crate) fn width(&self) -> usize {
        let asked = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        let terminal = || {
            let size = io::stdout().is_terminal().then(crossterm::terminal::size)?;
            size.ok().map(|(columns, _)| usize::from(columns))
        };
        asked
            .or_else(terminal)
            .filter(|&width| width > 0)
            .unwrap_or(100)
    }

    /// Writes text to standard output.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes a reply: its document, or the text that `render` makes of it.
    pub(crate) fn reply(
        &mut self,
        reply: &Reply,
        render: impl FnOnce(Styles) -> String,
    ) -> io::Result<()> {
        if self.json {
            self.document(reply.schema(), reply)
        } else {
            self.text(&render(self.styles))
        }
    }

    /// Writes a JSON document of that schema.
    pub(crate) fn document<T: Serialize>(
        &mut self,
        schema: &'static str,
        content: &T,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &Document { schema, content })?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Writes a JSON document in a line of its own: an answer to a command of
    /// the prompt, which is in it.
    pub(crate) fn line<T: Serialize>(
        &mut self,
        schema: &'static str,
        command: &str,
        content: &T,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let answer = Answer {
            schema,
            command,
            content,
        };
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Tells what was noticed while images were loaded.
    pub(crate) fn loaded(&self, loaded: &Loaded) {
        for note in &loaded.notes {
            self.note(note);
        }
        self.keep(loaded);
    }

    /// Keeps images for [`Output::name_missing_files`].
    pub(crate) fn keep(&self, loaded: &Loaded) {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        *images = loaded.modules.clone();
    }

    /// Tells which files the answers wanted and did not find.
    pub(crate) fn name_missing_files(&self) {
        let images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        for module in images.iter() {
            if let Some(note) = companion_files::missing_note(&module.name, &module.image) {
                self.note(&note);
            }
        }
    }

    /// Tells the user something beside the answer.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "ukdbg: {}", crate::escape::escape_lines(text));
    }

    /// Shows what the guest wrote on its console: on standard output, unless a
    /// document goes there.
    pub(crate) fn console(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.json {
            io::stderr().write_all(bytes)
        } else {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
    }
}
