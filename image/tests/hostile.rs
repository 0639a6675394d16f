//! Images with bytes flipped and ends cut off: every question is asked, and
//! none may panic or take long.

mod common;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::Program;
use proptest::prelude::*;
use ukdbg_image::{
    CodeAddr, CompanionFiles, Decompressed, DwarfRegister, ExpressionContext, Image, LinkAddr,
    TriedPlace, TypeId, TypeKind, VariableLocation, WantedFile,
};

const C: &str = r#"
#include <stdio.h>
struct node { struct node *next; union { int i; float f; } u; unsigned bits : 5; enum { A, B } e; char name[8]; };
static inline int weigh(struct node *node, int by) { int sum = 0; for (; node; node = node->next) sum += node->u.i * by; return sum; }
__attribute__((noinline)) int walk(struct node *node, int by) { int w = weigh(node, by); printf("%d", w); return w; }
struct node root;
int main(int count, char **arguments) { (void)arguments; return walk(&root, count); }
"#;

const RUST: &str = "#![no_std] #![no_main]
    pub enum Shape { Empty, Circle(u32), Named { name: &'static str, next: Option<&'static Shape> } }
    #[panic_handler] fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
    #[inline(never)] fn area(shape: &Shape) -> u32 { match shape { Shape::Empty => 0, Shape::Circle(r) => r * r,
        Shape::Named { name, next } => name.len() as u32 + next.map_or(1, |next| area(next)) } }
    #[unsafe(no_mangle)] pub extern \"C\" fn _start() -> ! { core::hint::black_box(area(core::hint::black_box(&Shape::Circle(2)))); loop {} }";

/// Small images of every kind that is read: DWARF 4 and 5, GCC and rustc,
/// compressed, `.debug_frame`, ELF32, without section headers' order.
fn images() -> &'static [Vec<u8>] {
    static IMAGES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let four = Program::c(C, &["-gdwarf-4", "-O2"]);
        let five = Program::c(C, &["-gdwarf-5", "-O0", "-no-pie"]);
        let frames = Program::c(C, &["-g", "-O2", "-fno-asynchronous-unwind-tables"]);
        let bare = ["-nostartfiles", "-static", "-nostdlib"]
            .map(|argument| format!("-Clink-arg={argument}"));
        let rust = [
            "-g",
            "-Cpanic=abort",
            "-O",
            &bare[0],
            &bare[1],
            &bare[2],
            "-Crelocation-model=static",
        ];
        let rust = Program::rust(RUST, &rust);
        vec![
            four.objcopy(&["--compress-debug-sections=zlib"]),
            five.objcopy(&["-O", "elf32-i386"]),
            four.objcopy(&["--only-keep-debug"]),
            four.bytes,
            five.bytes,
            frames.bytes,
            rust.bytes,
        ]
    })
}

/// A case takes milliseconds; this is for a machine that does much else.
const LIMIT: Duration = Duration::from_secs(10);

struct Machine;

impl ExpressionContext for Machine {
    fn register(&mut self, register: DwarfRegister) -> Option<u64> {
        Some(u64::from(register.0) << 12)
    }
    fn memory(&mut self, address: u64, _: u8) -> Option<u64> {
        Some(address.rotate_left(13))
    }
    fn cfa(&mut self) -> Option<u64> {
        Some(u64::MAX - 3)
    }
    fn entry_value(&mut self, register: DwarfRegister) -> Option<u64> {
        Some(u64::from(register.0))
    }
    fn relocate(&mut self, address: LinkAddr) -> Option<u64> {
        address.0.checked_add(1 << 40)
    }
}

/// Types of a variable, and what they refer to, a few levels deep.
fn follow_types(image: &Image<'_>, first: TypeId) {
    let mut seen = BTreeSet::new();
    let mut next = vec![first];
    while let Some(id) = next.pop() {
        if seen.len() > 200 || !seen.insert(id.0) {
            continue;
        }
        let Some(ty) = image.type_of(id) else {
            continue;
        };
        match ty.kind {
            TypeKind::Pointer(target) | TypeKind::Alias(target) => next.extend(target),
            TypeKind::Array { element, .. } => next.extend(element),
            TypeKind::Struct { members, variants } => {
                let variants = variants.into_iter().flat_map(|part| part.variants);
                let variants = variants.flat_map(|variant| variant.members);
                next.extend(
                    members
                        .into_iter()
                        .chain(variants)
                        .filter_map(|member| member.ty),
                );
            }
            TypeKind::Union { members } => {
                next.extend(members.into_iter().filter_map(|member| member.ty))
            }
            _ => {}
        }
    }
}

fn ask_at(image: &Image<'_>, address: LinkAddr) {
    let code = CodeAddr::Return(address);
    let frames = image.source_frames(code);
    let _ = (
        image.function_at(address),
        image.symbol_at(address),
        image.section_at(address),
    );
    let _ = (
        image.bytes_at(address),
        image.compilation_unit(address),
        image.unwind_row(address),
        image.plain_row(address),
    );
    for level in 0..=frames.len() {
        for variable in image.variables(code, level) {
            if let Some(VariableLocation::Expression {
                location,
                frame_base,
            }) = &variable.location
            {
                let _ = image.evaluate(location, frame_base.as_ref(), &mut Machine);
            }
            if let Some(ty) = variable.ty {
                follow_types(image, ty);
            }
        }
    }
}

fn ask_everything(bytes: &[u8]) {
    let room = Decompressed::default();
    let Ok(image) = Image::parse(bytes, &room) else {
        return;
    };
    ask_image(&image);
    let whole = Image::parse_with_companion(bytes, &images()[3], &room);
    if let Ok(whole) = whole {
        ask_at(&whole, whole.entry());
        let _ = image.is_companion(&whole);
    }
}

fn ask_image(image: &Image<'_>) {
    let _ = (
        image.class(),
        image.build_id(),
        image.debug_link(),
        image.debug_level(),
    );
    let _ = (image.segments(), image.sections(), image.notes(b"GNU\0", 3));
    let _ = (
        image.near_names("wolk", 3),
        image.functions_named("walk"),
        image.symbol_named("walk"),
    );
    let _ = (
        image.addresses_of_line("program.c", 5),
        image.globals_named("root"),
    );
    ask_at(image, image.entry());
    for address in [0, 1, u64::MAX, 0x40_1000] {
        ask_at(image, LinkAddr(address));
    }
    for function in image.functions().iter().take(12) {
        let range = &function.ranges[0];
        ask_at(image, function.entry);
        ask_at(image, LinkAddr(range.start.0 / 2 + range.end.0 / 2));
        let _ = image.may_jump_back(function.entry);
    }
}

/// Programs, each with a file that holds part of its debugging information:
/// split, with type units, packaged.
fn split_programs() -> &'static [(Vec<u8>, Vec<u8>)] {
    static PROGRAMS: OnceLock<Vec<(Vec<u8>, Vec<u8>)>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let split = |more: &[&str]| {
            let program = Program::c(C, &[&["-gsplit-dwarf"], more].concat());
            let files = std::fs::read_dir(program.directory.path()).expect("its folder");
            let mut paths = files.map(|file| file.expect("a file").path());
            let path = paths.find(|path| path.extension().is_some_and(|it| it == "dwo"));
            let bytes = std::fs::read(path.expect("a split unit")).expect("its bytes");
            (program.bytes, bytes)
        };
        let rust = [
            "-g",
            "-O",
            "-Csplit-debuginfo=packed",
            "-Cpanic=abort",
            "-Clink-args=-nostartfiles -static -nostdlib",
            "-Crelocation-model=static",
        ];
        let rust = Program::rust(RUST, &rust);
        let package = rust.path.with_extension("dwp");
        let package = std::fs::read(package).expect("rustc packages it");
        vec![
            split(&["-gdwarf-4", "-O2", "-fdebug-types-section"]),
            split(&["-gdwarf-5", "-O2", "-fdebug-types-section"]),
            split(&["-gdwarf-5", "-O0"]),
            (rust.bytes, package),
        ]
    })
}

/// The one file that there is.
struct Only<'data>(&'data [u8]);

impl<'data> CompanionFiles<'data> for Only<'data> {
    fn find(
        &self,
        _: WantedFile<'_>,
        fits: &mut dyn FnMut(&'data [u8]) -> bool,
    ) -> Vec<TriedPlace> {
        fits(self.0);
        Vec::new()
    }
}

/// Whether the file is the program's, after every question was asked.
fn ask_split(program: &[u8], file: &[u8]) -> bool {
    let room = Decompressed::default();
    let image = Image::parse(program, &room).expect("it is not damaged");
    let image = image.with_companion_files(Only(file));
    ask_image(&image);
    let _ = image.types_named("node");
    image.missing_files().is_empty()
}

#[derive(Clone, Debug)]
enum Damage {
    Flip { at: prop::sample::Index, mask: u8 },
    Word { at: prop::sample::Index, value: u32 },
    Cut { at: prop::sample::Index },
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    let word = prop_oneof![Just(0), Just(u32::MAX), Just(0x7fff_ffff), any::<u32>()];
    prop_oneof![
        8 => (at(), 1u8..).prop_map(|(at, mask)| Damage::Flip { at, mask }),
        4 => (at(), word).prop_map(|(at, value)| Damage::Word { at, value }),
        1 => at().prop_map(|at| Damage::Cut { at }),
    ]
}

/// Where the parts of a file lie that are parsed: its header, and every
/// section that is not program code or data.
fn parsed_parts(bytes: &[u8]) -> Vec<Range<usize>> {
    let room = Decompressed::default();
    let image = Image::parse(bytes, &room).expect("undamaged");
    let parsed = image.sections().into_iter().filter(|section| {
        !section.allocated
            || section.name.starts_with(b".eh_frame")
            || section.name.starts_with(b".note")
    });
    let parts = parsed.filter_map(|section| {
        // A compressed section's bytes are elsewhere.
        let start = (section.bytes.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
        let range = start..start + section.bytes.len();
        (range.len() > 8 && range.end <= bytes.len()).then_some(range)
    });
    let mut parts: Vec<_> = parts.collect();
    parts.push(0..64);
    parts
}

impl Damage {
    fn inflict(&self, bytes: &mut Vec<u8>) {
        if bytes.len() < 4 {
            return;
        }
        match self {
            Self::Flip { at, mask } => *at.get_mut(bytes) ^= mask,
            Self::Word { at, value } => {
                let at = at.index(bytes.len() - 3);
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            Self::Cut { at } => bytes.truncate(at.index(bytes.len())),
        }
    }
}

#[test]
fn undamaged_companions_are_read() {
    for (program, file) in split_programs() {
        assert!(ask_split(program, file));
    }
}

#[test]
fn undamaged_images_are_read() {
    for bytes in images() {
        ask_everything(bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300),
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_companions_are_survived(
        which in any::<prop::sample::Index>(),
        damages in prop::collection::vec(damage(), 1..12),
    ) {
        let (program, file) = which.get(split_programs());
        let mut file = file.clone();
        for damage in &damages {
            damage.inflict(&mut file);
        }
        let start = Instant::now();
        ask_split(program, &file);
        prop_assert!(start.elapsed() < LIMIT, "took {:?}", start.elapsed());
    }

    #[test]
    fn damaged_images_are_survived(
        which in any::<prop::sample::Index>(),
        part in prop::option::of(any::<prop::sample::Index>()),
        damages in prop::collection::vec(damage(), 1..24),
    ) {
        let mut bytes = which.get(images()).clone();
        // Mostly in one of the parts that are parsed, or else anywhere.
        let parts = parsed_parts(&bytes);
        let part = part.map_or(0..bytes.len(), |part| part.get(&parts).clone());
        let rest = bytes.split_off(part.end);
        let mut damaged = bytes.split_off(part.start);
        for damage in &damages {
            damage.inflict(&mut damaged);
        }
        bytes.append(&mut damaged);
        bytes.extend(rest);
        let start = Instant::now();
        ask_everything(&bytes);
        prop_assert!(start.elapsed() < LIMIT, "took {:?}", start.elapsed());
    }
}
