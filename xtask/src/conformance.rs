//! `cargo xtask conformance`: which requests GDB and LLDB make of a stub in a
//! whole session, and how QEMU's stub and the guest's own answer.
//!
//! The sessions are those of the end-to-end tests, which fail when the guest's
//! stub leaves something unserved that a session needs; here they are made a
//! page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo::{cargo, root, run};
use crate::kernel;
use crate::setup::{self, Tool};

const HOW: &str = "\
# The remote serial protocol

Written by `cargo xtask conformance`; nothing here is typed by hand. Stock GDB and LLDB
each hold a session with the sample kernel, once through QEMU's stub and once through the
stub in the guest, with a relay between that keeps what goes by: attach, backtraces,
threads, all registers, software and hardware breakpoints, steps, finish, memory good and
bad, registers and memory written, watchpoints, `monitor help`, an interrupt, detach. The
command fails when a session with the guest's stub is not whole, or when a request that it
needs is not served.

*served*: with what was asked for. *empty*: the stub does not know the request, and the
client does without it. *error*: refused, as an address where nothing is. *nothing*: the
client gave up, or left. –: the client did not ask.
";

/// How a request was answered, in each session.
type Table = BTreeMap<String, BTreeMap<(String, String), Vec<String>>>;

/// The sessions, as the page has them.
const SESSIONS: [(&str, &str); 4] = [
    ("gdb", "qemu"),
    ("gdb", "guest"),
    ("lldb", "qemu"),
    ("lldb", "guest"),
];

/// Has the sessions held, and writes docs/rsp.md.
///
/// # Errors
/// When a tool is missing, or a session is not whole.
pub(crate) fn conformance() -> Result<()> {
    setup::ensure(&[Tool::Qemu, Tool::Gdb, Tool::Lldb])?;
    let kernel = kernel::build(None)?;
    let report = tempfile::tempdir()?;
    run(cargo(&["test", "--package=ukdbg-tests", "in_guest_stub"])
        .env("UKDBG_KERNEL", &kernel)
        .env("UKDBG_REQUIRE_TOOLS", "1")
        .env("UKDBG_CONFORMANCE_REPORT", report.path()))?;
    let mut table = Table::new();
    for file in fs::read_dir(report.path())? {
        let text = fs::read_to_string(file?.path())?;
        add(&serde_json::from_str(&text)?, &mut table)
            .context("a session's report is incomplete")?;
    }
    let sessions: BTreeSet<_> = table.values().flat_map(BTreeMap::keys).collect();
    ensure!(
        sessions.len() == SESSIONS.len(),
        "a session reported nothing"
    );
    let path = root().join("docs/rsp.md");
    fs::write(&path, page(&table)).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

fn add(report: &Value, table: &mut Table) -> Option<()> {
    let session = ["client", "stub"].map(|name| report[name].as_str().map(str::to_owned));
    let [Some(client), Some(stub)] = session else {
        return None;
    };
    for (request, answers) in report["answers"].as_object()? {
        let answers = answers.as_array()?.iter();
        let words = answers.map(|answer| answer.as_str().map(str::to_owned));
        table.entry(request.clone()).or_default().insert(
            (client.clone(), stub.clone()),
            words.collect::<Option<_>>()?,
        );
    }
    Some(())
}

fn page(table: &Table) -> String {
    let versions = [
        ("GDB", "gdb"),
        ("LLDB", setup::lldb()),
        ("QEMU", "qemu-system-x86_64"),
    ]
    .map(|(name, program)| format!("{name}: {}", version(program)));
    let mut text = format!("{HOW}\n{}.\n\n", versions.join("; "));
    text.push_str(
        "| request | GDB, QEMU's stub | GDB, the guest's | LLDB, QEMU's stub | LLDB, the guest's |\n\
         |---|---|---|---|---|\n",
    );
    for (request, answers) in table {
        let cells = SESSIONS.map(|(client, stub)| {
            let words = answers.get(&(client.to_owned(), stub.to_owned()));
            words.map_or_else(|| "–".to_owned(), |words| words.join(", "))
        });
        let _ = writeln!(text, "| `{request}` | {} |", cells.join(" | "));
    }
    text
}

/// The first line of what a program says of its version.
fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or("unknown").trim().to_owned()
}
