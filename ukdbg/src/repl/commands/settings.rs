//! `set` and `show`.

use ukdbg_session::inspect::StepInterrupts;
use ukdbg_session::{Request, Syntax};

use super::{Command, Does, Takes};
use crate::failure::Failure;
use crate::repl::prompt::Prompt;
use crate::repl::words::{Words, assignment};

pub(super) static SET: [Command; 7] = [
    Command::new(
        "variable",
        &["var"],
        "PLACE = VALUE",
        "Change a variable, memory or a register.",
        "set variable $rax = 5",
        Does::This(assign),
    )
    .takes(Takes::Value),
    Command::new(
        "listsize",
        &[],
        "N",
        "Source lines that `list` shows.",
        "set listsize 20",
        Does::This(list_size),
    ),
    Command::new(
        "disassembly-flavor",
        &[],
        "intel | att",
        "How instructions are written.",
        "set disassembly-flavor att",
        Does::This(flavor),
    ),
    Command::new(
        "step-interrupts",
        &[],
        "masked | delivered",
        "Whether interrupts wait while one steps.",
        "set step-interrupts delivered",
        Does::This(step_interrupts),
    ),
    Command::new(
        "confirm",
        &[],
        "off",
        "Nothing asks for confirmation here; scripts written for GDB say so.",
        "set confirm off",
        Does::This(only_off),
    ),
    Command::new(
        "pagination",
        &["height", "width"],
        "off",
        "Nothing waits for a key between pages; scripts written for GDB say so.",
        "set pagination off",
        Does::This(only_off),
    ),
    // What has no setting's name is a place.
    Command::new(
        "",
        &[],
        "PLACE = VALUE",
        "Change a variable, memory or a register.",
        "set $rax = 5",
        Does::This(assign),
    )
    .takes(Takes::Value),
];

fn assign(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let text = words.needed("what")?;
    let Some((place, value)) = assignment(text) else {
        return Err(words
            .wrong("that is no setting, and no PLACE = VALUE")
            .hint("help set"));
    };
    prompt.assign(place, value)?;
    prompt.say_done()
}

fn list_size(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let size = words.number("a number of lines")?;
    let size = size.and_then(|size| u32::try_from(size).ok());
    match size {
        Some(size @ 1..=10_000) => prompt.settings.list_size = size,
        _ => return Err(words.wrong("a number of lines, from 1 to 10000")),
    }
    prompt.say_done()
}

fn flavor(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    prompt.settings.flavor = match words.word() {
        Some("intel") => Syntax::Intel,
        Some("att") => Syntax::Att,
        _ => return Err(words.wrong("`intel` or `att`")),
    };
    prompt.say_done()
}

fn step_interrupts(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let interrupts = match words.word() {
        Some("masked") => StepInterrupts::Masked,
        Some("delivered") => StepInterrupts::Delivered,
        _ => return Err(words.wrong("`masked` or `delivered`")),
    };
    prompt.settings.step_interrupts = interrupts;
    let reply = prompt.ask(Request::StepInterrupts(interrupts))?;
    prompt.say(&reply, |_| String::new())
}

fn only_off(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    match words.word() {
        Some("off" | "0" | "unlimited") => prompt.say_done(),
        _ => Err(words.wrong("there is nothing to switch on")),
    }
}

pub(super) fn show(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let settings = &prompt.settings;
    let flavor = match settings.flavor {
        Syntax::Intel => "intel",
        Syntax::Att => "att",
    };
    let interrupts = match settings.step_interrupts {
        StepInterrupts::Masked => "masked",
        StepInterrupts::Delivered => "delivered",
    };
    let all = [
        ("listsize", settings.list_size.to_string()),
        ("disassembly-flavor", flavor.to_owned()),
        ("step-interrupts", interrupts.to_owned()),
        ("confirm", "off".to_owned()),
        ("pagination", "off".to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let wanted = words.word().unwrap_or_default();
    words.end()?;
    let lines: String = all
        .iter()
        .filter(|(name, _)| name.starts_with(wanted))
        .map(|(name, value)| format!("{name} {value}\n"))
        .collect();
    match lines.is_empty() {
        true => Err(words.wrong("there is no such setting").hint("show")),
        false => prompt.say_text(&lines),
    }
}
