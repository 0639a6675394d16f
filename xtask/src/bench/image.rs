//! Questions about images: places of addresses, breakpoints, unwind rules.
//! A kernel's image is measured where one is installed; what is measured in
//! one process is in the crates' own benchmarks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::measure::{alternate_times, version};
use super::{Built, Figure, Peer};
use crate::cargo::{build_large_ukdbg, cargo};

/// Where distributions put kernels with their debugging information, and where
/// an unpacked one is named.
const KERNELS: &str = "/usr/lib/debug/boot";
const NAMED_KERNEL: &str = "UKDBG_BENCH_VMLINUX";
/// Addresses of the larger question.
const MANY: usize = 10_000;
/// A function and a line of Linux 6.1.
const FUNCTION: &str = "vfs_read";
/// A variable of it.
const GLOBAL: &str = "jiffies";
const LINE: [&str; 2] = ["fs/read_write.c", "470"];

pub(super) fn figures(built: &Built) -> Result<Vec<Figure>> {
    let lookup = build_lookup()?;
    let mut figures = unwinding()?;
    let program = Image {
        name: "ukdbg itself with full DWARF",
        path: build_large_ukdbg()?,
        rounds: 5,
    };
    figures.extend(addresses(built, &lookup, &program)?);
    let Some(path) = kernel() else {
        eprintln!("no vmlinux in {KERNELS} or ${NAMED_KERNEL}: its rows are left out");
        return Ok(figures);
    };
    let vmlinux = Image {
        name: "vmlinux",
        path,
        rounds: 3,
    };
    figures.extend(addresses(built, &lookup, &vmlinux)?);
    figures.extend(breakpoints(built, &lookup, &vmlinux)?);
    Ok(figures)
}

struct Image {
    name: &'static str,
    path: PathBuf,
    rounds: usize,
}

fn kernel() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(NAMED_KERNEL) {
        return Some(named.into());
    }
    let files = fs::read_dir(KERNELS).ok()?.filter_map(Result::ok);
    let mut kernels = files.map(|file| file.path());
    kernels.find(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with("vmlinux-"))
    })
}

/// The program that asks what no command asks without a machine, and the
/// peer that is a library.
fn build_lookup() -> Result<PathBuf> {
    let mut command = cargo(&["build", "--release", "--package=ukdbg-image"]);
    let output = command
        .args(["--example=lookup", "--message-format=json"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the example does not build");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo did not name the example it built")
}

/// One address with inlined calls, and many at random.
fn addresses(built: &Built, lookup: &Path, image: &Image) -> Result<Vec<Figure>> {
    let sample = Command::new(lookup)
        .arg(&image.path)
        .args(["sample", &MANY.to_string()])
        .output()
        .context("cannot start the example")?;
    let sample = String::from_utf8(sample.stdout)?;
    let sample: Vec<&str> = sample.lines().collect();
    let one = sample.get(..1).context("no address has inlined calls")?;
    let mut figures = Vec::new();
    for (asked, target, work) in [
        (one, 0.5, "one address"),
        (&sample[1..], 0.4, "10,000 addresses"),
    ] {
        let ours = || {
            let mut command = Command::new(&built.ukdbg);
            command.args(["addr2line", "-f", "-i", "-C", "-e"]);
            command.arg(&image.path).args(asked);
            command
        };
        let work = format!("{}: {work}, inlined calls included", image.name);
        for peer in peers(lookup, &image.path) {
            // Ten thousand take it a minute on a Rust program.
            if asked.len() > 1 && peer.name == "eu-addr2line" {
                continue;
            }
            let theirs = || {
                let mut command = (peer.command)();
                command.args(asked);
                command
            };
            figures.push(figure(
                &work, image, &peer.name, &ours, &theirs, target, ":",
            )?);
        }
    }
    Ok(figures)
}

struct Addr2line<'a> {
    name: String,
    command: Box<dyn Fn() -> Command + 'a>,
}

fn peers<'a>(lookup: &'a Path, image: &'a Path) -> Vec<Addr2line<'a>> {
    let tool = |program: &'static str, options: &'static [&'static str]| Addr2line {
        name: program.to_owned(),
        command: Box::new(move || {
            let mut command = Command::new(program);
            command.args(options).arg(image);
            command
        }),
    };
    vec![
        Addr2line {
            name: "addr2line's Context".to_owned(),
            command: Box::new(move || {
                let mut command = Command::new(lookup);
                command.arg(image).arg("context");
                command
            }),
        },
        tool("eu-addr2line", &["-f", "-i", "-C", "-e"]),
        tool("addr2line", &["-f", "-i", "-C", "-e"]),
        tool("llvm-symbolizer", &["--inlines", "--demangle", "--obj"]),
    ]
}

/// Where a breakpoint goes, by name and by line, from a cold process.
fn breakpoints(built: &Built, lookup: &Path, image: &Image) -> Result<Vec<Figure>> {
    let by_name = || {
        let mut command = Command::new(&built.ukdbg);
        command.args(["addr2line", "-f", "-e"]).arg(&image.path);
        command.arg(FUNCTION).env("UKDBG_NO_INDEX_CACHE", "1");
        command
    };
    let by_line = || {
        let mut command = Command::new(lookup);
        command.arg(&image.path).arg("line").args(LINE);
        command
    };
    let gdb = |place: String| {
        move || {
            let mut command = Command::new("gdb");
            command.args(["-nx", "-batch", "-ex", &format!("info line {place}")]);
            command.arg(&image.path);
            command
        }
    };
    let name = gdb(FUNCTION.to_owned());
    let line = gdb(LINE.join(":"));
    let mut figures = kept(built, image)?;
    figures.extend([
        figure(
            "vmlinux: first breakpoint by name",
            image,
            "gdb",
            &by_name,
            &name,
            0.1,
            "",
        )?,
        figure(
            "vmlinux: first breakpoint by line",
            image,
            "gdb",
            &by_line,
            &line,
            0.1,
            "",
        )?,
    ]);
    Ok(figures)
}

/// The same, and a global, from indexes that an earlier run kept.
fn kept(built: &Built, image: &Image) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&built.ukdbg);
        command.args(arguments).env("XDG_CACHE_HOME", folder.path());
        command
    };
    let path = image.path.to_string_lossy();
    let endpoint = format!("image:{path}");
    let by_name = || ask(&["addr2line", "-f", "-e", &path, FUNCTION]);
    let global = || ask(&["print", &endpoint, &format!("&{GLOBAL}")]);
    // A name that is not there needs all names.
    let missing = ask(&["addr2line", "-e", &path, "no_such_function"]).output();
    missing.context("cannot start ukdbg")?;
    let gdb = |place: &'static str| {
        let path = &image.path;
        move || {
            let mut command = Command::new("gdb");
            command.args(["-nx", "-batch", "-ex", place]).arg(path);
            command
        }
    };
    let name = gdb("info line vfs_read");
    let address = gdb("print &jiffies");
    let work = "vmlinux: first breakpoint by name, from a kept index";
    Ok(vec![
        figure(work, image, "gdb", &by_name, &name, 0.1, "")?,
        figure(
            "vmlinux: address of a global, from a kept index",
            image,
            "gdb",
            &global,
            &address,
            0.1,
            GLOBAL,
        )?,
    ])
}

fn figure(
    work: &str,
    image: &Image,
    peer: &str,
    ours: &dyn Fn() -> Command,
    theirs: &dyn Fn() -> Command,
    target: f64,
    must_print: &str,
) -> Result<Figure> {
    let installed = peer.contains(' ') || version(peer).is_some();
    let (ours, theirs) = if installed {
        let [ours, theirs] = alternate_times(image.rounds, [ours, theirs], must_print)?;
        (ours, Some(theirs))
    } else {
        let [ours] = alternate_times(image.rounds, [ours], must_print)?;
        (ours, None)
    };
    Ok(Figure {
        area: "image",
        work: work.to_owned(),
        ours: ours.seconds,
        peak_mib: ours.peak_mib,
        peer_name: peer.to_owned(),
        peer: theirs.map(|theirs| Peer {
            seconds: theirs.seconds,
            peak_mib: theirs.peak_mib,
        }),
        target,
    })
}

/// Rules and backtraces in one process, beside gimli: the crate's benchmark
/// prints a line for each.
fn unwinding() -> Result<Vec<Figure>> {
    let output = cargo(&["bench", "--package=ukdbg-inspect", "--bench=unwind"])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the benchmark of unwinding failed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let figures: Vec<Figure> = text.lines().filter_map(unwinding_figure).collect();
    ensure!(
        !figures.is_empty(),
        "the benchmark printed no figure: {text}"
    );
    Ok(figures)
}

/// `WORK: N ns, gimli N ns`.
fn unwinding_figure(line: &str) -> Option<Figure> {
    let (work, times) = line.split_once(": ")?;
    let (ours, theirs) = times.split_once(", gimli ")?;
    let seconds = |text: &str| Some(text.strip_suffix(" ns")?.parse::<f64>().ok()? * 1e-9);
    Some(Figure {
        area: "image",
        work: format!("unwinding: {work}, in one process"),
        ours: seconds(ours)?,
        peak_mib: 0.0,
        peer_name: "gimli".to_owned(),
        peer: Some(Peer {
            seconds: seconds(theirs)?,
            peak_mib: 0.0,
        }),
        target: if work.starts_with("rule") { 0.03 } else { 0.2 },
    })
}
