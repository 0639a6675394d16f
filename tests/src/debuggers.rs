//! The session that a developer has with a stub, as stock GDB and LLDB hold it.
//!
//! Not here: what must come of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::DEADLINE;
use crate::process::Running;
use crate::relay::{Quality, Record, Relay};
use crate::tool::Tool;

/// What GDB does between coming and going, in the sample kernel.
const GDB_SESSION: [&str; 32] = [
    "backtrace 3",
    "info threads",
    "thread apply all backtrace 1",
    "info all-registers",
    "break ukdbg_target_runtime::task::yield_now",
    "continue",
    "delete",
    "finish",
    "hbreak ukdbg_target_runtime::task::yield_now",
    "continue",
    "delete",
    "next",
    "step",
    "stepi",
    "x/8xb $sp",
    "x/4xb 0",
    "set var $mxcsr = 0x1f00",
    "set var $mxcsr = 0x1f80",
    "watch ukdbg_target_runtime::time::TICKS",
    "continue",
    "set var ukdbg_target_runtime::time::TICKS.v.value = 12345",
    "print ukdbg_target_runtime::time::TICKS",
    "delete",
    "rwatch ukdbg_target_runtime::stack::TABLE.current",
    "continue",
    "delete",
    "awatch ukdbg_target_runtime::time::TICKS",
    "continue",
    "delete",
    "monitor help",
    "continue",
    "backtrace 1",
];

/// The same for LLDB.
const LLDB_SESSION: [&str; 35] = [
    "bt 3",
    "thread list",
    "thread backtrace all -c 1",
    "register read --all",
    "breakpoint set --name yield_now",
    "continue",
    "breakpoint delete --force",
    "finish",
    "breakpoint set --hardware --name yield_now",
    "continue",
    "breakpoint delete --force",
    "next",
    "step",
    "stepi",
    "memory read --count 16 $rsp",
    "memory read 0x0",
    "register write mxcsr 0x1f00",
    "register read mxcsr",
    "register write mxcsr 0x1f80",
    // Where a function begins it saves a register, and at its end it reads
    // where to return to.
    "breakpoint set --name yield_now --skip-prologue false",
    "continue",
    "breakpoint delete --force",
    "watchpoint set expression --watch write --size 8 -- $rsp-8",
    "continue",
    "watchpoint delete --force",
    "breakpoint set --name yield_now --skip-prologue false",
    "continue",
    "breakpoint delete --force",
    "watchpoint set expression --watch read --size 8 -- $rsp",
    "continue",
    "watchpoint delete --force",
    "memory write $rsp-256 0x01",
    "process plugin packet monitor help",
    // Only a program can do something while the guest runs.
    "script lldb.debugger.SetAsync(True); lldb.debugger.HandleCommand('continue'); \
     lldb.debugger.HandleCommand('process interrupt'); lldb.debugger.SetAsync(False)",
    "thread info",
];

/// A session that is over.
#[derive(Debug)]
pub struct Held {
    /// What the debugger printed.
    pub printed: String,
    /// What went over the line.
    pub record: Record,
}

/// GDB's session with the stub at `socket`, ended by `detach`.
///
/// # Panics
/// When GDB does not come to its end.
#[must_use]
pub fn gdb_session(socket: &Path, symbols: &Path) -> Held {
    let relay = Relay::to(socket, Quality::Good);
    let endpoint = relay.socket().display().to_string();
    let started = Instant::now();
    let gdb = Running::start(&mut gdb_command(&endpoint, symbols, &GDB_SESSION));
    // The last but one goes on until it is interrupted.
    relay.wait_for_client("$qRcmd", "$vCont;c", DEADLINE);
    gdb.signal(Signal::INT);
    let done = gdb.finish(started, DEADLINE);
    Held {
        printed: format!("{}{}", done.stdout, done.stderr),
        record: relay.record(),
    }
}

/// GDB that connects, does `commands`, and detaches.
fn gdb_command(endpoint: &str, symbols: &Path, commands: &[&str]) -> Command {
    let mut command = Command::new(Tool::Gdb.command());
    command
        .env("LC_ALL", "C")
        .args(["-nx", "-quiet", "-batch"])
        .args(["-iex", "set debuginfod enabled off", "-iex", "set width 0"])
        .args(["-ex", "set confirm off"])
        .args(["-ex", &format!("target remote {endpoint}")])
        .args(commands.iter().flat_map(|command| ["-ex", command]))
        .args(["-ex", "detach"])
        .arg(symbols);
    command
}

/// LLDB's session with the stub at `socket`, ended by `detach`.
///
/// # Panics
/// When LLDB does not come to its end.
#[must_use]
pub fn lldb_session(socket: &Path, symbols: &Path) -> Held {
    let relay = Relay::to(socket, Quality::Good);
    let folder = TempDir::with_prefix("ukdbg-lldb-").expect("a temporary directory");
    let script = folder.path().join("session");
    let connect = format!(
        "process connect unix-connect://{}",
        relay.socket().display()
    );
    let lines = [&[&*connect], &LLDB_SESSION[..], &["detach"]].concat();
    fs::write(&script, lines.join("\n")).expect("a temporary file");
    let source = format!("command source --stop-on-error false {}", script.display());
    let mut command = Command::new(Tool::Lldb.command());
    command
        .args(["--no-lldbinit", "--no-use-colors", "--batch"])
        .args(["--one-line", &source])
        .arg(symbols);
    let started = Instant::now();
    let done = Running::start(&mut command).finish(started, DEADLINE);
    Held {
        printed: format!("{}{}", done.stdout, done.stderr),
        record: relay.record(),
    }
}
