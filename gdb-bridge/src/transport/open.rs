//! Connecting TCP and unix sockets within a given time. Whoever connects sees
//! the socket before it is connected: a stub stops its guest at once.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::sockopt::{set_tcp_nodelay, socket_error};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::{Nature, Transport, wait};

const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

/// Connects to a host and port, trying each of its addresses.
pub(crate) fn tcp(
    host: &str,
    port: u16,
    until: Instant,
    before: &mut dyn FnMut(&Transport),
) -> io::Result<Transport> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        match tcp_to(address, until, before) {
            Ok(transport) => return Ok(transport),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn tcp_to(
    address: SocketAddr,
    until: Instant,
    before: &mut dyn FnMut(&Transport),
) -> io::Result<Transport> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, FLAGS, None)?;
    // Packets are small and wait for one another.
    set_tcp_nodelay(&socket, true)?;
    let transport = Transport::new(socket, Nature::Reliable)?;
    before(&transport);
    match connect(&transport.descriptor, &address) {
        Ok(()) => Ok(transport),
        // It goes on by itself, interrupted or not.
        Err(Errno::INPROGRESS | Errno::INTR) => {
            if !wait(&transport.descriptor, PollFlags::OUT, until)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            socket_error(&transport.descriptor)??;
            Ok(transport)
        }
        Err(error) => Err(error.into()),
    }
}

/// Connects to a unix socket, as a reliable stream or as a serial line's end.
pub(crate) fn unix(
    path: &Path,
    nature: Nature,
    until: Instant,
    before: &mut dyn FnMut(&Transport),
) -> io::Result<Transport> {
    let address = SocketAddrUnix::new(path)?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None)?;
    let transport = Transport::new(socket, nature)?;
    before(&transport);
    loop {
        match connect(&transport.descriptor, &address) {
            Ok(()) => return Ok(transport),
            // The listener's queue is full: other clients wait before us.
            // There is nothing to poll for; ask again until the time is up.
            Err(Errno::AGAIN) if Instant::now() < until => {
                let pause = Instant::now() + Duration::from_millis(20);
                wait(&transport.descriptor, PollFlags::empty(), pause.min(until))?;
            }
            Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
