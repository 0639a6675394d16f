//! From an endpoint to a machine: opens each link within a bounded time and
//! says clearly which one failed and how.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ukdbg_inspect::TargetError;

use super::{
    Machine, cache::Cache, guard::Guard, history::Recorded, shadow::Shadows, stub::Stub,
    visit::Visit, within,
};
use crate::core::{Core, CoreError};
use crate::endpoint::{Endpoint, Link};
use crate::guardian::{Departure, Kind};
use crate::image::{ImageFile, ImageFileError};
use crate::qmp::{Qmp, RunState};
use crate::ram::MappedRam;
use crate::rsp::RspLink;
use crate::transport::{self, Nature, Transport};

/// How long connecting itself may take.
const CONNECT: Duration = Duration::from_secs(3);

/// What an endpoint leads to.
#[derive(Debug)]
pub enum Opened {
    /// A guest that runs or stands still.
    Machine(Box<Machine>),
    /// What was written down of one.
    Core(Core),
    /// An image that does not run.
    Image(ImageFile),
}

/// A machine that could not be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nothing to connect to, or it does not let us.
    #[error("cannot connect to {link}: {source}")]
    Unreachable {
        /// The link.
        link: Link,
        /// Why.
        source: io::Error,
    },
    /// Connected, but not a byte came back.
    #[error(
        "connected to {link}, but nothing answers: it is no GDB stub and no monitor of QEMU's, or it \
         is busy with another debugger"
    )]
    Silent {
        /// The link.
        link: Link,
    },
    /// Something answers in another language.
    #[error("what answers at {link} is no GDB stub: it says \"{heard}\"")]
    NotAStub {
        /// The link.
        link: Link,
        /// The beginning of what it says, escaped.
        heard: String,
    },
    /// It speaks the protocol, but not to the end.
    #[error("{link} cannot be used: {source}")]
    Unusable {
        /// The link.
        link: Link,
        /// Why.
        source: TargetError,
    },
    /// The memory file cannot be mapped.
    #[error("cannot map the guest's memory from {}: {source}", path.display())]
    Ram {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The core cannot be read.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The image cannot be read.
    #[error(transparent)]
    Image(#[from] ImageFileError),
    /// Mapped memory says nothing of registers or of what runs.
    #[error("{endpoint} has no link to a stub, a monitor or a core")]
    NoMachine {
        /// The endpoint.
        endpoint: Endpoint,
    },
}

/// Opens all links of an endpoint.
///
/// With a `guardian` the guest is left as it was found even if this process is
/// killed. It is an executable that calls [`guard`](crate::guard) when its
/// first argument is [`GUARDIAN_WORD`](crate::GUARDIAN_WORD): the running one,
/// as a rule.
pub fn open(endpoint: &Endpoint, guardian: Option<&Path>) -> Result<Opened, ConnectError> {
    if let [Link::Core(path)] = endpoint.links() {
        return Ok(Opened::Core(Core::open(path)?));
    }
    if let [Link::Image(path)] = endpoint.links() {
        return Ok(Opened::Image(ImageFile::open(path)?));
    }
    Machine::join(endpoint, None, guardian).map(|machine| Opened::Machine(Box::new(machine)))
}

impl Machine {
    /// Opens all links to a live machine. Afterwards the guest stands still.
    pub fn connect(endpoint: &Endpoint) -> Result<Self, ConnectError> {
        Self::join(endpoint, None, None)
    }

    /// Opens all links, to be joined with a monitor that is open already.
    pub(crate) fn join(
        endpoint: &Endpoint,
        qmp: Option<Qmp>,
        guardian: Option<&Path>,
    ) -> Result<Self, ConnectError> {
        let (mut stub, mut qmp, mut ram) = (None, qmp, None);
        let mut line = 4096;
        // The monitor first: once a stub is connected the guest stands still
        // and its earlier state can no longer be asked for.
        for link in endpoint.links() {
            match link {
                Link::Qmp(path) => qmp = Some(monitor(link, path)?),
                Link::Ram(path) => {
                    let mapped = MappedRam::open(path).map_err(|source| ConnectError::Ram {
                        path: path.clone(),
                        source,
                    })?;
                    ram = Some(Arc::new(mapped));
                }
                _ => {}
            }
        }
        let mut ran = None;
        if let Some(qmp) = &mut qmp {
            ran = qmp.is_running().ok();
        }
        let mut guard = None;
        for link in endpoint.links() {
            // Before it is connected, which stops the guest.
            let mut before = |transport: &Transport| {
                let kind = Kind::Stub(transport.nature());
                // One of an address that led nowhere has nothing to do.
                if let Some(earlier) = guard.take() {
                    Guard::dismiss(earlier);
                }
                guard = guarded(guardian, transport, kind, ran);
            };
            if let Some(transport) = stub_transport(link, &mut before)? {
                // A slow line should not carry what nobody asked for.
                line = if transport.nature() == Nature::Lossy {
                    256
                } else {
                    4096
                };
                stub = Some(greet(link, transport)?);
            }
        }
        if stub.is_none() && qmp.is_none() {
            return Err(ConnectError::NoMachine {
                endpoint: endpoint.clone(),
            });
        }
        if let (None, Some(qmp)) = (&stub, &qmp) {
            guard = guarded(guardian, qmp.transport(), Kind::Monitor, ran);
        }
        let found_running = match &stub {
            Some(stub) => ran.or(stub.found_running()),
            None => ran,
        };
        if let (Some(stub), Some(guard)) = (&stub, &mut guard) {
            guard.note(|state| {
                state.departure = departure(found_running.unwrap_or(true));
                state.acks = stub.link.acknowledges();
                state.qemu = stub.reads_physical();
                state.process = stub.process();
            });
        }
        let mut machine = Self {
            stub,
            qmp,
            ram,
            found_running,
            running: found_running.unwrap_or(false),
            visit: Visit::default(),
            selected: None,
            cache: Cache::new(line),
            inserted: Vec::new(),
            shadows: Shadows::default(),
            lifted: Vec::new(),
            guard,
            recorded: Recorded::default(),
            gone: false,
            peer: endpoint.to_string(),
        };
        machine.stand_still(endpoint)?;
        Ok(machine)
    }

    /// Without a stub nothing has stopped the guest yet.
    fn stand_still(&mut self, endpoint: &Endpoint) -> Result<(), ConnectError> {
        let (None, Some(qmp), true) = (&self.stub, &mut self.qmp, self.running) else {
            return Ok(());
        };
        if let Some(guard) = &mut self.guard {
            guard.note(|state| state.running = false);
        }
        let stopped = qmp.execute("stop", Value::Null).and_then(|_| qmp.status());
        match stopped {
            Ok(state) => {
                // A breakpoint or a shutdown that came first is not ours to
                // end.
                if state != RunState::Paused {
                    self.found_running = Some(false);
                    if let Some(guard) = &mut self.guard {
                        guard.note(|state| state.departure = Departure::Stopped);
                    }
                }
                qmp.forget_pauses();
                self.running = false;
                Ok(())
            }
            Err(source) => {
                let link = endpoint.links()[0].clone();
                Err(ConnectError::Unusable { link, source })
            }
        }
    }
}

/// A guardian of a link, if one is wanted and can be started.
fn guarded(
    guardian: Option<&Path>,
    transport: &Transport,
    kind: Kind,
    ran: Option<bool>,
) -> Option<Guard> {
    let departure = ran.map_or(Departure::Unknown, departure);
    Guard::start(guardian?, transport, kind, departure)
        .inspect_err(|error| tracing::warn!("the machine has no guardian: {error}"))
        .ok()
}

fn departure(run: bool) -> Departure {
    match run {
        true => Departure::Running,
        false => Departure::Stopped,
    }
}

fn monitor(link: &Link, path: &std::path::Path) -> Result<Qmp, ConnectError> {
    let until = within(CONNECT);
    let transport =
        transport::unix(path, Nature::Reliable, until, &mut |_| {}).map_err(|source| {
            ConnectError::Unreachable {
                link: link.clone(),
                source,
            }
        })?;
    Qmp::open(transport, link.to_string(), until).map_err(|source| {
        let link = link.clone();
        match source {
            // A monitor serves one client; the next one is greeted later.
            TargetError::Timeout { .. } => ConnectError::Silent { link },
            source => ConnectError::Unusable { link, source },
        }
    })
}

fn stub_transport(
    link: &Link,
    before: &mut dyn FnMut(&Transport),
) -> Result<Option<Transport>, ConnectError> {
    let until = within(CONNECT);
    let transport = match link {
        Link::Tcp { host, port } => transport::tcp(host, *port, until, before),
        Link::Unix(path) => transport::unix(path, Nature::Reliable, until, before),
        Link::Serial { path, baud } => transport::serial(path, *baud, until, before),
        Link::Qmp(_) | Link::Ram(_) | Link::Core(_) | Link::Image(_) => return Ok(None),
    };
    match transport {
        Ok(transport) => Ok(Some(transport)),
        Err(source) => Err(ConnectError::Unreachable {
            link: link.clone(),
            source,
        }),
    }
}

fn greet(link: &Link, transport: Transport) -> Result<Stub, ConnectError> {
    let conversation = RspLink::new(transport, link.to_string());
    Stub::greet(conversation).map_err(|(source, heard)| {
        let link = link.clone();
        match source {
            TargetError::Timeout { .. } | TargetError::Disconnected { .. } if heard.is_empty() => {
                ConnectError::Silent { link }
            }
            TargetError::Timeout { .. } | TargetError::Disconnected { .. }
                if !heard.contains(&b'$') =>
            {
                ConnectError::NotAStub {
                    link,
                    heard: heard.escape_ascii().to_string(),
                }
            }
            source => ConnectError::Unusable { link, source },
        }
    })
}
