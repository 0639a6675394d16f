//! One client's session, from its first packet to its last, over a line that
//! may damage what it carries: who is attached, whether the guest is stopped,
//! and what is to be sent. Pure but for the port and the memory it is given.

use core::cell::UnsafeCell;
use core::fmt::Write;

use gdbstub::common::Signal;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStubBuilder, MultiThreadStopReason};
use ukdbg_guest_abi::RegisterSet;

use super::breakpoints::Breakpoints;
use super::framing::{Framer, PACKET_SIZE, Received};
use super::reply::{REPLY_SIZE, Reply, hex};
use super::target::{Guest, Resume, StopReason, StoppedGuest};
use crate::TrapFrame;

mod requests;

use requests::Own;

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
    /// Why the guest stopped last.
    reason: MultiThreadStopReason<u64>,
    /// How the guest is to end, once the client has its answer.
    ending: Option<Resume>,
    /// The last client took its leave, and may not have heard that it may go.
    farewell: bool,
    /// The client is LLDB, which shows what `monitor` says only as `O` packets.
    is_lldb: bool,
    /// The client names threads with their process.
    multiprocess: bool,
    /// The thread that the client reads, as it last said it.
    thread: Thread,
    /// What stands for the last packet, until its answer is acknowledged: the
    /// same packet again is then one that was sent again, and done already.
    unacknowledged: Option<u64>,
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
            reason: MultiThreadStopReason::Signal(Signal::SIGTRAP),
            ending: None,
            farewell: false,
            is_lldb: false,
            multiprocess: false,
            thread: Thread::NONE,
            unacknowledged: None,
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
    pub(super) fn is_awaited(&self) -> bool {
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
            self.reason = self.guest.reason(StopReason::Signal(Signal::SIGTRAP));
        }
    }

    /// The guest stopped by itself: a client that waits for it is told.
    pub(super) fn stop(&mut self, place: &Place<'_>, reason: StopReason) {
        if !self.is_awaited() {
            return;
        }
        self.hold(place);
        self.report(reason);
    }

    /// Whether a debug exception is none to the client, which waits for reads
    /// alone where this was a write.
    pub(super) fn is_passed_over(&mut self, conditions: u64) -> bool {
        self.is_awaited() && self.guest.is_passed_over(conditions)
    }

    /// Lets the guest go as it stands, without its client.
    pub(super) fn abandon(&mut self) -> Resume {
        self.held = false;
        self.machine = None;
        Resume::Continue
    }

    /// Puts the debug registers in force again after a debug exception for
    /// which the guest does not stop.
    pub(super) fn rearm(&mut self) {
        if self.is_awaited() {
            self.guest.rearm();
        }
    }

    /// The guest is about to end: a client that waits for it is told, and let
    /// go.
    pub(super) fn end(&mut self, reason: StopReason) {
        self.report(reason);
        self.forget_client();
    }

    fn report(&mut self, reason: StopReason) {
        self.machine = match self.machine.take() {
            Some(GdbStubStateMachine::Running(mut running)) => {
                running.borrow_conn().clear();
                let reason = self.guest.reason(reason);
                self.reason = reason;
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
            if let Some(ending) = self.ending.take() {
                self.forget_client();
                self.held = false;
                return Some(ending);
            }
            if self.held && !self.is_idle() {
                return Some(self.release(place));
            }
            let byte = self.port.read()?;
            match self.framer.push(byte) {
                Received::Nothing => {}
                Received::Packet => self.packet(place),
                Received::Acknowledged => self.unacknowledged = None,
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
        let killed = matches!(
            &self.machine,
            Some(GdbStubStateMachine::Disconnected(inner))
                if inner.get_reason() == DisconnectReason::Kill
        );
        if !self.is_awaited() {
            let request = self.unacknowledged;
            self.farewell = self.machine.is_some() && !killed;
            self.forget_client();
            self.unacknowledged = request.filter(|_| self.farewell);
        }
        let resume = self.guest.store(place.frame);
        if killed { Resume::Kill } else { resume }
    }

    fn forget_client(&mut self) {
        self.machine = None;
        self.unacknowledged = None;
        self.guest.forget_client();
    }

    /// Stops the guest for a client that knows nothing yet.
    fn begin(&mut self, place: &Place<'_>) {
        if !self.held {
            self.hold(place);
            self.reason = self.guest.reason(StopReason::Signal(Signal::SIGINT));
        }
        self.guest.forget_client();
        self.multiprocess = false;
        self.is_lldb = false;
        self.farewell = false;
        self.thread = Thread::NONE;
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
        // What the client agreed with the machine that is gone.
        if self.multiprocess {
            self.feed(MULTIPROCESS);
        }
        let thread = self.thread;
        self.feed(thread.packet());
    }

    /// The stub itself failed on a request, which is refused; the machine was
    /// lost with it.
    pub(super) fn recover(&mut self) {
        self.framer.reset();
        self.ending = None;
        if self.held {
            self.rebuild();
            self.refuse(EIO);
            self.send();
        }
    }

    fn packet(&mut self, place: &Place<'_>) {
        let print = fingerprint(self.framer.packet());
        if self.unacknowledged == Some(print) {
            self.answer(b"+");
            self.retransmit();
            return;
        }
        self.unacknowledged = Some(print);
        // A client that asks while the guest runs, or asks what we support,
        // has just come: the one before it left without a word.
        if !self.is_idle() || self.framer.packet().starts_with(b"$qSupported") {
            self.begin(place);
        }
        let packet = self.framer.packet();
        if packet.starts_with(b"$qSupported") {
            self.multiprocess = packet
                .windows(MULTIPROCESS_WORD.len())
                .any(|word| word == MULTIPROCESS_WORD);
        } else if packet.starts_with(b"$QThreadSuffixSupported") {
            self.is_lldb = true;
        }
        let own = Own::parse(packet);
        self.clear_reply();
        let mut index = 0;
        while let Some(&byte) = self.framer.packet().get(index) {
            self.feed_byte(byte);
            index += 1;
        }
        if self.machine.is_none() {
            // A malformed packet; the session survives it, and the guest's
            // breakpoints and its place are not in the machine.
            self.rebuild();
            self.refuse(EINVAL);
        } else if self.framer.packet().starts_with(b"$Hg") {
            self.thread = Thread::of(self.framer.packet());
        }
        if let Some(own) = own {
            self.answer_own(own);
        }
        self.send();
    }

    /// Gives the machine a packet.
    fn feed(&mut self, packet: &[u8]) {
        self.clear_reply();
        packet.iter().for_each(|&byte| self.feed_byte(byte));
    }

    fn clear_reply(&mut self) {
        if let Some(GdbStubStateMachine::Idle(idle)) = &mut self.machine {
            idle.borrow_conn().clear();
        }
    }

    fn feed_byte(&mut self, byte: u8) {
        self.machine = match self.machine.take() {
            Some(GdbStubStateMachine::Idle(idle)) => idle.incoming_data(&mut self.guest, byte).ok(),
            other => other,
        };
    }

    /// Makes an error the answer to the last request.
    fn refuse(&mut self, number: u8) {
        if let Some(reply) = reply_of(&mut self.machine) {
            reply.answer(|out| write!(out, "E{number:02x}"));
        }
    }

    /// What is to be sent for the last request.
    fn reply(&mut self) -> Option<&mut Reply> {
        reply_of(&mut self.machine)
    }

    /// Shows text on the client's console, while it waits for the guest. False
    /// when no client does.
    pub(super) fn say(&mut self, text: &[u8]) -> bool {
        if !self.is_awaited() {
            return false;
        }
        let mut sum = b'O';
        self.answer(b"$O");
        for &byte in text {
            for digit in [hex(byte >> 4), hex(byte)] {
                sum = sum.wrapping_add(digit);
                self.port.write(digit);
            }
        }
        self.answer(&[b'#', hex(sum >> 4), hex(sum)]);
        true
    }

    fn send(&mut self) {
        self.transmit(Reply::bytes);
    }

    fn retransmit(&mut self) {
        if self.farewell {
            self.answer(DETACHED);
        }
        self.transmit(Reply::packet);
    }

    fn transmit(&mut self, part: fn(&Reply) -> &[u8]) {
        let mut index = 0;
        while let Some(&byte) = self.reply().and_then(|reply| part(reply).get(index)) {
            if !self.port.write(byte) {
                // Nobody is at the other end: the guest does not wait.
                self.machine = None;
                self.unacknowledged = None;
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

fn reply_of<G: Guest>(machine: &mut Option<Machine<G>>) -> Option<&mut Reply> {
    Some(match machine.as_mut()? {
        GdbStubStateMachine::Idle(inner) => inner.borrow_conn(),
        GdbStubStateMachine::Running(inner) => inner.borrow_conn(),
        GdbStubStateMachine::CtrlCInterrupt(inner) => inner.borrow_conn(),
        GdbStubStateMachine::Disconnected(inner) => inner.borrow_conn(),
    })
}

/// A whole packet by which a client named a thread.
#[derive(Clone, Copy)]
struct Thread {
    length: usize,
    packet: [u8; 48],
}

impl Thread {
    const NONE: Self = Self {
        length: 0,
        packet: [0; 48],
    };

    /// None for one that is longer than any that makes sense.
    fn of(packet: &[u8]) -> Self {
        let mut thread = Self::NONE;
        if let Some(place) = thread.packet.get_mut(..packet.len()) {
            place.copy_from_slice(packet);
            thread.length = packet.len();
        }
        thread
    }

    fn packet(&self) -> &[u8] {
        &self.packet[..self.length]
    }
}

/// Tells packets apart (FNV-1a, 64 bits).
fn fingerprint(packet: &[u8]) -> u64 {
    packet.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

const MULTIPROCESS_WORD: &[u8] = b"multiprocess+";
/// What a client that says so sends.
const MULTIPROCESS: &[u8] = b"$qSupported:multiprocess+#c6";
/// The answer to a client that leaves.
const DETACHED: &[u8] = b"$OK#9a";
/// Linux's numbers.
const EIO: u8 = 5;
const EINVAL: u8 = 22;
/// Acknowledges, and refuses with Linux's E2BIG.
const TOO_LONG: &[u8] = b"+$E07#ac";

#[cfg(test)]
mod tests;
