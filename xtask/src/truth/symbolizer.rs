//! The three tools, asked for places of addresses in the same words.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::answer::{self, Answer};

/// A tool that places addresses.
pub(super) enum Symbolizer {
    /// Ours, and where it is.
    Ukdbg(PathBuf),
    /// Of LLVM.
    Llvm,
    /// Of GNU binutils.
    Gnu,
}

impl Symbolizer {
    /// What it says of each address of an image.
    ///
    /// # Errors
    /// When it cannot be run, fails, or prints another form.
    pub(super) fn ask(&self, image: &Path, addresses: &[u64]) -> Result<Vec<Answer>> {
        let mut command = self.command(image);
        let output = command
            .stdin(list(addresses)?)
            .stderr(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {command:?}"))?;
        ensure!(output.status.success(), "{command:?}: {}", output.status);
        answer::parse(&String::from_utf8_lossy(&output.stdout), addresses)
            .with_context(|| format!("{command:?}"))
    }

    fn command(&self, image: &Path) -> Command {
        match self {
            Self::Ukdbg(program) => {
                let mut command = Command::new(program);
                command.arg("addr2line").arg(image);
                command.args(["-f", "-i", "-a"]);
                command
            }
            Self::Llvm => {
                let mut command = Command::new("llvm-symbolizer");
                let mut object = OsString::from("--obj=");
                object.push(image);
                command.arg(object).args([
                    "--output-style=GNU",
                    "--functions=linkage",
                    "--no-demangle",
                    "--inlining",
                    "--addresses",
                ]);
                command
            }
            Self::Gnu => {
                let mut command = Command::new("addr2line");
                command.arg("-e").arg(image).args(["-f", "-i", "-a"]);
                command
            }
        }
    }
}

/// A file with an address on each line. A pipe would need a second thread,
/// since the tools answer while they read.
fn list(addresses: &[u64]) -> Result<File> {
    let mut text = String::new();
    for address in addresses {
        let _ = writeln!(text, "{address:#x}");
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}
