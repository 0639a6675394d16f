//! What QEMU's log (`-d cpu_reset,int`) says: which exceptions were raised,
//! and whether a reset was a triple fault. A pure function over the log's
//! tail; the log is QEMU's, but the numbers in it are the guest's.

use ukdbg_inspect::{Registers, VirtAddr};

use crate::qmp::text::{CpuText, register_line};

/// The log's content, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmulatorLog {
    /// What was logged; the beginning may be lost.
    pub entries: Vec<LogEntry>,
}

/// One thing that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// An exception or interrupt was delivered to the guest.
    Exception(Box<LoggedException>),
    /// A fault while a double fault was being delivered: the CPU shut down.
    TripleFault,
    /// A CPU was reset, as each is at power-on.
    Reset,
}

/// An exception as it was about to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedException {
    /// Its vector.
    pub vector: u8,
    /// Its error code; 0 for vectors that have none.
    pub error_code: u64,
    /// It came from a device and not from an instruction.
    pub hardware: bool,
    /// It was raised by `int n`.
    pub software: bool,
    /// The privilege level that was interrupted.
    pub privilege: u8,
    /// The instruction that was interrupted.
    pub pc: VirtAddr,
    /// The stack pointer at that time.
    pub sp: VirtAddr,
    /// The address of a page fault.
    pub cr2: Option<VirtAddr>,
    /// The registers at that time.
    pub registers: Registers,
}

impl EmulatorLog {
    /// Reads the tail of a log.
    pub fn parse(tail: &[u8]) -> Self {
        let text = String::from_utf8_lossy(tail);
        let mut log = Self::default();
        let mut hardware = false;
        for line in text.lines() {
            // QEMU writes these words without a line end.
            let (line, triple_fault) = match line.strip_prefix("Triple fault") {
                Some(rest) => (rest, true),
                None => (line, false),
            };
            if triple_fault {
                log.entries.push(LogEntry::TripleFault);
            }
            if line.starts_with("CPU Reset (CPU") {
                log.entries.push(LogEntry::Reset);
            } else if line.starts_with("Servicing hardware INT=") {
                hardware = true;
            } else if let Some(exception) = header(line, hardware) {
                log.entries.push(LogEntry::Exception(Box::new(exception)));
                hardware = false;
            } else if let Some(LogEntry::Exception(exception)) = log.entries.last_mut() {
                let mut cpu = CpuText {
                    registers: exception.registers,
                    ..CpuText::default()
                };
                register_line(line, &mut cpu);
                exception.registers = cpu.registers;
            }
        }
        log
    }

    /// The exceptions, oldest first.
    pub fn exceptions(&self) -> impl DoubleEndedIterator<Item = &LoggedException> {
        self.entries.iter().filter_map(|entry| match entry {
            LogEntry::Exception(exception) => Some(&**exception),
            LogEntry::TripleFault | LogEntry::Reset => None,
        })
    }

    /// Whether the machine's last end was a triple fault.
    pub fn ended_in_triple_fault(&self) -> bool {
        let last = self
            .entries
            .iter()
            .rev()
            .find(|entry| !matches!(entry, LogEntry::Exception(_)));
        last == Some(&LogEntry::TripleFault)
    }

    /// The exceptions that led to the triple fault, the first one first; empty
    /// if there was none, or exceptions are not logged.
    ///
    /// They belong together when no instruction was executed between them.
    pub fn cascade(&self) -> Vec<&LoggedException> {
        let Some(end) = self
            .entries
            .iter()
            .rposition(|entry| *entry == LogEntry::TripleFault)
        else {
            return Vec::new();
        };
        let mut found: Vec<&LoggedException> = Vec::new();
        for entry in self.entries[..end].iter().rev() {
            match entry {
                LogEntry::Exception(exception)
                    if found.last().is_none_or(|later| {
                        (later.pc, later.sp) == (exception.pc, exception.sp)
                    }) =>
                {
                    found.push(exception);
                }
                _ => break,
            }
        }
        found.reverse();
        found
    }
}

/// `     0: v=0e e=0002 i=0 cpl=0 IP=0008:… pc=… SP=0010:… CR2=…`
fn header(line: &str, hardware: bool) -> Option<LoggedException> {
    let (number, rest) = line.split_once(": v=")?;
    number.trim_start().parse::<u64>().ok()?;
    let mut words = rest.split_ascii_whitespace();
    let vector = u8::from_str_radix(words.next()?, 16).ok()?;
    let value = |name: &str| {
        let word = rest
            .split_ascii_whitespace()
            .find_map(|word| word.strip_prefix(name))?;
        // `0008:000000000010101a` is a segment and an offset.
        let offset = word.rsplit(':').next()?;
        u64::from_str_radix(offset, 16).ok()
    };
    Some(LoggedException {
        vector,
        error_code: value("e=")?,
        hardware,
        software: value("i=")? == 1,
        privilege: u8::try_from(value("cpl=")?).ok()?,
        pc: VirtAddr(value("pc=")?),
        sp: VirtAddr(value("SP=")?),
        cr2: value("CR2=").map(VirtAddr),
        registers: Registers::default(),
    })
}

#[cfg(test)]
mod tests;
