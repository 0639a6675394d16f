//! A folder with a recording: begun by `run --record`, read by `replay` and
//! `why`. It holds everything that a replay needs, the booted image included,
//! and nothing in it changes once it is finished. What QEMU does with it is
//! `gdb-bridge`'s.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ukdbg_gdb_bridge::{Approach, Device, Launch, RecordedEnd, Tape, TapeMode, empty_disk};
use ukdbg_session::diagnose::EmulatorEvidence;
use ukdbg_session::inspect::Moment;

use crate::exit::Exit;
use crate::failure::Failure;
use arguments::{Boots, boots, refuse_unreplayable};

mod arguments;

/// Name and version of the document.
const SCHEMA: &str = "ukdbg.recording/1";
/// The document's file; written last, so that a folder with it is whole.
const DOCUMENT: &str = "recording.json";
/// QEMU's log.
const LOG: &str = "log";
/// The disk with QEMU's snapshots.
const SNAPSHOTS: &str = "snapshots";
/// The image as it was booted.
const IMAGE: &str = "image";
/// More bytes than any document of ours has.
const LONGEST_DOCUMENT: u64 = 16 << 20;

/// What is known of a recording beside the machine itself.
#[derive(Serialize, Deserialize)]
pub(crate) struct Recording {
    schema: String,
    /// The image, where it was.
    pub(crate) image: PathBuf,
    /// Its checksum.
    image_crc32: u32,
    /// Files with symbols.
    pub(crate) symbols: Vec<PathBuf>,
    append: Option<String>,
    memory: String,
    arguments: Vec<String>,
    /// QEMU's version.
    pub(crate) emulator: String,
    log_bytes: u64,
    /// The last moment.
    end: Moment,
    /// Whether it is come to by executing the instruction before.
    last_step: bool,
    /// What was seen of the end from outside; none if the guest powered off.
    pub(crate) evidence: Option<EmulatorEvidence>,
}

/// A recording under way. Dropped unfinished, it leaves nothing behind.
pub(crate) struct NewRecording {
    folder: PathBuf,
    recording: Recording,
    finished: bool,
}

impl NewRecording {
    /// Makes the folder, and makes the launch record into it.
    pub(crate) fn begin(
        folder: &Path,
        launch: &mut Launch,
        symbols: &[PathBuf],
    ) -> Result<Self, Failure> {
        refuse_unreplayable(launch)?;
        let folder = std::path::absolute(folder)?;
        let failed = |error: &io::Error| unwritable(&folder, error);
        make(&folder)?;
        let image = std::path::absolute(&launch.image)?;
        let mut new = Self {
            folder: folder.clone(),
            recording: Recording {
                schema: SCHEMA.to_owned(),
                image,
                image_crc32: 0,
                symbols: symbols
                    .iter()
                    .filter_map(|path| std::path::absolute(path).ok())
                    .collect(),
                append: launch.append.clone(),
                memory: launch.memory.clone(),
                arguments: Vec::new(),
                emulator: String::new(),
                log_bytes: 0,
                end: Moment::default(),
                last_step: false,
                evidence: None,
            },
            finished: false,
        };
        new.fill(launch).map_err(|error| failed(&error))?;
        Ok(new)
    }

    /// Copies what is booted: images are rebuilt all day.
    fn fill(&mut self, launch: &mut Launch) -> io::Result<()> {
        let copy = self.folder.join(IMAGE);
        fs::copy(&launch.image, &copy)?;
        self.recording.image_crc32 = checksum(&copy)?;
        launch.image = copy;
        for Boots { option, file, word } in boots(&launch.extra) {
            let copy = self.folder.join(option);
            fs::copy(&file, &copy)?;
            launch.extra[word] = copy.into_os_string();
        }
        let prefix = self.folder.clone();
        self.recording.arguments = launch
            .extra
            .iter()
            .map(|word| arguments::portable(word, &prefix))
            .collect();
        let snapshots = self.folder.join(SNAPSHOTS);
        empty_disk(&mut File::create_new(&snapshots)?)?;
        launch.tape = Some(Tape {
            mode: TapeMode::Record,
            log: self.folder.join(LOG),
            snapshots,
        });
        Ok(())
    }

    /// Keeps it: the machine has ended, and this is how.
    pub(crate) fn finish(
        mut self,
        end: RecordedEnd,
        emulator: String,
        evidence: Option<EmulatorEvidence>,
    ) -> Result<PathBuf, Failure> {
        let recording = &mut self.recording;
        recording.end = end.moment;
        recording.last_step = end.approach == Approach::Step;
        recording.emulator = emulator;
        recording.evidence = evidence;
        self.write()
            .map_err(|error| unwritable(&self.folder, &error))?;
        self.finished = true;
        Ok(self.folder.clone())
    }

    fn write(&mut self) -> io::Result<()> {
        self.recording.log_bytes = fs::metadata(self.folder.join(LOG))?.len();
        let document = File::create_new(self.folder.join(DOCUMENT))?;
        serde_json::to_writer_pretty(&document, &self.recording)?;
        document.sync_all()
    }
}

impl Drop for NewRecording {
    fn drop(&mut self) {
        if !self.finished {
            // The folder is ours: it was made, or was empty.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Makes a folder that only its user can read, as the guest's memory is in it;
/// one that is there must be empty.
fn make(folder: &Path) -> Result<(), Failure> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unwritable(folder, &error)),
    }
    let mut entries = fs::read_dir(folder).map_err(|error| unwritable(folder, &error))?;
    if entries.next().is_none() {
        fs::remove_dir(folder).map_err(|error| unwritable(folder, &error))?;
        return make(folder);
    }
    let shown = folder.display();
    let failure = Failure::text(Exit::Usage, format_args!("{shown} is not empty"));
    Err(match folder.join(DOCUMENT).exists() {
        true => failure.hint(format!(
            "it is a recording: remove it first (rm -r {shown}), or record to another folder"
        )),
        false => failure.hint("--record with a folder that does not exist yet"),
    })
}

fn unwritable(folder: &Path, error: &io::Error) -> Failure {
    Failure::text(
        Exit::Usage,
        format_args!("cannot record to {}: {error}", folder.display()),
    )
    .hint("--record with a folder that you can write to")
}

fn checksum(path: &Path) -> io::Result<u32> {
    let mut file = BufReader::new(File::open(path)?);
    let mut hasher = Hasher(crc32fast::Hasher::new());
    io::copy(&mut file, &mut hasher)?;
    Ok(hasher.0.finalize())
}

struct Hasher(crc32fast::Hasher);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Recording {
    /// Reads a finished recording.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(DOCUMENT);
        let shown = folder.display();
        let text = match File::open(&path).and_then(|file| io::read_to_string(limited(file))) {
            Ok(text) => text,
            Err(error) => return Err(unopened(folder, &error)),
        };
        let recording: Self = serde_json::from_str(&text).map_err(|error| {
            Failure::text(
                Exit::Usage,
                format_args!("{} cannot be read: {error}", path.display()),
            )
            .hint("record again with this version of ukdbg")
        })?;
        if recording.schema != SCHEMA {
            return Err(Failure::text(
                Exit::Usage,
                format_args!("{shown} was recorded by another version of ukdbg"),
            )
            .hint("replay it with that version, or record again"));
        }
        recording.check(folder)?;
        Ok(recording)
    }

    /// Whether its files are those that were written.
    fn check(&self, folder: &Path) -> Result<(), Failure> {
        let damaged = |file: &str, how: String| {
            let path = folder.join(file);
            Failure::text(Exit::Usage, format_args!("{} {how}", path.display()))
                .hint("the recording is damaged: record again")
        };
        let log = fs::metadata(folder.join(LOG));
        let log = log.map_err(|error| damaged(LOG, format!("cannot be read: {error}")))?;
        if log.len() != self.log_bytes {
            let how = format!("has {} bytes, not {}", log.len(), self.log_bytes);
            return Err(damaged(LOG, how));
        }
        match checksum(&folder.join(IMAGE)) {
            Ok(found) if found == self.image_crc32 => Ok(()),
            Ok(_) => Err(damaged(
                IMAGE,
                "is not the image that was booted".to_owned(),
            )),
            Err(error) => Err(damaged(IMAGE, format!("cannot be read: {error}"))),
        }
    }

    /// The image with its name and what lies beside it, if it is still the one
    /// that was booted; else the copy.
    pub(crate) fn image_file(&self, folder: &Path) -> PathBuf {
        match checksum(&self.image) {
            Ok(found) if found == self.image_crc32 => self.image.clone(),
            _ => folder.join(IMAGE),
        }
    }

    /// The last moment.
    pub(crate) fn end(&self) -> RecordedEnd {
        RecordedEnd {
            moment: self.end,
            approach: match self.last_step {
                true => Approach::Step,
                false => Approach::Seek,
            },
        }
    }

    /// The machine that repeats it.
    pub(crate) fn launch(&self, folder: &Path) -> Launch {
        let mut launch = Launch::new(folder.join(IMAGE));
        // The memory of a snapshot fits only a machine with the same.
        launch.devices.push(Device::SharedMemory);
        launch.append.clone_from(&self.append);
        launch.memory.clone_from(&self.memory);
        launch.extra = self
            .arguments
            .iter()
            .map(|word| arguments::local(word, folder))
            .collect();
        launch.tape = Some(Tape {
            mode: TapeMode::Replay,
            log: folder.join(LOG),
            snapshots: folder.join(SNAPSHOTS),
        });
        launch
    }
}

fn limited(file: File) -> impl io::Read {
    io::Read::take(file, LONGEST_DOCUMENT)
}

fn unopened(folder: &Path, error: &io::Error) -> Failure {
    let shown = folder.display();
    if folder.join(LOG).exists() {
        return Failure::text(
            Exit::Usage,
            format_args!("the recording in {shown} was never finished"),
        )
        .hint("record again: one whose ukdbg was killed cannot be replayed");
    }
    Failure::text(
        Exit::Usage,
        format_args!("there is no recording in {shown}: {error}"),
    )
    .hint("ukdbg run IMAGE --record DIR makes one")
}
