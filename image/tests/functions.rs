//! Functions, symbols, sections and companion files of compiled programs.

mod common;

use common::{Program, image};
use ukdbg_image::{
    CodeAddr, DebugLevel, Decompressed, ElfClass, FunctionOrigin, Image, ImageError, LinkAddr,
};

const SOURCE: &str = r#"
#include <stdlib.h>
__asm__(".text\n.globl unsized\nunsized:\nnop\nnop\n.Lhidden:\nnop\n"
        ".globl sized\n.type sized,@function\nsized:\nnop\nlabel:\nret\n.size sized,.-sized\n");
__attribute__((noreturn)) void give_up(int code) { exit(code); }
__attribute__((cold, noinline)) static void complain(int at) { if (at > 3) abort(); }
__attribute__((noinline)) int split(int at) {
    if (__builtin_expect(at < 0, 0)) { complain(at); give_up(at); }
    return at * 3;
}
int global_counter = 7;
int main(int count, char **arguments) { (void)arguments; return split(count); }
"#;

#[test]
fn functions_come_from_dwarf_and_symbols() {
    let program = Program::c(SOURCE, &["-O2", "-g", "-freorder-blocks-and-partition"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    assert_eq!(image.debug_level(), DebugLevel::Dwarf);
    let only = |name: &str| {
        let mut found = image.functions_named(name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found.remove(0)
    };
    let split = only("split");
    assert_eq!(split.origin, FunctionOrigin::Dwarf);
    assert!(split.contains(split.entry));
    assert_eq!(
        split.declaration.expect("declared").line.map(u32::from),
        Some(7)
    );
    assert!(only("give_up").noreturn);
    assert!(!only("main").noreturn);

    let bare = only("unsized");
    assert_eq!(bare.origin, FunctionOrigin::UnsizedSymbol);
    assert_eq!(bare.ranges[0].end.0 - bare.ranges[0].start.0, 3);
    let sized = only("sized");
    assert_eq!(sized.origin, FunctionOrigin::Symbol);
    assert_eq!(sized.entry, bare.ranges[0].end);
    assert_eq!(
        image.function_at(LinkAddr(sized.entry.0 + 1)).as_ref(),
        Some(&sized)
    );
    assert!(image.functions_named("label").is_empty());

    let all = image.functions();
    assert!(all.is_sorted_by_key(|function| function.entry));
    for function in &all {
        let found = image
            .function_at(function.entry)
            .expect("a function at its entry");
        assert_eq!(found.name, function.name);
        for range in &function.ranges {
            let last = image
                .function_at(LinkAddr(range.end.0 - 1))
                .expect("a function");
            assert_eq!(last.entry, function.entry, "{function:?}");
        }
    }
}

/// As where one part of a kernel's assembly ends and the next begins.
#[test]
fn of_two_labels_the_one_that_covers_the_code_names_it() {
    let source = r#"
__asm__(".text\nbefore:\nnop\n.globl end_of_before\nend_of_before:\n"
        "covering:\nnop\nret\n.size covering,.-covering\n");
int main(void) { return 0; }
"#;
    let program = Program::c(source, &["-O2", "-g"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let covering = image.symbol_named("covering").expect("a symbol");
    let function = image
        .function_at(LinkAddr(covering.address.0 + 1))
        .expect("a function");
    assert_eq!(function.name, covering.name);
    assert_eq!(function.origin, FunctionOrigin::Symbol);
}

#[test]
fn a_cold_part_belongs_to_its_function() {
    let program = Program::c(SOURCE, &["-O2", "-g", "-freorder-blocks-and-partition"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let Some(cold) = image.symbol_named("split.cold") else {
        panic!("the compiler did not split the function");
    };
    let split = &image.functions_named("split")[0];
    assert_eq!(split.ranges.len(), 2);
    assert_eq!(image.function_at(cold.address).as_ref(), Some(split));
    assert_ne!(split.entry, cold.address);
}

#[test]
fn names_that_are_close_are_offered() {
    let program = Program::c(SOURCE, &["-g"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    assert_eq!(image.near_names("spilt", 3), ["split"]);
    assert_eq!(image.near_names("give_upp", 3), ["give_up"]);
    assert_eq!(image.near_names("nothing_like_it", 3), [""; 0]);
}

#[test]
fn rust_functions_are_found_by_the_end_of_their_path() {
    let source = "mod book { pub struct Book(pub u64);
        impl Book { #[inline(never)] pub fn insert(&mut self, by: u64) -> u64 { self.0 += by; self.0 } } }
        fn main() { let mut book = book::Book(1); std::process::exit(book.insert(std::env::args().count() as u64) as i32) }";
    for scheme in [
        &["-g"][..],
        &["-g", "-O", "-Csymbol-mangling-version=v0"],
        &[],
    ] {
        let program = Program::rust(source, scheme);
        let room = Decompressed::default();
        let image = image(&program.bytes, &room);
        for name in [
            "Book::insert",
            "book::Book::insert",
            "program::book::Book::insert",
        ] {
            let found = image.functions_named(name);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(
                found[0].name.demangled.raw().ends_with("::insert"),
                "{found:?}"
            );
        }
        assert!(!image.functions_named("insert").is_empty());
    }
}

#[test]
fn symbols_name_code_and_data() {
    let program = Program::c(SOURCE, &["-no-pie"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    assert_eq!(image.debug_level(), DebugLevel::Symbols);
    let counter = image.symbol_named("global_counter").expect("the symbol");
    assert!(!counter.is_function);
    assert_eq!(counter.size, 4);
    let inside = image.symbol_at(LinkAddr(counter.address.0 + 3));
    assert_eq!(inside.as_ref(), Some(&counter));
    assert_eq!(
        image.bytes_at(counter.address).expect("data")[..4],
        [7, 0, 0, 0]
    );
    let section = image.section_at(counter.address).expect("a section");
    assert_eq!(section.name, b".data");
    assert!(section.allocated && !section.executable);
    let entry = image.section_at(image.entry()).expect("a section");
    assert!(entry.executable);
    assert_eq!(image.symbol_at(LinkAddr(1)), None);
    assert_eq!(
        image
            .function_at(image.entry())
            .expect("a function")
            .name
            .linkage
            .raw(),
        "_start"
    );
}

#[test]
fn a_companion_gives_what_was_stripped() {
    for build_id in ["-Wl,--build-id=sha1", "-Wl,--build-id=none"] {
        let program = Program::c(SOURCE, &["-g", build_id]);
        let stripped = program.objcopy(&["--strip-all"]);
        let debug = program.objcopy(&["--only-keep-debug"]);
        let room = Decompressed::default();
        let alone = image(&stripped, &room);
        let debug_alone = image(&debug, &room);
        assert_eq!(alone.debug_level(), DebugLevel::None);
        assert!(alone.is_companion(&debug_alone));
        assert!(debug_alone.bytes_at(alone.entry()).is_none());
        let both = Image::parse_with_companion(&stripped, &debug, &room).expect("an image");
        assert_eq!(both.debug_level(), DebugLevel::Dwarf);
        let whole = image(&program.bytes, &room);
        assert_eq!(both.functions(), whole.functions());
        let main = whole.functions_named("main")[0].entry;
        assert_eq!(
            both.bytes_at(main),
            whole
                .bytes_at(main)
                .map(|bytes| &bytes[..both.bytes_at(main).unwrap().len()])
        );
        assert_eq!(both.unwind_row(main), whole.unwind_row(main));

        let other = Program::c(
            &SOURCE.replace("at * 3", "at * at * at + 1"),
            &["-g", build_id],
        );
        assert!(!alone.is_companion(&image(&other.bytes, &room)));
    }
}

#[test]
fn a_32_bit_wrapper_takes_its_code_from_a_64_bit_companion() {
    let program = Program::c(SOURCE, &["-g", "-static", "-no-pie", "-Wl,--build-id=none"]);
    let wrapper = program.objcopy(&["-O", "elf32-i386", "--strip-debug"]);
    let room = Decompressed::default();
    let wrapped = image(&wrapper, &room);
    assert_eq!(wrapped.class(), ElfClass::Elf32);
    assert!(wrapped.is_companion(&image(&program.bytes, &room)));
    let both = Image::parse_with_companion(&wrapper, &program.bytes, &room).expect("an image");
    assert_eq!(both.class(), ElfClass::Elf32);
    let whole = image(&program.bytes, &room);
    let split = &whole.functions_named("split")[0];
    assert_eq!(both.function_at(split.entry).as_ref(), Some(split));
    assert_eq!(both.unwind_row(split.entry), whole.unwind_row(split.entry));
}

#[test]
fn links_and_notes_are_read() {
    let program = Program::c(SOURCE, &["-g", "-Wl,--build-id=0x0123456789abcdef"]);
    let directory = program.directory.path();
    let debug = program.objcopy(&["--only-keep-debug"]);
    let debug_path = directory.join("program.debug");
    std::fs::write(&debug_path, debug).expect("written");
    let linked = program.objcopy(&[&format!("--add-gnu-debuglink={}", debug_path.display())]);
    let room = Decompressed::default();
    let image = image(&linked, &room);
    assert_eq!(
        image.debug_link().expect("a link").file_name,
        b"program.debug"
    );
    let id: &[u8] = &[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    assert_eq!(image.build_id(), Some(id));
    assert_eq!(image.notes(b"GNU\0", 3), [id]);
    assert!(image.notes(b"Xen\0", 18).is_empty());
}

#[test]
fn what_is_not_an_image_is_refused() {
    let check = |bytes: &[u8], expected: ImageError| {
        let room = Decompressed::default();
        assert_eq!(Image::parse(bytes, &room).err(), Some(expected));
    };
    check(
        b"",
        ImageError::NotElf {
            first_bytes: vec![],
        },
    );
    check(
        b"#!/bin/sh",
        ImageError::NotElf {
            first_bytes: b"#!/b".to_vec(),
        },
    );
    let mut header = common::own_executable();
    header[18] = 183;
    check(&header, ImageError::ForeignMachine { machine: 183 });
}

/// A name is looked up by symbols at first, and in the index of all functions
/// once there is one.
#[test]
fn both_ways_to_a_name_give_the_same() {
    let copies = r#"
        __attribute__((noinline)) static int part(int n, int m) { return m ? n * 3 + m : n; }
        static int twice(int n) { return 2 * n; }
        int (*volatile chosen)(int) = twice;
        int main(int count, char **arguments) { return part(count, 7) + chosen(count); }
    "#;
    for flags in [["-g", "-O2"], ["-g", "-O0"]] {
        let program = Program::c(copies, &flags);
        let rooms = [Decompressed::default(), Decompressed::default()];
        let indexed = image(&program.bytes, &rooms[0]);
        let all = indexed.functions();
        let names = ["part", "twice", "main", "_start", "nothing", ""];
        for name in names
            .into_iter()
            .chain(all.iter().map(|it| it.name.linkage.raw()))
        {
            let fresh = image(&program.bytes, &rooms[1]);
            assert_eq!(
                fresh.functions_named(name),
                indexed.functions_named(name),
                "{name}"
            );
        }
    }
}

/// Many addresses at once are answered like one after the other.
#[test]
fn many_addresses_at_once() {
    let program = Program::c(SPLIT_AND_INLINED, &["-g", "-O2"]);
    let rooms = [Decompressed::default(), Decompressed::default()];
    let (one, other) = (
        image(&program.bytes, &rooms[0]),
        image(&program.bytes, &rooms[1]),
    );
    let mut addresses: Vec<_> = one
        .functions()
        .iter()
        .flat_map(|function| function.ranges.clone())
        .flat_map(|range| range.start.0..=range.end.0)
        .flat_map(|at| {
            [
                CodeAddr::Exact(LinkAddr(at)),
                CodeAddr::Return(LinkAddr(at)),
            ]
        })
        .collect();
    addresses.reverse();
    addresses.push(CodeAddr::Exact(LinkAddr(0)));
    let singly: Vec<_> = addresses.iter().map(|&at| one.source_frames(at)).collect();
    assert!(singly.iter().any(|frames| frames.len() > 1));
    assert_eq!(other.source_frames_of_all(&addresses), singly);
    assert!(other.source_frames_of_all(&[]).is_empty());
}

const SPLIT_AND_INLINED: &str = r#"
    static inline int inner(int n) { return n * 3 + 1; }
    static inline int middle(int n) { return inner(n) ^ inner(n + 5); }
    __attribute__((noinline)) int outer(int n) { if (n > 70) __builtin_trap(); return middle(n); }
    int main(int count, char **arguments) { return outer(count); }
"#;

/// A part and a copy that the compiler made are found by the linker's names
/// for them, and the function they are of by its own.
#[test]
fn parts_and_copies_have_names() {
    let source = r#"
        void fail(int) __attribute__((cold, noinline, noreturn));
        void fail(int n) { __builtin_trap(); }
        static __attribute__((noinline)) int scale(int n, int by) { return n * by + n / by; }
        __attribute__((noinline)) int split(int n) { if (n > 70) fail(n); return scale(n, 3) ^ n; }
        int main(int count, char **words) { return split(count) + scale(count + 1, 3); }
    "#;
    let program = Program::c(source, &["-g", "-O2"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    for symbol in image.symbol_table() {
        let linkage = symbol.name.linkage.raw();
        let is_part = linkage.ends_with(".cold");
        if !symbol.is_function || !(is_part || linkage.starts_with("scale.")) {
            continue;
        }
        let found = image.functions_named(linkage);
        let [function] = &found[..] else {
            panic!("{linkage}: {found:?}");
        };
        assert_eq!(function.entry, symbol.address, "{linkage}");
        // What DWARF calls a copy, it calls like the function; of a part it
        // knows no name.
        let name = if is_part { linkage } else { "scale" };
        assert_eq!(function.name.demangled.raw(), name);
        let (whole, _) = linkage.split_once('.').expect("a dot");
        let whole = image.functions_named(whole);
        assert!(
            whole.iter().any(|it| it.contains(symbol.address)),
            "{linkage}"
        );
    }
    assert!(image.functions_named("split.nothing").is_empty());
}
