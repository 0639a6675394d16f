//! Finding the programs that a task needs, and installing them where that
//! needs no question that cannot be answered.
//!
//! Nothing is downloaded but through the system's package manager.

use std::env;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::cargo::run;

/// A program that a task needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tool {
    Qemu,
    Gdb,
    Graphviz,
    Tmux,
    /// Rust links with any C compiler; the tests' guests need this one, and its
    /// C++ half, which brings the other.
    Gcc,
    /// Another compiler, whose DWARF differs.
    Clang,
    /// Makes debugging information common to several images.
    Dwz,
    Lldb,
    /// What addresses are compared with, and what lists symbols for that.
    Binutils,
    LlvmSymbolizer,
    /// A kernel of Linux with DWARF: hundreds of megabytes.
    Vmlinux,
}

/// Where packages put the kernels' DWARF.
const KERNEL_SYMBOLS: &str = "/usr/lib/debug/boot";

/// The installed kernel of Linux with DWARF, the last by name of several.
pub(crate) fn installed_vmlinux() -> Option<PathBuf> {
    let files = fs::read_dir(KERNEL_SYMBOLS).ok()?.flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().starts_with("vmlinux-"))
        .map(|file| file.path())
        .max()
}

/// Debian has several versions, each under a name of its own.
const NEWEST_LLDB: &str = "lldb-19";

/// The LLDB to use: a known good one where it is installed.
pub(crate) fn lldb() -> &'static str {
    let path = env::var_os("PATH").unwrap_or_default();
    let newest = env::split_paths(&path).any(|folder| folder.join(NEWEST_LLDB).is_file());
    if newest { NEWEST_LLDB } else { "lldb" }
}

impl Tool {
    /// All that the tests need.
    pub(crate) const ALL: [Self; 8] = [
        Self::Qemu,
        Self::Gdb,
        Self::Graphviz,
        Self::Tmux,
        Self::Gcc,
        Self::Clang,
        Self::Dwz,
        Self::Lldb,
    ];

    fn command(self) -> &'static str {
        match self {
            Self::Qemu => "qemu-system-x86_64",
            Self::Gdb => "gdb",
            Self::Graphviz => "dot",
            Self::Tmux => "tmux",
            Self::Gcc => "g++",
            Self::Clang => "clang",
            Self::Dwz => "dwz",
            Self::Lldb => lldb(),
            Self::Binutils => "addr2line",
            Self::LlvmSymbolizer => "llvm-symbolizer",
            Self::Vmlinux => "vmlinux",
        }
    }

    fn package(self, manager: Manager) -> &'static str {
        match (self, manager) {
            (Self::Qemu, Manager::Brew) => "qemu",
            (Self::Qemu, _) => "qemu-system-x86",
            (Self::Gdb, _) => "gdb",
            (Self::Graphviz, _) => "graphviz",
            (Self::Tmux, _) => "tmux",
            (Self::Gcc, Manager::Apt) => "g++",
            (Self::Gcc, Manager::Dnf) => "gcc-c++",
            (Self::Gcc, _) => "gcc",
            (Self::Clang, _) => "clang",
            (Self::Dwz, _) => "dwz",
            (Self::Lldb, Manager::Apt) => NEWEST_LLDB,
            (Self::Lldb, Manager::Brew) => "llvm",
            (Self::Lldb, _) => "lldb",
            (Self::Binutils, _) => "binutils",
            (Self::LlvmSymbolizer, _) => "llvm",
            (Self::Vmlinux, Manager::Apt) => "linux-image-amd64-dbg",
            (Self::Vmlinux, Manager::Pacman) => "linux-debug",
            (Self::Vmlinux, _) => "kernel-debuginfo",
        }
    }

    /// Whether it is installed.
    pub(crate) fn is_installed(self) -> bool {
        if self == Self::Vmlinux {
            return installed_vmlinux().is_some();
        }
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join(self.command()).is_file())
    }
}

/// A package manager whose command is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
    Brew,
}

impl Manager {
    const ALL: [Self; 4] = [Self::Apt, Self::Dnf, Self::Pacman, Self::Brew];

    /// The command that installs `tools`, as a user would type it.
    fn command_line(self, tools: &[Tool]) -> String {
        let start = match self {
            Self::Apt => "sudo apt-get install --yes --no-install-recommends",
            Self::Dnf => "sudo dnf install --assumeyes --setopt=install_weak_deps=False",
            Self::Pacman => "sudo pacman -S --needed --noconfirm",
            Self::Brew => "brew install",
        };
        let packages: Vec<_> = tools.iter().map(|tool| tool.package(self)).collect();
        format!("{start} {}", packages.join(" "))
    }
}

/// Programs are missing and could not be installed.
#[derive(Debug)]
pub(crate) struct MissingTools(Vec<Tool>);

impl std::error::Error for MissingTools {}

impl fmt::Display for MissingTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commands: Vec<_> = self.0.iter().map(|tool| tool.command()).collect();
        let commands = commands.join(", ");
        write!(
            f,
            "not installed: {commands}\n\nInstall with the line for this system, then try again:"
        )?;
        for manager in Manager::ALL {
            write!(f, "\n  {}", manager.command_line(&self.0))?;
        }
        Ok(())
    }
}

/// How this process may become root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Privilege {
    /// It is root.
    Root,
    /// `sudo` works without a password.
    Sudo,
    /// Not at all.
    None,
}

/// Makes sure that `tools` are installed.
///
/// # Errors
/// With [`MissingTools`] when they are not and cannot be.
pub(crate) fn ensure(tools: &[Tool]) -> Result<()> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    let commands = apt_commands(&missing, privilege());
    if !succeeds("apt-get", &["--version"]) || commands.is_empty() || !agreed(&missing)? {
        return Err(MissingTools(missing).into());
    }
    install(&commands).with_context(|| MissingTools(missing.clone()))?;
    match self::missing(tools) {
        left if left.is_empty() => Ok(()),
        left => Err(MissingTools(left).into()),
    }
}

fn missing(tools: &[Tool]) -> Vec<Tool> {
    let missing = tools.iter().filter(|tool| !tool.is_installed());
    missing.copied().collect()
}

/// What to run to install `tools` by apt: refreshed lists first, no desktop
/// packages, no questions. Nothing without the right to.
fn apt_commands(tools: &[Tool], privilege: Privilege) -> Vec<Vec<&'static str>> {
    let prefix: &[_] = match privilege {
        Privilege::None => return Vec::new(),
        Privilege::Root => &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
        Privilege::Sudo => &[
            "sudo",
            "-n",
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
        ],
    };
    let install = ["install", "--yes", "--no-install-recommends"];
    let packages = tools.iter().map(|tool| tool.package(Manager::Apt));
    vec![
        [prefix, &["update"]].concat(),
        [prefix, &install]
            .concat()
            .into_iter()
            .chain(packages)
            .collect(),
    ]
}

fn install(commands: &[Vec<&str>]) -> Result<()> {
    let mut outcome = Ok(());
    for words in commands {
        let words = available(words);
        eprintln!("$ {}", words.join(" "));
        // Only the last one decides: lists that could not be refreshed may
        // still be good enough.
        outcome = run(Command::new(words[0]).args(&words[1..]));
    }
    outcome
}

/// The command, with packages that this system's lists do not have replaced by
/// what they have.
fn available<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let known = |word: &str| succeeds("apt-cache", &["show", word]);
    let words = words.iter().map(|&word| match word {
        NEWEST_LLDB if !known(NEWEST_LLDB) => "lldb",
        word => word,
    });
    words.collect()
}

fn privilege() -> Privilege {
    let id = Command::new("id").arg("-u").output();
    if id.is_ok_and(|id| id.stdout.trim_ascii() == b"0") {
        Privilege::Root
    } else if succeeds("sudo", &["-n", "true"]) {
        Privilege::Sudo
    } else {
        Privilege::None
    }
}

/// Asks, where somebody can answer.
fn agreed(tools: &[Tool]) -> Result<bool> {
    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !somebody || env::var_os("CI").is_some() {
        return Ok(true);
    }
    let packages: Vec<_> = tools
        .iter()
        .map(|tool| tool.package(Manager::Apt))
        .collect();
    eprint!("Install {} through apt-get? [Y/n] ", packages.join(", "));
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "" | "y" | "Y" | "yes"))
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_manager_has_its_names() {
        let check = |manager: Manager, expected: &str| {
            assert_eq!(manager.command_line(&Tool::ALL), expected);
        };
        check(
            Manager::Apt,
            "sudo apt-get install --yes --no-install-recommends qemu-system-x86 gdb graphviz tmux g++ clang dwz lldb-19",
        );
        check(
            Manager::Dnf,
            "sudo dnf install --assumeyes --setopt=install_weak_deps=False qemu-system-x86 gdb graphviz tmux gcc-c++ clang dwz lldb",
        );
        check(
            Manager::Pacman,
            "sudo pacman -S --needed --noconfirm qemu-system-x86 gdb graphviz tmux gcc clang dwz lldb",
        );
        check(
            Manager::Brew,
            "brew install qemu gdb graphviz tmux gcc clang dwz llvm",
        );
    }

    #[test]
    fn nothing_is_installed_without_the_right_to() {
        let check = |privilege, expected: &[&str]| {
            let commands = apt_commands(&[Tool::Qemu], privilege);
            let commands: Vec<_> = commands.iter().map(|words| words.join(" ")).collect();
            assert_eq!(commands, expected);
        };
        check(Privilege::None, &[]);
        check(
            Privilege::Root,
            &[
                "env DEBIAN_FRONTEND=noninteractive apt-get update",
                "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends qemu-system-x86",
            ],
        );
        check(
            Privilege::Sudo,
            &[
                "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update",
                "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends qemu-system-x86",
            ],
        );
    }

    #[test]
    fn the_message_names_every_command() {
        let message = MissingTools(vec![Tool::Qemu]).to_string();
        for manager in [
            "sudo apt-get",
            "sudo dnf",
            "sudo pacman",
            "brew install qemu",
        ] {
            assert!(message.contains(manager), "{message}");
        }
    }
}
