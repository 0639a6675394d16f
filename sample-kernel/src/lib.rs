//! The sample kernel: a limit-order matching engine on bare metal, for a
//! debugger to be shown on.
//!
//! Three cooperative tasks pass work along bounded queues: a generator makes
//! the same orders for the same seed, the matcher runs them through the
//! [`engine`], the reporter counts and times. Told so on the command line
//! ([`options`]), the kernel commits one of thirteen [`faults`] in the middle of
//! a trade.
//!
//! The guest's exit status is 0 after a complete run, 2 for a command line it
//! does not understand or cannot follow, 3 when memory does not suffice. A fault does not exit:
//! it halts with its state in place.
//!
//! Everything but the tasks' switching and the faults runs on a host too, and
//! is tested there. What boots the machine and catches the faults is
//! `ukdbg-target-runtime`.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod engine;
pub mod faults;
pub mod options;

mod generator;
mod latency;
mod monitor;
mod pipeline;
mod queue;

use ukdbg_target_runtime::{command_line, exit, guard_allocations, println, start_trace, stub};

use options::Options;

/// Exit status for a command line that is not understood.
const STATUS_USAGE: u8 = 2;
/// Exit status when memory does not suffice.
const STATUS_MEMORY: u8 = 3;

/// The kernel's main function.
pub fn main() {
    let options = match Options::parse(command_line()) {
        Ok(options) => options,
        Err(error) => {
            println!("command line: {error}");
            println!("usage: {}", options::USAGE);
            exit(STATUS_USAGE)
        }
    };
    println!("sample kernel: {options}");
    start_debugger(options.wait_for_debugger);
    if let Err(error) = start_trace(options.ring_size) {
        println!("ring={}: {error}", options.ring_size);
        exit(STATUS_MEMORY)
    }
    if options.fault.is_some() {
        guard_allocations();
    }
    if pipeline::run(&options).is_err() {
        println!("cannot start the tasks");
        exit(STATUS_MEMORY)
    }
}

/// Makes a serial port answer a debugger, if the machine has one.
fn start_debugger(wait: bool) {
    let line = stub::install();
    if !wait {
        return;
    }
    let port = match line {
        Some(stub::Line::Own) => "second serial port",
        Some(stub::Line::Console) => "console's serial port",
        None => {
            println!("wait-gdb: the machine has no serial port");
            exit(STATUS_USAGE)
        }
    };
    println!("waiting for a debugger on the {port}");
    stub::wait_for_client();
}
