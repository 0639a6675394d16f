//! The parts of `info`.

use std::fmt::Write;

use serde::Serialize;

use ukdbg_session::view::{BacktraceView, CpusView, FrameView, RegistersView, StackOwner};
use ukdbg_session::{
    Case, RegisterSet, Reply, Request, Scope, SymbolKind, SymbolOrder, SymbolPattern, SymbolsView,
    VariableKind,
};

use super::{Command, Does, Takes};
use crate::escape::{escape, escape_str};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use crate::repl::prompt::Prompt;
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 17] = [
    Command::new(
        "breakpoints",
        &["b", "br", "watchpoints"],
        "",
        "Every breakpoint and watchpoint.",
        "info breakpoints",
        Does::This(breakpoints),
    ),
    Command::new(
        "registers",
        &["r"],
        "[NAME]...",
        "The registers of the selected frame, or some of them.",
        "info registers rip rsp",
        Does::This(|prompt, words| registers(prompt, words, RegisterSet::Frame)),
    ),
    Command::new(
        "all-registers",
        &[],
        "",
        "Segment and control registers too.",
        "info all-registers",
        Does::This(|prompt, words| registers(prompt, words, RegisterSet::All)),
    ),
    Command::new(
        "locals",
        &[],
        "",
        "The local variables of the selected frame.",
        "info locals",
        Does::This(|prompt, words| {
            words.end()?;
            let frame = Some(prompt.frame);
            prompt.say_locals(frame, |variable| variable.kind != VariableKind::Argument)
        }),
    ),
    Command::new(
        "args",
        &[],
        "",
        "The arguments of the selected frame.",
        "info args",
        Does::This(|prompt, words| {
            words.end()?;
            let frame = Some(prompt.frame);
            prompt.say_locals(frame, |variable| variable.kind == VariableKind::Argument)
        }),
    ),
    Command::new(
        "frame",
        &["f"],
        "",
        "The selected frame: where it executes, and how it was found.",
        "info frame",
        Does::This(frame),
    ),
    Command::new(
        "threads",
        &["tasks"],
        "",
        "The CPUs, and the tasks that are not running.",
        "info threads",
        Does::This(threads),
    ),
    Command::new("cpus", &[], "", "The CPUs.", "info cpus", Does::This(cpus)),
    Command::new(
        "abilities",
        &[],
        "",
        "What the links to the machine can do.",
        "info abilities",
        Does::This(super::machine::abilities),
    ),
    Command::new(
        "symbol",
        &[],
        "ADDRESS | EXPR",
        "The symbol that holds an address.",
        "info symbol $pc",
        Does::This(symbol),
    )
    .takes(Takes::Value),
    Command::new(
        "line",
        &[],
        "PLACE",
        "The source line of a place, and where its code begins.",
        "info line main",
        Does::This(line),
    )
    .takes(Takes::Place),
    Command::new(
        "source",
        &[],
        "",
        "The source file of the selected frame.",
        "info source",
        Does::This(source),
    ),
    Command::new(
        "functions",
        &["fun"],
        "[PATTERN]",
        "Functions with PATTERN in their name; * and ? match a whole name.",
        "info functions main",
        Does::This(|prompt, words| symbols(prompt, words, SymbolKind::Function)),
    ),
    Command::new(
        "variables",
        &[],
        "[PATTERN]",
        "Global variables with PATTERN in their name.",
        "info variables a",
        Does::This(|prompt, words| symbols(prompt, words, SymbolKind::Data)),
    ),
    Command::new(
        "files",
        &["sections", "sharedlibrary"],
        "",
        "The images, and where their segments are.",
        "info files",
        Does::This(files),
    ),
    Command::new(
        "target",
        &["program"],
        "",
        "The machine: where it is, what its links can do, and why it stands still.",
        "info target",
        Does::This(target),
    ),
    Command::new(
        "display",
        &[],
        "",
        "What is shown at every stop.",
        "info display",
        Does::This(displays),
    ),
];

fn breakpoints(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let reply = prompt.ask(Request::Breakpoints)?;
    prompt.say_breakpoints(&reply)
}

fn registers(
    prompt: &mut Prompt<'_>,
    words: &mut Words<'_>,
    set: RegisterSet,
) -> Result<(), Failure> {
    let Reply::Registers(all) = prompt.ask(Request::FrameRegisters {
        frame: prompt.frame,
        set,
    })?
    else {
        return Ok(());
    };
    let mut picked = RegistersView::default();
    let mut set = set;
    while let Some(word) = words.word() {
        let name = match word.trim_start_matches('$') {
            "pc" => "rip",
            "sp" => "rsp",
            "fp" => "rbp",
            "eflags" => "rflags",
            name => name,
        };
        let mut found = all.registers.iter();
        let Some(register) = found.find(|value| value.register.name() == name) else {
            return Err(words.wrong(format_args!("there is no register `{word}`")));
        };
        picked.registers.push(register.clone());
        set = RegisterSet::All;
    }
    let view = match picked.registers.is_empty() {
        true => all,
        false => picked,
    };
    let reply = Reply::Registers(view);
    prompt.say(&reply, |prompt| match &reply {
        Reply::Registers(view) => render::registers(view, set, prompt.output.styles()),
        _ => String::new(),
    })
}

fn frame(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let frames = prompt.frames()?;
    let index = prompt.frame;
    let frame = frames
        .get(index)
        .ok_or_else(|| Failure::text(Exit::Usage, format_args!("there is no frame {index}")))?;
    let caller = frames.get(index + 1);
    prompt.say_document("ukdbg.frame/1", frame, |prompt| {
        let mut out = render::frame_line(frame, prompt.output.styles());
        let _ = writeln!(out, "  executes at {}", frame.pc);
        if let Some(cfa) = frame.cfa {
            let _ = writeln!(out, "  its frame is at {cfa}");
        }
        if let Some(module) = &frame.module {
            let _ = writeln!(out, "  code of {}", escape_str(module));
        }
        match caller {
            Some(caller) if frame.inlined => {
                let _ = writeln!(out, "  inlined into {}", called(caller));
            }
            Some(caller) => {
                let _ = writeln!(out, "  called by {}", called(caller));
            }
            None => out.push_str("  nobody called it, as far as is known\n"),
        }
        out
    })
}

fn called(frame: &FrameView) -> String {
    let name = frame.function.as_ref().map(|name| escape(&name.demangled));
    name.unwrap_or_else(|| frame.pc.to_string())
}

/// CPUs and tasks as one document.
#[derive(Serialize)]
struct Threads {
    #[serde(flatten)]
    cpus: CpusView,
    tasks: Vec<BacktraceView>,
}

fn threads(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let Reply::Backtraces { backtraces } = prompt.ask(Request::Backtrace(Scope::All))? else {
        return Ok(());
    };
    let Reply::Cpus(cpus) = prompt.ask(Request::Cpus)? else {
        return Ok(());
    };
    let tasks = backtraces.into_iter();
    let tasks = tasks.filter(|one| matches!(one.of, StackOwner::Task { .. }));
    let threads = Threads {
        cpus,
        tasks: tasks.collect(),
    };
    prompt.say_document("ukdbg.threads/1", &threads, |prompt| {
        let styles = prompt.output.styles();
        let mut out = render::cpus(&threads.cpus, styles);
        for task in &threads.tasks {
            let StackOwner::Task { name } = &task.of else {
                continue;
            };
            let frame = task.frames.first().map_or_else(
                || "\n".to_owned(),
                |frame| render::frame_line(frame, styles),
            );
            let _ = write!(out, "  task {}  {frame}", escape(name));
        }
        out
    })
}

fn cpus(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let reply = prompt.ask(Request::Cpus)?;
    prompt.say(&reply, |prompt| match &reply {
        Reply::Cpus(view) => render::cpus(view, prompt.output.styles()),
        _ => String::new(),
    })
}

fn symbol(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let expression = words.needed("which address")?.to_owned();
    let reply = prompt.ask(Request::Whois {
        expression: expression.clone(),
        frame: prompt.selected(),
    })?;
    let Reply::Whois(view) = &reply else {
        return Ok(());
    };
    let Some(symbol) = &view.symbol else {
        return Err(
            Failure::text(Exit::Usage, format_args!("no symbol holds {expression}"))
                .hint(format!("whois {expression}")),
        );
    };
    prompt.say(&reply, |_| format!("{}\n", escape(symbol)))
}

fn line(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let place = prompt.place(words.rest());
    let frame = prompt.selected();
    let reply = prompt.ask(Request::Places { place, frame })?;
    prompt.say(&reply, |prompt| match &reply {
        Reply::Places(view) => render::places(view, prompt.output.styles()),
        _ => String::new(),
    })
}

/// A source file as a document.
#[derive(Serialize)]
struct SourceFile<'a> {
    file: &'a ukdbg_session::SourcePath,
}

fn source(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let frames = prompt.frames()?;
    let location = frames
        .get(prompt.frame)
        .and_then(|frame| frame.location.as_ref());
    let Some(location) = location else {
        return Err(Failure::text(Exit::Usage, "the frame has no source line"));
    };
    let told = SourceFile {
        file: &location.file,
    };
    prompt.say_document("ukdbg.source-file/1", &told, |_| {
        let mut out = format!("{}\n", escape(&location.file.path));
        if let Some(directory) = &location.file.compilation_directory {
            let _ = writeln!(out, "  compiled in {}", escape(directory));
        }
        out
    })
}

fn symbols(
    prompt: &mut Prompt<'_>,
    words: &mut Words<'_>,
    kind: SymbolKind,
) -> Result<(), Failure> {
    let text = words.some_rest();
    let pattern = text.map(|text| SymbolPattern::new(text, Case::Differs));
    let mut view = SymbolsView {
        symbols: Vec::new(),
    };
    for module in prompt.guest.modules().iter() {
        let found = SymbolsView::of(&module.image, pattern.as_ref(), SymbolOrder::Name);
        view.symbols.extend(found.symbols);
    }
    let is_code = kind == SymbolKind::Function;
    view.symbols
        .retain(|symbol| (symbol.kind == SymbolKind::Function) == is_code);
    if view.symbols.is_empty() {
        let text = text.unwrap_or_default();
        return Err(Failure::text(
            Exit::Usage,
            format_args!("no symbol of the images matches `{text}`"),
        ));
    }
    prompt.say_document(SymbolsView::SCHEMA, &view, |prompt| {
        render::symbols(&view, false, prompt.output.styles())
    })
}

/// Images and their segments as a document.
#[derive(Serialize)]
struct Files {
    images: Vec<ImageFile>,
}

#[derive(Serialize)]
struct ImageFile {
    name: String,
    /// How far it is from where it was linked; none when it is there.
    slide: Option<String>,
    segments: Vec<SegmentPlace>,
}

#[derive(Serialize)]
struct SegmentPlace {
    at: ukdbg_session::inspect::VirtAddr,
    size: u64,
    executable: bool,
    writable: bool,
}

fn files(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let images = prompt.guest.modules().iter().map(|module| ImageFile {
        name: module.name.clone(),
        slide: module.slide().map(|slide| slide.to_string()),
        segments: module
            .image
            .segments()
            .iter()
            .filter_map(|segment| {
                let addresses = &segment.addresses;
                Some(SegmentPlace {
                    at: module.run_address(addresses.start)?,
                    size: addresses.end.offset_from(addresses.start)?,
                    executable: segment.executable,
                    writable: segment.writable,
                })
            })
            .collect(),
    });
    let files = Files {
        images: images.collect(),
    };
    prompt.say_document("ukdbg.files/1", &files, |_| {
        let mut out = String::new();
        for image in &files.images {
            let _ = write!(out, "{}", escape_str(&image.name));
            if let Some(slide) = &image.slide {
                let _ = write!(out, " at {slide} from where it was linked");
            }
            out.push('\n');
            for segment in &image.segments {
                let _ = writeln!(
                    out,
                    "  {} {:#10x} bytes r{}{}",
                    segment.at,
                    segment.size,
                    if segment.writable { 'w' } else { '-' },
                    if segment.executable { 'x' } else { '-' },
                );
            }
        }
        out
    })
}

fn target(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let endpoint = prompt.setup.endpoint.clone();
    let stop = prompt.guest.answer(Request::LastStop).ok();
    if let (Some(reply), true) = (&stop, prompt.output.is_json()) {
        return prompt.say_stop(reply);
    }
    prompt.say_text(&format!("{}\n", escape_str(&endpoint)))?;
    if let Ok(Reply::Abilities(view)) = prompt.guest.answer(Request::Abilities) {
        prompt.say_text(&render::abilities(&view))?;
    }
    match &stop {
        Some(reply) => prompt.say_stop(reply),
        None => Ok(()),
    }
}

/// Displays as a document.
#[derive(Serialize)]
struct DisplaysView {
    displays: Vec<DisplayView>,
}

#[derive(Serialize)]
struct DisplayView {
    number: u32,
    text: String,
}

fn displays(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let all = prompt.displays.all().into_iter();
    let view = DisplaysView {
        displays: all
            .map(|display| DisplayView {
                number: display.number,
                text: display.text,
            })
            .collect(),
    };
    prompt.say_document("ukdbg.displays/1", &view, |_| {
        if view.displays.is_empty() {
            return "nothing is shown at stops\n".to_owned();
        }
        let lines = view.displays.iter();
        lines
            .map(|one| format!("{}: {}\n", one.number, escape_str(&one.text)))
            .collect()
    })
}
