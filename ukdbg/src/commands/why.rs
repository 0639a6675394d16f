//! `ukdbg why DIR EXPRESSION`: back to the instruction that last wrote a value
//! in a recording.

use std::time::{Duration, Instant};

use ukdbg_session::inspect::Moment;
use ukdbg_session::view::{Origin, WhyView};
use ukdbg_session::{Request, SessionError};

use super::connect;
use super::replayed::{self, Replayed};
use crate::arguments::{Global, WhyArguments};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::render::{self, quote};

/// How long going back may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Goes back, and prints what wrote it.
pub(crate) fn run(global: &Global, options: &WhyArguments, output: &mut Output) -> Outcome {
    let expression = options.expression.join(" ");
    let mut replayed = replayed::open(global, &options.folder, output)?;
    let until = Instant::now() + PATIENCE;
    place(&mut replayed, options.at.map(Moment), until).map_err(connect::unanswered)?;
    let found = replayed.session.why(&expression, options.frame, until);
    let why = found.map_err(unanswered)?;
    match output.is_json() {
        true => output.document(WhyView::SCHEMA, &why)?,
        false => {
            let text = render::why(&why, &again(&why, options), output.styles());
            output.text(&text)?;
        }
    }
    Ok(Exit::Fine)
}

/// Goes where the question is asked. At the end, frames are those of the
/// report.
fn place(replayed: &mut Replayed, at: Option<Moment>, until: Instant) -> Result<(), SessionError> {
    match (at, replayed.evidence.take()) {
        (Some(at), _) => replayed.session.go_to_moment(at, until),
        (None, Some(evidence)) => {
            let report = Request::Report(evidence);
            replayed.session.answer(report).map(drop)
        }
        (None, None) => Ok(()),
    }
}

fn unanswered(error: SessionError) -> Failure {
    let hint = match &error {
        SessionError::CannotWatch { .. } => Some(
            "ask for what it was computed from: a variable or a field in memory, `*pointer`, or an address",
        ),
        _ => None,
    };
    let failure = connect::unanswered(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The commands that go on from there.
fn again(why: &WhyView, options: &WhyArguments) -> Vec<String> {
    match &why.origin {
        Origin::Written(written) => {
            let folder = quote(&options.folder.display().to_string());
            let frame = match written.frame {
                0 => String::new(),
                frame => format!(" --frame {frame}"),
            };
            vec![format!(
                "ukdbg why {folder} --at {}{frame} EXPRESSION",
                written.moment.0
            )]
        }
        Origin::NotWritten { .. } => Vec::new(),
    }
}
