//! QEMU's machine protocol: greeting, requests with ids, events. A link that
//! asks and listens; it does not control execution beyond what `machine`
//! asks of it.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ukdbg_inspect::TargetError;

use crate::transport::Transport;

mod hostile;
mod message;
pub(crate) mod text;

pub use hostile::read_qmp;
pub(crate) use message::QmpEvent;
use message::{Lines, Message};

/// How long an ordinary request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests of a conversation that was taken over are told from earlier ones.
const INHERITED_ID: u64 = 1 << 32;
/// Events kept for someone to ask about; the oldest are dropped.
const EVENTS_KEPT: usize = 64;

/// Whether a guest runs, in QEMU's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunState {
    Running,
    /// Somebody asked for it.
    Paused,
    /// The accelerator gave up on the guest.
    InternalError,
    /// At a breakpoint, shut down, not begun, or whatever else.
    Otherwise,
}

/// A monitor at the end of a transport.
#[derive(Debug)]
pub(crate) struct Qmp {
    transport: Transport,
    peer: String,
    lines: Lines,
    events: VecDeque<QmpEvent>,
    next_id: u64,
}

impl Qmp {
    /// Waits for the greeting and leaves negotiation mode.
    pub(crate) fn open(
        transport: Transport,
        peer: String,
        until: Instant,
    ) -> Result<Self, TargetError> {
        let mut qmp = Self {
            transport,
            peer,
            lines: Lines::default(),
            events: VecDeque::new(),
            next_id: 0,
        };
        match qmp.receive(until, "a greeting")? {
            Some(Message::Greeting) => {}
            Some(_) => return Err(qmp.senseless("connecting", "no greeting of QMP")),
            None => return Err(qmp.late("a greeting", Duration::from_secs(3))),
        }
        qmp.execute("qmp_capabilities", Value::Null)?;
        Ok(qmp)
    }

    /// Goes on with a conversation that another debugger left at any point.
    pub(crate) fn inherited(mut transport: Transport, until: Instant) -> io::Result<Self> {
        // Resets QEMU's parser, whatever was half sent (its documentation,
        // "QEMU Machine Protocol Specification").
        transport.write(b"\xff\n", until)?;
        Ok(Self {
            transport,
            peer: "the monitor".to_owned(),
            lines: Lines::default(),
            events: VecDeque::new(),
            next_id: INHERITED_ID,
        })
    }

    /// The transport, for a guardian to hold as well.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Runs a command and returns what it returns.
    pub(crate) fn execute(
        &mut self,
        command: &str,
        arguments: Value,
    ) -> Result<Value, TargetError> {
        self.execute_within(command, arguments, PATIENCE)
    }

    /// [`Qmp::execute`] for commands that may take long.
    pub(crate) fn execute_within(
        &mut self,
        command: &str,
        arguments: Value,
        patience: Duration,
    ) -> Result<Value, TargetError> {
        self.next_id += 1;
        let mut request = json!({ "execute": command, "id": self.next_id });
        if !arguments.is_null() {
            request["arguments"] = arguments;
        }
        let until = Instant::now() + patience;
        let line = format!("{request}\n");
        self.transport
            .write(line.as_bytes(), until)
            .map_err(|_| TargetError::Disconnected {
                peer: self.peer.clone(),
            })?;
        loop {
            match self.receive(until, command)? {
                None => return Err(self.late(command, patience)),
                Some(Message::Return { id, value }) if id == Some(self.next_id) => {
                    return Ok(value);
                }
                Some(Message::Error { id, description })
                    if id == Some(self.next_id) || id.is_none() =>
                {
                    return Err(TargetError::Refused {
                        peer: self.peer.clone(),
                        request: command.to_owned(),
                        answer: description,
                    });
                }
                // The answer to a request that was given up.
                Some(_) => {}
            }
        }
    }

    /// Runs a command of the human monitor and returns its text.
    pub(crate) fn monitor(&mut self, line: &str) -> Result<String, TargetError> {
        let value = self.execute("human-monitor-command", json!({ "command-line": line }))?;
        match value {
            Value::String(text) => Ok(text),
            _ => Err(self.senseless(line, "not a text")),
        }
    }

    /// Whether the guest runs now.
    pub(crate) fn is_running(&mut self) -> Result<bool, TargetError> {
        Ok(self.status()? == RunState::Running)
    }

    /// Whether the guest runs, and why not. Every event from before is in the
    /// queue when this returns.
    pub(crate) fn status(&mut self) -> Result<RunState, TargetError> {
        let status = self.execute("query-status", Value::Null)?;
        match (status["running"].as_bool(), status["status"].as_str()) {
            (Some(true), _) => Ok(RunState::Running),
            (Some(false), Some("paused")) => Ok(RunState::Paused),
            (Some(false), Some("internal-error")) => Ok(RunState::InternalError),
            (Some(false), _) => Ok(RunState::Otherwise),
            (None, _) => Err(self.senseless("query-status", "no run state")),
        }
    }

    /// Whether a client is connected to the character device of this name;
    /// `None` if there is no such device.
    pub(crate) fn has_client(&mut self, device: &str) -> Result<Option<bool>, TargetError> {
        let devices = self.execute("query-chardev", Value::Null)?;
        let name = devices
            .as_array()
            .into_iter()
            .flatten()
            .find(|known| known["label"] == device)
            .and_then(|known| known["filename"].as_str());
        Ok(name.map(|name| !name.starts_with("disconnected:")))
    }

    /// Forgets what was heard up to now of stops and resumes, and nothing else.
    pub(crate) fn forget_pauses(&mut self) {
        self.events
            .retain(|event| !matches!(event, QmpEvent::Stop | QmpEvent::Resume));
    }

    /// Forgets all that was heard up to now.
    pub(crate) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// Whether the guest is let go by `until`. Other events stay in the queue.
    pub(crate) fn resumed(&mut self, until: Instant) -> Result<bool, TargetError> {
        loop {
            let found = self
                .events
                .iter()
                .position(|event| *event == QmpEvent::Resume);
            if let Some(index) = found {
                self.events.remove(index);
                return Ok(true);
            }
            let known = self.events.len();
            if self.receive(until, "an event")?.is_none() && self.events.len() == known {
                return Ok(false);
            }
        }
    }

    /// The next event, if there is one by `until`.
    pub(crate) fn event(&mut self, until: Instant) -> Result<Option<QmpEvent>, TargetError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            // Answers that nobody waits for any more are dropped here.
            if self.receive(until, "an event")?.is_none() && self.events.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The next message that is no event, by `until`; events are put aside
    /// and end the wait as well.
    fn receive(&mut self, until: Instant, request: &str) -> Result<Option<Message>, TargetError> {
        let mut buffer = [0; 16384];
        loop {
            while let Some(line) = self.lines.next() {
                let line = line.map_err(|()| self.senseless(request, "a line without end"))?;
                match Message::parse(&line) {
                    Some(Message::Event(event)) => {
                        if self.events.len() == EVENTS_KEPT {
                            self.events.pop_front();
                        }
                        self.events.push_back(event);
                        if request == "an event" {
                            return Ok(None);
                        }
                    }
                    Some(Message::Ignored) => {}
                    Some(message) => return Ok(Some(message)),
                    None => return Err(self.senseless(request, "not a message of QMP")),
                }
            }
            match self.transport.read(&mut buffer, until) {
                Ok(Some(0)) => {
                    return Err(TargetError::Disconnected {
                        peer: self.peer.clone(),
                    });
                }
                Ok(Some(count)) => self.lines.push(&buffer[..count]),
                Ok(None) => return Ok(None),
                Err(error) => return Err(self.senseless(request, &error.to_string())),
            }
        }
    }

    fn senseless(&self, request: &str, what: &str) -> TargetError {
        TargetError::Protocol {
            peer: self.peer.clone(),
            request: request.to_owned(),
            what: what.to_owned(),
        }
    }

    fn late(&self, request: &str, patience: Duration) -> TargetError {
        TargetError::Timeout {
            peer: self.peer.clone(),
            request: request.to_owned(),
            milliseconds: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
