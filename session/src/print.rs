//! The value of an expression, and the variables of frames.

use ukdbg_image::Untrusted;
use ukdbg_inspect::{Follow, Modules, Place, Target, ValueLimits, VirtAddr, variables};

use crate::expression::{Evaluator, evaluate};
use crate::format::{Digits, Format, Letter};
use crate::names;
use crate::session::Session;
use crate::view::{FrameLocals, KeptView, LocalsView, PrintView, VariableView};
use crate::{Extent, SessionError};

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
    extent: Extent,
) -> Result<PrintView, SessionError> {
    let place = place(session, &expression, frame)?;
    let value = place.value(
        &session.modules,
        limits(LIMITS, extent),
        &mut session.target,
    );
    let letter = format.and_then(|format| format.letter);
    let write = |number, bits| written(&session.modules, letter?, number, bits);
    Ok(PrintView {
        expression,
        type_name: place.type_name().into(),
        address: place.address(),
        text: value.line_with(&write),
        laid_out: value.pretty_with(&write),
        value,
    })
}

fn place<'data, T: Target>(
    session: &mut Session<'data, T>,
    expression: &str,
    frame: Option<usize>,
) -> Result<Place<'data>, SessionError> {
    let found = session.frame_of(frame)?;
    let mut evaluator = Evaluator {
        modules: &session.modules,
        frame: found.as_ref().map(|(frame, level)| (frame, *level)),
        history: &session.history,
        memory: &mut session.target,
    };
    Ok(evaluate(&mut evaluator, expression)?)
}

/// Keeps the value of an expression.
pub(crate) fn keep<T: Target>(
    session: &mut Session<'_, T>,
    expression: &str,
    frame: Option<usize>,
) -> Result<KeptView, SessionError> {
    let place = place(session, expression, frame)?;
    let number = session.history.keep(&place, &mut session.target);
    Ok(KeptView { number })
}

/// A value in one line, short enough to stand among others.
pub(crate) fn in_line<'data, T: Target>(
    session: &mut Session<'data, T>,
    place: &Place<'data>,
    letter: Option<Letter>,
) -> Untrusted {
    let value = place.value(&session.modules, LIMITS_OF_LOCALS, &mut session.target);
    value.line_with(&|number, bits| written(&session.modules, letter?, number, bits))
}

/// A number as a letter has it; none for one that writes no numbers.
fn written(modules: &Modules<'_>, letter: Letter, number: u128, bits: u64) -> Option<String> {
    // A bit-field's sign is not where its bytes have theirs.
    if letter == Letter::Decimal && !bits.is_multiple_of(8) {
        return None;
    }
    let bytes = bits.div_ceil(8).clamp(1, 16);
    let mut text = letter.write(number, bytes, Digits::Needed)?;
    if letter == Letter::Address
        && let Ok(address) = u64::try_from(number)
        && let Some(name) = names::symbol(modules, VirtAddr(address))
    {
        text.push_str(&format!(" <{}>", name.raw()));
    }
    Some(text)
}

/// As much of a value as somebody asked for, within what a reply may hold.
fn limits(usual: ValueLimits, extent: Extent) -> ValueLimits {
    const DEEPEST: usize = 64;
    const MOST: usize = 1 << 20;
    let elements = extent.elements.map(|elements| elements.min(MOST));
    let values = elements.unwrap_or(0).saturating_mul(16).min(MOST);
    ValueLimits {
        depth: extent.depth.unwrap_or(usual.depth).min(DEEPEST),
        width: elements.unwrap_or(usual.width),
        text: elements.unwrap_or(usual.text),
        values: usual.values.max(values),
        ..usual
    }
}

/// Arguments and locals of one frame, or of all.
pub(crate) fn locals<T: Target>(
    session: &mut Session<'_, T>,
    frame: Option<usize>,
    extent: Extent,
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
            limits(LIMITS_OF_LOCALS, extent),
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
