//! From physical frames to the frames a user sees: inlined functions are
//! frames of their own, numbered with the others.

use ukdbg_image::SourceFrame;
use ukdbg_inspect::{Backtrace, Frame, Modules};

use crate::view::{ArgumentView, BacktraceView, FrameView, StackOwner};

/// Frames at either end of a stack whose arguments are read: each costs reads
/// of memory, and a recursion of thousands says nothing new in its middle.
const WITH_ARGUMENTS: usize = 64;

/// Expands a backtrace. `arguments` is asked for each frame, by physical frame
/// and inline level.
pub(crate) fn expand(
    modules: &Modules<'_>,
    backtrace: &Backtrace,
    of: StackOwner,
    mut arguments: impl FnMut(&Frame, usize) -> Vec<ArgumentView>,
) -> BacktraceView {
    let mut frames = Vec::new();
    for (physical, frame) in backtrace.frames.iter().enumerate() {
        let from_the_end = backtrace.frames.len() - physical;
        let left_out = physical >= WITH_ARGUMENTS && from_the_end > WITH_ARGUMENTS;
        let found = modules.find_code(frame.pc);
        let chain = found.map_or_else(Vec::new, |(module, link)| module.image.source_frames(link));
        let levels = chain.len().max(1);
        for level in 0..levels {
            let mut view = frame_view(modules, frame, chain.get(level));
            view.index = frames.len();
            view.physical = physical;
            view.level = level;
            view.interrupted = frame.interrupted && level == 0;
            view.arguments_left_out = left_out;
            if !left_out {
                view.arguments = arguments(frame, level);
            }
            frames.push(view);
        }
    }
    BacktraceView {
        of,
        frames,
        end: backtrace.end.clone(),
    }
}

fn frame_view(modules: &Modules<'_>, frame: &Frame, source: Option<&SourceFrame>) -> FrameView {
    let found = modules.find_code(frame.pc);
    let function = found.and_then(|(module, link)| module.image.function_at(link.lookup()));
    let entry = found
        .zip(function.as_ref())
        .and_then(|((module, _), function)| module.run_address(function.entry));
    FrameView {
        index: 0,
        physical: 0,
        level: 0,
        pc: frame.pc.address(),
        cfa: frame.cfa,
        module: found.map(|(module, _)| module.name.clone()),
        function: source
            .and_then(|source| source.function.clone())
            .or_else(|| function.map(|function| function.name)),
        offset: entry.and_then(|entry| frame.pc.address().offset_from(entry)),
        location: source.and_then(|source| source.location.clone()),
        inlined: source.is_some_and(|source| source.inlined),
        interrupted: false,
        found_by: frame.found_by,
        arguments: Vec::new(),
        arguments_left_out: false,
    }
}
