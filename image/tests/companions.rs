//! The same programs with their debugging information in the image, split,
//! packaged, shared and compressed, from every compiler: what is said of them
//! must be the same.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::describe::describe;
use common::run;
use ukdbg_image::{CodeAddr, CompanionFiles, Decompressed, Image, TriedPlace, WantedFile};

const ORDERS: &str = r#"
#include "book.h"
static inline long worth(const struct order *order) { return order->price * order->amount; }
__attribute__((noinline)) long match(struct order *orders, int count) {
    long sum = 0;
    for (int at = 0; at < count; at++) {
        long one = worth(&orders[at]);
        if (one < 0) fail(orders[at].side);
        sum += one ^ at;
    }
    return sum;
}
struct book book;
int main(int count, char **arguments) {
    struct order orders[2] = {{1, 2, BUY, {0}}, {3, count, SELL, {1}}};
    (void)arguments;
    return (int)match(orders, 2) + trades;
}
"#;

const FAIL: &str = r#"
#include "book.h"
int trades = 7;
static struct book mirror;
void fail(enum side side) { mirror.sides[0] = side; trades = mirror.sides[1]; for (;;) {} }
"#;

const BOOK: &str = r#"
enum side { BUY, SELL };
struct order { long price; int amount; enum side side; struct { unsigned filled : 3; } flags; };
struct book { struct book *next; enum side sides[4]; union { int depth; float ratio; } u; };
extern int trades;
void fail(enum side side) __attribute__((noreturn));
"#;

const RUST: &str = "#![no_std] #![no_main]
    pub enum Shape { Empty, Circle(u32), Named { name: &'static str, next: Option<&'static Shape> } }
    pub trait Area { fn area(&self) -> u32; }
    impl Area for Shape { #[inline(never)] fn area(&self) -> u32 { match self { Shape::Empty => 0, Shape::Circle(r) => r * r,
        Shape::Named { name, next } => name.len() as u32 + next.map_or(1, |next| next.area()) } } }
    #[unsafe(no_mangle)] pub static COUNT: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(3);
    #[panic_handler] fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
    #[unsafe(no_mangle)] pub extern \"C\" fn _start() -> ! {
        let shape: &dyn Area = core::hint::black_box(&Shape::Circle(2));
        COUNT.fetch_add(shape.area(), core::sync::atomic::Ordering::Relaxed); loop {} }";

/// A folder with the sources, and one beside them for each build.
struct Sources(tempfile::TempDir);

impl Sources {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let files = [
            ("orders.c", ORDERS),
            ("fail.c", FAIL),
            ("book.h", BOOK),
            ("shapes.rs", RUST),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a source file");
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Compiles both C files to a folder and links them.
    fn c(&self, compiler: &str, build: &str, compile: &[&str], link: &[&str]) -> PathBuf {
        let folder = self.path().join(build);
        std::fs::create_dir(&folder).expect("a folder");
        let objects = ["orders", "fail"].map(|name| format!("{build}/{name}.o"));
        for (name, object) in ["orders", "fail"].iter().zip(&objects) {
            run(Command::new(compiler)
                .current_dir(self.path())
                .args(compile)
                .args(["-c", &format!("{name}.c"), "-o", object]));
        }
        let program = folder.join("program");
        run(Command::new(compiler)
            .current_dir(self.path())
            .args(["-no-pie", "-Wl,--build-id"])
            .args(link)
            .args(&objects)
            .arg("-o")
            .arg(&program));
        program
    }

    fn rust(&self, build: &str, arguments: &[&str]) -> PathBuf {
        let folder = self.path().join(build);
        std::fs::create_dir(&folder).expect("a folder");
        let program = folder.join("program");
        let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        run(Command::new(compiler)
            .current_dir(self.path())
            .args(["-g", "-Cpanic=abort", "-Crelocation-model=static"])
            .args(
                ["nostartfiles", "static", "nostdlib", "no-pie"]
                    .map(|it| format!("-Clink-arg=-{it}")),
            )
            .args(arguments)
            .arg("shapes.rs")
            .arg("-o")
            .arg(&program));
        program
    }
}

/// Whether a program is installed.
fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// Files where compilers leave them.
struct Beside(PathBuf);

impl CompanionFiles<'static> for Beside {
    fn find(
        &self,
        wanted: WantedFile<'_>,
        fits: &mut dyn FnMut(&'static [u8]) -> bool,
    ) -> Vec<TriedPlace> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a path");
        let path = match wanted {
            WantedFile::Package => self.0.with_extension("dwp"),
            WantedFile::SplitUnit { name, directory } => {
                Path::new(&text(directory.unwrap_or_default())).join(text(name))
            }
            WantedFile::Supplementary { name, .. } => self.0.with_file_name(text(name)),
        };
        match std::fs::read(&path).map(|bytes| &*bytes.leak()) {
            Ok(bytes) if fits(bytes) => Vec::new(),
            Ok(_) => vec![TriedPlace::Foreign(path)],
            Err(_) => vec![TriedPlace::Absent(path)],
        }
    }
}

fn open(program: &Path) -> Image<'static> {
    let bytes = std::fs::read(program).expect("the compiled program").leak();
    let room: &'static Decompressed = Box::leak(Box::default());
    let image = Image::parse(bytes, room).expect("a valid image");
    image.with_companion_files(Beside(program.to_owned()))
}

#[track_caller]
fn check_same(whole: &Path, other: &Path) {
    let globals = ["book", "trades", "mirror", "COUNT"];
    let types = ["order", "book", "side", "Shape"];
    let described = |program: &Path| {
        let image = open(program);
        let lines = describe(&image, &globals, &types);
        assert_eq!(image.missing_files(), []);
        lines
    };
    let (expected, found) = (described(whole), described(other));
    let named = |name: &str| expected.iter().any(|line| line.contains(name));
    assert!(named("mirror") && named("inlined: true") || named("Shape"));
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(found, expected, "{}", other.display());
    }
    assert_eq!(found.len(), expected.len(), "{}", other.display());
}

fn check_c(compiler: &str, optimization: &str, version: &str) {
    let sources = Sources::new();
    let build = |name: &str, more: &[&str], link: &[&str]| {
        let compile = [&[optimization, version], more].concat();
        sources.c(compiler, name, &compile, link)
    };
    let whole = build("whole", &[], &[]);
    for (name, more, link) in [
        ("split", &["-gsplit-dwarf"][..], &[][..]),
        ("types", &["-fdebug-types-section"], &[]),
        ("both", &["-gsplit-dwarf", "-fdebug-types-section"], &[]),
        ("zlib", &[], &["-Wl,--compress-debug-sections=zlib"]),
        ("gnu", &[], &["-Wl,--compress-debug-sections=zlib-gnu"]),
    ] {
        let program = build(name, more, link);
        check_same(&whole, &program);
        if more.contains(&"-gsplit-dwarf") && installed("llvm-dwp") {
            package(&program);
            check_same(&whole, &program);
        }
    }
}

/// Puts the split units of a program into a package.
fn package(program: &Path) {
    let units = ["orders.dwo", "fail.dwo"].map(|name| program.with_file_name(name));
    run(Command::new("llvm-dwp")
        .args(&units)
        .arg("-o")
        .arg(program.with_extension("dwp")));
    for unit in units {
        std::fs::remove_file(unit).expect("it was there");
    }
}

/// What a program lacks is named, and what its skeletons say still counts.
#[test]
fn missing_and_foreign_files() {
    let sources = Sources::new();
    let split = ["-O2", "-gdwarf-5", "-gsplit-dwarf"];
    let program = sources.c("gcc", "split", &split, &[]);
    let dwo = |name: &str| program.with_file_name(format!("{name}.dwo"));
    std::fs::rename(dwo("fail"), dwo("orders")).expect("a renamed file");
    let image = open(&program);
    assert!(image.missing_files().is_empty(), "nothing was asked yet");
    let entry = image.symbol_named("fail").expect("a symbol").address;
    let frames = image.source_frames(CodeAddr::Exact(entry));
    let line = frames[0].location.as_ref().and_then(|it| it.line);
    assert_eq!(line.map(u32::from), Some(5));
    let missing = |image: &Image<'_>| -> Vec<(String, Vec<TriedPlace>)> {
        let missing = image.missing_files().into_iter();
        missing
            .map(|it| (it.name.raw().to_owned(), it.tried))
            .collect()
    };
    let absent = (
        "split/fail.dwo".to_owned(),
        vec![TriedPlace::Absent(dwo("fail"))],
    );
    assert_eq!(missing(&image), [absent]);
    assert!(!image.functions_named("match").is_empty());
    let foreign = (
        "split/orders.dwo".to_owned(),
        vec![TriedPlace::Foreign(dwo("orders"))],
    );
    assert!(missing(&image).contains(&foreign));
}

/// dwz moves what two programs share to a third file.
#[test]
fn dwz() {
    if !installed("dwz") {
        return;
    }
    let sources = Sources::new();
    for version in ["4", "5"] {
        let flag = format!("-gdwarf-{version}");
        let build = |name: &str, more: &str| {
            let name = format!("{name}{version}");
            sources.c("gcc", &name, &["-O2", &flag, more], &[])
        };
        let whole = build("whole", "-DSAME");
        let one = build("one", "-DSAME");
        let other = build("other", "-DSAME");
        let common = one.with_file_name("common");
        run(Command::new("dwz")
            .args(["-m", "common", "-M", "common"])
            .current_dir(one.parent().expect("a folder"))
            .args([&one, &other]));
        assert!(common.exists());
        assert!(open(&one).section(".gnu_debugaltlink").is_some());
        check_same(&whole, &one);
        // Of another build, and away.
        let damaged = std::fs::read(&whole).expect("a program");
        std::fs::write(&common, damaged).expect("another file");
        let image = open(&one);
        let _ = image.functions();
        assert_eq!(
            image.missing_files()[0].tried,
            [TriedPlace::Foreign(common)]
        );
    }
}

#[test]
fn gcc() {
    // With -O2, GCC 12 shortens ranges of location lists by a byte when it
    // splits DWARF 4, so that variables differ.
    check_c("gcc", "-O0", "-gdwarf-4");
    check_c("gcc", "-O2", "-gdwarf-5");
    check_c("gcc", "-O0", "-gdwarf-5");
}

#[test]
fn clang() {
    if !installed("clang") {
        return;
    }
    check_c("clang", "-O2", "-gdwarf-4");
    check_c("clang", "-O2", "-gdwarf-5");
    check_c("clang", "-O0", "-gdwarf-5");
}

#[test]
fn rustc() {
    let sources = Sources::new();
    for version in ["4", "5"] {
        let version_flag = format!("-Cdwarf-version={version}");
        let build = |kind: &str| {
            let split = format!("-Csplit-debuginfo={kind}");
            let name = format!("{kind}{version}");
            sources.rust(&name, &["-O", &version_flag, &split])
        };
        let whole = build("off");
        check_same(&whole, &build("unpacked"));
        check_same(&whole, &build("packed"));
    }
}
