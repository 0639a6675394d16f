//! What finding a rule and unwinding a stack in memory take, beside gimli on
//! the same image and stack. The image is this program itself, unless one is
//! named. One line per figure: what, ours, the peer's, in nanoseconds.

use std::hint::black_box;
use std::time::Instant;

use gimli::{BaseAddresses, EhFrameHdr, EndianSlice, LittleEndian, UnwindContext, UnwindSection};
use ukdbg_image::iced_x86::{Decoder, DecoderOptions, FlowControl};
use ukdbg_image::{Decompressed, DwarfRegister, Image, LinkAddr};
use ukdbg_inspect::{
    FoundBy, Memory, MemoryError, Module, Modules, Register, Registers, Unwinder, VirtAddr,
};

/// Frames of the stack that is unwound.
const FRAMES: usize = 235;
const STACK: u64 = 0x7000_0000_0000;
const ROUNDS: usize = 31;

type Slice<'data> = EndianSlice<'data, LittleEndian>;

fn main() {
    // Cargo adds `--bench`.
    let named = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let path = named.map_or_else(std::env::current_exe, |path| Ok(path.into()));
    let bytes = std::fs::read(path.expect("a program knows its path")).expect("readable");
    let room = Decompressed::default();
    let image = Image::parse(&bytes, &room).expect("an ELF image");
    let sites = return_addresses(&image);
    let gimli = Gimli::new(&image);
    preparation(&bytes, &sites);
    rules(&image, &sites, &gimli);
    backtraces(image, &sites, &gimli);
}

/// Every row of an image that was not asked before, from its functions on.
fn preparation(bytes: &[u8], sites: &[u64]) {
    let functions = {
        let room = Decompressed::default();
        Image::parse(bytes, &room)
            .expect("as before")
            .functions()
            .len()
    };
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let room = Decompressed::default();
        let image = Image::parse(bytes, &room).expect("as before");
        let started = Instant::now();
        for &site in sites {
            black_box(image.plain_row(LinkAddr(site - 1)));
        }
        samples.push(started.elapsed().as_nanos() as f64);
    }
    let all = median(&mut samples);
    let per_7000 = all * 7_000.0 / functions as f64;
    println!(
        "prepare every page of {functions} functions, per 7,000: {:.2} ms",
        per_7000 / 1e6
    );
}

fn rules(image: &Image<'_>, sites: &[u64], gimli: &Gimli<'_>) {
    let order = shuffled(sites, 10_000);
    let ours = || {
        for _ in 0..10 {
            for &site in &order {
                black_box(image.plain_row(black_box(LinkAddr(site - 1))));
            }
        }
    };
    let mut context = UnwindContext::new();
    let theirs = || {
        for _ in 0..10 {
            for &site in &order {
                black_box(gimli.row(site - 1, &mut context));
            }
        }
    };
    report("rule for a pc", order.len() * 10, ours, theirs);
}

fn backtraces(image: Image<'_>, sites: &[u64], gimli: &Gimli<'_>) {
    let (pcs, stack) = stack(&image, &shuffled(sites, sites.len()));
    let mut modules = Modules::default();
    modules.push(Module::unmoved("program".into(), image.into()));
    let unwinder = Unwinder::new(&modules).with_limit(FRAMES);
    let mut registers = Registers::default();
    registers.set(Register::Rip, pcs[0]);
    registers.set(Register::Rsp, STACK);
    for register in [Register::Rbx, Register::Rbp, Register::R12, Register::R13] {
        registers.set(register, 0);
    }
    let mut memory = Stack(&stack);
    let found = unwinder.unwind(&registers, FoundBy::Stop, &mut memory);
    let frames: Vec<u64> = found
        .frames
        .iter()
        .map(|frame| frame.pc.address().0)
        .collect();
    assert_eq!(frames, pcs[..FRAMES], "{:?}", found.end);
    assert_eq!(
        gimli.unwind(pcs[0], &stack, &mut UnwindContext::new()),
        FRAMES
    );
    let ours = || {
        let mut memory = Stack(&stack);
        black_box(unwinder.unwind(&registers, FoundBy::Stop, &mut memory));
    };
    let mut context = UnwindContext::new();
    let theirs = || {
        black_box(gimli.unwind(pcs[0], &stack, &mut context));
    };
    let many = |work: &mut dyn FnMut()| (0..50).for_each(|_| work());
    let (mut ours, mut theirs) = (ours, theirs);
    report(
        "frame of a stack in memory",
        FRAMES * 50,
        || many(&mut ours),
        || many(&mut theirs),
    );
}

/// Addresses behind calls, of code with plain rules on the stack pointer.
fn return_addresses(image: &Image<'_>) -> Vec<u64> {
    let mut sites = Vec::new();
    for function in image.functions() {
        for range in function.ranges {
            let size = range.end.0 - range.start.0;
            let Some(bytes) = image.bytes_at(range.start) else {
                continue;
            };
            let bytes = &bytes[..bytes.len().min(size as usize)];
            let decoder = Decoder::with_ip(64, bytes, range.start.0, DecoderOptions::NONE);
            let calls = decoder.into_iter().filter(|instruction| {
                matches!(
                    instruction.flow_control(),
                    FlowControl::Call | FlowControl::IndirectCall
                )
            });
            sites.extend(calls.map(|call| call.next_ip()).filter(|&at| {
                let row = image.plain_row(LinkAddr(at - 1));
                row.is_some_and(|row| row.cfa_register() == DwarfRegister::RSP)
            }));
        }
    }
    sites
}

/// Some of the addresses, in an order that no predictor knows.
fn shuffled(sites: &[u64], count: usize) -> Vec<u64> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sites[(state % sites.len() as u64) as usize]
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// A stack on which these places have called each other, and the places; the
/// first is where execution stands.
fn stack(image: &Image<'_>, sites: &[u64]) -> (Vec<u64>, Vec<u8>) {
    let pcs = sites[..=FRAMES].to_vec();
    let mut stack = Vec::new();
    for (index, &pc) in pcs[..FRAMES].iter().enumerate() {
        // A stopped pc is looked up as it is, a return address before itself.
        let at = LinkAddr(if index == 0 { pc } else { pc - 1 });
        let Some(row) = image.plain_row(at) else {
            panic!("{at:?} was chosen for its rule");
        };
        let size = usize::try_from(row.cfa_offset()).expect("a frame is above its end");
        stack.resize(stack.len() + size - 8, 0);
        stack.extend(pcs[index + 1].to_le_bytes());
    }
    (pcs, stack)
}

struct Stack<'a>(&'a [u8]);

impl Memory for Stack<'_> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let rest =
            at.0.checked_sub(STACK)
                .and_then(|offset| self.0.get(offset as usize..));
        let rest = rest.ok_or(MemoryError::Unmapped { at })?;
        let size = rest.len().min(buf.len());
        buf[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }
}

/// The peer: gimli with the linker's table.
struct Gimli<'data> {
    section: gimli::EhFrame<Slice<'data>>,
    header: gimli::ParsedEhFrameHdr<Slice<'data>>,
    bases: BaseAddresses,
}

impl<'data> Gimli<'data> {
    fn new(image: &Image<'data>) -> Self {
        let section = |name| image.section(name).expect("a linker wrote it");
        let (frames, header) = (section(".eh_frame"), section(".eh_frame_hdr"));
        let bases = BaseAddresses::default()
            .set_eh_frame(frames.address.0)
            .set_eh_frame_hdr(header.address.0)
            .set_text(section(".text").address.0);
        Self {
            section: gimli::EhFrame::new(frames.bytes, LittleEndian),
            header: EhFrameHdr::new(header.bytes, LittleEndian)
                .parse(&bases, 8)
                .expect("a linker wrote it"),
            bases,
        }
    }

    fn row(&self, at: u64, context: &mut UnwindContext<usize>) -> Option<(i64, i64)> {
        let table = self.header.table()?;
        let get_cie = gimli::EhFrame::cie_from_offset;
        let row = table
            .unwind_info_for_address(&self.section, &self.bases, context, at, get_cie)
            .ok()?;
        let gimli::CfaRule::RegisterAndOffset { offset, .. } = row.cfa() else {
            return None;
        };
        let Some(gimli::RegisterRule::Offset(returns)) = row.register(gimli::Register(16)) else {
            return None;
        };
        Some((*offset, returns))
    }

    /// Unwinds, pc and stack pointer only, and gives how many frames it found.
    fn unwind(&self, pc: u64, stack: &[u8], context: &mut UnwindContext<usize>) -> usize {
        let (mut pc, mut sp) = (pc, 0);
        for frame in 0..FRAMES {
            let at = if frame == 0 { pc } else { pc - 1 };
            let Some((offset, returns)) = self.row(at, context) else {
                return frame;
            };
            let cfa = sp + offset as usize;
            let slot = cfa - returns.unsigned_abs() as usize;
            let word = stack[slot..slot + 8].try_into().expect("eight bytes");
            (pc, sp) = (u64::from_le_bytes(word), cfa);
        }
        FRAMES
    }
}

/// Alternates both, so that whatever else the machine does hits them alike.
fn report(what: &str, items: usize, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        first.push(time(&mut ours) / items as f64);
        second.push(time(&mut theirs) / items as f64);
    }
    let (ours, theirs) = (median(&mut first), median(&mut second));
    println!("{what}: {ours:.1} ns, gimli {theirs:.1} ns");
}

fn time(work: &mut dyn FnMut()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_nanos() as f64
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
