//! The debugger's side of the protocol as a state machine: commands, received
//! bytes and the time go in; bytes to send, a deadline and events come out.
//!
//! No socket, thread or clock in here. Replies carry no number, so a reply is
//! told from another by order alone. When that order is in doubt (a damaged
//! packet, a retransmission, silence), the client waits until the line is
//! quiet and sends a probe whose reply is like no other before it trusts the
//! next one: a late reply is never taken for the answer to another question.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::command::{Command, Shape};
use super::framer::{Framer, Received, append_packet};
use super::reply::{self, StopReply};

mod options;
mod recovery;

pub(super) use options::Options;
use recovery::Order;

/// Names a command that was sent, so that its reply can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// Why a command has no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing was heard, however often it was tried.
    Silence,
    /// It may or may not have been carried out.
    Uncertain,
    /// The stub finds every copy damaged, or every copy of its reply is.
    Damaged,
    /// The reply is longer than the client takes.
    TooLong,
    /// The reply is of no shape that the command can have.
    Malformed,
    /// The guest runs: nothing but an interrupt may be sent.
    Running,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A command was answered, or never will be.
    Reply(Ticket, Result<Vec<u8>, Failure>),
    /// A resume was taken by the stub: the guest runs.
    Resumed(Ticket),
    /// The guest stopped, by itself or after a resume.
    Stopped(StopReply),
    /// Text that the guest or its stub prints through the debugger.
    Console(Vec<u8>),
}

#[derive(Debug)]
struct Exchange {
    ticket: Ticket,
    command: Command,
    tries: u32,
    acknowledged: bool,
    /// The stub says that it came damaged.
    refused: bool,
    /// Pieces of a monitor command's output.
    gathered: Vec<u8>,
}

/// One side of a conversation with a stub.
#[derive(Debug)]
pub(super) struct Client {
    options: Options,
    framer: Framer,
    window: usize,
    acks: bool,
    order: Order,
    waiting: VecDeque<Exchange>,
    in_flight: VecDeque<Exchange>,
    /// When the oldest exchange in flight counts as lost.
    overdue: Option<Instant>,
    running: bool,
    output: Vec<u8>,
    events: VecDeque<Event>,
    next_ticket: u64,
    traffic: Traffic,
}

/// What was sent to a stub, which is what a slow link costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Traffic {
    /// Packets sent, those sent again included.
    pub packets: u64,
    /// Packets sent when no other was under way: the waits.
    pub round_trips: u64,
}

impl Client {
    /// A client at the beginning of a conversation with a stopped guest.
    pub(super) fn new(options: Options) -> Self {
        Self {
            framer: Framer::new(options.packet_limit),
            window: options.window.max(1),
            options,
            acks: true,
            order: Order::Sure,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            overdue: None,
            running: false,
            output: Vec::new(),
            events: VecDeque::new(),
            next_ticket: 0,
            traffic: Traffic::default(),
        }
    }

    /// A client in the middle of a conversation that another one began and
    /// left at any point: nothing that is heard first is an answer to it.
    pub(super) fn inherited(options: Options, running: bool, acks: bool) -> Self {
        Self {
            running,
            acks,
            order: Order::Doubted,
            ..Self::new(options)
        }
    }

    /// The line ended and begins again: nothing that was under way will be
    /// answered, and nothing that is heard first is an answer.
    pub(super) fn begin_again(&mut self) {
        self.framer.reset();
        self.output.clear();
        self.fail_all(Failure::Uncertain);
        self.order = Order::Doubted;
    }

    /// Takes a command; it is sent when its turn comes.
    pub(super) fn send(&mut self, command: Command, now: Instant) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting.push_back(Exchange {
            ticket,
            command,
            tries: 0,
            acknowledged: false,
            refused: false,
            gathered: Vec::new(),
        });
        self.transmit(now);
        ticket
    }

    /// Asks a running guest to stop. It is one byte, without a reply.
    pub(super) fn interrupt(&mut self) {
        self.output.push(0x03);
    }

    /// Takes the guest to be stopped, whatever was heard: for a guest that
    /// was stopped over another link, or that never answered an interrupt.
    pub(super) fn presume_stopped(&mut self, now: Instant) {
        if std::mem::take(&mut self.running) {
            self.doubt();
            self.transmit(now);
        }
    }

    /// Takes the guest to be running, whatever was heard: for a guest that was
    /// let go over another link.
    pub(super) fn presume_running(&mut self) {
        self.running = true;
        self.overdue = None;
    }

    /// Whether the guest runs, by all that was heard here.
    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    /// Takes bytes from the stub.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant) {
        self.framer.push(bytes);
        self.order.heard(now + self.options.quiet);
        while let Some(received) = self.framer.next() {
            self.received(received, now);
        }
        self.transmit(now);
    }

    /// When [`Client::tick`] must be called next, if nothing is received.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.order.deadline().or(self.overdue)
    }

    /// How long an unanswered command is tried before it is given up.
    pub(super) fn whole_patience(&self) -> Duration {
        self.options.patience.saturating_mul(self.options.tries)
    }

    /// The bytes to send now.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// The next event, oldest first.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What was sent so far.
    pub(super) fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Whether packets are acknowledged.
    pub(super) fn acknowledges(&self) -> bool {
        self.acks
    }

    /// Both sides agreed to send no acknowledgements from now on.
    pub(super) fn stop_acknowledging(&mut self) {
        self.acks = false;
    }

    fn received(&mut self, received: Received, now: Instant) {
        match received {
            Received::Packet(payload) => self.packet(payload, now),
            Received::Ack => self.acknowledged(),
            Received::Nak => self.refused(now),
            Received::Damaged => self.damaged(now),
            Received::TooLong => {
                self.acknowledge();
                self.finish(Err(Failure::TooLong), now);
            }
            // Non-stop mode is never asked for, so no notification is
            // expected. Noise is dropped; what it damaged shows by itself.
            Received::Notification(_) | Received::Noise(_) => {}
        }
    }

    fn packet(&mut self, payload: Vec<u8>, now: Instant) {
        // A stop says itself what it is, even between replies: QEMU sends one
        // by itself when a connection stops the guest.
        let awaited = self
            .in_flight
            .front()
            .map(|exchange| exchange.command.shape());
        let stop = match awaited {
            Some(Shape::Text) if !matches!(payload.first(), Some(b'T')) => None,
            _ => StopReply::parse(&payload),
        };
        let console = (self.running || awaited == Some(Shape::Monitor))
            .then(|| reply::console_text(&payload))
            .flatten();
        // While the guest runs only a stop is acknowledged: QEMU takes any
        // byte as a request to stop the guest.
        if !self.running || stop.is_some() {
            self.acknowledge();
        }
        if self.out_of_order(&payload, now) {
            return;
        }
        if let Some(text) = console {
            match self.in_flight.front_mut() {
                Some(exchange) if awaited == Some(Shape::Monitor) => {
                    // Bounded like a packet: a stub that talks without end
                    // is heard to the limit.
                    if exchange.gathered.len() < self.options.packet_limit {
                        exchange.gathered.extend_from_slice(&text);
                    }
                    self.overdue = Some(now + self.options.patience_for(&exchange.command));
                }
                _ => self.events.push_back(Event::Console(text)),
            }
            return;
        }
        match (stop, awaited) {
            (Some(stop), Some(Shape::Resume)) => {
                if let Some(exchange) = self.in_flight.pop_front() {
                    self.events.push_back(Event::Resumed(exchange.ticket));
                }
                self.stopped(stop);
            }
            (Some(_), Some(Shape::Stop)) => self.finish(Ok(payload), now),
            (Some(stop), _) => self.stopped(stop),
            (None, None) if self.running => {
                // The stub took the resume and then refused it.
                self.running = false;
                self.events.push_back(Event::Stopped(StopReply::Signal {
                    signal: 0,
                    thread: None,
                    cause: None,
                }));
            }
            // A reply to nothing: one came twice.
            (None, None) => self.doubt(),
            (None, Some(shape)) => {
                let reply = if shape.fits(&payload) {
                    Ok(payload)
                } else {
                    Err(Failure::Malformed)
                };
                if reply.is_err() {
                    self.doubt();
                }
                self.finish(reply, now);
            }
        }
    }

    fn stopped(&mut self, stop: StopReply) {
        self.running = false;
        self.overdue = None;
        self.events.push_back(Event::Stopped(stop));
    }

    /// Ends the oldest exchange.
    fn finish(&mut self, reply: Result<Vec<u8>, Failure>, now: Instant) {
        let Some(exchange) = self.in_flight.pop_front() else {
            return;
        };
        let reply = reply.map(|last| match exchange.command.shape() {
            Shape::Monitor => reply::gather(&exchange.gathered, last),
            _ => last,
        });
        self.events.push_back(Event::Reply(exchange.ticket, reply));
        self.arm(now);
    }

    fn acknowledge(&mut self) {
        if self.acks {
            self.output.push(b'+');
        }
    }

    fn acknowledged(&mut self) {
        if self.order.is_recovering() {
            return;
        }
        let Some(index) = self
            .in_flight
            .iter()
            .position(|exchange| !exchange.acknowledged)
        else {
            return;
        };
        self.in_flight[index].acknowledged = true;
        if self.in_flight[index].command.shape() == Shape::Resume {
            self.resumed();
        }
    }

    /// The resume that is in flight, always alone, was taken.
    fn resumed(&mut self) {
        if let Some(exchange) = self.in_flight.pop_front() {
            self.running = true;
            self.overdue = None;
            self.events.push_back(Event::Resumed(exchange.ticket));
        }
    }

    /// Sends what may be sent now.
    fn transmit(&mut self, now: Instant) {
        if self.running {
            while let Some(exchange) = self.waiting.pop_front() {
                self.events
                    .push_back(Event::Reply(exchange.ticket, Err(Failure::Running)));
            }
            return;
        }
        if self.order == Order::Doubted && self.in_flight.is_empty() && !self.waiting.is_empty() {
            self.await_silence(now);
        }
        while self.may_send() {
            let Some(exchange) = self.waiting.pop_front() else {
                return;
            };
            self.put(exchange, now);
        }
    }

    fn may_send(&self) -> bool {
        let Some(next) = self.waiting.front() else {
            return false;
        };
        self.order == Order::Sure
            && !self.running
            && (self.in_flight.is_empty()
                || next.command.pipelined()
                    && self.in_flight.len() < self.window
                    && self
                        .in_flight
                        .iter()
                        .all(|exchange| exchange.command.pipelined()))
    }

    fn put(&mut self, mut exchange: Exchange, now: Instant) {
        append_packet(&exchange.command.encode(), &mut self.output);
        self.traffic.packets += 1;
        self.traffic.round_trips += u64::from(self.in_flight.is_empty());
        exchange.tries += 1;
        exchange.acknowledged = false;
        exchange.refused = false;
        let resume = exchange.command.shape() == Shape::Resume;
        self.in_flight.push_back(exchange);
        self.arm(now);
        if resume && !self.acks {
            self.resumed();
        }
    }

    fn arm(&mut self, now: Instant) {
        self.overdue = self
            .in_flight
            .front()
            .map(|exchange| now + self.options.patience_for(&exchange.command));
    }
}

#[cfg(test)]
mod tests;
