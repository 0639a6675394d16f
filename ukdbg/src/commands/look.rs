//! What the commands that look at one thing have in common: words that are an
//! endpoint, a format and an expression.

use ukdbg_session::{Format, Reply, Request};

use super::connect::{self, Question};
use crate::arguments::{EndpointArguments, Global};
use crate::endpoint;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// The words of a command, sorted.
pub(super) struct Words {
    /// The machine.
    pub(super) endpoint: EndpointArguments,
    /// Letters after a slash.
    format: Option<String>,
    /// The rest, as one text; none when there is none.
    pub(super) rest: Option<String>,
}

/// Sorts them. A word that begins with a slash can only be a format.
pub(super) fn words(typed: &[String]) -> Words {
    let is_format = |word: &&String| word.starts_with('/') && !word[1..].contains(['/', '.']);
    let format = typed.iter().find(is_format).cloned();
    let others: Vec<String> = typed
        .iter()
        .filter(|word| Some(*word) != format.as_ref())
        .cloned()
        .collect();
    let (endpoint, rest) = endpoint::split(&others);
    Words {
        endpoint: EndpointArguments {
            endpoint: endpoint.map(ToOwned::to_owned),
        },
        format,
        rest: (!rest.is_empty()).then(|| rest.join(" ")),
    }
}

impl Words {
    /// The format, from the words or from an option.
    pub(super) fn format(&self, option: Option<&str>) -> Result<Option<Format>, Failure> {
        let typed = self.format.as_deref().or(option);
        let parsed = typed.map(str::parse::<Format>).transpose();
        parsed.map_err(|error| Failure::new(Exit::Usage, error))
    }

    /// The letters after a slash, of which these have a meaning.
    pub(super) fn letters(&self, known: &str) -> Result<String, Failure> {
        let letters = self.format.as_deref().unwrap_or("/")[1..].to_owned();
        match letters.chars().find(|letter| !known.contains(*letter)) {
            None => Ok(letters),
            Some(letter) => Err(Failure::text(
                Exit::Usage,
                format_args!("`{letter}` means nothing here; of {known} one or more do"),
            )),
        }
    }

    /// The rest, which this command cannot do without.
    pub(super) fn needed(self, what: &str) -> Result<(EndpointArguments, String), Failure> {
        let rest = self
            .rest
            .ok_or_else(|| Failure::text(Exit::Usage, format_args!("{what}?")))?;
        Ok((self.endpoint, rest))
    }
}

/// Asks a machine one question.
pub(super) fn ask(
    global: &Global,
    endpoint: &EndpointArguments,
    request: Request,
    output: &Output,
) -> Result<Reply, Failure> {
    connect::prepare(global, endpoint, output)?.ask(Question::Request(request), output)
}
