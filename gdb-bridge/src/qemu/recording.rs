//! What makes QEMU write an execution down, or repeat one that was: its
//! arguments, and the disk that its snapshots of the machine are in. What a
//! folder with a recording holds besides is its owner's matter.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::arguments::escaped;

/// The name of the disk with the snapshots, in the private directory of a
/// replay.
pub(super) const SNAPSHOTS: &str = "snapshots";

/// A machine's execution on disk: QEMU's log of what came from outside, and a
/// disk for snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tape {
    /// What is done with it.
    pub mode: TapeMode,
    /// QEMU's log.
    pub log: PathBuf,
    /// The disk with the snapshots. A replay works on a copy.
    pub snapshots: PathBuf,
}

/// What is done with a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TapeMode {
    /// The machine runs and is recorded.
    Record,
    /// The machine repeats what was recorded.
    Replay,
}

impl Tape {
    /// The disk that QEMU writes to.
    pub(super) fn disk(&self, directory: &Path) -> PathBuf {
        match self.mode {
            TapeMode::Record => self.snapshots.clone(),
            TapeMode::Replay => directory.join(SNAPSHOTS),
        }
    }

    /// Its arguments, as options and values.
    pub(super) fn arguments(&self, directory: &Path) -> [(&'static str, String); 3] {
        let mode = match self.mode {
            TapeMode::Record => "record",
            TapeMode::Replay => "replay",
        };
        let log = escaped(&self.log);
        let disk = escaped(&self.disk(directory));
        [
            (
                "-icount",
                format!(
                    "shift=auto,rr={mode},rrfile={},rrsnapshot=init",
                    log.to_string_lossy()
                ),
            ),
            // With it, QEMU deadlocks when it goes back to a snapshot.
            ("-global", "apic-common.vapic=off".to_owned()),
            (
                "-drive",
                format!(
                    "file={},format=qcow2,if=none,id={SNAPSHOTS}",
                    disk.to_string_lossy()
                ),
            ),
        ]
    }
}

/// Bytes of a cluster.
const CLUSTER: u64 = 1 << CLUSTER_BITS;
const CLUSTER_BITS: u32 = 16;
/// The size that the disk pretends to have. Nothing is ever written to it but
/// snapshots, which are beside its content.
const DISK: u64 = 64 << 20;

/// Writes an empty disk for snapshots: a qcow2 image of version 3 (QEMU's
/// docs/interop/qcow2.txt), whose clusters are the header, the table of
/// reference counts, their block, and the table of the content.
pub fn empty_disk(out: &mut impl Write) -> io::Result<()> {
    let mut header = Vec::new();
    header.extend_from_slice(b"QFI\xfb");
    let words = |header: &mut Vec<u8>, words: &[u32]| {
        for word in words {
            header.extend_from_slice(&word.to_be_bytes());
        }
    };
    let longs = |header: &mut Vec<u8>, longs: &[u64]| {
        for long in longs {
            header.extend_from_slice(&long.to_be_bytes());
        }
    };
    words(&mut header, &[3]); // version
    longs(&mut header, &[0]); // backing file
    words(&mut header, &[0, CLUSTER_BITS]);
    longs(&mut header, &[DISK]);
    words(&mut header, &[0, 1]); // no encryption; entries of the content's table
    longs(&mut header, &[3 * CLUSTER, CLUSTER]); // that table, and the counts'
    words(&mut header, &[1, 0]); // clusters of the counts' table; snapshots
    longs(&mut header, &[0, 0, 0, 0]); // snapshots; features
    words(&mut header, &[4, 104]); // counts of 2^4 bits; the header's length
    let mut clusters = [header, Vec::new(), Vec::new(), Vec::new()];
    longs(&mut clusters[1], &[2 * CLUSTER]);
    clusters[2].extend([1_u16; 4].iter().flat_map(|count| count.to_be_bytes()));
    for mut cluster in clusters {
        cluster.resize(CLUSTER as usize, 0);
        out.write_all(&cluster)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_what_its_format_says() {
        let mut disk = Vec::new();
        empty_disk(&mut disk).unwrap();
        assert_eq!(disk.len(), 0x4_0000);
        let long = |at: usize| u64::from_be_bytes(disk[at..at + 8].try_into().unwrap());
        assert_eq!(&disk[..8], b"QFI\xfb\0\0\0\x03");
        assert_eq!((long(24), long(40), long(48)), (DISK, 0x3_0000, 0x1_0000));
        assert_eq!(disk[100..104], 104_u32.to_be_bytes());
        assert_eq!(long(0x1_0000), 0x2_0000);
        assert_eq!(disk[0x2_0000..0x2_0009], [0, 1, 0, 1, 0, 1, 0, 1, 0]);
    }

    #[test]
    fn a_replay_leaves_the_recording_alone() {
        let tape = |mode| Tape {
            mode,
            log: "/r,1/log".into(),
            snapshots: "/r,1/disk".into(),
        };
        let line = |mode| format!("{:?}", tape(mode).arguments(Path::new("/private")));
        let record = line(TapeMode::Record);
        assert!(
            record.contains("rr=record,rrfile=/r,,1/log,rrsnapshot"),
            "{record}"
        );
        assert!(record.contains("file=/r,,1/disk,format=qcow2"), "{record}");
        let replay = line(TapeMode::Replay);
        assert!(
            replay.contains("rr=replay,rrfile=/r,,1/log,rrsnapshot"),
            "{replay}"
        );
        assert!(
            replay.contains("file=/private/snapshots,format"),
            "{replay}"
        );
    }
}
