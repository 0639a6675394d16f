//! What bad input gets: a message that names it, the documented exit code, and
//! nothing left behind (every run of `Ukdbg` checks that).

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use ukdbg_tests::{Finished, GuestShape, Qemu, SymbolFile, Tool, Ukdbg, available, kernel_image};

const USAGE: i32 = 2;
const UNREACHABLE: i32 = 3;
const BAD_IMAGE: i32 = 4;

/// Expects an exit code, and words in the message, upper or lower case.
#[track_caller]
fn expect(run: &Finished, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{run}");
    let message = run.stderr.to_lowercase();
    for word in words {
        assert!(
            message.contains(&word.to_lowercase()),
            "no {word:?} in the message: {run}"
        );
    }
    assert!(!message.contains("panicked"), "{run}");
    let repeats = |line: &str| line.matches("(os error").count() > 1;
    assert!(
        !message.lines().any(repeats),
        "a cause is told twice: {run}"
    );
}

/// Every command that takes an image must refuse a file alike.
#[track_caller]
fn refuse_image(path: &Path, words: &[&str]) {
    let text = path.display().to_string();
    let words = [&[&*text], words].concat();
    for command in [
        vec!["bt", "unix:/nonexistent", "--image", &text],
        vec!["report", "unix:/nonexistent", "--image", &text],
        vec!["cfg", &text, "main"],
        vec!["run", "--batch", &text],
    ] {
        expect(&Ukdbg::new(command).run(), BAD_IMAGE, &words);
    }
}

#[test]
fn no_such_file() {
    refuse_image(Path::new("/nonexistent/kernel"), &["no such file"]);
}

#[test]
fn a_folder() {
    let folder = TempDir::new().expect("a temporary directory");
    refuse_image(folder.path(), &["not a file"]);
}

#[test]
fn not_an_elf() {
    let folder = TempDir::new().expect("a temporary directory");
    let check = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        refuse_image(&path, &["elf"]);
    };
    check("text", b"#!/bin/sh\n");
    check("empty", b"");
    check("magic-alone", b"\x7fELF");
}

#[test]
fn a_truncated_or_foreign_elf() {
    let elf = fs::read(std::env::current_exe().expect("this program")).expect("this program");
    let folder = TempDir::new().expect("a temporary directory");
    let check = |name: &str, bytes: &[u8], words: &[&str]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        refuse_image(&path, words);
    };
    check("cut-short", &elf[..80], &[]);
    // e_machine, for AArch64 (183).
    let mut foreign = elf.clone();
    foreign[18..20].copy_from_slice(&183_u16.to_le_bytes());
    check("aarch64", &foreign, &["x86"]);
}

/// A wrapper around 64-bit code is fine with the ELF64 it was made from
/// (`foreign_shapes`); alone and without symbols it says nothing.
#[test]
fn a_32_bit_elf_alone() {
    if !available(&[Tool::Gcc]) {
        return;
    }
    let shape = GuestShape {
        symbols: SymbolFile::WrappedInElf32,
        ..GuestShape::default()
    };
    refuse_image(&shape.build().image, &["32-bit", "--symbols"]);
}

#[test]
fn no_dwarf_is_said_once() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let shape = GuestShape {
        symbols: SymbolFile::SymbolsOnly,
        ..GuestShape::default()
    };
    let built = shape.build();
    let guest = Qemu::boot(&built.image, &[]);
    guest.wait_for_console("!");
    let endpoint = format!("unix:{}", guest.gdb_socket().display());
    let run = Ukdbg::new(["bt", &endpoint, "--image"])
        .and([&built.image])
        .run();
    expect(&run, 0, &["debug"]);
    let mentions = run
        .stderr
        .lines()
        .filter(|line| line.contains("guest.img"))
        .count();
    assert_eq!(mentions, 1, "{run}");
}

#[test]
fn the_wrong_image() {
    if !available(&[Tool::Gcc, Tool::Qemu]) {
        return;
    }
    let running = GuestShape::default().build();
    let other = GuestShape {
        optimization: "-O0",
        ..GuestShape::default()
    };
    let other = other.build();
    let guest = Qemu::boot(&running.image, &[]);
    guest.wait_for_console("!");
    let endpoint = format!("unix:{}", guest.gdb_socket().display());
    let run = Ukdbg::new(["bt", &endpoint, "--image"])
        .and([&other.image])
        .run();
    expect(&run, BAD_IMAGE, &["guest.elf", "running"]);
    assert!(guest.is_running(), "the guest was not left as it was found");
}

#[test]
fn nothing_listens() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("its address").port()
    };
    let check = |endpoint: &str, place: &str| {
        let run = Ukdbg::new(["bt", endpoint, "--image"])
            .and([kernel_image()])
            .run();
        expect(&run, UNREACHABLE, &[place]);
    };
    check(&format!("tcp:127.0.0.1:{port}"), &port.to_string());
    check("unix:/nonexistent/socket", "/nonexistent/socket");
    check("qmp:/nonexistent/socket", "/nonexistent/socket");
    check("serial:/nonexistent/tty", "/nonexistent/tty");
    check("core:/nonexistent/core", "/nonexistent/core");
}

/// Answers every connection with `answer`, then keeps it open or not.
fn peer_that_says(answer: &'static [u8], then_closes: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().filter_map(Result::ok) {
            let _ = stream.write_all(answer);
            // Until the other side closes, or long after it has given up: until
            // then this could be a stub that is busy.
            if !then_closes {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(6)));
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    });
    port
}

#[test]
fn a_port_that_speaks_something_else() {
    let check = |answer: &'static [u8], then_closes: bool| {
        let port = peer_that_says(answer, then_closes);
        let endpoint = format!("tcp:127.0.0.1:{port}");
        let run = Ukdbg::new(["bt", &endpoint, "--image"])
            .and([kernel_image()])
            .run();
        expect(&run, UNREACHABLE, &[&port.to_string()]);
    };
    check(
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        true,
    );
    check(b"SSH-2.0-OpenSSH_9.2\r\n", false);
    check(b"", true);
    check(b"", false);
    check(b"{\"QMP\": {\"version\": {}}}\r\n", false);
    check(&[b'$'; 100_000], false);
}

#[test]
fn command_lines_that_cannot_be_used() {
    let image = kernel_image().display().to_string();
    let check = |arguments: &[&str], words: &[&str]| {
        expect(&Ukdbg::new(arguments).run(), USAGE, words);
    };
    check(&["frobnicate"], &["frobnicate"]);
    check(&["bt", "ftp:somewhere", "--image", &image], &["ftp"]);
    check(&["bt", "tcp:localhost", "--image", &image], &["localhost"]);
    check(
        &[
            "bt",
            "unix:/nonexistent",
            "--image",
            &image,
            "--source-map",
            "nowhere",
        ],
        &["nowhere"],
    );
    check(
        &["cfg", &image, "remaining_aftr"],
        &["remaining_aftr", "remaining_after"],
    );
    check(&["run", &image, "--timeout", "soon"], &["soon"]);
    check(&["run", &image, "--smp", "0"], &["0"]);
    check(&["run", &image, "--memory", "plenty"], &["plenty"]);
}

#[test]
fn qemu_is_missing() {
    let nothing = TempDir::new().expect("a temporary directory");
    let run = Ukdbg::new(["run", "--batch"])
        .and([kernel_image()])
        .environment("PATH", nothing.path())
        .run();
    expect(&run, UNREACHABLE, &["qemu-system-x86_64", "install"]);
}

#[test]
fn qemu_refuses_its_arguments() {
    if !available(&[Tool::Qemu]) {
        return;
    }
    let run = Ukdbg::new(["run", "--batch"])
        .and([kernel_image()])
        .and(["--", "-device", "no-such-device"])
        .run();
    expect(&run, UNREACHABLE, &["no-such-device"]);
}
