//! Copies of inlined functions are found by name in every way that compilers
//! write names down.

mod common;

use common::{Program, image};
use ukdbg_image::{CodeAddr, Decompressed};

/// Names of more than four letters are in a string section, others are not.
const SOURCE: &str = "
static inline __attribute__((always_inline)) int doubled_value(int x) { return x * 2 + 77; }
static inline __attribute__((always_inline)) int io(int x) { return doubled_value(x) ^ 5; }
__attribute__((noinline)) int use(int x) { return io(x) + doubled_value(x + 3); }
int main(int count, char **arguments) { (void)arguments; return use(count); }
";

#[track_caller]
fn check(program: &Program, name: &str, copies: usize) {
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let found = image.inlined_copies(name);
    assert_eq!(found.len(), copies, "{name}: {found:?}");
    for copy in found {
        let frames = image.source_frames(CodeAddr::Exact(copy));
        let names = frames.iter().filter_map(|frame| frame.function.as_ref());
        let mut names = names.map(|function| function.demangled.raw().to_owned());
        assert!(names.any(|found| found.ends_with(name)), "{name}");
    }
}

#[test]
fn in_every_form_of_a_name() {
    for flags in [
        &["-O2", "-gdwarf-4"][..],
        &["-O2", "-gdwarf-5"],
        &["-O2", "-gdwarf-5", "-gdwarf64"],
        &["-O2", "-g", "-fdebug-types-section"],
        &["-O2", "-g", "-flto"],
        &["-O2", "-g", "-Wl,-O2"],
    ] {
        let program = Program::c(SOURCE, flags);
        for name in ["doubled_value", "io"] {
            let room = Decompressed::default();
            let found = image(&program.bytes, &room).inlined_copies(name);
            assert!(!found.is_empty(), "{flags:?}: {name}");
        }
        check(&program, "value", 0);
    }
}

#[test]
fn by_a_path() {
    let source = "
mod inner { pub struct Counter(pub u64);
impl Counter { #[inline(always)] pub fn advanced(&self) -> u64 { self.0 ^ 0x55 } } }
#[inline(never)] pub fn take(at: u64) -> u64 { inner::Counter(at).advanced() }
fn main() { println!(\"{}\", take(std::env::args().count() as u64)); }
";
    let program = Program::rust(source, &["-g", "-O"]);
    for name in ["advanced", "Counter::advanced"] {
        check(&program, name, 1);
    }
    check(&program, "Other::advanced", 0);
}

#[test]
fn where_names_are_numbered() {
    let clang = std::process::Command::new("clang")
        .arg("--version")
        .output();
    if !clang.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no clang");
        return;
    }
    let program = Program::clang(SOURCE, &["-O2", "-gdwarf-5"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    assert!(image.section(".debug_str_offsets").is_some());
    for name in ["doubled_value", "io"] {
        assert!(!image.inlined_copies(name).is_empty(), "{name}");
    }
}
