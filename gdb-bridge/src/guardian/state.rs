//! What a debugger and its guardian share: a nameless file in memory with a
//! record of the conversation and one of each breakpoint that is inserted. It
//! is written before a command is sent that makes it true, so whenever the
//! debugger dies it holds enough. Knows no link.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::rsp::PointKind;
use crate::transport::Nature;

/// Bytes of every record. No record crosses a page, so that each write
/// happens as a whole or not at all.
const RECORD: usize = 32;
/// Breakpoints that are read at most.
const MOST: usize = 65536;
/// The first byte of a record that means something.
const WRITTEN: u8 = 0xd5;

/// What the link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stub(Nature),
    Monitor,
}

/// How the guest is to be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It is not known yet how it was found.
    Unknown,
    Running,
    Stopped,
    /// The debugger is saying so itself: a stub that has let its guest go is
    /// not to be told anything more, and QEMU's crashes when it is.
    Told,
}

/// Where the conversation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub kind: Kind,
    pub departure: Departure,
    /// The guest runs, or is about to.
    pub running: bool,
    /// Packets are acknowledged.
    pub acks: bool,
    /// The stub is QEMU's.
    pub qemu: bool,
    /// The process to detach from, for stubs that want one named.
    pub process: Option<u64>,
}

/// One breakpoint that may be inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub kind: PointKind,
    pub at: u64,
    pub length: u64,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Shared(File);

impl Shared {
    pub(crate) fn new(file: File) -> Self {
        Self(file)
    }

    pub(crate) fn write_state(&self, state: &State) -> io::Result<()> {
        let mut record = [0; RECORD];
        record[0] = WRITTEN;
        record[1] = match state.kind {
            Kind::Stub(Nature::Reliable) => 0,
            Kind::Stub(Nature::Lossy) => 1,
            Kind::Monitor => 2,
        };
        record[2] = match state.departure {
            Departure::Unknown => 0,
            Departure::Running => 1,
            Departure::Stopped => 2,
            Departure::Told => 3,
        };
        record[3] = state.running.into();
        record[4] = state.acks.into();
        record[5] = state.qemu.into();
        record[6] = state.process.is_some().into();
        record[8..16].copy_from_slice(&state.process.unwrap_or(0).to_le_bytes());
        self.0.write_all_at(&record, 0)
    }

    /// Writes the breakpoint of a place, or that there is none any more.
    pub(crate) fn write_point(&self, index: usize, point: Option<Point>) -> io::Result<()> {
        let mut record = [0; RECORD];
        if let Some(Point { kind, at, length }) = point {
            record[0] = WRITTEN;
            record[1] = kind as u8;
            record[8..16].copy_from_slice(&at.to_le_bytes());
            record[16..24].copy_from_slice(&length.to_le_bytes());
        }
        let place = (index + 1).saturating_mul(RECORD);
        self.0
            .write_all_at(&record, u64::try_from(place).unwrap_or(u64::MAX))
    }

    /// The state and the breakpoints.
    pub(crate) fn read(&self) -> io::Result<(State, Vec<Point>)> {
        let mut record = [0; RECORD];
        self.0.read_exact_at(&mut record, 0)?;
        let state = state(&record).ok_or(io::ErrorKind::InvalidData)?;
        let mut points = Vec::new();
        for index in 1..=MOST {
            let place = u64::try_from(index * RECORD).unwrap_or(u64::MAX);
            match self.0.read_exact_at(&mut record, place) {
                Ok(()) => points.extend(point(&record)),
                Err(_) => break,
            }
        }
        Ok((state, points))
    }
}

fn state(record: &[u8; RECORD]) -> Option<State> {
    Some(State {
        kind: match (record[0], record[1]) {
            (WRITTEN, 0) => Kind::Stub(Nature::Reliable),
            (WRITTEN, 1) => Kind::Stub(Nature::Lossy),
            (WRITTEN, 2) => Kind::Monitor,
            _ => return None,
        },
        departure: match record[2] {
            1 => Departure::Running,
            2 => Departure::Stopped,
            3 => Departure::Told,
            _ => Departure::Unknown,
        },
        running: record[3] != 0,
        acks: record[4] != 0,
        qemu: record[5] != 0,
        process: (record[6] != 0).then(|| word(record, 8)),
    })
}

fn point(record: &[u8; RECORD]) -> Option<Point> {
    let all = [
        PointKind::Software,
        PointKind::Hardware,
        PointKind::Write,
        PointKind::Read,
        PointKind::Access,
    ];
    (record[0] == WRITTEN).then_some(())?;
    Some(Point {
        kind: *all.get(usize::from(record[1]))?,
        at: word(record, 8),
        length: word(record, 16),
    })
}

fn word(record: &[u8; RECORD], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&record[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let shared = Shared::new(tempfile::tempfile().unwrap());
        assert!(shared.read().is_err(), "nothing is written yet");
        for kind in [
            Kind::Monitor,
            Kind::Stub(Nature::Lossy),
            Kind::Stub(Nature::Reliable),
        ] {
            for departure in [
                Departure::Unknown,
                Departure::Running,
                Departure::Stopped,
                Departure::Told,
            ] {
                for (flag, process) in [(false, None), (true, Some(u64::MAX))] {
                    let state = State {
                        kind,
                        departure,
                        running: flag,
                        acks: !flag,
                        qemu: flag,
                        process,
                    };
                    shared.write_state(&state).unwrap();
                    assert_eq!(shared.read().unwrap().0, state);
                }
            }
        }
        let point = |kind, at| Point {
            kind,
            at,
            length: 1,
        };
        let all = [
            point(PointKind::Software, 1),
            point(PointKind::Access, u64::MAX),
            point(PointKind::Write, 3),
        ];
        for (index, point) in all.into_iter().enumerate() {
            shared.write_point(index, Some(point)).unwrap();
        }
        shared.write_point(1, None).unwrap();
        assert_eq!(shared.read().unwrap().1, [all[0], all[2]]);
    }
}
