//! Images compiled in every shape that a compiler gives them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A name, and what is typed for it; the file to write is added at the end.
type Shape = (&'static str, &'static str);

/// Of the programs beside this file.
const PROGRAMS: [Shape; 22] = [
    ("gcc-O0-4", "gcc -O0 -gdwarf-4 program.c -o"),
    ("gcc-O2-4", "gcc -O2 -gdwarf-4 program.c -o"),
    ("gcc-O0-5", "gcc -O0 -gdwarf-5 program.c -o"),
    ("gcc-O2-5", "gcc -O2 -gdwarf-5 program.c -o"),
    ("clang-O0-4", "clang -O0 -gdwarf-4 program.c -o"),
    ("clang-O2-4", "clang -O2 -gdwarf-4 program.c -o"),
    ("clang-O0-5", "clang -O0 -gdwarf-5 program.c -o"),
    ("clang-O2-5", "clang -O2 -gdwarf-5 program.c -o"),
    ("no-pie", "gcc -O1 -g -no-pie program.c -o"),
    (
        "static-pie",
        "gcc -O2 -g -nostdlib -static-pie -Wl,-e,main program.c -o",
    ),
    ("shared", "gcc -O2 -g -fPIC -shared program.c -o"),
    (
        "relocatable",
        "gcc -O2 -g -ffunction-sections -c program.c -o",
    ),
    ("zlib", "gcc -O2 -g -gz=zlib program.c -o"),
    ("zlib-gnu", "gcc -O2 -gdwarf-4 -gz=zlib-gnu program.c -o"),
    ("split", "gcc -O2 -g -gsplit-dwarf program.c -o"),
    (
        "type-units",
        "gcc -O2 -gdwarf-4 -fdebug-types-section program.c -o",
    ),
    ("macros", "gcc -O2 -g3 program.c -o"),
    ("lto", "gcc -O2 -g -flto program.c -o"),
    (
        "debug-frame",
        "gcc -O2 -g -no-pie -fno-asynchronous-unwind-tables program.c -o",
    ),
    (
        "emit-relocs",
        "gcc -O2 -g -no-pie -Wl,--emit-relocs program.c -o",
    ),
    ("g++-O0", "g++ -O0 -g program.cpp -o"),
    ("g++-O2", "g++ -O2 -g program.cpp -o"),
];

/// Of the program in Rust.
const RUST: [Shape; 5] = [
    ("rust-O0", "-Copt-level=0"),
    ("rust-O2", "-O"),
    ("rust-v0", "-O -Csymbol-mangling-version=v0"),
    ("rust-lto", "-O -Clto=fat"),
    (
        "rust-zlib",
        "-O -Clink-arg=-Wl,--compress-debug-sections=zlib",
    ),
];
const EVERY_RUST: &str = "rustc --edition 2024 -g -Cpanic=abort -Cforce-unwind-tables=yes -Crelocation-model=static -Clink-arg=-nostartfiles -Clink-arg=-nostdlib -Clink-arg=-static program.rs";

/// Of the small guests of the end-to-end tests.
const GUESTS: [Shape; 4] = [
    (
        "guest-eh-frame",
        "-O2 -fasynchronous-unwind-tables -DCFI_SECTION=.eh_frame -Wl,-T,guest.ld boot.S support.c orders.c",
    ),
    (
        "guest-traps",
        "-O2 -fasynchronous-unwind-tables -DCFI_SECTION=.eh_frame -DWITH_TRAPS -Wl,-T,guest.ld boot.S support.c orders.c traps.S exceptions.c",
    ),
    (
        "guest-debug-frame",
        "-O1 -fno-asynchronous-unwind-tables -DCFI_SECTION=.debug_frame -Wl,-T,guest.ld boot.S support.c orders.c",
    ),
    (
        "guest-frame-pointers",
        "-O0 -fno-asynchronous-unwind-tables -fno-unwind-tables -mcmodel=kernel -DRUNS_BELOW=0xffffffff80000000 -Wl,-T,higher_half.ld boot.S support.c orders.c",
    ),
];
const EVERY_GUEST: &str = "gcc -g -DEND_SPIN -ffreestanding -nostdlib -static -no-pie -fno-pic -mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none";

/// What `objcopy` makes of one of them.
const COPIES: [Shape; 8] = [
    ("symbols-only", "--strip-debug gcc-O2-5"),
    ("stripped", "--strip-all gcc-O2-5"),
    ("only-debug", "--only-keep-debug gcc-O2-4"),
    ("elf32", "-O elf32-i386 gcc-O0-5"),
    ("elf32-symbols", "-O elf32-i386 --strip-debug no-pie"),
    ("zstd", "--compress-debug-sections=zstd gcc-O2-5"),
    ("guest-zlib", "--compress-debug-sections=zlib guest-traps"),
    ("guest-stripped", "--strip-all guest-eh-frame"),
];

/// Compiles what the compilers of this machine can compile.
///
/// # Errors
/// When a file cannot be written, or not even gcc compiles.
pub(super) fn all(into: &Path) -> Result<()> {
    let sources = tempfile::tempdir()?;
    fs::write(sources.path().join("program.c"), include_str!("program.c"))?;
    fs::write(
        sources.path().join("program.cpp"),
        include_str!("program.cpp"),
    )?;
    fs::write(
        sources.path().join("program.rs"),
        include_str!("program.rs"),
    )?;
    for (name, command) in PROGRAMS {
        compile(command, sources.path(), &into.join(name));
    }
    for (name, flags) in RUST {
        let command = format!("{EVERY_RUST} {flags} -o");
        compile(&command, sources.path(), &into.join(name));
    }
    for (name, flags) in GUESTS {
        let command = format!("{EVERY_GUEST} {flags} -o");
        compile(
            &command,
            &workspace().join("tests/guests"),
            &into.join(name),
        );
    }
    for (name, arguments) in COPIES {
        compile(&format!("objcopy {arguments}"), into, &into.join(name));
    }
    ensure!(
        into.join("gcc-O2-5").exists(),
        "gcc compiles nothing; install it"
    );
    Ok(())
}

/// A small program with debugging information.
///
/// # Errors
/// When gcc does not compile it.
pub(crate) fn program() -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("program.c"), include_str!("program.c"))?;
    let to = folder.path().join("program");
    compile("gcc -O0 -g program.c -o", folder.path(), &to);
    fs::read(to).context("gcc compiles nothing; install it")
}

/// Whether a file came of it is seen by the file: a compiler that is not
/// installed, or that does not know a flag, leaves none.
fn compile(command: &str, folder: &Path, to: &Path) {
    let mut words = command.split(' ');
    let Some(program) = words.next() else {
        return;
    };
    let _ = Command::new(program)
        .args(words)
        .arg(to)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
