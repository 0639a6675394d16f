//! Functions, inline chains, files and lines against addr2line, address by
//! address; and lines back to addresses.

mod common;

use addr2line::gimli::{self, EndianSlice, LittleEndian};
use common::{Program, image};
use ukdbg_image::{CodeAddr, Decompressed, Image, LinkAddr};

const ENGINE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
struct order { long price; int amount; };
static inline long worth(const struct order *order) { return order->price * order->amount; }
static inline long twice(const struct order *order) { return worth(order) + worth(order); }
__attribute__((noinline)) long match(struct order *book, int count) {
    long sum = 0;
    for (int at = 0; at < count; at++) {
        if (book[at].amount < 0) { fprintf(stderr, "bad\n"); abort(); }
        sum += twice(&book[at]) ^ at;
    }
    return sum;
}
int main(int count, char **arguments) {
    struct order book[8] = {{1, 2}, {3, 4}};
    book[1].amount = count;
    printf("%ld %s\n", match(book, 8), arguments[0]);
    return 0;
}
"#;

/// Addresses of all executable sections, every `step` bytes.
fn code_addresses(image: &Image<'_>, step: usize) -> Vec<u64> {
    let code = image
        .sections()
        .into_iter()
        .filter(|section| section.executable);
    code.flat_map(|section| {
        let end = section.address.0 + section.size;
        (section.address.0..end).step_by(step)
    })
    .collect()
}

/// One frame: linkage name, file, line, column.
type Frame = (Option<String>, Option<String>, Option<u32>, Option<u32>);

fn our_frames(image: &Image<'_>, address: u64) -> Vec<Frame> {
    let frames = image.source_frames(CodeAddr::Exact(LinkAddr(address)));
    let frame = |frame: ukdbg_image::SourceFrame| {
        let location = frame.location;
        let file = location
            .as_ref()
            .map(|location| location.file.path.raw().to_owned());
        let line = location.as_ref().and_then(|location| location.line);
        let column = location.and_then(|location| location.column);
        let name = frame.function.map(|name| name.linkage.raw().to_owned());
        (name, file, line.map(Into::into), column.map(Into::into))
    };
    frames.into_iter().map(frame).collect()
}

type Oracle<'data> = addr2line::Context<EndianSlice<'data, LittleEndian>>;

fn oracle<'data>(image: &Image<'data>) -> Oracle<'data> {
    let load = |id: gimli::SectionId| {
        let bytes = image
            .section(id.name())
            .map_or(&[][..], |section| section.bytes);
        Ok::<_, gimli::Error>(EndianSlice::new(bytes, LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(load).expect("sections load");
    addr2line::Context::from_dwarf(dwarf).expect("a context")
}

fn their_frames(oracle: &Oracle<'_>, address: u64) -> Vec<Frame> {
    let mut found = Vec::new();
    let mut frames = oracle
        .find_frames(address)
        .skip_all_loads()
        .expect("frames");
    while let Some(frame) = frames.next().expect("a frame") {
        let name = frame
            .function
            .map(|name| name.raw_name().expect("a name").into_owned());
        let location = frame.location;
        let file = location
            .as_ref()
            .and_then(|location| location.file)
            .map(str::to_owned);
        let line = location.as_ref().and_then(|location| location.line);
        let column = location.and_then(|location| location.column);
        let nonzero = |number: Option<u32>| number.filter(|&number| number != 0);
        found.push((name, file, nonzero(line), nonzero(column)));
    }
    found
}

/// Without linkage names in DWARF (`line-tables-only`) ours is the symbol
/// table's, which names the path too; addr2line's is the bare name.
fn take_bare_name(ours: &mut [Frame], theirs: &[Frame]) {
    let (Some((Some(ours), ..)), Some((Some(theirs), ..))) = (ours.last_mut(), theirs.last())
    else {
        return;
    };
    let mut words =
        theirs.split(|character: char| !character.is_alphanumeric() && character != '_');
    let word = words.find(|word| !word.is_empty()).unwrap_or_default();
    let mangled = |name: &str| name.starts_with("_R") || name.starts_with("_ZN");
    if mangled(ours) && !mangled(theirs) && ours.contains(word) {
        ours.clone_from(theirs);
    }
}

/// Compares every address; returns how many had frames.
fn compare(bytes: &[u8], step: usize) -> usize {
    let room = Decompressed::default();
    let image = image(bytes, &room);
    let oracle = oracle(&image);
    let mut compared = 0;
    for address in code_addresses(&image, step) {
        let theirs = their_frames(&oracle, address);
        // Where DWARF knows nothing, ours are from the symbol table.
        if theirs.is_empty() || theirs.iter().all(|frame| frame.0.is_none()) {
            continue;
        }
        let mut ours = our_frames(&image, address);
        take_bare_name(&mut ours, &theirs);
        assert_eq!(ours, theirs, "at {address:#x}");
        compared += 1;
    }
    compared
}

#[test]
fn gcc_programs_read_as_addr2line_reads_them() {
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        for level in ["-O0", "-O2", "-Os"] {
            let program = Program::c(ENGINE, &[version, level]);
            let compared = compare(&program.bytes, 1);
            assert!(compared > 150, "{version} {level}: only {compared}");
        }
    }
}

#[test]
fn compressed_sections_read_the_same() {
    let plain = Program::c(ENGINE, &["-g", "-O2"]);
    for how in ["zlib", "zlib-gnu"] {
        let packed = plain.objcopy(&[&format!("--compress-debug-sections={how}")]);
        assert!(packed.len() < plain.bytes.len());
        assert_eq!(compare(&packed, 1), compare(&plain.bytes, 1));
    }
}

#[test]
fn units_are_found_without_address_ranges() {
    let plain = Program::c(ENGINE, &["-g", "-O2"]);
    let without = plain.objcopy(&["--remove-section=.debug_aranges"]);
    assert_eq!(compare(&without, 1), compare(&plain.bytes, 1));
}

#[test]
fn rust_programs_read_as_addr2line_reads_them() {
    let source =
        "fn main() { let mut all: Vec<u64> = std::env::args().map(|a| a.len() as u64).collect();
        all.sort_by(|a, b| b.cmp(a)); println!(\"{all:?}\"); }";
    for arguments in [&["-g", "-O", "-Csymbol-mangling-version=v0"][..], &["-g"]] {
        let program = Program::rust(source, arguments);
        let compared = compare(&program.bytes, 61);
        assert!(compared > 1000, "{arguments:?}: only {compared}");
    }
}

#[test]
fn this_executable_reads_as_addr2line_reads_it() {
    let compared = compare(&common::own_executable(), 997);
    assert!(compared > 1000, "only {compared}");
}

#[test]
fn a_line_has_addresses_that_lead_back_to_it() {
    let program = Program::c(ENGINE, &["-g", "-O0"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let line = 1 + u32::try_from(
        ENGINE
            .lines()
            .position(|line| line.contains("sum +="))
            .unwrap(),
    )
    .unwrap();
    let addresses = image.addresses_of_line("program.c", line);
    assert!(!addresses.is_empty());
    for address in &addresses {
        let frames = image.source_frames(CodeAddr::Exact(*address));
        let location = frames[0].location.as_ref().unwrap();
        assert_eq!(location.line.map(u32::from), Some(line));
        assert!(location.file.path.raw().ends_with("/program.c"));
        assert_eq!(frames[0].function.as_ref().unwrap().linkage.raw(), "match");
    }
    assert_eq!(image.addresses_of_line("gram.c", line), []);
    assert_eq!(image.addresses_of_line("program.c", 9999), []);
}

#[test]
fn the_body_of_a_function_begins_behind_its_prologue() {
    let program = Program::c(ENGINE, &["-g", "-O0"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let main = &image.functions_named("main")[0];
    let body = image.after_prologue(main);
    assert!(main.contains(body) && body > main.entry);
    let frames = image.source_frames(CodeAddr::Exact(body));
    let first_statement = 1 + ENGINE
        .lines()
        .position(|line| line.contains("book[8] ="))
        .unwrap();
    let line = frames[0].location.as_ref().unwrap().line.map(u32::from);
    assert_eq!(line, Some(u32::try_from(first_statement).unwrap()));

    let start = image.functions_named("_start").remove(0);
    assert_eq!(image.after_prologue(&start), start.entry);
}

#[test]
fn a_line_without_code_stands_for_the_next_one() {
    let program = Program::c(ENGINE, &["-g", "-O0"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let line = |text: &str| {
        let index = ENGINE.lines().position(|line| line.contains(text)).unwrap();
        u32::try_from(index + 1).unwrap()
    };
    let next = image.line_with_code("program.c", line("struct order { long"));
    assert_eq!(next, Some(line("static inline long worth")));
    let same = image.line_with_code("program.c", line("sum +="));
    assert_eq!(same, Some(line("sum +=")));
    assert_eq!(image.line_with_code("program.c", 9999), None);
    assert_eq!(image.line_with_code("other.c", 1), None);
}
