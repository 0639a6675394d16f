//! Who called whom, and which frame and CPU the other commands are about.

use ukdbg_session::inspect::{StackEnd, VcpuId};
use ukdbg_session::view::{BacktraceView, FrameView, StackOwner};
use ukdbg_session::{Extent, Reply, Request, Scope};

use super::{Command, Does, Repeats};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use crate::repl::list::Listed;
use crate::repl::prompt::Prompt;
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 6] = [
    Command::new(
        "backtrace",
        &["bt", "where"],
        "[N | -N] [full] [all]",
        "Show who called whom: N innermost frames, or N outermost ones with -N.\n\
         `full` adds variables, `all` is for every CPU and every task.",
        "backtrace 5",
        Does::This(backtrace),
    ),
    Command::new(
        "frame",
        &["f"],
        "[N]",
        "Select frame N, and show the selected frame.",
        "frame 0",
        Does::This(frame),
    ),
    Command::new(
        "up",
        &[],
        "[N]",
        "Select the frame that called the selected one.",
        "up",
        Does::This(|prompt, words| shift(prompt, words, Towards::Callers)),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "down",
        &["do"],
        "[N]",
        "Select the frame that the selected one called.",
        "down",
        Does::This(|prompt, words| shift(prompt, words, Towards::Callees)),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "thread",
        &["t", "thr", "cpu"],
        "[N]",
        "Select CPU N, or show the selected one.",
        "thread",
        Does::This(select_cpu),
    ),
    Command::new(
        "task",
        &[],
        "NAME",
        "Show the backtrace of a task that is not running.",
        "task boot",
        Does::This(task),
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Callers,
    Callees,
}

fn backtrace(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let (mut scope, mut full, mut count) = (Scope::Selected, false, None);
    while let Some(word) = words.word() {
        match word {
            "all" | "-all" => scope = Scope::All,
            "full" | "-full" => full = true,
            number => {
                let parsed = number.parse::<i64>();
                count = Some(parsed.map_err(|_| words.wrong("a number, `full` or `all`"))?);
            }
        }
    }
    let Reply::Backtraces { mut backtraces } = prompt.ask(Request::Backtrace(scope))? else {
        return Ok(());
    };
    if let Some(count) = count {
        backtraces.iter_mut().for_each(|one| shorten(one, count));
    }
    let reply = Reply::Backtraces { backtraces };
    prompt.say(&reply, |prompt| match &reply {
        Reply::Backtraces { backtraces } => render::backtraces(backtraces, prompt.output.styles()),
        _ => String::new(),
    })?;
    match full {
        true => prompt.say_locals(None, |_| true),
        false => Ok(()),
    }
}

/// So many of the innermost frames, or of the outermost.
fn shorten(view: &mut BacktraceView, count: i64) {
    let frames = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if frames >= view.frames.len() {
        return;
    }
    if count < 0 {
        view.frames.drain(..view.frames.len() - frames);
    } else {
        view.frames.truncate(frames);
        view.end = StackEnd::Limit { frames };
    }
}

fn frame(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let asked = words.number("the number of a frame")?;
    words.end()?;
    let index = match asked {
        Some(number) => usize::try_from(number).unwrap_or(usize::MAX),
        None => prompt.frame,
    };
    select(prompt, index)
}

fn shift(prompt: &mut Prompt<'_>, words: &mut Words<'_>, towards: Towards) -> Result<(), Failure> {
    let count = words.number("a count")?.unwrap_or(1);
    words.end()?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let last = prompt.frames()?.len().saturating_sub(1);
    let index = match towards {
        Towards::Callers if prompt.frame >= last => {
            return Err(Failure::text(Exit::Usage, "nobody called this frame"));
        }
        Towards::Callers => prompt.frame.saturating_add(count).min(last),
        Towards::Callees if prompt.frame == 0 => {
            return Err(Failure::text(Exit::Usage, "this is the innermost frame"));
        }
        Towards::Callees => prompt.frame.saturating_sub(count),
    };
    select(prompt, index)
}

fn select(prompt: &mut Prompt<'_>, index: usize) -> Result<(), Failure> {
    let frames = prompt.frames()?;
    let Some(frame) = frames.get(index) else {
        return Err(Failure::text(
            Exit::Usage,
            format_args!(
                "there is no frame {index}; the backtrace has {}",
                frames.len()
            ),
        ));
    };
    prompt.frame = index;
    prompt.listed = frame.location.as_ref().and_then(|location| {
        let line = location.line?.get();
        Some(Listed::at(location.file.path.raw(), line))
    });
    prompt.say_frame(frame)
}

fn select_cpu(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let asked = words.number("the number of a CPU")?;
    words.end()?;
    let reply = match asked {
        None => prompt.ask(Request::Cpus)?,
        Some(number) => {
            let number = u32::try_from(number);
            let cpu = VcpuId(number.map_err(|_| words.wrong("there is no such CPU"))?);
            prompt.frame = 0;
            prompt.listed = None;
            prompt.ask(Request::SelectCpu { cpu })?
        }
    };
    let Reply::Cpus(mut view) = reply else {
        return Ok(());
    };
    view.cpus.retain(|cpu| cpu.selected);
    let reply = Reply::Cpus(view);
    prompt.say(&reply, |prompt| match &reply {
        Reply::Cpus(view) => render::cpus(view, prompt.output.styles()),
        _ => String::new(),
    })
}

fn task(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let wanted = words.needed("which task")?;
    let Reply::Backtraces { mut backtraces } = prompt.ask(Request::Backtrace(Scope::All))? else {
        return Ok(());
    };
    let names: Vec<String> = backtraces
        .iter()
        .filter_map(|one| match &one.of {
            StackOwner::Task { name } => Some(name.raw().to_owned()),
            _ => None,
        })
        .collect();
    backtraces.retain(|one| matches!(&one.of, StackOwner::Task { name } if name.raw() == wanted));
    if backtraces.is_empty() {
        let failure = words.wrong(format_args!("no task `{wanted}` waits"));
        return Err(match names.is_empty() {
            true => failure.hint("info threads"),
            false => failure.hint(names.join(", ")),
        });
    }
    let reply = Reply::Backtraces { backtraces };
    prompt.say(&reply, |prompt| match &reply {
        Reply::Backtraces { backtraces } => render::backtraces(backtraces, prompt.output.styles()),
        _ => String::new(),
    })
}

impl Prompt<'_> {
    /// The frames of the selected CPU.
    pub(super) fn frames(&mut self) -> Result<Vec<FrameView>, Failure> {
        let Reply::Backtraces { backtraces } = self.ask(Request::Backtrace(Scope::Selected))?
        else {
            return Ok(Vec::new());
        };
        let first = backtraces.into_iter().next();
        Ok(first.map_or_else(Vec::new, |one| one.frames))
    }

    fn say_frame(&mut self, frame: &FrameView) -> Result<(), Failure> {
        let styles = self.output.styles();
        let source = match frame.location {
            Some(_) => {
                let request = Request::Source {
                    frame: frame.index,
                    context: 0,
                };
                match self.guest.answer(request) {
                    Ok(Reply::Source(view)) => render::source(&view, styles),
                    _ => String::new(),
                }
            }
            None => String::new(),
        };
        self.say_document("ukdbg.frame/1", frame, |_| {
            format!("{}{source}", render::frame_line(frame, styles))
        })
    }

    /// Says variables of a frame, or of all; those that are asked for.
    pub(super) fn say_locals(
        &mut self,
        frame: Option<usize>,
        wanted: impl Fn(&ukdbg_session::view::VariableView) -> bool,
    ) -> Result<(), Failure> {
        let request = Request::Locals {
            frame,
            extent: Extent::default(),
        };
        let Reply::Locals(mut view) = self.ask(request)? else {
            return Ok(());
        };
        for frame in &mut view.frames {
            frame.variables.retain(&wanted);
        }
        let reply = Reply::Locals(view);
        self.say(&reply, |prompt| match &reply {
            Reply::Locals(view) => render::locals(view, prompt.output.styles()),
            _ => String::new(),
        })
    }
}
