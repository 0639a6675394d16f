//! Compiling the small C guests of `guests/` in the shapes that unikernels
//! come in.
//!
//! Not here: what the guests do, which their sources say.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;

use crate::DEADLINE;
use crate::process::Running;
use crate::tool::Tool;

/// How the innermost frame of the workload ends; see `guests/orders.c`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Spins in place.
    Spin,
    /// Writes through a null pointer.
    Fault,
    /// Prints why and halts with interrupts off.
    Panic,
    /// Halts with interrupts on, and none ever comes.
    Idle,
    /// Raises exceptions that it handles, then powers off.
    Handled,
    /// Raises exceptions that it handles, then prints why and halts with
    /// interrupts off.
    HandledThenPanic,
    /// Resets the machine through the keyboard controller.
    Reset,
    /// Calls an [`application`] at [`APPLICATION_AT`], which goes on for ever.
    Application,
}

/// What the guest does about exceptions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Traps {
    /// Nothing: the processor shuts down.
    None,
    /// Handlers that an unwinder can pass where the unwind tables say how.
    Handlers,
    /// Handlers without unwind tables, in a guest that otherwise has them.
    BareHandlers,
    /// Handlers that never come to an end, with interrupts off.
    SpinningHandlers,
}

/// How the image says where callers are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnwindTables {
    /// In `.eh_frame`.
    EhFrame,
    /// In `.debug_frame`.
    DebugFrame,
    /// Not at all: there is a chain of frame pointers.
    FramePointers,
}

/// Where the symbols and DWARF are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SymbolFile {
    /// In the image.
    InImage,
    /// In the image, compressed.
    Compressed,
    /// In a file beside the stripped image.
    Beside,
    /// In the ELF64 that a bootable ELF32 (multiboot) was made from.
    WrappedInElf32,
    /// Only a symbol table, no DWARF.
    SymbolsOnly,
}

/// Where the guest is linked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Where it is loaded.
    Flat,
    /// In the last 2 GiB, as kernels of the C code model are.
    HigherHalf,
    /// The same, but it runs where it is loaded, as early boot code does.
    HigherHalfAtPhysical,
    /// At 1 TiB; its boot code, which did not move, starts it where it is
    /// loaded.
    Relocated,
    /// In the last 2 GiB; its boot code maps it a random multiple of 2 MiB
    /// above that.
    Sliding,
}

impl Layout {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Flat => &["-Wl,-T,guest.ld", "-mcmodel=small"],
            Self::HigherHalf => &["-Wl,-T,higher_half.ld", "-mcmodel=kernel"],
            Self::HigherHalfAtPhysical => &[
                "-Wl,-T,higher_half.ld",
                "-mcmodel=kernel",
                "-DRUNS_BELOW=0xffffffff80000000",
            ],
            Self::Relocated => &[
                // Before the script, which asks whether it is defined.
                "-Wl,--defsym=LINKED_ABOVE=0x10000000000",
                "-Wl,-T,higher_half.ld",
                "-mcmodel=small",
                "-fpie",
                "-fvisibility=hidden",
                "-DRUNS_BELOW=0x10000000000",
            ],
            Self::Sliding => &[
                "-Wl,-T,higher_half.ld",
                "-mcmodel=small",
                "-fpie",
                "-fvisibility=hidden",
                "-DSLIDES",
            ],
        }
    }
}

/// What every guest in C is compiled and linked with.
const FREESTANDING: [&str; 11] = [
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffreestanding",
    "-nostdlib",
    "-mno-red-zone",
    "-mgeneral-regs-only",
    "-fno-stack-protector",
    "-fcf-protection=none",
    "-Wl,--build-id,-z,noexecstack",
];

/// Where a guest that ends with [`Ending::Application`] expects that.
pub const APPLICATION_AT: u64 = 0x200_0000;

/// One guest to build.
#[derive(Clone, Copy, Debug)]
pub struct GuestShape {
    /// `-O0`, `-O2`.
    pub optimization: &'static str,
    /// Version of DWARF.
    pub dwarf: u8,
    /// Unwind information.
    pub unwind: UnwindTables,
    /// Where the symbols are.
    pub symbols: SymbolFile,
    /// Where it is linked.
    pub layout: Layout,
    /// Handling of exceptions.
    pub traps: Traps,
    /// How it ends.
    pub ending: Ending,
}

impl Default for GuestShape {
    fn default() -> Self {
        Self {
            optimization: "-O2",
            dwarf: 5,
            unwind: UnwindTables::EhFrame,
            symbols: SymbolFile::InImage,
            layout: Layout::Flat,
            traps: Traps::None,
            ending: Ending::Spin,
        }
    }
}

/// A compiled guest; its files go when it is dropped.
#[derive(Debug)]
pub struct BuiltGuest {
    folder: TempDir,
    /// What QEMU boots.
    pub image: PathBuf,
    /// Where the symbols are, when not in the image.
    pub symbols: Option<PathBuf>,
}

impl BuiltGuest {
    /// A linked image with its symbols.
    pub(crate) fn new(folder: TempDir, image: PathBuf) -> Self {
        Self {
            folder,
            image,
            symbols: None,
        }
    }

    /// The file with the symbols.
    #[must_use]
    pub fn symbol_file(&self) -> &Path {
        self.symbols.as_deref().unwrap_or(&self.image)
    }

    /// A path in the guest's temporary directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The folder of the guests' sources.
#[must_use]
pub fn guest_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

impl GuestShape {
    /// Compiles and links the guest.
    ///
    /// # Panics
    /// When the compiler fails.
    #[must_use]
    pub fn build(&self) -> BuiltGuest {
        let folder = TempDir::with_prefix("ukdbg-guest-").expect("a temporary directory");
        let linked = folder.path().join("guest.elf");
        self.link(&linked);
        let (image, symbols) = self.arrange_symbols(&folder, linked);
        BuiltGuest {
            folder,
            image,
            symbols,
        }
    }

    fn link(&self, to: &Path) {
        let mut gcc = tool(Tool::Gcc.command());
        // Relative names and this directory: what DWARF then holds does not
        // depend on where the tests run.
        gcc.current_dir(guest_sources())
            .args(FREESTANDING)
            .args(["-static", "-no-pie", "-fno-pic"])
            .arg(self.optimization)
            .arg(format!("-gdwarf-{}", self.dwarf))
            .arg(format!(
                "-DEND_{}",
                format!("{:?}", self.ending).to_uppercase()
            ))
            .args(self.unwind_flags())
            .args(self.layout.flags())
            .arg("-o")
            .arg(to)
            .args(["boot.S", "support.c", "orders.c"]);
        if self.symbols == SymbolFile::WrappedInElf32 {
            gcc.arg("-DMULTIBOOT");
        }
        if self.symbols == SymbolFile::Compressed {
            gcc.arg("-gz=zlib");
        }
        match self.traps {
            Traps::None => {}
            Traps::Handlers => {
                gcc.args(["-DWITH_TRAPS", "traps.S", "exceptions.c"]);
            }
            Traps::BareHandlers => {
                gcc.args(["-DWITH_TRAPS", "-DBARE_TRAPS", "traps.S", "exceptions.c"]);
            }
            Traps::SpinningHandlers => {
                gcc.args(["-DWITH_TRAPS", "-DSPIN_IN_TRAPS", "traps.S", "exceptions.c"]);
            }
        }
        run(gcc);
        if self.unwind == UnwindTables::FramePointers {
            // `-g` alone would still describe frames there.
            run_objcopy(&["--remove-section=.debug_frame"], to, to);
        }
    }

    fn unwind_flags(&self) -> &'static [&'static str] {
        match self.unwind {
            UnwindTables::EhFrame => &[
                "-fasynchronous-unwind-tables",
                "-fomit-frame-pointer",
                "-DCFI_SECTION=.eh_frame",
            ],
            UnwindTables::DebugFrame => &[
                "-fno-asynchronous-unwind-tables",
                "-fno-unwind-tables",
                "-fomit-frame-pointer",
                "-DCFI_SECTION=.debug_frame",
            ],
            UnwindTables::FramePointers => &[
                "-fno-asynchronous-unwind-tables",
                "-fno-unwind-tables",
                "-fno-omit-frame-pointer",
            ],
        }
    }

    fn arrange_symbols(&self, folder: &TempDir, linked: PathBuf) -> (PathBuf, Option<PathBuf>) {
        let image = folder.path().join("guest.img");
        match self.symbols {
            SymbolFile::InImage | SymbolFile::Compressed => (linked, None),
            SymbolFile::SymbolsOnly => {
                run_objcopy(&["--strip-debug"], &linked, &image);
                (image, None)
            }
            SymbolFile::Beside => {
                let symbols = folder.path().join("guest.dbg");
                run_objcopy(&["--only-keep-debug"], &linked, &symbols);
                run_objcopy(&["--strip-all"], &linked, &image);
                (image, Some(symbols))
            }
            SymbolFile::WrappedInElf32 => {
                run_objcopy(&["-O", "elf32-i386", "--strip-all"], &linked, &image);
                (image, Some(linked))
            }
        }
    }
}

/// Compiles and links the application that a kernel calls; the file is its
/// own memory image.
///
/// # Panics
/// When the compiler fails.
#[must_use]
pub fn application() -> BuiltGuest {
    let folder = TempDir::with_prefix("ukdbg-guest-").expect("a temporary directory");
    let image = folder.path().join("application.elf");
    let mut gcc = tool(Tool::Gcc.command());
    gcc.current_dir(guest_sources())
        .args(FREESTANDING)
        .args(["-static-pie", "-fpie", "-fvisibility=hidden", "-O2", "-g"])
        .args(["-fasynchronous-unwind-tables", "-fomit-frame-pointer"])
        .args(["-Wl,-T,application.ld", "-o"])
        .args([image.as_os_str(), "application.c".as_ref()]);
    run(gcc);
    BuiltGuest {
        folder,
        image,
        symbols: None,
    }
}

/// Assembles and links a guest that is one file of its own.
///
/// # Panics
/// When the assembler fails.
#[must_use]
pub fn assemble(source: &str, defines: &[&str]) -> BuiltGuest {
    let defines: Vec<String> = defines.iter().map(|define| format!("-D{define}")).collect();
    compile(&[source], &defines)
}

/// Compiles some of the guests' sources with flags of a test's own.
///
/// # Panics
/// When the compiler fails.
#[must_use]
pub fn compile(sources: &[&str], flags: &[impl AsRef<OsStr>]) -> BuiltGuest {
    let folder = TempDir::with_prefix("ukdbg-guest-").expect("a temporary directory");
    let image = folder.path().join("guest.elf");
    let mut gcc = tool(Tool::Gcc.command());
    gcc.current_dir(guest_sources())
        .args(["-g", "-nostdlib", "-static", "-no-pie"])
        .args(["-Wl,--build-id", "-Wl,-z,noexecstack", "-Wl,-T,guest.ld"])
        .args(flags)
        .arg("-o")
        .arg(&image)
        .args(sources);
    run(gcc);
    BuiltGuest::new(folder, image)
}

fn run_objcopy(arguments: &[&str], from: &Path, to: &Path) {
    let mut objcopy = tool("objcopy");
    objcopy.args(arguments).arg(from).arg(to);
    run(objcopy);
}

/// A command whose messages are in English.
pub(crate) fn tool(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("LC_ALL", "C");
    command
}

pub(crate) fn run(mut command: Command) {
    let started = Instant::now();
    let done = Running::start(&mut command).finish(started, DEADLINE);
    assert!(done.code == Some(0), "{command:?}\n{}", done.stderr);
}
