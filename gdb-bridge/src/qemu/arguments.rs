//! QEMU's command line. A pure function from what is wanted to arguments.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::recording::{Tape, TapeMode};

/// Who executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accelerator {
    /// QEMU itself.
    #[default]
    Tcg,
    /// The processor, through the kernel.
    Kvm,
}

/// What QEMU logs, through a pipe into a bounded tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogDetail {
    /// Resets and triple faults; costs nothing.
    #[default]
    Resets,
    /// Every exception and interrupt as well, with all registers; a quarter
    /// of the guest's speed.
    Exceptions,
}

/// A device that only some guests want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// `isa-debug-exit` at port 0x501: a write there ends QEMU with all of
    /// its state.
    DebugExit,
    /// A second serial port, on a socket, for a stub in the guest.
    StubLine,
    /// Guest memory that other processes can map, readable while the guest
    /// runs. Left out where the user's own arguments shape the memory.
    SharedMemory,
}

/// The monitor for other processes: its socket's name, and QEMU's name for it.
pub(crate) const VISITORS: &str = "visitors";
/// QEMU's name for shared memory.
pub(super) const MEMORY: &str = "memory";

/// A guest to start.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The emulator; looked up in `PATH` when it is a bare name.
    pub program: PathBuf,
    /// The image to boot.
    pub image: PathBuf,
    /// The guest's command line.
    pub append: Option<String>,
    /// Memory size as QEMU takes it: `64M`.
    pub memory: String,
    /// How many CPUs.
    pub cpus: NonZeroU32,
    /// Who executes the guest.
    pub accelerator: Accelerator,
    /// What is logged.
    pub log: LogDetail,
    /// Devices beyond a console.
    pub devices: Vec<Device>,
    /// What the machine's execution is recorded to or repeated from.
    pub tape: Option<Tape>,
    /// Arguments of the user's. If they boot something themselves, the image
    /// is not passed on.
    pub extra: Vec<OsString>,
}

impl Launch {
    /// A guest with one CPU and 64 MiB, executed by QEMU itself.
    pub fn new(image: PathBuf) -> Self {
        Self {
            program: PathBuf::from("qemu-system-x86_64"),
            image,
            append: None,
            memory: "64M".to_owned(),
            cpus: NonZeroU32::MIN,
            accelerator: Accelerator::Tcg,
            log: LogDetail::Resets,
            devices: Vec::new(),
            tape: None,
            extra: Vec::new(),
        }
    }

    /// Whether the user's own arguments say what is booted.
    pub fn boots_something_else(&self) -> bool {
        self.boots_another_kernel()
            || self.mentions(&[
                "drive", "blockdev", "cdrom", "hda", "fda", "pflash", "loadvm", "incoming",
            ])
    }

    /// Whether the user's own arguments name a kernel, which takes the command
    /// line as the image would have.
    pub fn boots_another_kernel(&self) -> bool {
        self.mentions(&["kernel"])
    }

    /// Whether a write of the guest can end QEMU with a status: by our device
    /// or by one of the user's.
    pub fn has_debug_exit(&self) -> bool {
        self.devices.contains(&Device::DebugExit)
            || self.extra.iter().any(|word| {
                word.to_str()
                    .is_some_and(|word| word.contains("isa-debug-exit"))
            })
    }

    /// Whether the guest's memory is shared. QEMU refuses a backend that is
    /// not as large as the memory, so it is left out where `-m` and the like
    /// come after ours.
    pub(super) fn shares_memory(&self) -> bool {
        self.devices.contains(&Device::SharedMemory)
            && !self.mentions(&["m", "machine", "M", "numa", "object", "mem-path"])
    }

    /// Whether the machine repeats what was recorded. Its console is not heard
    /// then: going back and forth, it would say the same again and again.
    pub(super) fn is_replay(&self) -> bool {
        matches!(&self.tape, Some(tape) if tape.mode == TapeMode::Replay)
    }

    fn mentions(&self, options: &[&str]) -> bool {
        self.extra.iter().any(|word| {
            let word = word.to_str().unwrap_or_default();
            let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            name.is_some_and(|name| options.contains(&name))
        })
    }

    /// All arguments, with sockets in `directory`. The machine is started
    /// standing still; the console and the first monitor connect to us, so
    /// that nothing is lost and nothing has to be waited for.
    pub(super) fn arguments(&self, directory: &Path) -> Vec<OsString> {
        let mut line = Line::default();
        let accelerator = match self.accelerator {
            Accelerator::Tcg => "tcg",
            Accelerator::Kvm => "kvm",
        };
        line.add("-accel", accelerator);
        line.add("-cpu", "max");
        line.add("-m", &self.memory);
        line.add("-smp", self.cpus.to_string());
        line.words([
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-no-shutdown",
            "-S",
        ]);
        line.add("-display", "none");
        line.console(self, directory);
        line.add("-chardev", socket("qmp", directory));
        line.add("-mon", "chardev=qmp,mode=control");
        // A second monitor, for other processes: the stub serves one client,
        // and that is us.
        let mut visitors = socket(VISITORS, directory);
        visitors.push(",server=on,wait=off");
        line.add("-chardev", visitors);
        line.add("-mon", format!("chardev={VISITORS},mode=control"));
        let mut gdb = OsString::from("unix:");
        gdb.push(directory.join("gdb"));
        gdb.push(",server=on,wait=off");
        line.add("-gdb", gdb);
        line.add("-D", "/dev/stdout");
        line.add(
            "-d",
            match self.log {
                LogDetail::Resets => "cpu_reset",
                LogDetail::Exceptions => "cpu_reset,int",
            },
        );
        if self.devices.contains(&Device::StubLine) {
            let mut stub = socket("stub", directory);
            stub.push(",server=on,wait=off");
            line.add("-chardev", stub);
            line.add("-serial", "chardev:stub");
        }
        if self.devices.contains(&Device::DebugExit) {
            line.add("-device", "isa-debug-exit,iobase=0x501,iosize=4");
        }
        if self.shares_memory() {
            // A file without a name takes no room in a directory, and is gone
            // with QEMU.
            let memory = format!(
                "memory-backend-memfd,id={MEMORY},size={},share=on",
                self.memory
            );
            line.add("-object", memory);
            line.add("-machine", format!("pc,memory-backend={MEMORY}"));
        }
        if let Some(tape) = &self.tape {
            for (option, value) in tape.arguments(directory) {
                line.add(option, value);
            }
        }
        if !self.boots_something_else() {
            line.add("-kernel", &self.image);
        }
        if let Some(append) = &self.append {
            line.add("-append", append);
        }
        line.arguments.extend(self.extra.iter().cloned());
        line.arguments
    }
}

#[derive(Default)]
struct Line {
    arguments: Vec<OsString>,
}

impl Line {
    fn add(&mut self, option: &str, value: impl AsRef<OsStr>) {
        self.arguments
            .extend([OsString::from(option), value.as_ref().to_owned()]);
    }

    /// The first serial port. Of a recording it is one that QEMU makes for it:
    /// what a device of another origin takes or declines is not recorded.
    fn console(&mut self, launch: &Launch, directory: &Path) {
        match &launch.tape {
            Some(_) if launch.is_replay() => self.add("-serial", "null"),
            Some(_) => {
                let mut port = OsString::from("unix:");
                port.push(escaped(&directory.join("console")));
                self.add("-serial", port);
            }
            None => {
                self.add("-chardev", socket("console", directory));
                self.add("-serial", "chardev:console");
            }
        }
    }

    fn words<const N: usize>(&mut self, words: [&str; N]) {
        self.arguments.extend(words.map(OsString::from));
    }
}

/// A character device that is a unix socket in our directory.
fn socket(name: &str, directory: &Path) -> OsString {
    let mut text = OsString::from(format!("socket,id={name},path="));
    text.push(escaped(&directory.join(name)));
    text
}

/// QEMU takes a doubled comma for a comma.
pub(super) fn escaped(path: &Path) -> OsString {
    match path.to_str() {
        Some(text) => OsString::from(text.replace(',', ",,")),
        None => path.as_os_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(change: impl FnOnce(&mut Launch)) -> String {
        let mut launch = Launch::new(PathBuf::from("/i,1"));
        change(&mut launch);
        let words = launch.arguments(Path::new("/d"));
        words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn check(change: impl FnOnce(&mut Launch), present: &[&str], absent: &[&str]) {
        let line = line(change);
        for part in present {
            assert!(line.contains(part), "{part:?} is not in {line}");
        }
        for part in absent {
            assert!(!line.contains(part), "{part:?} is in {line}");
        }
    }

    #[test]
    fn command_lines() {
        check(
            |_| {},
            &[
                "-accel tcg -cpu max -m 64M -smp 1",
                "-d cpu_reset",
                "-kernel /i,1",
                "-S",
            ],
            &["debug-exit", "-append", "stub", "memory-backend", "int"],
        );
        check(
            |launch| {
                launch.append = Some("fault=none x".to_owned());
                launch.log = LogDetail::Exceptions;
                launch.accelerator = Accelerator::Kvm;
                launch.devices = vec![Device::DebugExit, Device::StubLine, Device::SharedMemory];
            },
            &[
                "-accel kvm",
                "-append fault=none x",
                "cpu_reset,int",
                "isa-debug-exit,iobase=0x501",
                "path=/d/stub,server=on",
                "memory-backend-memfd,id=memory,size=64M,share=on",
            ],
            &[],
        );
        check(
            |launch| {
                launch.devices = vec![Device::SharedMemory];
                launch.extra = vec!["-m".into(), "1G".into()];
            },
            &[
                "path=/d/visitors,server=on",
                "chardev=visitors,mode=control",
            ],
            &["memory-backend"],
        );
        check(
            |launch| {
                launch.extra = vec!["-drive".into(), "file=a".into()];
            },
            &["-drive file=a"],
            &["-kernel", "-append"],
        );
        check(
            |launch| {
                launch.append = Some("x".to_owned());
                launch.extra = vec!["--kernel".into(), "k".into()];
            },
            &["-append x", "--kernel k"],
            &["/i,1"],
        );
        let mut exits = Launch::new(PathBuf::from("i"));
        assert!(!exits.has_debug_exit());
        exits.extra = vec!["-device".into(), "isa-debug-exit,iobase=0xf4".into()];
        assert!(exits.has_debug_exit());
        assert_eq!(escaped(Path::new("/a,b")), "/a,,b");
    }
}
