//! The signals that end a command, noticed between two steps of its work so
//! that the guest is ended, or left as it was found, first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// The first ending signal that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    arrived: Arc<AtomicUsize>,
    /// Ctrl-C, where that does not end the command.
    interrupt: Arc<AtomicBool>,
}

impl Signals {
    /// From now on Ctrl-C, SIGTERM and SIGHUP are noticed instead of ending
    /// the process. A second Ctrl-C ends it at once; the supervisor cleans up.
    pub(crate) fn watch() -> std::io::Result<Self> {
        Self::ended_by(&[SIGINT, SIGTERM, SIGHUP])
    }

    /// The same but for Ctrl-C, which is for the guest
    /// ([`Signals::take_interrupt`]).
    pub(crate) fn watch_for_prompt() -> std::io::Result<Self> {
        let signals = Self::ended_by(&[SIGTERM, SIGHUP])?;
        signal_hook::flag::register(SIGINT, Arc::clone(&signals.interrupt))?;
        Ok(signals)
    }

    fn ended_by(signals: &[i32]) -> std::io::Result<Self> {
        let arrived = Arc::new(AtomicUsize::new(0));
        for &signal in signals {
            // A second signal finds the flag set, and takes its default effect.
            let seen = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&seen))?;
            signal_hook::flag::register(signal, seen)?;
            let number = usize::try_from(signal).unwrap_or(0);
            signal_hook::flag::register_usize(signal, Arc::clone(&arrived), number)?;
        }
        Ok(Self {
            arrived,
            interrupt: Arc::default(),
        })
    }

    /// The signal that asks to end, if one arrived.
    pub(crate) fn arrived(&self) -> Option<u8> {
        match self.arrived.load(Ordering::Relaxed) {
            0 => None,
            number => u8::try_from(number).ok(),
        }
    }

    /// Whether Ctrl-C came since the last call.
    pub(crate) fn take_interrupt(&self) -> bool {
        self.interrupt.swap(false, Ordering::Relaxed)
    }
}
