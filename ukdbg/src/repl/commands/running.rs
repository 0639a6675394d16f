//! Letting the machine go on: as far as a breakpoint, a line, an instruction.

use ukdbg_session::{Arrival, Back, Calls, Motion, Request};

use super::{Command, Does, Repeats, Takes};
use crate::failure::Failure;
use crate::repl::prompt::Prompt;
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 16] = [
    Command::new(
        "continue",
        &["c", "fg"],
        "[N]",
        "Let the machine go on until something stops it.\n\
         With N, the breakpoint that it stands at is passed N-1 times.",
        "continue",
        Does::This(go_on),
    )
    .repeats(Repeats::Bare),
    Command::new(
        "step",
        &["s"],
        "[N]",
        "Go on to another source line, into functions that have lines.",
        "step",
        Does::This(|prompt, words| lines(prompt, words, Calls::Into)),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "next",
        &["n"],
        "[N]",
        "Go on to another source line, over the functions it calls.",
        "next 2",
        Does::This(|prompt, words| lines(prompt, words, Calls::Over)),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "stepi",
        &["si"],
        "[N]",
        "Execute one instruction, or N.",
        "stepi 3",
        Does::This(|prompt, words| instructions(prompt, words, Calls::Into)),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "nexti",
        &["ni"],
        "[N]",
        "Execute one instruction, or N, calls as a whole.",
        "nexti",
        Does::This(|prompt, words| instructions(prompt, words, Calls::Over)),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "finish",
        &["fin"],
        "",
        "Go on until the selected frame returns, and print what it returned.",
        "finish",
        Does::This(finish),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "until",
        &["u"],
        "[PLACE]",
        "Go on to a line further down, out of a loop; or to PLACE in this frame.",
        "until",
        Does::This(until),
    )
    .takes(Takes::Place)
    .repeats(Repeats::AsTyped),
    Command::new(
        "advance",
        &[],
        "PLACE",
        "Go on to PLACE, or until the frame returns.",
        "advance main",
        Does::This(advance),
    )
    .takes(Takes::Place),
    Command::new(
        "reverse-continue",
        &["rc"],
        "",
        "Go back, in a recording, to where a breakpoint or watchpoint last stops.",
        "reverse-continue",
        Does::This(|prompt, words| back(prompt, words, Back::Continue)),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "reverse-stepi",
        &["rsi"],
        "[N]",
        "Go back by one instruction, or N, in a recording.",
        "reverse-stepi",
        Does::This(|prompt, words| {
            let count = count(words)?;
            prompt.go(Motion::Back(Back::Instructions { count }))
        }),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "reverse-finish",
        &[],
        "",
        "Go back, in a recording, to the call of the innermost function.",
        "reverse-finish",
        Does::This(|prompt, words| back(prompt, words, Back::Out)),
    )
    .repeats(Repeats::AsTyped),
    Command::new(
        "trap",
        &[],
        "",
        "Go on to the next handler of an exception or an interrupt.",
        "trap",
        Does::This(|prompt, words| {
            words.end()?;
            prompt.go(Motion::Trap)
        }),
    ),
    Command::new(
        "jump",
        &["j"],
        "PLACE",
        "Make the CPU go on at PLACE. It does not run there by itself.",
        "jump *$pc",
        Does::This(jump),
    )
    .takes(Takes::Place),
    Command::new(
        "interrupt",
        &[],
        "",
        "Stop a machine that runs.",
        "interrupt",
        Does::This(|prompt, words| {
            words.end()?;
            prompt.stop_running()
        }),
    ),
    Command::new(
        "detach",
        &[],
        "",
        "Leave the machine running.",
        "detach",
        Does::This(super::machine::detach),
    ),
    Command::new(
        "kill",
        &["k"],
        "",
        "End the machine.",
        "kill",
        Does::This(super::machine::kill),
    ),
];

fn count(words: &mut Words<'_>) -> Result<u64, Failure> {
    let count = words.number("a count")?.unwrap_or(1);
    words.end()?;
    Ok(count)
}

fn go_on(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let ignore = count(words)?.saturating_sub(1);
    prompt.go(Motion::Continue { ignore })
}

fn lines(prompt: &mut Prompt<'_>, words: &mut Words<'_>, calls: Calls) -> Result<(), Failure> {
    let count = count(words)?;
    prompt.go(Motion::Lines { calls, count })
}

fn instructions(
    prompt: &mut Prompt<'_>,
    words: &mut Words<'_>,
    calls: Calls,
) -> Result<(), Failure> {
    let count = count(words)?;
    prompt.go(Motion::Instructions { calls, count })
}

fn back(prompt: &mut Prompt<'_>, words: &mut Words<'_>, back: Back) -> Result<(), Failure> {
    words.end()?;
    prompt.go(Motion::Back(back))
}

fn finish(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let frame = prompt.frame;
    prompt.go(Motion::Out { frame })
}

fn until(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let motion = match words.some_rest() {
        None => Motion::PastLoop,
        Some(place) => Motion::To {
            place: prompt.place(place),
            whose: Arrival::ThisFrame,
        },
    };
    prompt.go(motion)
}

fn advance(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let place = words.needed("to what place")?;
    let place = prompt.place(place);
    let whose = Arrival::Any;
    prompt.go(Motion::To { place, whose })
}

fn jump(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let place = words.needed("to what place")?;
    let place = prompt.place(place);
    let reply = prompt.ask(Request::Jump { place })?;
    prompt.frame = 0;
    prompt.say_stop(&reply)
}
