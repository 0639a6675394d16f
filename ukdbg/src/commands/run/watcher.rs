//! Watching a guest of our own: its stops, its console, its emulator. Shared
//! by the batch run and the terminal interface.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ukdbg_gdb_bridge::{Accelerator, Launch, LogEntry, LoggedException, Machine, Qemu};
use ukdbg_session::diagnose::{
    DescriptorTable, EmulatorEvidence, Ending, LoggedException as Evidenced,
};
use ukdbg_session::inspect::{ShutdownCause, Stop, StopReason, VirtAddr};
use ukdbg_session::{Session, SessionError};

use super::ending::GuestEnd;
use crate::console::ConsoleFilter;
use crate::tui;

/// How often a guest is asked whether it is halted for good.
const HALT_CHECK: Duration = Duration::from_millis(200);
/// Console bytes kept while nobody takes them.
const CONSOLE_LIMIT: usize = 1 << 20;
/// How long QEMU may take to say how it ended once its links are gone.
const END_PATIENCE: Duration = Duration::from_secs(2);
/// The first vector that is no exception of the processor's (SDM 3A 6.2).
const FIRST_INTERRUPT: u8 = 32;

/// What ends a watch.
#[derive(Debug)]
pub(super) enum Seen {
    /// The guest or its emulator is gone.
    Ended(GuestEnd),
    /// It stands still, for a reason that deserves a report.
    Stopped(Ending),
}

/// Watches one guest.
pub(super) struct Watcher {
    qemu: Qemu,
    console: Option<UnixStream>,
    filter: Option<ConsoleFilter>,
    printed: String,
    next_halt_check: Instant,
    has_debug_exit: bool,
    accelerator: Accelerator,
    /// How the last stop came to be, for whoever asks for evidence later.
    ending: Ending,
    ended: Option<GuestEnd>,
}

impl Watcher {
    /// Watches a guest that was just started.
    pub(super) fn new(
        qemu: Qemu,
        console: Option<UnixStream>,
        raw_console: bool,
        launch: &Launch,
    ) -> std::io::Result<Self> {
        if let Some(console) = &console {
            console.set_nonblocking(true)?;
        }
        Ok(Self {
            qemu,
            console,
            filter: (!raw_console).then(ConsoleFilter::default),
            printed: String::new(),
            next_halt_check: Instant::now() + HALT_CHECK,
            has_debug_exit: launch.has_debug_exit(),
            accelerator: launch.accelerator,
            ending: Ending::Stopped,
            ended: None,
        })
    }

    /// The end as the terminal interface is told it.
    fn exited(&mut self, end: GuestEnd) -> Stop {
        let status = match &end {
            GuestEnd::Status(status) => Some(i32::from(*status)),
            _ => None,
        };
        self.ended = Some(end);
        Stop {
            vcpu: None,
            reason: StopReason::Exited { status },
        }
    }

    /// How the last stop came to be.
    pub(super) fn ending(&self) -> Ending {
        self.ending
    }

    /// How the guest ended while the terminal interface showed it, if it did.
    pub(super) fn take_end(&mut self) -> Option<GuestEnd> {
        self.ended.take()
    }

    /// Looks at the guest until `until` at the latest.
    pub(super) fn watch(
        &mut self,
        session: &mut Session<'_, Machine>,
        until: Instant,
    ) -> Result<Option<Seen>, SessionError> {
        let stop = session.poll(until);
        self.pump();
        let stop = match stop {
            Ok(stop) => stop,
            Err(error) => {
                // A link that breaks because QEMU ended is no error of its own.
                return match self.end_by(Instant::now() + END_PATIENCE) {
                    Some(end) => Ok(Some(Seen::Ended(end))),
                    None => Err(error),
                };
            }
        };
        if let Some(stop) = stop {
            return self.understand(session, &stop);
        }
        if Instant::now() >= self.next_halt_check {
            self.next_halt_check = Instant::now() + HALT_CHECK;
            if session.target().halted_for_good().ok().flatten() == Some(true) {
                return self.halted(session);
            }
        }
        Ok(None)
    }

    fn understand(
        &mut self,
        session: &mut Session<'_, Machine>,
        stop: &Stop,
    ) -> Result<Option<Seen>, SessionError> {
        let ending = match stop.reason {
            StopReason::Shutdown(ShutdownCause::GuestShutdown) => {
                return Ok(Some(Seen::Ended(GuestEnd::PowerOff)));
            }
            StopReason::Exited { .. } => {
                let end = self.end_by(Instant::now() + END_PATIENCE);
                return Ok(Some(Seen::Ended(end.unwrap_or_else(|| self.vanished()))));
            }
            StopReason::Shutdown(ShutdownCause::GuestReset) => {
                if self.qemu.log().ended_in_triple_fault() {
                    Ending::TripleFault
                } else if self.accelerator == Accelerator::Kvm {
                    // The processor triple faults without QEMU's log.
                    Ending::ResetOfUnknownCause
                } else {
                    Ending::Reset
                }
            }
            StopReason::Signal { .. } if session.target().is_given_up()? => {
                let messages = self.qemu.messages();
                return Ok(Some(Seen::Ended(GuestEnd::GivenUp { messages })));
            }
            StopReason::Shutdown(_) => Ending::Stopped,
            StopReason::Trap if !session.is_rendezvous(stop)? => Ending::Stopped,
            _ => Ending::Stopped,
        };
        self.ending = ending;
        Ok(Some(Seen::Stopped(ending)))
    }

    /// Stops a guest that will never run again, so that it can be looked at.
    fn halted(&mut self, session: &mut Session<'_, Machine>) -> Result<Option<Seen>, SessionError> {
        session.interrupt()?;
        session.poll(Instant::now() + END_PATIENCE)?;
        self.ending = Ending::Halted;
        Ok(Some(Seen::Stopped(Ending::Halted)))
    }

    /// How the guest or its emulator ended, if it has by `until`.
    pub(super) fn end_by(&mut self, until: Instant) -> Option<GuestEnd> {
        let end = self.qemu.end_by(until)?;
        self.pump();
        Some(GuestEnd::of_emulator(
            end,
            self.has_debug_exit,
            self.qemu.messages(),
        ))
    }

    fn vanished(&self) -> GuestEnd {
        GuestEnd::EmulatorDied {
            end: ukdbg_gdb_bridge::QemuEnd::Unknown,
            messages: self.qemu.messages(),
        }
    }

    /// Takes what the guest printed, and keeps it.
    fn pump(&mut self) {
        let Some(console) = &mut self.console else {
            return;
        };
        let mut buffer = [0; 16 << 10];
        while self.printed.len() < CONSOLE_LIMIT {
            match console.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    let bytes = &buffer[..count];
                    match &mut self.filter {
                        Some(filter) => self.printed.push_str(&filter.push(bytes)),
                        None => self.printed.push_str(&String::from_utf8_lossy(bytes)),
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// What the guest printed since the last call.
    pub(super) fn take_console(&mut self) -> String {
        self.pump();
        std::mem::take(&mut self.printed)
    }

    /// What was seen from outside of a stop.
    pub(super) fn evidence(
        &mut self,
        session: &mut Session<'_, Machine>,
        ending: Ending,
    ) -> EmulatorEvidence {
        let log = self.qemu.log();
        let exceptions = match ending {
            Ending::TripleFault => log.cascade().into_iter().map(evidenced).collect(),
            Ending::Halted | Ending::TimeLimit => last_exception(&log.entries)
                .map(evidenced)
                .into_iter()
                .collect(),
            _ => Vec::new(),
        };
        EmulatorEvidence {
            exceptions,
            ending,
            idt: interrupt_table(session.target()),
        }
    }
}

/// The stop that an ending is, for who shows stops.
pub(crate) fn stop_of(ending: Ending) -> Stop {
    Stop {
        vcpu: None,
        reason: match ending {
            Ending::TripleFault | Ending::Reset | Ending::ResetOfUnknownCause => {
                StopReason::Shutdown(ShutdownCause::GuestReset)
            }
            Ending::Halted | Ending::SeemsHalted => StopReason::Interrupted,
            Ending::Stopped | Ending::TimeLimit => StopReason::Trap,
        },
    }
}

/// The last exception of the processor's own that the guest took: it may be
/// what the guest is still busy with.
fn last_exception(entries: &[LogEntry]) -> Option<&LoggedException> {
    entries
        .iter()
        .rev()
        .map_while(|entry| match entry {
            LogEntry::Exception(exception) => Some(&**exception),
            _ => None,
        })
        .find(|exception| exception.vector < FIRST_INTERRUPT && !exception.software)
}

fn evidenced(logged: &LoggedException) -> Evidenced {
    Evidenced {
        vector: logged.vector,
        error_code: logged.error_code,
        cr2: logged.cr2,
        registers: logged.registers,
    }
}

/// The IDT register, from QEMU's own dump: `IDT=     BASE LIMIT`.
fn interrupt_table(machine: &mut Machine) -> Option<DescriptorTable> {
    let dump = machine.monitor("info registers").ok()??;
    parse_interrupt_table(&dump)
}

fn parse_interrupt_table(dump: &str) -> Option<DescriptorTable> {
    let line = dump
        .lines()
        .find_map(|line| line.trim().strip_prefix("IDT="))?;
    let mut words = line.split_ascii_whitespace();
    let base = u64::from_str_radix(words.next()?, 16).ok()?;
    let limit = u32::from_str_radix(words.next()?, 16).ok()?;
    Some(DescriptorTable {
        base: VirtAddr(base),
        limit: u16::try_from(limit).ok()?,
    })
}

impl tui::Host<Machine> for Watcher {
    fn wait(
        &mut self,
        session: &mut Session<'_, Machine>,
        until: Instant,
    ) -> Result<Option<Stop>, SessionError> {
        Ok(match self.watch(session, until)? {
            None => None,
            Some(Seen::Stopped(ending)) => Some(stop_of(ending)),
            Some(Seen::Ended(end)) => Some(self.exited(end)),
        })
    }

    fn end(&mut self, _: &mut Session<'_, Machine>) -> Result<Option<Stop>, SessionError> {
        let end = self.end_by(Instant::now());
        Ok(end.map(|end| self.exited(end)))
    }

    fn evidence(&mut self, session: &mut Session<'_, Machine>) -> EmulatorEvidence {
        let ending = self.ending;
        Watcher::evidence(self, session, ending)
    }

    fn console(&mut self, _session: &mut Session<'_, Machine>) -> Vec<u8> {
        self.take_console().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::parse_interrupt_table;

    #[test]
    fn the_interrupt_table_of_a_register_dump() {
        let dump = "GDT=     0000000000001000 0000002f\nIDT=     00000000001fe000 00000fff\nCR0=80010011\n";
        let table = parse_interrupt_table(dump).unwrap();
        assert_eq!((table.base.0, table.limit), (0x1f_e000, 0xfff));
        assert_eq!(parse_interrupt_table("IDT= zz 0\n"), None);
        assert_eq!(parse_interrupt_table(""), None);
    }
}
