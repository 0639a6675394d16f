//! Answers questions about an image from a cold process, for measuring: one
//! question for each argument after the image. Not a tool for people, which is
//! `ukdbg addr2line`.

use std::io::{BufRead as _, BufWriter, Write as _};
use std::time::Instant;

use ukdbg_image::{CodeAddr, Decompressed, Image, LinkAddr};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("an image");
    let file = std::fs::File::open(path).expect("readable");
    #[expect(unsafe_code, reason = "a file is mapped as the tools do it")]
    // SAFETY: the images that are measured do not change.
    let bytes = unsafe { memmap2::Mmap::map(&file) }.expect("it can be mapped");
    let room = Decompressed::default();
    let image = Image::parse(&bytes, &room).expect("an ELF image");
    let what = arguments.next().expect("a question");
    let rest: Vec<String> = arguments.collect();
    let started = Instant::now();
    match what.as_str() {
        "addresses" => addresses(&image, &rest),
        "function" => {
            for function in image.functions_named(&rest[0]) {
                let at = image.after_prologue(&function);
                println!(
                    "{:?} {:#x} {:#x}",
                    function.name.demangled, function.entry.0, at.0
                );
            }
            for copy in image.inlined_copies(&rest[0]) {
                println!("inlined at {:#x}", copy.0);
            }
        }
        "line" => {
            let line = rest[1].parse().expect("a number");
            println!("{:x?}", image.addresses_of_line(&rest[0], line));
        }
        "global" => println!("{}", image.globals_named(&rest[0]).len()),
        "type" => println!("{}", image.types_named(&rest[0]).len()),
        "functions" => println!("{}", image.functions().len()),
        "sample" => sample(&image, rest[0].parse().expect("a number")),
        "context" => context(&image, &rest),
        other => panic!("{other} is no question"),
    }
    eprintln!("{:.2} ms", started.elapsed().as_secs_f64() * 1e3);
}

fn given(rest: &[String]) -> Vec<u64> {
    let number = |text: &str| {
        let digits = text.trim().trim_start_matches("0x");
        u64::from_str_radix(digits, 16).expect("hexadecimal")
    };
    if rest.is_empty() {
        let lines = std::io::stdin().lock().lines();
        return lines.map(|line| number(&line.expect("text"))).collect();
    }
    rest.iter().map(|text| number(text)).collect()
}

fn addresses(image: &Image<'_>, rest: &[String]) {
    let asked = given(rest);
    let asked: Vec<_> = asked
        .iter()
        .map(|&at| CodeAddr::Exact(LinkAddr(at)))
        .collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    for frames in image.source_frames_of_all(&asked) {
        for frame in frames {
            let name = frame
                .function
                .as_ref()
                .map_or("??", |name| name.demangled.raw());
            let place = frame.location.as_ref();
            let file = place.map_or("??", |place| place.file.path.raw());
            let line = place.and_then(|place| place.line).map_or(0, u32::from);
            writeln!(out, "{name} {file}:{line}").expect("it can be written");
        }
    }
}

/// Addresses of code: one within an inlined call, and behind it as many as are
/// asked for, always the same and in no order.
fn sample(image: &Image<'_>, count: usize) {
    let code: Vec<_> = image
        .sections()
        .into_iter()
        .filter(|it| it.executable)
        .collect();
    let largest = code
        .iter()
        .max_by_key(|section| section.size)
        .expect("code");
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        LinkAddr(largest.address.0 + state % largest.size)
    };
    let inlined = |at: &LinkAddr| image.source_frames(CodeAddr::Exact(*at)).len() > 1;
    let first = std::iter::repeat_with(&mut next).take(1_000).find(inlined);
    println!("{:#x}", first.expect("a compiler inlines calls").0);
    for _ in 0..count {
        println!("{:#x}", next().0);
    }
}

/// The same addresses by the peer in this process.
fn context(image: &Image<'_>, rest: &[String]) {
    use addr2line::gimli::{EndianSlice, LittleEndian, SectionId};
    let section = |id: SectionId| {
        let bytes = image
            .section(id.name())
            .map_or(&[][..], |section| section.bytes);
        Ok::<_, addr2line::gimli::Error>(EndianSlice::new(bytes, LittleEndian))
    };
    let dwarf = addr2line::gimli::Dwarf::load(section).expect("sections load");
    let context = addr2line::Context::from_dwarf(dwarf).expect("sound DWARF");
    let mut out = BufWriter::new(std::io::stdout().lock());
    for at in given(rest) {
        let mut frames = context
            .find_frames(at)
            .skip_all_loads()
            .expect("sound DWARF");
        while let Ok(Some(frame)) = frames.next() {
            let name = frame
                .function
                .as_ref()
                .and_then(|name| name.demangle().ok());
            let place = frame.location.as_ref();
            let file = place.and_then(|place| place.file).unwrap_or("??");
            let line = place.and_then(|place| place.line).unwrap_or(0);
            let name = name.as_deref().unwrap_or("??");
            writeln!(out, "{name} {file}:{line}").expect("it can be written");
        }
    }
}
