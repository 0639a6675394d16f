//! What `catch` catches.

use ukdbg_session::{BreakAt, NewBreakpoint, Request};

use super::{Command, Does};
use crate::failure::Failure;
use crate::repl::prompt::Prompt;
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 4] = [
    Command::new(
        "fault",
        &[],
        "",
        "Stop when the guest has faulted.",
        "catch fault",
        Does::This(|prompt, words| catch(prompt, words, BreakAt::Fault)),
    ),
    Command::new(
        "panic",
        &["throw"],
        "",
        "Stop when the guest's program ends itself by a panic.",
        "catch panic",
        Does::This(|prompt, words| catch(prompt, words, BreakAt::Panic)),
    ),
    Command::new(
        "switch",
        &[],
        "",
        "Stop when another task of the guest runtime begins to run.",
        "catch switch",
        Does::This(|prompt, words| catch(prompt, words, BreakAt::TaskSwitch)),
    ),
    Command::new(
        "event",
        &[],
        "NAME",
        "Stop where a trace event of that name is written.",
        "catch event order.accepted",
        Does::This(|prompt, words| {
            let name = words.needed("which event")?.to_owned();
            catch(prompt, words, BreakAt::TraceEvent(name))
        }),
    ),
];

fn catch(prompt: &mut Prompt<'_>, words: &mut Words<'_>, at: BreakAt) -> Result<(), Failure> {
    words.end()?;
    prompt.say_breakpoint(Request::Break(NewBreakpoint {
        at,
        ..NewBreakpoint::at("")
    }))
}
