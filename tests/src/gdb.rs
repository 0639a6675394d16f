//! Asking stock GDB for the same backtrace.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::DEADLINE;
use crate::frame::SeenFrame;
use crate::process::Running;
use crate::tool::Tool;

/// What `gdb -batch -ex bt` shows of the machine behind `endpoint` (what
/// `target remote` takes), which it leaves running; and all that it printed.
/// The line `<signal handler called>`, which stands for a trap's entry, is left
/// out.
#[must_use]
pub fn gdb_backtrace(endpoint: &str, symbols: &Path) -> (Vec<SeenFrame>, String) {
    let printed = gdb(endpoint, symbols, &["backtrace", "detach"]);
    (gdb_frames(&printed), printed)
}

/// What GDB prints when it is connected to `endpoint` and given `commands`.
#[must_use]
pub fn gdb(endpoint: &str, symbols: &Path, commands: &[&str]) -> String {
    run(symbols, &format!("target remote {endpoint}"), commands)
}

/// What GDB prints of a core when it is given `commands`.
#[must_use]
pub fn gdb_of_core(core: &Path, symbols: &Path, commands: &[&str]) -> String {
    run(
        symbols,
        &format!("target core {}", core.display()),
        commands,
    )
}

fn run(symbols: &Path, target: &str, commands: &[&str]) -> String {
    let mut command = Command::new(Tool::Gdb.command());
    command
        .env("LC_ALL", "C")
        .args(["-nx", "-quiet", "-batch"])
        .args(["-iex", "set debuginfod enabled off", "-iex", "set width 0"])
        .args(["-ex", target])
        .args(commands.iter().flat_map(|command| ["-ex", command]))
        .arg(symbols);
    let started = Instant::now();
    let done = Running::start(&mut command).finish(started, DEADLINE);
    format!("{}{}", done.stdout, done.stderr)
}

/// The frames of a backtrace that GDB printed.
#[must_use]
pub fn gdb_frames(printed: &str) -> Vec<SeenFrame> {
    printed.lines().filter_map(parse_frame).collect()
}

/// Parses `#1  0x000000000040016c in match (order=…, depth=20) at orders.c:48`.
fn parse_frame(line: &str) -> Option<SeenFrame> {
    let rest = line.strip_prefix('#')?;
    let (_, rest) = rest.split_once(' ')?;
    let rest = rest.trim_start();
    let rest = match rest.split_once(" in ") {
        Some((address, rest)) if address.starts_with("0x") => rest,
        _ => rest,
    };
    let (function, rest) = rest.split_at(end_of_name(rest)?);
    let rest = rest.strip_prefix(" (")?;
    let (arguments, place) = rest.rsplit_once(')')?;
    let place = place.trim().strip_prefix("at ").unwrap_or_default();
    let (path, line) = place.rsplit_once(':').unwrap_or_default();
    Some(SeenFrame {
        function: function.to_owned(),
        file: path.rsplit('/').next().unwrap_or_default().to_owned(),
        line: line.parse().ok(),
        inlined: None,
        arguments: arguments
            .split(", ")
            .filter_map(|argument| argument.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    })
}

/// Where a function's name ends: before the parenthesis that is in no type's
/// angle brackets.
fn end_of_name(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut previous = ' ';
    for (index, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            // Not the arrow of a function's type.
            '>' if previous != '-' => depth -= 1,
            ' ' if depth == 0 && text[index..].starts_with(" (") => return Some(index),
            _ => {}
        }
        previous = character;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_parsed() {
        #[track_caller]
        fn check(line: &str, function: &str, file: &str, number: Option<u64>, arguments: usize) {
            let frame = parse_frame(line).expect("a frame");
            assert_eq!(
                (
                    &*frame.function,
                    &*frame.file,
                    frame.line,
                    frame.arguments.len()
                ),
                (function, file, number, arguments)
            );
        }
        check(
            "#0  settle (order=0x40d000 <book>, fee=27) at a/orders.c:41",
            "settle",
            "orders.c",
            Some(41),
            2,
        );
        check(
            "#6  0x0000000000400228 in guest_main () at orders.c:91",
            "guest_main",
            "orders.c",
            Some(91),
            0,
        );
        check(
            "#8  0x01 in l::fill<fn (u8) -> u8, ()> (a=..., b={x = 1, y = 2}) at l.rs:4",
            "l::fill<fn (u8) -> u8, ()>",
            "l.rs",
            Some(4),
            3,
        );
        check("#2  0x000000000040d000 in ?? ()", "??", "", None, 0);
        assert_eq!(parse_frame("#1  <signal handler called>"), None);
        assert_eq!(parse_frame("guest started"), None);
    }
}
