//! The prompt and scripts of its commands, on the sample kernel and on C
//! guests, over QEMU's stub and the one in the guest.

mod examples;
mod habits;
mod scripts;
mod terminal;

use serde_json::Value;
use ukdbg_tests::{Finished, Ukdbg, kernel_image};

/// The sample kernel, held before its first instruction, with these commands.
fn on_kernel(commands: &[&str]) -> Ukdbg {
    let ukdbg = Ukdbg::new(["run", "--batch", "--timeout", "30s"]).and([kernel_image()]);
    with(ukdbg, commands)
}

fn with(ukdbg: Ukdbg, commands: &[&str]) -> Ukdbg {
    commands
        .iter()
        .fold(ukdbg, |ukdbg, command| ukdbg.and(["-e", command]))
}

/// Runs it with `--json`, and gives every document.
#[track_caller]
fn documents(ukdbg: Ukdbg, code: i32) -> Vec<Value> {
    let finished = ukdbg.and(["--json"]).run();
    assert_eq!(finished.code, Some(code), "{finished}");
    parsed(&finished)
}

#[track_caller]
fn parsed(finished: &Finished) -> Vec<Value> {
    let lines = finished.stdout.lines();
    lines
        .map(|line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{line:?} is no document: {error}\n{finished}"))
        })
        .collect()
}

/// The answers to a command, by what was typed.
fn answers<'a>(documents: &'a [Value], command: &str) -> Vec<&'a Value> {
    let all = documents.iter();
    all.filter(|document| document["command"] == command)
        .collect()
}

/// The only answer to a command.
#[track_caller]
fn answer<'a>(documents: &'a [Value], command: &str) -> &'a Value {
    match answers(documents, command)[..] {
        [one] => one,
        ref several => panic!("{command:?} is answered by {several:#?}"),
    }
}
