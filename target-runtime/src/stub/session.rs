//! One client's session, from its first packet to its last, over a line that
//! may damage what it carries: who is attached, whether the guest is stopped,
//! and what is to be sent. Pure but for the port and the memory it is given.

use core::cell::UnsafeCell;

use gdbstub::common::Signal;
use gdbstub::stub::GdbStubBuilder;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use ukdbg_guest_abi::RegisterSet;

use super::breakpoints::Breakpoints;
use super::framing::{Framer, PACKET_SIZE, Received};
use super::reply::{REPLY_SIZE, Reply};
use super::target::{Guest, Resume, StopReason, StoppedGuest};
use crate::TrapFrame;

/// A line to a client.
pub(super) trait Port {
    /// A received byte, if there is one.
    fn read(&mut self) -> Option<u8>;
    /// Sends a byte; false when the line takes none.
    fn write(&mut self, byte: u8) -> bool;
}

/// Where the guest stands: what the trap saved, and what it did not.
pub(super) struct Place<'a> {
    pub(super) frame: &'a mut TrapFrame,
    pub(super) special: RegisterSet,
}

/// What `gdbstub` works in. Its machine is moved with every byte it is given,
/// so these are not inside it.
pub(super) struct Buffers(UnsafeCell<BufferBytes>);

struct BufferBytes {
    packet: [u8; PACKET_SIZE],
    reply: [u8; REPLY_SIZE],
}

#[expect(unsafe_code, reason = "one session uses it, on one CPU")]
// SAFETY: the only references are lent to the machine of the one session that
// was given the buffers (`Session::new`'s condition).
unsafe impl Sync for Buffers {}

impl Buffers {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(BufferBytes {
            packet: [0; PACKET_SIZE],
            reply: [0; REPLY_SIZE],
        }))
    }
}

type Machine<G> = GdbStubStateMachine<'static, StoppedGuest<G>, Reply>;

/// The one session there can be.
pub(super) struct Session<G: Guest + 'static, P> {
    /// There while a client is attached; idle while it has the guest stopped.
    machine: Option<Machine<G>>,
    /// The guest is stopped, and its frame is in `guest`.
    held: bool,
    guest: StoppedGuest<G>,
    framer: Framer,
    port: P,
    buffers: &'static Buffers,
}

impl<G: Guest, P: Port> Session<G, P> {
    /// A session without a client.
    ///
    /// # Safety
    /// No other session is given the same buffers.
    #[expect(unsafe_code, reason = "the buffers must not be shared")]
    pub(super) unsafe fn new(
        guest: G,
        port: P,
        breakpoints: &'static Breakpoints,
        buffers: &'static Buffers,
    ) -> Self {
        Self {
            machine: None,
            held: false,
            guest: StoppedGuest::new(guest, breakpoints),
            framer: Framer::new(),
            port,
            buffers,
        }
    }

    /// Whether the guest must not go on until [`Session::poll`] says how.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Whether a client waits for the one instruction it asked for.
    pub(super) fn is_stepping(&self) -> bool {
        self.is_awaited() && self.guest.is_stepping()
    }

    /// Whether a client waits for the guest to stop.
    fn is_awaited(&self) -> bool {
        matches!(self.machine, Some(GdbStubStateMachine::Running(_)))
    }

    /// Whether a client may ask about the stopped guest.
    fn is_idle(&self) -> bool {
        matches!(self.machine, Some(GdbStubStateMachine::Idle(_)))
    }

    /// Stops the guest before a client is there.
    pub(super) fn wait(&mut self, place: &Place<'_>) {
        if !self.held {
            self.begin(place);
        }
    }

    /// The guest stopped by itself: a client that waits for it is told.
    pub(super) fn stop(&mut self, place: &Place<'_>, reason: StopReason) {
        if self.is_awaited() {
            self.hold(place);
            self.report(reason);
        }
    }

    /// The guest is about to end: a client that waits for it is told, and let
    /// go.
    pub(super) fn end(&mut self, reason: StopReason) {
        self.report(reason);
        self.machine = None;
        self.guest.forget_client();
    }

    fn report(&mut self, reason: StopReason) {
        self.machine = match self.machine.take() {
            Some(GdbStubStateMachine::Running(mut running)) => {
                running.borrow_conn().clear();
                let reason = self.guest.reason(reason);
                // What can fail is a reply too long, and a stop's is short.
                running.report_stop(&mut self.guest, reason).ok()
            }
            other => other,
        };
        self.send();
    }

    /// Takes what the client has sent. Says how the guest goes on as soon as it
    /// is to go on.
    pub(super) fn poll(&mut self, place: &mut Place<'_>) -> Option<Resume> {
        loop {
            if self.held && !self.is_idle() {
                return Some(self.release(place));
            }
            let byte = self.port.read()?;
            match self.framer.push(byte) {
                Received::Nothing => {}
                Received::Packet => self.packet(place),
                Received::Damaged => self.answer(b"-"),
                Received::TooLong => self.answer(TOO_LONG),
                Received::Retransmit => self.retransmit(),
                Received::Interrupt => {
                    self.stop(place, StopReason::Signal(Signal::SIGINT));
                }
            }
        }
    }

    fn hold(&mut self, place: &Place<'_>) {
        if !self.held {
            self.guest.load(place.frame, place.special);
            self.held = true;
        }
    }

    fn release(&mut self, place: &mut Place<'_>) -> Resume {
        self.held = false;
        if !self.is_awaited() {
            self.machine = None;
            self.guest.forget_client();
        }
        self.guest.store(place.frame)
    }

    /// Stops the guest for a client that knows nothing yet.
    fn begin(&mut self, place: &Place<'_>) {
        self.hold(place);
        self.guest.forget_client();
        self.rebuild();
    }

    fn rebuild(&mut self) {
        self.machine = None;
        #[expect(unsafe_code, reason = "gdbstub loses its buffers when it fails")]
        // SAFETY: this session alone has the buffers, and the machine to which
        // they were lent before is gone.
        let BufferBytes { packet, reply } = unsafe { &mut *self.buffers.0.get() };
        self.machine = GdbStubBuilder::new(Reply::new(reply))
            .with_packet_buffer(packet)
            .build()
            .ok()
            .and_then(|stub| stub.run_state_machine(&mut self.guest).ok());
    }

    fn packet(&mut self, place: &Place<'_>) {
        // A client that asks while the guest runs, or asks what we support,
        // has just come: the one before it left without a word.
        if !self.is_idle() || self.framer.packet().starts_with(b"$qSupported") {
            self.begin(place);
        }
        if let Some(GdbStubStateMachine::Idle(idle)) = &mut self.machine {
            idle.borrow_conn().clear();
        }
        for &byte in self.framer.packet() {
            self.machine = match self.machine.take() {
                Some(GdbStubStateMachine::Idle(idle)) => {
                    idle.incoming_data(&mut self.guest, byte).ok()
                }
                other => other,
            };
        }
        if self.machine.is_some() {
            self.send();
        } else {
            // A malformed packet; the session survives it, and the guest's
            // breakpoints and its place are not in the machine.
            self.rebuild();
            self.answer(INVALID);
        }
    }

    /// What is to be sent for the last request.
    fn reply(&mut self) -> Option<&mut Reply> {
        Some(match self.machine.as_mut()? {
            GdbStubStateMachine::Idle(inner) => inner.borrow_conn(),
            GdbStubStateMachine::Running(inner) => inner.borrow_conn(),
            GdbStubStateMachine::CtrlCInterrupt(inner) => inner.borrow_conn(),
            GdbStubStateMachine::Disconnected(inner) => inner.borrow_conn(),
        })
    }

    fn send(&mut self) {
        self.transmit(Reply::bytes);
    }

    fn retransmit(&mut self) {
        self.transmit(Reply::packet);
    }

    fn transmit(&mut self, part: fn(&Reply) -> &[u8]) {
        let mut index = 0;
        while let Some(&byte) = self.reply().and_then(|reply| part(reply).get(index)) {
            if !self.port.write(byte) {
                // Nobody is at the other end: the guest does not wait.
                self.machine = None;
            }
            index += 1;
        }
    }

    /// An answer that is not the machine's.
    fn answer(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.port.write(byte);
        }
    }
}

/// Acknowledges, and refuses with Linux's EINVAL.
const INVALID: &[u8] = b"+$E16#ac";
/// Acknowledges, and refuses with Linux's E2BIG.
const TOO_LONG: &[u8] = b"+$E07#ac";

#[cfg(test)]
mod tests;
