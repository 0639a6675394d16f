//! The kernel's command line: words separated by spaces.

use core::fmt;

use crate::faults::{Armed, Fault};

/// The words there are.
pub const USAGE: &str = "[workload=orders] [count=N] [seed=S] [fault=NAME [after=N]] \
                         [ring=SIZE[K|M]] [wait-gdb]";

/// Orders of a run, unless told otherwise: two to three seconds in an emulated
/// machine.
const DEFAULT_COUNT: u64 = 500_000;
/// Orders before a fault, unless told otherwise.
const DEFAULT_AFTER: u64 = 1000;
/// Orders among which there is a trade, which a fault waits for.
pub(crate) const ORDERS_TO_A_TRADE: u64 = 256;
const DEFAULT_RING_SIZE: usize = 64 << 10;
const SMALLEST_RING: usize = 1 << 10;
const LARGEST_RING: usize = 1 << 30;

/// What the kernel is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Orders to generate: as many as asked for, or as a fault needs.
    pub count: u64,
    /// Seed of the generator.
    pub seed: u64,
    /// The fault to commit, and when.
    pub fault: Option<Armed>,
    /// Size of the trace ring in bytes, a power of two.
    pub ring_size: usize,
    /// Whether to wait for a debugger on the second serial port.
    pub wait_for_debugger: bool,
}

/// Why a command line is not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptionError<'line> {
    /// It is not UTF-8 from this byte on.
    NotText(usize),
    /// There is no such word.
    UnknownWord(&'line str),
    /// There is no such workload.
    UnknownWorkload(&'line str),
    /// There is no such fault.
    UnknownFault(&'line str),
    /// A word needs a number and has this.
    NotANumber(&'static str, &'line str),
    /// A run without orders.
    NoOrders,
    /// A size that a ring cannot have.
    RingSize(&'line str),
    /// `after` without `fault`.
    AfterWithoutFault,
    /// The fault would come after the last order.
    AfterTheEnd {
        /// Orders before the fault.
        after: u64,
        /// Orders in all.
        count: u64,
    },
}

impl Options {
    /// Reads a command line.
    pub fn parse(line: &[u8]) -> Result<Self, OptionError<'_>> {
        let line =
            str::from_utf8(line).map_err(|error| OptionError::NotText(error.valid_up_to()))?;
        let mut options = Self {
            count: DEFAULT_COUNT,
            seed: 1,
            fault: None,
            ring_size: DEFAULT_RING_SIZE,
            wait_for_debugger: false,
        };
        let (mut fault, mut after) = (None, None);
        for word in line.split_ascii_whitespace() {
            match word.split_once('=') {
                Some(("workload", "orders")) => {}
                Some(("workload", other)) => return Err(OptionError::UnknownWorkload(other)),
                Some(("count", text)) => options.count = number("count", text)?,
                Some(("seed", text)) => options.seed = number("seed", text)?,
                Some(("after", text)) => after = Some(number("after", text)?),
                Some(("ring", text)) => options.ring_size = ring_size(text)?,
                Some(("fault", name)) => {
                    fault = Some(Fault::named(name).ok_or(OptionError::UnknownFault(name))?);
                }
                None if word == "wait-gdb" => options.wait_for_debugger = true,
                _ => return Err(OptionError::UnknownWord(word)),
            }
        }
        options.fault = armed(fault, after, options.count)?;
        if let Some(Armed { after, .. }) = options.fault {
            options.count = options.count.max(after.saturating_add(ORDERS_TO_A_TRADE));
        }
        Ok(options)
    }
}

fn armed(
    fault: Option<Fault>,
    after: Option<u64>,
    count: u64,
) -> Result<Option<Armed>, OptionError<'static>> {
    if count == 0 {
        return Err(OptionError::NoOrders);
    }
    let Some(fault) = fault else {
        return if after.is_some() {
            Err(OptionError::AfterWithoutFault)
        } else {
            Ok(None)
        };
    };
    let after = after.unwrap_or(DEFAULT_AFTER.min(count / 2));
    if after >= count {
        return Err(OptionError::AfterTheEnd { after, count });
    }
    Ok(Some(Armed { fault, after }))
}

fn number<'line>(word: &'static str, text: &'line str) -> Result<u64, OptionError<'line>> {
    text.parse()
        .map_err(|_| OptionError::NotANumber(word, text))
}

/// A size in bytes, or in kibibytes or mebibytes with a suffix.
fn ring_size(text: &str) -> Result<usize, OptionError<'_>> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    digits
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|size| size.is_power_of_two() && (SMALLEST_RING..=LARGEST_RING).contains(size))
        .ok_or(OptionError::RingSize(text))
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            seed,
            ring_size,
            ..
        } = self;
        write!(
            f,
            "workload orders, count {count}, seed {seed}, ring {ring_size}"
        )?;
        if let Some(Armed { fault, after }) = self.fault {
            write!(f, ", fault {} after {after} orders", fault.name())?;
        }
        Ok(())
    }
}

impl fmt::Display for OptionError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText(at) => write!(f, "not UTF-8 at byte {at}"),
            Self::UnknownWord(word) => write!(f, "no word `{word}`"),
            Self::UnknownWorkload(name) => write!(f, "no workload `{name}`; there is: orders"),
            Self::UnknownFault(name) => {
                write!(f, "no fault `{name}`; there are:")?;
                Fault::ALL
                    .iter()
                    .try_for_each(|fault| write!(f, " {}", fault.name()))
            }
            Self::NotANumber(word, text) => write!(f, "{word}= needs a number, not `{text}`"),
            Self::NoOrders => f.write_str("count= needs at least 1 order"),
            Self::RingSize(text) => write!(
                f,
                "ring= needs a power of two from {SMALLEST_RING} bytes to 1024M, not `{text}`"
            ),
            Self::AfterWithoutFault => {
                f.write_str("after= says when a fault= comes; none is given")
            }
            Self::AfterTheEnd { after, count } => {
                write!(
                    f,
                    "a fault after {after} orders never comes in a run of {count}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
