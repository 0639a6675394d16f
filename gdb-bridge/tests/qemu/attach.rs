//! Guests that somebody else started.

use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use ukdbg_gdb_bridge::{ConnectError, Leave, Machine};
use ukdbg_inspect::{Control, Memory, Resume, StopReason, Target, VirtAddr};

use crate::guest::{ENTRY, Guest};
use crate::launch::{CPU, STEP, stop};

/// A QEMU as a user starts it.
pub(crate) struct Foreign {
    child: Child,
    directory: TempDir,
    _guest: Guest,
}

impl Foreign {
    pub(crate) fn new(extra: &[&str]) -> Self {
        let guest = Guest::new("SPIN");
        let directory = tempfile::tempdir().unwrap();
        let socket = |name| {
            format!(
                "unix:{},server=on,wait=off",
                directory.path().join(name).display()
            )
        };
        let child = Command::new("qemu-system-x86_64")
            .args([
                "-accel",
                "tcg",
                "-m",
                "32",
                "-nodefaults",
                "-display",
                "none",
                "-kernel",
            ])
            .arg(guest.image())
            .args(["-gdb", &socket("gdb"), "-qmp", &socket("qmp")])
            .args(extra)
            .stdin(Stdio::null())
            .spawn()
            .expect("QEMU");
        let foreign = Self {
            child,
            directory,
            _guest: guest,
        };
        let until = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(foreign.directory.path().join("qmp")).is_err() {
            assert!(Instant::now() < until, "QEMU does not listen");
            std::thread::yield_now();
        }
        // A monitor that answers has the stub's socket beside it.
        drop(foreign.machine("qmp:"));
        foreign
    }

    pub(crate) fn path(&self, link: &str) -> String {
        let name = link.trim_end_matches(':');
        let name = if name == "unix" { "gdb" } else { name };
        format!("{link}{}", self.directory.path().join(name).display())
    }

    pub(crate) fn machine(&self, link: &str) -> Machine {
        let endpoint = self.path(link).parse().unwrap();
        Machine::connect(&endpoint).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Whether the guest runs, by what its monitor says.
    pub(crate) fn runs(&self) -> bool {
        self.machine("qmp:")
            .found_running()
            .expect("a monitor knows")
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("QEMU: {:?}", self.child.try_wait());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn leaves_it_running() {
    let foreign = Foreign::new(&[]);
    assert!(foreign.runs());
    let mut machine = foreign.machine("unix:");
    assert_eq!(machine.found_running(), Some(true));
    assert!(!foreign.runs(), "it stands still while we look");
    assert!(machine.registers(CPU).unwrap().pc().is_some());
    let mut code = [0; 2];
    assert_eq!(machine.read(VirtAddr(ENTRY), &mut code), Ok(2));
    machine.detach(Leave::AsFound).unwrap();
    assert!(foreign.runs());
    // Again, and this time it runs when we go, and we just go.
    let mut machine = foreign.machine("unix:");
    machine.resume(Resume::Continue).unwrap();
    drop(machine);
    assert!(foreign.runs());
    foreign.machine("unix:").detach(Leave::Stopped).unwrap();
    assert!(!foreign.runs());
}

pub(crate) fn leaves_it_stopped() {
    let foreign = Foreign::new(&["-S"]);
    let machine = foreign.machine("unix:");
    assert_eq!(machine.found_running(), Some(false));
    drop(machine);
    assert!(!foreign.runs());
    foreign.machine("unix:").detach(Leave::Running).unwrap();
    assert!(foreign.runs());
}

pub(crate) fn over_the_monitor_alone() {
    let foreign = Foreign::new(&["-smp", "2"]);
    let mut machine = foreign.machine("qmp:");
    assert_eq!(machine.vcpus().unwrap().len(), 2);
    assert!(machine.registers(CPU).unwrap().pc().is_some());
    let mut code = [0; 5];
    assert_eq!(machine.read(VirtAddr(ENTRY - 1), &mut code), Ok(5));
    assert_eq!(code[1..], [0x66, 0xba, 0xf8, 0x03]);
    machine.resume(Resume::Continue).unwrap();
    machine.interrupt().unwrap();
    assert_eq!(stop(&mut machine).reason, StopReason::Interrupted);
    assert!(machine.resume(STEP).is_err());
    drop(machine);
    assert!(foreign.runs());
}

pub(crate) fn says_what_is_wrong() {
    let check = |endpoint: &str| {
        let begun = Instant::now();
        let error = Machine::connect(&endpoint.parse().unwrap()).expect_err("no machine");
        assert!(
            begun.elapsed() < Duration::from_secs(15),
            "{:?}",
            begun.elapsed()
        );
        error
    };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let nowhere = format!("unix:{}", path("nowhere").display());
    assert!(matches!(check(&nowhere), ConnectError::Unreachable { .. }));
    // Greets like another service, and then says nothing more.
    let listener = UnixListener::bind(path("other")).unwrap();
    std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"SSH-2.0-OpenSSH\r\n\x1b[31m");
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let error = check(&format!("unix:{}", path("other").display()));
    let text = error.to_string();
    assert!(matches!(error, ConnectError::NotAStub { .. }), "{error:?}");
    assert!(text.contains("SSH-2.0") && !text.contains('\x1b'), "{text}");
    let foreign = Foreign::new(&[]);
    let _first = foreign.machine("unix:");
    assert!(matches!(
        check(&foreign.path("unix:")),
        ConnectError::Silent { .. }
    ));
    let alone = format!("ram:{}", foreign.directory.path().join("gdb").display());
    assert!(matches!(check(&alone), ConnectError::Ram { .. }));
}
