//! The signals that end a command, noticed between two steps of its work so
//! that the guest is ended, or left as it was found, first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// The first ending signal that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    arrived: Arc<AtomicUsize>,
}

impl Signals {
    /// From now on Ctrl-C, SIGTERM and SIGHUP are noticed instead of ending
    /// the process. A second Ctrl-C ends it at once; the supervisor cleans up.
    pub(crate) fn watch() -> std::io::Result<Self> {
        let arrived = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // A second signal finds the flag set, and takes its default effect.
            let seen = Arc::new(std::sync::atomic::AtomicBool::new(false));
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&seen))?;
            signal_hook::flag::register(signal, seen)?;
            let number = usize::try_from(signal).unwrap_or(0);
            signal_hook::flag::register_usize(signal, Arc::clone(&arrived), number)?;
        }
        Ok(Self { arrived })
    }

    /// The signal that asks to end, if one arrived.
    pub(crate) fn arrived(&self) -> Option<u8> {
        match self.arrived.load(Ordering::Relaxed) {
            0 => None,
            number => u8::try_from(number).ok(),
        }
    }
}
