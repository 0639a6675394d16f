//! How a guest ends by itself.

use serde::Serialize;
use ukdbg_gdb_bridge::QemuEnd;

/// The end of a guest without a fault, or of its emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GuestEnd {
    /// It wrote this value to isa-debug-exit.
    Status(u8),
    /// It powered the machine off.
    PowerOff,
    /// The accelerator cannot go on with it; nothing is known of the guest.
    GivenUp {
        /// What QEMU wrote to its standard error.
        messages: String,
    },
    /// QEMU ended, and the guest did not ask for it.
    EmulatorDied {
        /// How.
        end: QemuEnd,
        /// What it wrote to its standard error.
        messages: String,
    },
}

impl GuestEnd {
    /// What an end of QEMU says. `isa-debug-exit` makes its status twice the
    /// written value plus one; without that device nothing but the guest's
    /// power-off, which QEMU is told to survive, is the guest's doing.
    pub(super) fn of_emulator(end: QemuEnd, has_debug_exit: bool, messages: String) -> Self {
        match end {
            QemuEnd::Exit(status) if has_debug_exit && status & 1 == 1 => {
                Self::Status(u8::try_from(status >> 1).unwrap_or(u8::MAX))
            }
            QemuEnd::Exit(0) => Self::PowerOff,
            end => Self::EmulatorDied { end, messages },
        }
    }
}

/// A run that ended by itself, as a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(super) enum RunView {
    /// Through isa-debug-exit.
    Exited {
        /// The value written.
        status: u8,
    },
    /// By powering off.
    PoweredOff,
}

impl RunView {
    /// Name and version of the document.
    pub(super) const SCHEMA: &'static str = "ukdbg.run/1";

    /// The document of an end that is the guest's.
    pub(super) fn of(end: &GuestEnd) -> Option<Self> {
        match end {
            GuestEnd::Status(status) => Some(Self::Exited { status: *status }),
            GuestEnd::PowerOff => Some(Self::PoweredOff),
            GuestEnd::GivenUp { .. } | GuestEnd::EmulatorDied { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use ukdbg_gdb_bridge::QemuEnd;

    use super::GuestEnd;

    #[test]
    fn what_an_end_of_the_emulator_means() {
        let check = |end, has_debug_exit, expected: Option<GuestEnd>| {
            let got = GuestEnd::of_emulator(end, has_debug_exit, String::new());
            match expected {
                Some(expected) => assert_eq!(got, expected),
                None => assert!(matches!(got, GuestEnd::EmulatorDied { .. }), "{got:?}"),
            }
        };
        check(QemuEnd::Exit(1), true, Some(GuestEnd::Status(0)));
        check(QemuEnd::Exit(5), true, Some(GuestEnd::Status(2)));
        check(QemuEnd::Exit(1), false, None);
        check(QemuEnd::Exit(0), false, Some(GuestEnd::PowerOff));
        check(QemuEnd::Signal(9), true, None);
        check(QemuEnd::Unknown, false, None);
    }
}
