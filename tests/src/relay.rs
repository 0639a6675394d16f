//! A relay between a debugger and a stub that keeps what goes by, and may damage
//! it as a bad line does.
//!
//! Not here: what the bytes mean (`conversation.rs`).

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Where bytes went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From the debugger.
    ToStub,
    /// From the stub.
    ToClient,
}

/// What the line does to the bytes on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quality {
    /// Nothing.
    Good,
    /// It damages one of so many, each way.
    Damages(usize),
}

/// All that went by, in order.
pub type Record = Vec<(Way, Vec<u8>)>;

/// A relay for one client.
#[derive(Debug)]
pub struct Relay {
    folder: TempDir,
    heard: Arc<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    record: Mutex<Record>,
    grown: Condvar,
}

impl Relay {
    /// Relays the next client of [`Relay::socket`] to the stub at `stub`.
    ///
    /// # Panics
    /// When the sockets cannot be had.
    #[must_use]
    pub fn to(stub: &Path, quality: Quality) -> Self {
        let folder = TempDir::with_prefix("ukdbg-relay-").expect("a temporary directory");
        let listener = UnixListener::bind(folder.path().join("stub")).expect("a socket");
        let heard = Arc::new(Heard::default());
        let (stub, kept) = (stub.to_owned(), Arc::clone(&heard));
        thread::spawn(move || {
            let Ok((client, _)) = listener.accept() else {
                return;
            };
            let stub = UnixStream::connect(stub).expect("the stub listens");
            let pairs = [
                (&client, &stub, Way::ToStub),
                (&stub, &client, Way::ToClient),
            ];
            thread::scope(|scope| {
                for (from, to, way) in pairs {
                    let kept = &kept;
                    scope.spawn(move || carry(from, to, way, quality, kept));
                }
            });
        });
        Self { folder, heard }
    }

    /// Where a client connects.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("stub")
    }

    /// Waits until the client has sent one text, and behind it the other.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn wait_for_client(&self, first: &str, then: &str, deadline: Duration) {
        let unsent = |record: &mut Record| {
            let bytes: Vec<u8> = record
                .iter()
                .filter(|(way, _)| *way == Way::ToStub)
                .flat_map(|(_, bytes)| bytes.iter().copied())
                .collect();
            let text = String::from_utf8_lossy(&bytes);
            text.rsplit_once(first)
                .is_none_or(|(_, rest)| !rest.contains(then))
        };
        let record = self.heard.record.lock().expect("no holder panics");
        let (record, timeout) = self
            .heard
            .grown
            .wait_timeout_while(record, deadline, unsent)
            .expect("no holder panics");
        drop(record);
        assert!(
            !timeout.timed_out(),
            "the client never sent {then:?} behind {first:?}"
        );
    }

    /// What went by so far.
    ///
    /// # Panics
    /// Never: nobody panics while recording.
    #[must_use]
    pub fn record(&self) -> Record {
        self.heard.record.lock().expect("no holder panics").clone()
    }
}

fn carry(mut from: &UnixStream, mut to: &UnixStream, way: Way, quality: Quality, heard: &Heard) {
    let (mut buffer, mut count) = ([0; 4096], 0_usize);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = &mut buffer[..length];
        {
            let mut record = heard.record.lock().expect("no holder panics");
            record.push((way, bytes.to_vec()));
            heard.grown.notify_all();
        }
        for byte in bytes.iter_mut() {
            count += 1;
            if matches!(quality, Quality::Damages(one_in) if count.is_multiple_of(one_in)) {
                *byte ^= 1 << (count % 7);
            }
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}
