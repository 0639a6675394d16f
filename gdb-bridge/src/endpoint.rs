//! What a user names as the way to a machine: links joined by `+`. Parses and
//! prints; does not connect.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The words that a link begins with.
const KINDS: [&str; 7] = ["tcp", "unix", "serial", "qmp", "ram", "core", "image"];

/// One way to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// `tcp:HOST:PORT`: a GDB stub.
    Tcp {
        /// Name or address; IPv6 addresses without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// `unix:PATH`: a GDB stub.
    Unix(PathBuf),
    /// `serial:PATH[@BAUD]`: a GDB stub on a serial line, which is a device, a
    /// pseudo-terminal or an emulator's socket.
    Serial {
        /// The device or socket.
        path: PathBuf,
        /// Its speed; unchanged if not given.
        baud: Option<u32>,
    },
    /// `qmp:PATH`: QEMU's monitor on a unix socket.
    Qmp(PathBuf),
    /// `ram:FILE`: the file that is the guest's memory.
    Ram(PathBuf),
    /// `core:FILE`: an ELF core of a machine.
    Core(PathBuf),
    /// `image:FILE`: an ELF image that does not run.
    Image(PathBuf),
}

/// All links to one machine: at most one stub, at most one of each other
/// kind, and a core or an image only by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    links: Vec<Link>,
}

/// An endpoint that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The word before the colon is none of the kinds.
    #[error(
        "{text:?} is no endpoint: expected tcp:HOST:PORT, unix:PATH, serial:PATH[@BAUD], \
         qmp:PATH, ram:FILE, core:FILE or image:FILE"
    )]
    Kind {
        /// The part in question.
        text: String,
    },
    /// Nothing after the colon.
    #[error("{text:?} names no path")]
    NoPath {
        /// The part in question.
        text: String,
    },
    /// No port, or one that cannot be.
    #[error("{text:?} has no port between 1 and 65535")]
    Port {
        /// The part in question.
        text: String,
    },
    /// Two links that cannot belong to one machine.
    #[error("{first} and {second} cannot be joined: {reason}")]
    Conflict {
        /// The earlier link.
        first: Link,
        /// The later one.
        second: Link,
        /// Why.
        reason: &'static str,
    },
}

impl Endpoint {
    /// Joins links, checking that they can belong to one machine.
    pub fn new(links: Vec<Link>) -> Result<Self, EndpointError> {
        for (index, second) in links.iter().enumerate() {
            for first in &links[..index] {
                if let Some(reason) = conflict(first, second) {
                    let (first, second) = (first.clone(), second.clone());
                    return Err(EndpointError::Conflict {
                        first,
                        second,
                        reason,
                    });
                }
            }
        }
        Ok(Self { links })
    }

    /// Whether a text names a kind of link, so that a user who wrote it meant
    /// an endpoint. `core::fmt` is a path of names.
    pub fn is_meant(text: &str) -> bool {
        let kind = text
            .split_once(':')
            .filter(|(_, rest)| !rest.starts_with(':'));
        kind.is_some_and(|(kind, _)| KINDS.contains(&kind))
    }

    /// The links, in the order given.
    pub fn links(&self) -> &[Link] {
        &self.links
    }
}

impl Link {
    fn is_stub(&self) -> bool {
        matches!(self, Self::Tcp { .. } | Self::Unix(_) | Self::Serial { .. })
    }

    fn parse(text: &str) -> Result<Self, EndpointError> {
        let Some((kind, rest)) = text.split_once(':') else {
            return Err(EndpointError::Kind {
                text: text.to_owned(),
            });
        };
        let path = || match rest {
            "" => Err(EndpointError::NoPath {
                text: text.to_owned(),
            }),
            _ => Ok(PathBuf::from(rest)),
        };
        match kind {
            "tcp" => tcp(rest, text),
            "unix" => path().map(Self::Unix),
            "serial" => path().map(|whole| serial(rest, whole)),
            "qmp" => path().map(Self::Qmp),
            "ram" => path().map(Self::Ram),
            "core" => path().map(Self::Core),
            "image" => path().map(Self::Image),
            // `:1234`, `localhost:1234`, as GDB takes them. A path would not
            // end in a port.
            _ => tcp(text, text).map_err(|_| EndpointError::Kind {
                text: text.to_owned(),
            }),
        }
    }
}

fn tcp(address: &str, text: &str) -> Result<Link, EndpointError> {
    let no_port = || EndpointError::Port {
        text: text.to_owned(),
    };
    let (host, port) = address.rsplit_once(':').ok_or_else(no_port)?;
    let port = port
        .parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(no_port)?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if bare.contains(['/', '[', ']']) {
        return Err(no_port());
    }
    let host = if bare.is_empty() { "localhost" } else { bare };
    Ok(Link::Tcp {
        host: host.to_owned(),
        port,
    })
}

/// The speed is what follows the last `@`, if that is a number.
fn serial(rest: &str, whole: PathBuf) -> Link {
    let split = rest
        .rsplit_once('@')
        .and_then(|(path, baud)| Some((path, baud.parse().ok()?)));
    match split {
        Some((path, baud)) if !path.is_empty() => Link::Serial {
            path: path.into(),
            baud: Some(baud),
        },
        _ => Link::Serial {
            path: whole,
            baud: None,
        },
    }
}

fn conflict(first: &Link, second: &Link) -> Option<&'static str> {
    if matches!(first, Link::Core(_)) || matches!(second, Link::Core(_)) {
        return Some("a core stands by itself");
    }
    if matches!(first, Link::Image(_)) || matches!(second, Link::Image(_)) {
        return Some("an image stands by itself");
    }
    if first.is_stub() && second.is_stub() {
        return Some("one machine is controlled over one stub");
    }
    (std::mem::discriminant(first) == std::mem::discriminant(second))
        .then_some("both are of one kind")
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        // A `+` in a path is part of it, unless a kind of link follows.
        let mut links: Vec<String> = Vec::new();
        for part in text.split('+') {
            match links.last_mut() {
                Some(last) if !begins_link(part) => {
                    last.push('+');
                    last.push_str(part);
                }
                _ => links.push(part.to_owned()),
            }
        }
        Self::new(
            links
                .iter()
                .map(|link| Link::parse(link))
                .collect::<Result<_, _>>()?,
        )
    }
}

fn begins_link(part: &str) -> bool {
    KINDS
        .iter()
        .any(|kind| part.starts_with(&format!("{kind}:")))
}

impl fmt::Display for Link {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(out, "tcp:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(out, "tcp:{host}:{port}"),
            Self::Unix(path) => write!(out, "unix:{}", path.display()),
            Self::Serial { path, baud: None } => write!(out, "serial:{}", path.display()),
            Self::Serial {
                path,
                baud: Some(baud),
            } => {
                write!(out, "serial:{}@{baud}", path.display())
            }
            Self::Qmp(path) => write!(out, "qmp:{}", path.display()),
            Self::Ram(path) => write!(out, "ram:{}", path.display()),
            Self::Core(path) => write!(out, "core:{}", path.display()),
            Self::Image(path) => write!(out, "image:{}", path.display()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, link) in self.links.iter().enumerate() {
            if index > 0 {
                out.write_str("+")?;
            }
            write!(out, "{link}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed for a good one, the error for a bad one.
    fn check(text: &str, expected: &str) {
        let found = match text.parse::<Endpoint>() {
            Ok(endpoint) => endpoint.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(
            found.starts_with(expected),
            "{text:?} gave {found:?}, not {expected:?}"
        );
    }

    #[test]
    fn endpoints() {
        check("tcp:127.0.0.1:1234", "tcp:127.0.0.1:1234");
        check(":1234", "tcp:localhost:1234");
        check("localhost:1234", "tcp:localhost:1234");
        check("tcp:[::1]:1", "tcp:[::1]:1");
        check("unix:/a b/c:d@e", "unix:/a b/c:d@e");
        check("serial:/dev/ttyS0@115200", "serial:/dev/ttyS0@115200");
        check("serial:/tmp/a@b", "serial:/tmp/a@b");
        check("unix:/a+qmp:/b+ram:/c", "unix:/a+qmp:/b+ram:/c");
        check("unix:/c++/s+qmp:/q", "unix:/c++/s+qmp:/q");
        check("core:x", "core:x");
        check("image:x", "image:x");
        check("", "\"\" is no endpoint");
        check("/tmp/socket", "\"/tmp/socket\" is no endpoint");
        check("/tmp/socket:1", "\"/tmp/socket:1\" is no endpoint");
        check("http://x:80", "\"http://x:80\" is no endpoint");
        check("unix:", "\"unix:\" names no path");
        check("tcp:host", "\"tcp:host\" has no port");
        check("tcp:host:0", "\"tcp:host:0\" has no port");
        check("tcp:host:65536", "\"tcp:host:65536\" has no port");
        check(
            "unix:/a+tcp:b:1",
            "unix:/a and tcp:b:1 cannot be joined: one machine",
        );
        check("qmp:/a+qmp:/b", "qmp:/a and qmp:/b cannot be joined: both");
        check(
            "core:/a+ram:/b",
            "core:/a and ram:/b cannot be joined: a core",
        );
        check(
            "image:/a+ram:/b",
            "image:/a and ram:/b cannot be joined: an image",
        );
    }

    #[test]
    fn a_path_of_names_is_no_endpoint() {
        assert!(Endpoint::is_meant("image:kernel"));
        assert!(Endpoint::is_meant("tcp:localhost:1234"));
        assert!(!Endpoint::is_meant("core::fmt::write"));
        assert!(!Endpoint::is_meant("book.rs:12"));
        assert!(!Endpoint::is_meant("core"));
    }
}
