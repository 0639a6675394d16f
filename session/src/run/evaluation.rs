//! Expressions in the frame of a stop that nobody has looked at yet:
//! conditions, and the values of messages. Needs one frame, not a backtrace.

use ukdbg_image::Untrusted;
use ukdbg_inspect::{Frame, Place, Target};

use super::message::{Message, Part};
use crate::expression::{Evaluator, evaluate};
use crate::print;
use crate::session::Session;
use crate::{ExpressionError, ExpressionErrorKind};

/// The place an expression denotes in a frame.
pub(crate) fn place<'data, T: Target>(
    session: &mut Session<'data, T>,
    frame: Option<(&Frame, usize)>,
    expression: &str,
) -> Result<Place<'data>, Box<ExpressionError>> {
    let mut evaluator = Evaluator {
        modules: &session.modules,
        frame,
        history: &session.history,
        memory: &mut session.target,
    };
    evaluate(&mut evaluator, expression)
}

/// Whether a condition holds: its number is not 0.
pub(super) fn holds<T: Target>(
    session: &mut Session<'_, T>,
    frame: Option<&Frame>,
    condition: &str,
) -> Result<bool, Box<ExpressionError>> {
    let level = session.run.hidden;
    let place = place(session, frame.map(|frame| (frame, level)), condition)?;
    match place.as_number(&mut session.target) {
        Ok(number) => Ok(number.value != 0),
        Err(error) => Err(Box::new(ExpressionError {
            text: condition.to_owned(),
            column: 0,
            length: condition.chars().count().max(1),
            kind: ExpressionErrorKind::Place(error),
        })),
    }
}

/// A message with its values; one that has none says why.
pub(super) fn message<T: Target>(
    session: &mut Session<'_, T>,
    frame: Option<&Frame>,
    message: &Message,
    known: &[(&str, &Untrusted)],
) -> Untrusted {
    let level = session.run.hidden;
    let mut text = String::new();
    for part in &message.parts {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Value { expression, letter } => {
                if let Some((_, value)) = known.iter().find(|(name, _)| name == expression) {
                    text.push_str(value.raw());
                    continue;
                }
                let frame = frame.map(|frame| (frame, level));
                match place(session, frame, expression) {
                    Ok(place) => text.push_str(print::in_line(session, &place, *letter).raw()),
                    Err(error) => text.push_str(&format!("<{error}>")),
                }
            }
        }
    }
    text.into()
}
