//! Opening a serial line: a character device with its speed, a
//! pseudo-terminal, or the unix socket that an emulator offers as one.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Instant;

use rustix::fs::{Mode, OFlags, open};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::{Nature, Transport, unix};

/// Opens a serial line, raw, at `baud` if given.
pub(crate) fn serial(
    path: &Path,
    baud: Option<u32>,
    until: Instant,
    before: &mut dyn FnMut(&Transport),
) -> io::Result<Transport> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_socket() {
        return unix(path, Nature::Lossy, until, before);
    }
    if !kind.is_char_device() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "neither a character device nor a socket",
        ));
    }
    // Without NONBLOCK the open itself may wait for a carrier.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let descriptor = open(path, flags, Mode::empty())?;
    let mut settings = tcgetattr(&descriptor)?;
    settings.make_raw();
    if let Some(baud) = baud {
        settings.set_speed(baud)?;
    }
    tcsetattr(&descriptor, OptionalActions::Now, &settings)?;
    let transport = Transport::new(descriptor, Nature::Lossy)?;
    before(&transport);
    Ok(transport)
}
