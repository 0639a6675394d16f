//! What `monitor COMMAND` shows: the guest as its runtime knows it, and nothing
//! that a client can read by itself.

use core::arch::asm;
use core::fmt::{self, Write};
use core::sync::atomic::Ordering;

use super::ThisGuest;
use super::tasks::{self, Tasks};
use crate::heap::LEDGER;
use crate::{cpu, stack, ticks, trace};

/// What a client may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command {
    /// The commands.
    Help,
    /// The tasks, with their stacks.
    Tasks,
    /// Where the heap lies.
    Heap,
    /// How full the trace ring is.
    Trace,
    /// Registers that no debugger's description has.
    Registers,
    /// Starts the machine anew.
    Reset,
}

/// Name and meaning of each.
const COMMANDS: [(&str, Command, &str); 6] = [
    ("help", Command::Help, "this list"),
    ("tasks", Command::Tasks, "tasks, their states and stacks"),
    ("heap", Command::Heap, "where the heap lies"),
    ("trace", Command::Trace, "how full the trace ring is"),
    (
        "registers",
        Command::Registers,
        "control registers, descriptor tables, debug registers",
    ),
    ("reset", Command::Reset, "reset the machine"),
];

impl Command {
    /// The command of a name.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let name = name.trim_ascii();
        let found = COMMANDS.iter().find(|(word, ..)| word.as_bytes() == name);
        found.map(|&(_, command, _)| command)
    }
}

/// The answer to [`Command::Help`].
pub(super) fn help(out: &mut impl Write) -> fmt::Result {
    COMMANDS
        .iter()
        .try_for_each(|(name, _, meaning)| writeln!(out, "{name:<10} {meaning}"))
}

/// A guest that can tell of itself.
pub(super) trait Monitor {
    /// Writes the answer to a command that asks for something.
    fn show(&mut self, command: Command, out: &mut dyn Write) -> fmt::Result;
}

impl Monitor for ThisGuest {
    fn show(&mut self, command: Command, out: &mut dyn Write) -> fmt::Result {
        match command {
            Command::Tasks => show_tasks(out),
            Command::Heap => show_heap(out),
            Command::Trace => show_trace(out),
            Command::Registers => show_registers(out),
            // Answered without the guest.
            Command::Help | Command::Reset => Ok(()),
        }
    }
}

fn show_tasks(out: &mut dyn Write) -> fmt::Result {
    let entries = stack::entries().iter().enumerate();
    for (number, entry) in entries {
        let Some(task) = ThisGuest.task(number) else {
            continue;
        };
        let running = number == ThisGuest.current();
        let state = if running { "runs" } else { "waits" };
        let name = task.name.split(|&byte| byte == 0).next();
        let name = name.and_then(|name| str::from_utf8(name).ok());
        write!(
            out,
            "thread {:<3} {:<12} {state:<6} stack {:#x}..{:#x}",
            tasks::thread(number),
            name.unwrap_or("?"),
            entry.low,
            entry.high
        )?;
        match entry.high.checked_sub(task.saved_rsp) {
            Some(used) if task.saved_rsp != 0 => writeln!(out, ", {used} bytes used")?,
            _ => writeln!(out)?,
        }
    }
    Ok(())
}

fn show_heap(out: &mut dyn Write) -> fmt::Result {
    let [start, end, guarded_start, guarded_end, written] = [
        &LEDGER.heap_start,
        &LEDGER.heap_end,
        &LEDGER.guarded_start,
        &LEDGER.guarded_end,
        &LEDGER.written,
    ]
    .map(|value| value.load(Ordering::Relaxed));
    writeln!(out, "heap {start:#x}..{end:#x}")?;
    if guarded_start == 0 {
        return writeln!(out, "blocks are not guarded");
    }
    writeln!(
        out,
        "guarded blocks {guarded_start:#x}..{guarded_end:#x}, {written} given out so far"
    )
}

fn show_trace(out: &mut dyn Write) -> fmt::Result {
    let ring = trace::current().header();
    let slots = ring.slot_count.load(Ordering::Relaxed);
    if ring.magic.load(Ordering::Acquire) == 0 || slots == 0 {
        return writeln!(out, "nothing is traced");
    }
    let head = ring.head.load(Ordering::Relaxed);
    writeln!(
        out,
        "{slots} slots at {:#x}; {head} written, the last {} are there; {} ticks since the boot",
        ring.slots.load(Ordering::Relaxed),
        head.min(slots),
        ticks()
    )
}

fn show_registers(out: &mut dyn Write) -> fmt::Result {
    #[expect(unsafe_code, reason = "a register of the processor")]
    // SAFETY: every long-mode processor has it.
    let efer = unsafe { cpu::read_msr(cpu::MSR_EFER) };
    writeln!(
        out,
        "cr0 {:#x}\ncr2 {:#x}\ncr3 {:#x}\ncr4 {:#x}\nefer {efer:#x}",
        cpu::cr0(),
        cpu::cr2(),
        cpu::cr3(),
        cpu::cr4()
    )?;
    let (global, interrupt, task) = tables();
    for (name, table) in [("gdtr", global), ("idtr", interrupt)] {
        let (limit, base) = (table as u16, (table >> 16) as u64);
        writeln!(out, "{name} base {base:#x} limit {limit:#x}")?;
    }
    writeln!(out, "tr {task:#x}")
}

/// GDTR, IDTR (limit in the low 16 bits, base above), and TR.
fn tables() -> (u128, u128, u16) {
    let (mut global, mut interrupt) = (0_u128, 0_u128);
    let task: u16;
    #[expect(unsafe_code, reason = "instructions that store registers")]
    // SAFETY: each stores ten bytes where sixteen are, or a register.
    unsafe {
        asm!("sgdt [{}]", in(reg) &raw mut global, options(nostack, preserves_flags));
        asm!("sidt [{}]", in(reg) &raw mut interrupt, options(nostack, preserves_flags));
        asm!("str {:x}", out(reg) task, options(nomem, nostack, preserves_flags));
    }
    (global, interrupt, task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_name() {
        for (name, command, _) in COMMANDS {
            assert_eq!(Command::named(name.as_bytes()), Some(command));
        }
        assert_eq!(Command::named(b" heap\n"), Some(Command::Heap));
        for other in [&b""[..], b"hea", b"\xff", b"heap x"] {
            assert_eq!(Command::named(other), None);
        }
    }

    #[test]
    fn every_command_is_in_the_help() {
        let mut text = String::new();
        help(&mut text).unwrap();
        assert_eq!(text.lines().count(), COMMANDS.len());
        assert!(text.starts_with("help       this list\n"));
    }
}
