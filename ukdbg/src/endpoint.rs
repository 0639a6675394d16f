//! Which machine a command means: the endpoint that was typed, else the one
//! session that `ukdbg run` has open, else what QEMU's `-s` opens.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ukdbg_gdb_bridge::{Endpoint, private_directories};

use crate::exit::Exit;
use crate::failure::Failure;

/// What QEMU's `-s` opens.
const DEFAULT: &str = "tcp:127.0.0.1:1234";
/// The file in a session's private directory that tells of it.
const DESCRIPTION: &str = "session.json";
/// The largest description that is read.
const LARGEST_DESCRIPTION: u64 = 64 << 10;

/// What `ukdbg run` tells other commands of the machine it started.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenSession {
    /// The links that are free for others.
    pub(crate) endpoint: String,
    /// The image.
    pub(crate) image: Option<PathBuf>,
    /// Files with symbols.
    pub(crate) symbols: Vec<PathBuf>,
}

/// A session that other commands find as long as this lives.
#[derive(Debug)]
pub(crate) struct Published {
    /// Its lock ends with this process, however that ends.
    _description: fs::File,
}

impl OpenSession {
    /// Writes the description into a session's private directory.
    pub(crate) fn publish(&self, directory: &Path) -> std::io::Result<Published> {
        // Written beside and renamed, so that nobody reads half of it.
        let unfinished = directory.join("session.json.new");
        let mut file = fs::File::create(&unfinished)?;
        file.lock()?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(unfinished, directory.join(DESCRIPTION))?;
        Ok(Published { _description: file })
    }

    /// One line of a list of sessions.
    fn line(&self) -> String {
        match &self.image {
            Some(image) => format!("{}  ({})", self.endpoint, image.display()),
            None => self.endpoint.clone(),
        }
    }
}

/// The machine a command means.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// Where it is.
    pub(crate) endpoint: Endpoint,
    /// The session of `ukdbg run` it belongs to, when it was found that way.
    pub(crate) session: Option<OpenSession>,
}

/// Finds the machine.
pub(crate) fn choose(typed: Option<&str>) -> Result<Chosen, Failure> {
    if let Some(text) = typed {
        return Ok(Chosen {
            endpoint: parse(text)?,
            session: None,
        });
    }
    let mut open = open_sessions(&private_directories());
    match open.len() {
        0 => Ok(Chosen {
            endpoint: parse(DEFAULT)?,
            session: None,
        }),
        1 => {
            let session = open.remove(0);
            Ok(Chosen {
                endpoint: parse(&session.endpoint)?,
                session: Some(session),
            })
        }
        count => {
            let list: Vec<String> = open.iter().map(OpenSession::line).collect();
            Err(Failure::text(
                Exit::Usage,
                format_args!("`ukdbg run` has {count} sessions open; say which one"),
            )
            .hint(list.join("\n       ")))
        }
    }
}

/// The endpoint among the words of a command, and the others. The first word
/// is one when it says so by its kind, or has the form `HOST:PORT` and others
/// follow: alone it may be a `FILE:LINE`.
pub(crate) fn split(words: &[String]) -> (Option<&str>, &[String]) {
    let Some((first, rest)) = words.split_first() else {
        return (None, words);
    };
    let port = !first.contains("::") && first.parse::<Endpoint>().is_ok();
    if Endpoint::is_meant(first) || (port && (!rest.is_empty() || first.starts_with(':'))) {
        (Some(first), rest)
    } else {
        (None, words)
    }
}

fn parse(text: &str) -> Result<Endpoint, Failure> {
    text.parse::<Endpoint>().map_err(|e| {
        Failure::new(Exit::Usage, e)
            .hint("tcp:localhost:1234 for QEMU's -s; links to one machine are joined: unix:gdb.sock+qmp:qmp.sock")
    })
}

/// Every session open below a directory that is ours alone.
fn open_sessions(below: &Path) -> Vec<OpenSession> {
    let mut found: Vec<(PathBuf, OpenSession)> = fs::read_dir(below)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("ukdbg-"))
        .filter_map(|entry| {
            let path = entry.path();
            let session = is_private(&path).then(|| describe(&path))??;
            Some((path, session))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.into_iter().map(|(_, session)| session).collect()
}

/// Whether nobody but this user can have written there. A symbolic link is
/// not followed.
fn is_private(directory: &Path) -> bool {
    fs::symlink_metadata(directory).is_ok_and(|metadata| {
        metadata.is_dir()
            && metadata.uid() == rustix::process::geteuid().as_raw()
            && metadata.permissions().mode() & 0o077 == 0
    })
}

/// What a session says of itself, unless whoever opened it is gone: then
/// nobody holds the lock.
fn describe(directory: &Path) -> Option<OpenSession> {
    let file = fs::File::open(directory.join(DESCRIPTION)).ok()?;
    if !matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)) {
        return None;
    }
    let mut text = Vec::new();
    file.take(LARGEST_DESCRIPTION).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{OpenSession, open_sessions, split};

    #[test]
    fn endpoints_come_first() {
        let check = |typed: &str, endpoint: Option<&str>, rest: &str| {
            let words: Vec<String> = typed.split(' ').map(ToOwned::to_owned).collect();
            let (found, others) = split(&words);
            assert_eq!((found, &*others.join(" ")), (endpoint, rest), "{typed}");
        };
        check("image:k main", Some("image:k"), "main");
        check("image:k", Some("image:k"), "");
        check("unix:/a+qmp:/b rsp + 8", Some("unix:/a+qmp:/b"), "rsp + 8");
        check("localhost:1234 x", Some("localhost:1234"), "x");
        check(":1234", Some(":1234"), "");
        check("book.rs:12", None, "book.rs:12");
        check("core::fmt::X", None, "core::fmt::X");
        check("image::X + 1", None, "image::X + 1");
        check("0x1000", None, "0x1000");
    }

    fn session(name: &str) -> OpenSession {
        OpenSession {
            endpoint: format!("unix:/{name}"),
            image: Some("kernel".into()),
            symbols: Vec::new(),
        }
    }

    #[test]
    fn only_private_directories_with_a_description_count() {
        let root = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32| {
            let path = root.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let publish = |name: &str, directory: &str, mode| {
            session(name).publish(&make(directory, mode)).unwrap()
        };
        let first = publish("a", "ukdbg-a", 0o700);
        let _others = [
            publish("b", "ukdbg-b", 0o755),
            publish("c", "other-c", 0o700),
        ];
        make("ukdbg-d", 0o700);
        fs::write(make("ukdbg-e", 0o700).join("session.json"), b"{").unwrap();
        let open = || open_sessions(root.path());
        assert_eq!(open(), [session("a")]);
        drop(first);
        assert_eq!(open(), [], "its owner is gone");
        assert_eq!(open_sessions(&root.path().join("nowhere")), []);
    }
}
