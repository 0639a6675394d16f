//! Which of the programs that tests need are installed.
//!
//! Not here: installing them (`cargo xtask test` does).

use std::env;
use std::io::Write;
use std::path::PathBuf;

/// A program that a test needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tool {
    /// QEMU for x86-64.
    Qemu,
    /// GDB.
    Gdb,
    /// LLDB, the one that is newest known to work if there are several.
    Lldb,
    /// Graphviz.
    Dot,
    /// tmux.
    Tmux,
    /// GCC: the guests use attributes that only it has.
    Gcc,
}

impl Tool {
    /// The command to start it by.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Qemu => "qemu-system-x86_64",
            Self::Gdb => "gdb",
            Self::Lldb if is_in_path(NEWEST_LLDB) => NEWEST_LLDB,
            Self::Lldb => "lldb",
            Self::Dot => "dot",
            Self::Tmux => "tmux",
            Self::Gcc => "gcc",
        }
    }

    fn installed(self) -> bool {
        is_in_path(self.command())
    }
}

/// Debian installs each version under a name of its own.
const NEWEST_LLDB: &str = "lldb-19";

fn is_in_path(command: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder: PathBuf| folder.join(command).is_file())
}

/// Whether all of `tools` are installed. If not, the test that asks says so
/// and ends well, unless `UKDBG_REQUIRE_TOOLS` is set.
///
/// # Panics
/// When a tool is missing and all are required.
#[must_use]
pub fn available(tools: &[Tool]) -> bool {
    let missing: Vec<_> = tools.iter().filter(|tool| !tool.installed()).collect();
    let Some(tool) = missing.first() else {
        return true;
    };
    let command = tool.command();
    assert!(
        env::var_os("UKDBG_REQUIRE_TOOLS").is_none(),
        "{command} is not installed"
    );
    // Not `eprintln!`, which the test harness keeps to itself.
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {command} is not installed; `cargo xtask test` installs it"
    );
    false
}
