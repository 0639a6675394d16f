//! Attaching to a stopped guest, one backtrace, detaching.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::measure::{Measured, alternate, version};
use super::{Built, Figure, Peer};
use crate::setup::Tool;

/// The fault's own function: both debuggers must show it.
const FAULTING: &str = "null_field";

/// What the kernel's console holds once it has faulted.
const FAULT_MESSAGE: &str = "fault: #";

pub(super) fn figures(built: &Built) -> Result<Vec<Figure>> {
    let guest = FaultedGuest::boot(built)?;
    let socket = guest.socket();
    let ours = || {
        let mut command = Command::new(&built.ukdbg);
        let endpoint = format!("unix:{}", socket.display());
        command
            .args(["bt", &endpoint, "--image"])
            .arg(&built.kernel);
        command
    };
    let gdb = || {
        let mut command = Command::new("gdb");
        command
            .args(["-nx", "-batch", "-iex", "set debuginfod enabled off", "-ex"])
            .arg(format!("target remote {}", socket.display()))
            .args(["-ex", "backtrace"])
            .arg(&built.kernel);
        command
    };
    let figure = |ours: Measured, peer: Option<Measured>| Figure {
        area: "session",
        work: "attach to the faulted sample kernel, one backtrace, detach".into(),
        ours: ours.seconds,
        peak_mib: ours.peak_mib,
        peer_name: version("gdb").unwrap_or_else(|| "GDB".into()),
        peer: peer.map(|peer| Peer {
            seconds: peer.seconds,
            peak_mib: peer.peak_mib,
        }),
        target: 0.1,
    };
    if Tool::Gdb.is_installed() {
        let [ours, gdb] = alternate([&ours, &gdb], FAULTING)?;
        Ok(vec![figure(ours, Some(gdb))])
    } else {
        let [ours] = alternate([&ours], FAULTING)?;
        Ok(vec![figure(ours, None)])
    }
}

/// The sample kernel in a QEMU of our own, after its fault. It ends when this
/// is dropped.
struct FaultedGuest {
    qemu: Child,
    folder: TempDir,
}

impl FaultedGuest {
    fn boot(built: &Built) -> Result<Self> {
        let folder = TempDir::with_prefix("ukdbg-bench-")?;
        let socket = format!(
            "unix:{},server=on,wait=off",
            folder.path().join("gdb").display()
        );
        let qemu = Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg", "-cpu", "max", "-m", "64M", "-nodefaults"])
            .args(["-display", "none", "-no-reboot", "-no-shutdown"])
            .args([
                "-append",
                "fault=null-field",
                "-serial",
                "stdio",
                "-gdb",
                &socket,
            ])
            .arg("-kernel")
            .arg(&built.kernel)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start QEMU")?;
        let mut guest = Self { qemu, folder };
        guest.wait_for_fault()?;
        Ok(guest)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("gdb")
    }

    /// Reads the console up to what the kernel prints when it faults.
    fn wait_for_fault(&mut self) -> Result<()> {
        let console = self.qemu.stdout.take().context("QEMU's output is piped")?;
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(console).lines().map_while(Result::ok);
            let _ = tell.send(lines.any(|line| line.contains(FAULT_MESSAGE)));
            // Read on, so that the guest never waits for us.
            lines.for_each(drop);
        });
        let faulted = told.recv_timeout(Duration::from_secs(60)).unwrap_or(false);
        ensure!(faulted, "the sample kernel did not fault");
        Ok(())
    }
}

impl Drop for FaultedGuest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}
