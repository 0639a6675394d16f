//! From an endpoint to a machine: joins its links, and says clearly which one
//! failed and how. Opening a single link is `open_link`'s.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use ukdbg_inspect::TargetError;

use super::cache::Cache;
use super::history::Recorded;
use super::shadow::Shadows;
use super::stub::Stub;
use super::visit::Visit;
use super::{Machine, open_link};
use crate::core::{Core, CoreError};
use crate::endpoint::{Endpoint, Link};
use crate::guardian::{Departure, Kind};
use crate::image::{ImageFile, ImageFileError};
use crate::qmp::{Qmp, RunState};

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
        // The monitor first: once a stub is connected the guest stands still
        // and its earlier state can no longer be asked for.
        for link in endpoint.links() {
            match link {
                Link::Qmp(path) => qmp = Some(open_link::monitor(link, path)?),
                Link::Ram(path) => ram = Some(Arc::new(open_link::ram(path)?)),
                _ => {}
            }
        }
        let ran = qmp.as_mut().and_then(|qmp| qmp.is_running().ok());
        let mut guard = None;
        for link in endpoint.links() {
            if let Some(opened) = open_link::stub(link, guardian, ran)? {
                (stub, guard) = (Some(opened.0), opened.1);
            }
        }
        if let (None, Some(qmp)) = (&stub, &qmp) {
            guard = open_link::guard(guardian, qmp.transport(), Kind::Monitor, ran);
        }
        if stub.is_none() && qmp.is_none() {
            return Err(ConnectError::NoMachine {
                endpoint: endpoint.clone(),
            });
        }
        let found_running = ran.or(stub.as_ref().and_then(Stub::found_running));
        // A slow line should not carry what nobody asked for.
        let line = match &stub {
            Some(stub) if !stub.link.is_reliable() => 256,
            _ => 4096,
        };
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
            guardian: guardian.map(Path::to_owned),
            lost: false,
            gone: false,
            peer: endpoint.to_string(),
            endpoint: endpoint.clone(),
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
