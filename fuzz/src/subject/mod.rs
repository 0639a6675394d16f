//! What is asked, of each kind of input. Answers are of no interest here, only
//! that there are some.

mod image;
mod links;
mod machine;
mod rings;
mod stop;

use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;

pub(crate) use rings::{DESCRIPTORS, RING};

/// A kind of input.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// An ELF, asked everything a session can be asked
    Image,
    /// A dump of a machine
    Core,
    /// What a GDB stub sends
    Rsp,
    /// What QEMU's monitor sends
    Qmp,
    /// QEMU's log
    Log,
    /// Event descriptors and a trace ring
    Ring,
    /// What a user types to be evaluated
    Expression,
}

impl Kind {
    /// All of them.
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Its word in names of files and on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Core => "core",
            Self::Rsp => "rsp",
            Self::Qmp => "qmp",
            Self::Log => "log",
            Self::Ring => "ring",
            Self::Expression => "expression",
        }
    }

    /// The kind that the name of a finding begins with.
    ///
    /// # Errors
    /// When it begins with none.
    pub(crate) fn of_finding(file: &Path) -> Result<Self> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let word = name.split('-').next().unwrap_or_default();
        let kind = Self::all().iter().copied().find(|kind| kind.word() == word);
        kind.with_context(|| format!("{} begins with no kind of input", file.display()))
    }

    /// Asks everything of an input.
    pub(crate) fn ask(self, bytes: &[u8]) {
        match self {
            Self::Image => image::ask(bytes),
            Self::Core => links::ask_core(bytes),
            Self::Rsp => links::ask_rsp(bytes),
            Self::Qmp => links::ask_qmp(bytes),
            Self::Log => links::ask_log(bytes),
            Self::Ring => rings::ask(bytes),
            Self::Expression => stop::ask_expression(bytes),
        }
    }
}
