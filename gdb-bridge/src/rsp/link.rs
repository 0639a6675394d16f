//! A conversation with one stub over one transport: requests that wait for
//! their answer, each within a bounded time. The protocol's own rules are in
//! `client`, what the answers mean for a machine is in `machine`.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use ukdbg_inspect::TargetError;

use super::client::{Client, Event, Failure, Options, Ticket, Traffic};
use super::command::Command;
use super::reply::{self, StopReply};
use crate::transport::{Nature, Transport};

mod memory;

/// Bytes asked of the transport at once.
const CHUNK: usize = 0x1_0000;

/// How long the whole of one request may take, retries included. The client
/// gives up earlier by itself; this bounds a stub that keeps talking.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// What came of a request that the stub may decline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Its content.
    Content(Vec<u8>),
    /// The stub does not know the request.
    Unknown,
    /// The stub answered with this error number.
    Error(u8),
}

/// A stub at the end of a transport.
#[derive(Debug)]
pub(crate) struct RspLink {
    client: Client,
    transport: Transport,
    peer: String,
    buffer: Vec<u8>,
    replies: VecDeque<(Ticket, Result<Vec<u8>, Failure>)>,
    stops: VecDeque<StopReply>,
    console: Vec<u8>,
    /// The first bytes heard, to tell what answers if it is no stub.
    heard: Vec<u8>,
    ended: bool,
}

/// Guest text that nobody asked for yet is kept up to here.
const CONSOLE_LIMIT: usize = 0x1_0000;

impl RspLink {
    /// Begins a conversation; nothing is sent yet.
    pub(crate) fn new(transport: Transport, peer: String) -> Self {
        let client = Client::new(options_for(&transport));
        Self::with_client(client, transport, peer)
    }

    /// Goes on with a conversation that another debugger left at any point.
    pub(crate) fn inherited(transport: Transport, running: bool, acks: bool) -> Self {
        let client = Client::inherited(options_for(&transport), running, acks);
        Self::with_client(client, transport, "the stub".to_owned())
    }

    /// Goes on over another transport: the old one ended at any point.
    pub(crate) fn reopen(&mut self, transport: Transport) {
        self.client.begin_again();
        self.transport = transport;
        self.replies.clear();
        self.ended = false;
    }

    /// A stop that was learnt of in another way than by being told.
    pub(crate) fn tell(&mut self, stop: StopReply) {
        self.stops.push_back(stop);
    }

    /// Nothing more is said.
    pub(crate) fn close(&mut self) {
        self.ended = true;
    }

    fn with_client(client: Client, transport: Transport, peer: String) -> Self {
        Self {
            client,
            transport,
            peer,
            buffer: vec![0; CHUNK],
            replies: VecDeque::new(),
            stops: VecDeque::new(),
            console: Vec::new(),
            heard: Vec::new(),
            ended: false,
        }
    }

    /// Whether the line neither loses nor changes bytes.
    pub(crate) fn is_reliable(&self) -> bool {
        self.transport.nature() == Nature::Reliable
    }

    /// The first bytes that were received.
    pub(crate) fn heard(&self) -> &[u8] {
        &self.heard
    }

    /// Whether the guest runs, by all that was heard on this link.
    pub(crate) fn is_running(&self) -> bool {
        self.client.is_running()
    }

    /// Sends one command and waits for its answer.
    pub(crate) fn ask(&mut self, command: Command) -> Result<Answer, TargetError> {
        let name = describe(&command);
        let ticket = self.client.send(command, Instant::now());
        self.answer(ticket, &name)
    }

    /// Sends several commands that change nothing, at once where the stub
    /// keeps up, and returns their answers in order.
    pub(crate) fn ask_all(&mut self, commands: Vec<Command>) -> Result<Vec<Answer>, TargetError> {
        let now = Instant::now();
        let sent: Vec<_> = commands
            .into_iter()
            .map(|command| (describe(&command), self.client.send(command, now)))
            .collect();
        sent.into_iter()
            .map(|(name, ticket)| self.answer(ticket, &name))
            .collect()
    }

    /// Sends a command that must be answered with `OK`.
    pub(crate) fn order(&mut self, command: Command) -> Result<(), TargetError> {
        let name = describe(&command);
        match self.ask(command)? {
            Answer::Content(_) => Ok(()),
            refusal => Err(self.refused(&name, &refusal)),
        }
    }

    /// Sends a resume, which is done when the stub has taken it.
    pub(crate) fn resume(&mut self, command: Command) -> Result<(), TargetError> {
        self.stops.clear();
        let name = describe(&command);
        let ticket = self.client.send(command, Instant::now());
        match self.outcome(ticket, &name)? {
            Ok(_) => Ok(()),
            Err(failure) => Err(self.failed(&name, failure)),
        }
    }

    /// Sends 0x03.
    pub(crate) fn interrupt(&mut self) -> Result<(), TargetError> {
        self.client.interrupt();
        self.flush("an interrupt")
    }

    /// The next stop heard by `until`.
    pub(crate) fn stop(&mut self, until: Instant) -> Result<Option<StopReply>, TargetError> {
        loop {
            // What has already arrived counts, even when the time is up.
            if self.stops.is_empty() {
                self.pump(until, "a stop")?;
            }
            if let Some(stop) = self.stops.pop_front() {
                return Ok(Some(stop));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
        }
    }

    /// A stop that arrived without being waited for.
    pub(crate) fn take_stop(&mut self) -> Option<StopReply> {
        self.stops.pop_front()
    }

    /// Text the guest printed through the stub since the last call.
    pub(crate) fn take_console(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.console)
    }

    /// The guest was stopped over another link.
    pub(crate) fn presume_stopped(&mut self) {
        self.client.presume_stopped(Instant::now());
    }

    /// The guest was let go over another link, or soon will be.
    pub(crate) fn presume_running(&mut self) {
        self.client.presume_running();
    }

    /// What was sent so far.
    pub(crate) fn traffic(&self) -> Traffic {
        self.client.traffic()
    }

    /// Whether packets are acknowledged.
    pub(crate) fn acknowledges(&self) -> bool {
        self.client.acknowledges()
    }

    /// Acknowledgements were switched off.
    pub(crate) fn stop_acknowledging(&mut self) {
        self.client.stop_acknowledging();
    }

    /// Sends what is left to send (a last acknowledgement).
    pub(crate) fn flush(&mut self, request: &str) -> Result<(), TargetError> {
        let output = self.client.take_output();
        let until = Instant::now() + Duration::from_secs(5);
        self.transport
            .write(&output, until)
            .map_err(|error| self.broken(request, &error))
    }

    /// A waiting request's answer, whatever it is.
    fn answer(&mut self, ticket: Ticket, name: &str) -> Result<Answer, TargetError> {
        let payload = self
            .outcome(ticket, name)?
            .map_err(|failure| self.failed(name, failure))?;
        Ok(match reply::error(&payload) {
            Some(number) => Answer::Error(number),
            None if payload.is_empty() => Answer::Unknown,
            None => Answer::Content(payload),
        })
    }

    fn outcome(
        &mut self,
        ticket: Ticket,
        name: &str,
    ) -> Result<Result<Vec<u8>, Failure>, TargetError> {
        let limit = Instant::now() + REQUEST_LIMIT;
        loop {
            // Some are answered without a byte received: refused while the
            // guest runs, or taken for done where nothing is acknowledged.
            self.flush(name)?;
            self.sort_events();
            if let Some(index) = self.replies.iter().position(|(other, _)| *other == ticket) {
                // Earlier tickets belong to requests that were given up.
                let found = self.replies.drain(..=index).next_back();
                return Ok(found.map_or(Err(Failure::Silence), |(_, reply)| reply));
            }
            if Instant::now() >= limit {
                return Ok(Err(Failure::Silence));
            }
            self.pump(limit, name)?;
        }
    }

    /// Sends, waits once for bytes or a deadline, and takes in what came.
    fn pump(&mut self, until: Instant, request: &str) -> Result<(), TargetError> {
        self.flush(request)?;
        if self.ended {
            return Err(TargetError::Disconnected {
                peer: self.peer.clone(),
            });
        }
        let until = self
            .client
            .deadline()
            .map_or(until, |deadline| deadline.min(until));
        match self.transport.read(&mut self.buffer, until) {
            Ok(Some(0)) => self.ended = true,
            Ok(Some(count)) => {
                let bytes = &self.buffer[..count];
                let room = 64_usize.saturating_sub(self.heard.len());
                self.heard.extend_from_slice(&bytes[..room.min(count)]);
                // A stub that keeps talking does not keep time from passing.
                let now = Instant::now();
                self.client.receive(bytes, now);
                self.client.tick(now);
            }
            Ok(None) => self.client.tick(Instant::now()),
            Err(error) => return Err(self.broken(request, &error)),
        }
        // A peer that has said its last word takes no acknowledgement of it.
        self.ended |= self.flush(request).is_err();
        self.sort_events();
        if self.ended && self.stops.is_empty() && self.replies.is_empty() {
            return Err(TargetError::Disconnected {
                peer: self.peer.clone(),
            });
        }
        Ok(())
    }

    fn sort_events(&mut self) {
        while let Some(event) = self.client.next_event() {
            match event {
                Event::Reply(ticket, reply) => self.replies.push_back((ticket, reply)),
                Event::Resumed(ticket) => self.replies.push_back((ticket, Ok(Vec::new()))),
                Event::Stopped(stop) => self.stops.push_back(stop),
                Event::Console(text) => {
                    let room = CONSOLE_LIMIT.saturating_sub(self.console.len());
                    self.console
                        .extend_from_slice(&text[..room.min(text.len())]);
                }
            }
        }
    }

    fn failed(&self, request: &str, failure: Failure) -> TargetError {
        let (peer, request) = (self.peer.clone(), request.to_owned());
        let what = match failure {
            Failure::Silence | Failure::Uncertain => {
                let milliseconds = self.client.whole_patience().as_millis();
                let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
                return TargetError::Timeout {
                    peer,
                    request,
                    milliseconds,
                };
            }
            Failure::Running => return TargetError::Running { request },
            Failure::Damaged => "every copy arrives damaged",
            Failure::TooLong => "it is longer than any answer should be",
            Failure::Malformed => "it is no answer to this request",
        };
        TargetError::Protocol {
            peer,
            request,
            what: what.to_owned(),
        }
    }

    /// The error for an answer that declines.
    pub(crate) fn refused(&self, request: &str, answer: &Answer) -> TargetError {
        let answer = match answer {
            Answer::Unknown => "not supported".to_owned(),
            Answer::Error(number) => format!("error {number:#04x}"),
            Answer::Content(_) => "an answer of another kind".to_owned(),
        };
        TargetError::Refused {
            peer: self.peer.clone(),
            request: request.to_owned(),
            answer,
        }
    }

    /// The error for an answer that cannot be understood.
    pub(crate) fn senseless(&self, request: &str, what: &str) -> TargetError {
        TargetError::Protocol {
            peer: self.peer.clone(),
            request: request.to_owned(),
            what: what.to_owned(),
        }
    }

    fn broken(&self, request: &str, error: &io::Error) -> TargetError {
        let peer = self.peer.clone();
        match error.kind() {
            io::ErrorKind::TimedOut => TargetError::Timeout {
                peer,
                request: request.to_owned(),
                milliseconds: 5000,
            },
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                TargetError::Disconnected { peer }
            }
            _ => TargetError::Protocol {
                peer,
                request: request.to_owned(),
                what: error.to_string(),
            },
        }
    }
}

fn options_for(transport: &Transport) -> Options {
    match transport.nature() {
        Nature::Reliable => Options::reliable(),
        Nature::Lossy => Options::serial(),
    }
}

/// A command as an error names it: its packet, cut to a readable length.
fn describe(command: &Command) -> String {
    let payload = command.encode();
    let shown = String::from_utf8_lossy(&payload[..payload.len().min(40)]).into_owned();
    format!("the request {shown}")
}
