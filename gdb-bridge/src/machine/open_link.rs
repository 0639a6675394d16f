//! Opening one link of a machine within a bounded time, with its guardian.

use std::path::Path;
use std::time::Duration;

use ukdbg_inspect::TargetError;

use super::connect::ConnectError;
use super::guard::Guard;
use super::stub::Stub;
use super::within;
use crate::endpoint::Link;
use crate::guardian::{Departure, Kind};
use crate::qmp::Qmp;
use crate::ram::MappedRam;
use crate::rsp::RspLink;
use crate::transport::{self, Nature, Transport};

/// How long connecting itself may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// A guest's memory.
pub(super) fn ram(path: &Path) -> Result<MappedRam, ConnectError> {
    MappedRam::open(path).map_err(|source| ConnectError::Ram {
        path: path.to_owned(),
        source,
    })
}

/// A stub that was greeted, if that is what the link leads to, and its
/// guardian, if one is wanted. `ran` is whether the guest ran before, where
/// that is known.
pub(super) fn stub(
    link: &Link,
    guardian: Option<&Path>,
    ran: Option<bool>,
) -> Result<Option<(Stub, Option<Guard>)>, ConnectError> {
    let Some((transport, mut guarding)) = line(link, guardian, ran)? else {
        return Ok(None);
    };
    let stub = match greet(link, transport) {
        Ok(stub) => stub,
        Err(error) => {
            // A stub that is busy lets our connection in later, and stops the
            // guest for it; what is no stub has no guest.
            if !matches!(error, ConnectError::Silent { .. }) {
                guarding.into_iter().for_each(Guard::dismiss);
            }
            return Err(error);
        }
    };
    if let Some(guard) = &mut guarding {
        guard.note(|state| {
            state.departure = departure(ran.or(stub.found_running()).unwrap_or(true));
            state.acks = stub.link.acknowledges();
            state.qemu = stub.reads_physical();
            state.process = stub.process();
        });
    }
    Ok(Some((stub, guarding)))
}

/// The way to a stub to which nothing was said yet.
pub(super) fn line(
    link: &Link,
    guardian: Option<&Path>,
    ran: Option<bool>,
) -> Result<Option<(Transport, Option<Guard>)>, ConnectError> {
    let mut guarding = None;
    // Before it is connected, which stops the guest.
    let mut before = |transport: &Transport| {
        let kind = Kind::Stub(transport.nature());
        // One of an address that led nowhere has nothing to do.
        if let Some(earlier) = guarding.take() {
            Guard::dismiss(earlier);
        }
        guarding = guard(guardian, transport, kind, ran);
    };
    let transport = stub_transport(link, &mut before)?;
    Ok(transport.map(|transport| (transport, guarding)))
}

/// A guardian of a link, if one is wanted and can be started.
pub(super) fn guard(
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

/// QEMU's monitor.
pub(super) fn monitor(link: &Link, path: &Path) -> Result<Qmp, ConnectError> {
    let until = within(PATIENCE);
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
    let until = within(PATIENCE);
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
