//! The value of an expression, and the variables of frames.

use ukdbg_image::Untrusted;
use ukdbg_inspect::{Follow, Place, Target, Value, ValueLimits, VirtAddr, variables};

use crate::SessionError;
use crate::expression::{Evaluator, evaluate};
use crate::format::{Digits, Format, Letter};
use crate::names;
use crate::session::Session;
use crate::view::{FrameLocals, LocalsView, PrintView, VariableView};

/// How much of a value is shown to somebody who asked for it.
const LIMITS: ValueLimits = ValueLimits {
    depth: 6,
    width: 64,
    values: 1000,
    text: 1000,
    follow: Follow::Everything,
};
/// The same for one of many variables.
const LIMITS_OF_LOCALS: ValueLimits = ValueLimits {
    depth: 4,
    width: 16,
    values: 200,
    text: 200,
    follow: Follow::Scalars,
};

/// The value of an expression in a frame.
pub(crate) fn print<T: Target>(
    session: &mut Session<'_, T>,
    expression: String,
    frame: Option<usize>,
    format: Option<Format>,
) -> Result<PrintView, SessionError> {
    let found = session.frame_of(frame)?;
    let mut evaluator = Evaluator {
        modules: &session.modules,
        frame: found.as_ref().map(|(frame, level)| (frame, *level)),
        memory: &mut session.target,
    };
    let place = evaluate(&mut evaluator, &expression)?;
    let value = place.value(&session.modules, LIMITS, &mut session.target);
    let letter = format.and_then(|format| format.letter);
    let text = match letter {
        Some(letter) => {
            let number = place.as_number(&mut session.target).ok();
            let size = number.map(|number| number.size);
            formatted(session, &value, letter, size)
        }
        None => value.line(),
    };
    Ok(PrintView {
        expression,
        type_name: place.type_name().into(),
        address: place.address(),
        value,
        text,
    })
}

/// A value in one line, short enough to stand among others.
pub(crate) fn in_line<'data, T: Target>(
    session: &mut Session<'data, T>,
    place: &Place<'data>,
    letter: Option<Letter>,
) -> Untrusted {
    let value = place.value(&session.modules, LIMITS_OF_LOCALS, &mut session.target);
    match letter {
        Some(letter) => {
            let number = place.as_number(&mut session.target).ok();
            formatted(session, &value, letter, number.map(|number| number.size))
        }
        None => value.line(),
    }
}

/// A value with its numbers in a format; what is no number stays as it is.
fn formatted<T: Target>(
    session: &Session<'_, T>,
    value: &Value,
    letter: Letter,
    size: Option<u64>,
) -> Untrusted {
    let (bits, needed) = match value {
        Value::Unsigned { value } => (*value, bytes_of(*value)),
        Value::Signed { value } => (value.cast_unsigned(), 16),
        Value::Boolean { value } => (u128::from(*value), 1),
        Value::Character { value } => (u128::from(u32::from(*value)), 4),
        Value::Byte { value } => (i128::from(*value).cast_unsigned(), 1),
        Value::Enumerator { value, .. } => (value.cast_unsigned(), 16),
        Value::Float { value } if size == Some(4) => ((*value as f32).to_bits().into(), 4),
        Value::Float { value } => (value.to_bits().into(), 8),
        Value::Pointer { address, .. } => (address.0.into(), 8),
        Value::Array { elements, .. } | Value::Slice { elements, .. } => {
            let elements: Vec<String> = elements
                .iter()
                .map(|element| formatted(session, element, letter, None).raw().to_owned())
                .collect();
            return format!("[{}]", elements.join(", ")).into();
        }
        other => return other.line(),
    };
    let size = size.unwrap_or(needed).clamp(1, 16);
    let mask = u128::MAX >> (128 - size * 8);
    let Some(mut text) = letter.write(bits & mask, size, Digits::Needed) else {
        return value.line();
    };
    if letter == Letter::Address
        && let Some(name) = u64::try_from(bits & mask)
            .ok()
            .and_then(|address| names::symbol(&session.modules, VirtAddr(address)))
    {
        text.push_str(&format!(" <{}>", name.raw()));
    }
    text.into()
}

fn bytes_of(value: u128) -> u64 {
    if u64::try_from(value).is_ok() { 8 } else { 16 }
}

/// Arguments and locals of one frame, or of all.
pub(crate) fn locals<T: Target>(
    session: &mut Session<'_, T>,
    frame: Option<usize>,
) -> Result<LocalsView, SessionError> {
    let shown = match frame {
        Some(index) => session.shown_to(index)?,
        None => session.frames_shown()?.clone(),
    };
    let wanted = match frame {
        Some(index) => {
            let frames = shown.view.frames.len();
            let one = shown.view.frames.get(index..=index);
            one.ok_or(SessionError::NoFrame { index, frames })?
        }
        None => &shown.view.frames,
    };
    let frames = wanted.iter().filter_map(|view| {
        let physical = shown.found.frames.get(view.physical)?;
        let found = variables(
            &session.modules,
            physical,
            view.level,
            LIMITS_OF_LOCALS,
            &mut session.target,
        );
        Some(FrameLocals {
            frame: view.index,
            function: view.function.clone(),
            location: view.location.clone(),
            variables: found
                .into_iter()
                .map(|variable| VariableView {
                    name: variable.name,
                    kind: variable.kind,
                    text: variable.value.line(),
                    value: variable.value,
                })
                .collect(),
        })
    });
    Ok(LocalsView {
        frames: frames.collect(),
    })
}
