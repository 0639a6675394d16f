//! A scene by hand: what is not said is unmapped or unknown.

use std::collections::BTreeMap;

use ukdbg_image::{FunctionName, LinkAddr, SourceLocation, SourcePath, Untrusted, decode};
use ukdbg_inspect::{
    AddressDescription, AddressKind, Evidence, HeapEntry, HeapState, ImagePlace, MemoryError,
    PageWalk, PagingState, PhysAddr, PhysicalMemory, Region, Register, Registers, Stack, StackUse,
    SymbolPlace, VirtAddr,
};

use crate::{
    Addresses, Caller, Cause, Certainty, EmulatorEvidence, ExceptionFacts, FrameFacts,
    InstructionFacts, Scene, Verdict, judge,
};

/// What the guest's addresses are.
#[derive(Default)]
struct World {
    kinds: BTreeMap<u64, (AddressKind, Option<bool>)>,
    walks: BTreeMap<u64, u64>,
    callers: BTreeMap<u64, Caller>,
}

impl Addresses for World {
    fn describe(&mut self, at: VirtAddr) -> (AddressDescription, Option<PageWalk>) {
        let (kind, mapped) = self
            .kinds
            .get(&at.0)
            .cloned()
            .unwrap_or((AddressKind::Unmapped, Some(false)));
        let description = AddressDescription {
            address: at,
            kind,
            evidence: Evidence::Nothing,
            mapped,
        };
        let walk = self.walks.get(&at.0).map(|&entry| walk(at, entry));
        (description, walk)
    }

    fn caller(&mut self, at: VirtAddr) -> Option<Caller> {
        self.callers.get(&at.0).cloned()
    }
}

/// Tables whose last entry is the given one.
fn walk(at: VirtAddr, entry: u64) -> PageWalk {
    struct Tables(u64);
    impl PhysicalMemory for Tables {
        fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
            // The table of level n lies at n × 0x1000 and names the next.
            let entry = match at.0 >> 12 {
                4 => self.0,
                level => ((level + 1) << 12) | 7,
            };
            buf.copy_from_slice(&entry.to_le_bytes());
            Ok(buf.len())
        }
    }
    let state = PagingState {
        cr0: 0x8001_0001,
        cr3: 0x1000,
        cr4: 0x20,
        efer: 0xd00,
    };
    PageWalk::walk(&mut Tables(entry), state, at)
}

/// A scene under construction.
pub(super) struct Stage {
    world: World,
    registers: Registers,
    code: Vec<u8>,
    frames: Vec<(FunctionName, Option<SourceLocation>)>,
    pub(super) evidence: EmulatorEvidence,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            world: World::default(),
            registers: Registers::default(),
            code: Vec::new(),
            frames: Vec::new(),
            evidence: EmulatorEvidence::default(),
        }
        .with(Register::Rip, 0x10_0000)
        .frame("fire", Some(("/app/src/fire.rs", 24)))
    }

    pub(super) fn with(mut self, register: Register, value: u64) -> Self {
        self.registers.set(register, value);
        self
    }

    pub(super) fn without(mut self, register: Register) -> Self {
        self.registers.clear(register);
        self
    }

    /// The faulting instruction.
    pub(super) fn code(mut self, bytes: &[u8]) -> Self {
        self.code = bytes.to_vec();
        self
    }

    pub(super) fn at(mut self, address: u64, kind: AddressKind, mapped: Option<bool>) -> Self {
        self.world.kinds.insert(address, (kind, mapped));
        self
    }

    /// The page-table entry of an address.
    pub(super) fn entry(mut self, address: u64, entry: u64) -> Self {
        self.world.walks.insert(address, entry);
        self
    }

    pub(super) fn caller(mut self, at: u64, function: &str, file: &str, line: u32) -> Self {
        let caller = Caller {
            function: function.into(),
            location: Some(location(file, line)),
            is_library: file.starts_with("/rustc/"),
        };
        self.world.callers.insert(at, caller);
        self
    }

    pub(super) fn frame(mut self, function: &str, place: Option<(&str, u32)>) -> Self {
        let location = place.map(|(file, line)| location(file, line));
        self.frames.push((name(function), location));
        self
    }

    pub(super) fn no_frames(mut self) -> Self {
        self.frames.clear();
        self
    }

    pub(super) fn page_fault(self, error_code: u64, cr2: u64) -> Verdict {
        self.exception(14, Some(error_code), Some(cr2))
    }

    pub(super) fn exception(
        self,
        vector: u8,
        error_code: Option<u64>,
        cr2: Option<u64>,
    ) -> Verdict {
        self.judge(Cause::Exception(ExceptionFacts {
            vector,
            error_code,
            cr2: cr2.map(VirtAddr),
        }))
    }

    pub(super) fn judge(mut self, cause: Cause<'_>) -> Verdict {
        let start = LinkAddr(self.registers.pc().map_or(0, |pc| pc.0));
        let facts = decode(&self.code, start)
            .next()
            .map(|decoded| InstructionFacts::of(&decoded, &self.registers, |at, _| Some(at.0)));
        let frames: Vec<FrameFacts<'_>> = self
            .frames
            .iter()
            .map(|(function, location)| FrameFacts {
                function: Some(function),
                location: location.as_ref(),
            })
            .collect();
        judge(Scene {
            cause,
            registers: &self.registers,
            instruction: facts.as_ref(),
            frames: &frames,
            evidence: &self.evidence,
            addresses: &mut self.world,
        })
    }
}

/// A verdict's kind, certainty, access and sentence in one line, and its
/// reasons.
#[track_caller]
pub(super) fn check(verdict: &Verdict, head: &str, sentence: &str, because: &[&str]) {
    let certainty = match verdict.certainty {
        Certainty::Certain => "certain",
        Certainty::Likely => "likely",
    };
    let access = verdict.access.map_or_else(String::new, |access| {
        let size = access
            .size
            .map_or_else(|| "?".to_owned(), |size| size.to_string());
        format!(" {:?} {size} {}", access.kind, access.address)
    });
    assert_eq!(format!("{certainty} {:?}{access}", verdict.kind), head);
    assert_eq!(verdict.sentence.raw(), sentence);
    let got: Vec<&str> = verdict.because.iter().map(Untrusted::raw).collect();
    assert_eq!(got, because);
}

/// The place of a verdict: `frame function file:line`.
#[track_caller]
pub(super) fn check_place(verdict: &Verdict, expected: &str) {
    let text = verdict.place.as_ref().map_or_else(
        || "none".to_owned(),
        |place| {
            let function = place
                .function
                .as_ref()
                .map_or("?", |name| name.demangled.raw());
            let at = place.location.as_ref().map_or_else(String::new, |at| {
                let line = at.line.map_or(0, std::num::NonZeroU32::get);
                format!(" {}:{line}", at.file.path.raw())
            });
            format!("#{} {function}{at}", place.frame)
        },
    );
    assert_eq!(text, expected);
}

fn name(text: &str) -> FunctionName {
    FunctionName {
        linkage: text.into(),
        demangled: text.into(),
    }
}

fn location(file: &str, line: u32) -> SourceLocation {
    SourceLocation {
        file: SourcePath {
            compilation_directory: None,
            path: file.into(),
        },
        line: std::num::NonZeroU32::new(line),
        column: None,
    }
}

pub(super) fn null_page(offset: u64) -> AddressKind {
    AddressKind::NullPage { offset }
}

/// A block of 40 bytes at 0x5000, allocated at 0xa1, and freed at 0xf1 if it
/// was.
pub(super) fn block(state: HeapState) -> HeapEntry {
    HeapEntry {
        address: VirtAddr(0x5000),
        size: 40,
        align: 8,
        state,
        allocated_tsc: 1,
        freed_tsc: (state == HeapState::Freed).then_some(2),
        allocated_by: vec![VirtAddr(0xa0), VirtAddr(0xa1)],
        freed_by: vec![VirtAddr(0xf1)],
    }
}

/// A stack of 16 KiB at 0x8000, with a guard of a page below it.
pub(super) fn stack(index: u32, stack_name: &str) -> Stack {
    Stack {
        index,
        name: stack_name.into(),
        usage: StackUse::Task,
        alive: true,
        low: VirtAddr(0x8000),
        high: VirtAddr(0xc000),
        guard_size: 0x1000,
        saved_rsp: None,
    }
}

pub(super) fn guard(below: u64) -> AddressKind {
    AddressKind::StackGuard {
        stack: stack(1, "matcher"),
        below,
    }
}

pub(super) fn in_image(region: Region, symbol: &str, section: &str, offset: u64) -> AddressKind {
    AddressKind::Image(ImagePlace {
        module: "kernel".to_owned(),
        link: LinkAddr(0),
        region,
        section: Some(section.into()),
        symbol: Some(SymbolPlace {
            name: name(symbol),
            offset,
            size: Some(64),
        }),
    })
}

/// mov rax, [rdi+0x18]
pub(super) const LOAD_FIELD: [u8; 4] = [0x48, 0x8b, 0x47, 0x18];
/// mov [rdi], rax
pub(super) const STORE: [u8; 3] = [0x48, 0x89, 0x07];
/// push rbp
pub(super) const PUSH: [u8; 1] = [0x55];
/// call rax
pub(super) const CALL: [u8; 2] = [0xff, 0xd0];

/// A store to an address of a kind.
pub(super) fn store_at(address: u64, kind: AddressKind, mapped: Option<bool>) -> Stage {
    Stage::new()
        .code(&STORE)
        .with(Register::Rdi, address)
        .with(Register::Rax, 7)
        .at(address, kind, mapped)
}
