//! Guests of a few instructions, assembled with the C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The guest's first instruction.
pub(crate) const ENTRY: u64 = 0x10_100c;
/// Where the first 2 MiB end, which is all that a guest in long mode maps.
pub(crate) const MAPPED_END: u64 = 0x20_0000;
/// A word that a spinning guest counts up.
pub(crate) const COUNTER: u64 = 0x10_2000;

/// A word that lets a guest behind a gate go on when it is not zero.
pub(crate) const GATE: u64 = 0x18_0000;

/// A multiboot image: QEMU boots it in protected mode, without paging.
const SOURCE: &str = "
.text
.long 0x1BADB002, 0, -0x1BADB002
.globl _start
_start:
    mov $0x3f8, %dx
    mov $'h', %al
    out %al, %dx
    mov $'i', %al
    out %al, %dx
#if defined(GATE) || defined(GATE_TRIPLE)
2:  cmpl $0, 0x180000
    je 2b
#endif
#if defined(TRIPLE) || defined(GATE_TRIPLE)
    lidt empty
    ud2
#endif
#ifdef HALT
    cli
    hlt
#endif
#ifdef KEYBOARD
    mov $0xfe, %al
    out %al, $0x64
#endif
#ifdef EXIT
    mov $0x501, %dx
    mov $7, %al
    out %al, %dx
#endif
#ifdef LONG
    mov $0x20, %eax
    mov %eax, %cr4
    mov $pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    lgdt table
    ljmp $8, $long
.code64
long:
#endif
1:  incl 0x102000
    jmp 1b
.data
.org 0
.long 0
empty: .word 0
    .long 0
segments: .quad 0, 0x00af9a000000ffff
table: .word 15
    .long segments
.align 4096
pml4: .long pdpt + 3, 0
.align 4096
pdpt: .long pd + 3, 0
.align 4096
pd: .quad 0x83
    .fill 511, 8, 0
";

/// An image and the directory it lies in.
pub(crate) struct Guest {
    _directory: TempDir,
    image: PathBuf,
}

impl Guest {
    /// `kind` is one of the names in the source, or anything for a guest
    /// that spins.
    pub(crate) fn new(kind: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let source = directory.path().join("guest.S");
        let image = directory.path().join("guest.elf");
        std::fs::write(&source, SOURCE).expect("a source file");
        let status = Command::new("gcc")
            .args([
                "-m32",
                "-nostdlib",
                "-static",
                "-no-pie",
                "-Wl,--build-id=none",
            ])
            .args(["-Wl,-Ttext=0x101000", "-Wl,-Tdata=0x102000"])
            .arg(format!("-D{kind}"))
            .arg("-o")
            .arg(&image)
            .arg(&source)
            .status()
            .expect("a C compiler");
        assert!(status.success(), "the guest does not assemble");
        Self {
            _directory: directory,
            image,
        }
    }

    pub(crate) fn image(&self) -> &Path {
        &self.image
    }
}
