//! Arguments of frames, each in one line.

use ukdbg_inspect::{Frame, Memory, Modules, ValueLimits, arguments};

use crate::view::ArgumentView;

/// The arguments of one level of a frame's inline chain.
pub(crate) fn of(
    modules: &Modules<'_>,
    memory: &mut dyn Memory,
    frame: &Frame,
    level: usize,
) -> Vec<ArgumentView> {
    arguments(modules, frame, level, ValueLimits::default(), memory)
        .into_iter()
        .map(|argument| ArgumentView {
            name: argument.name,
            value: argument.value.line(),
        })
        .collect()
}
