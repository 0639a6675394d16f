//! What every way of finding a caller needs: the machine's side of a step,
//! and the caller it yields.

use ukdbg_image::{CodeAddr, Function, LinkAddr};

use super::{FoundBy, Frame};
use crate::memory::{read_available, read_u32, read_u64};
use crate::modules::{Module, Modules, Region};
use crate::{Memory, MemoryError, Register, Registers, Stack, VirtAddr};

/// A caller that was found.
pub(super) struct Caller {
    /// The canonical frame address of the frame it was found from.
    pub(super) cfa: VirtAddr,
    pub(super) frame: Frame,
}

impl Caller {
    /// A caller by a return address at `cfa` minus a word.
    pub(super) fn by_return(
        cfa: VirtAddr,
        pc: VirtAddr,
        registers: Registers,
        found_by: FoundBy,
    ) -> Self {
        let mut registers = registers;
        registers.set(Register::Rip, pc.0);
        registers.set(Register::Rsp, cfa.0);
        Self {
            cfa,
            frame: Frame {
                pc: CodeAddr::Return(pc),
                cfa: None,
                registers,
                found_by,
                interrupted: false,
            },
        }
    }
}

/// Registers a call may change (System V psABI, figure 3.4).
pub(super) const CALLER_SAVED: [Register; 10] = [
    Register::Rax,
    Register::Rcx,
    Register::Rdx,
    Register::Rsi,
    Register::Rdi,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::Rflags,
];

/// What a caller still knows of its registers once it has called.
pub(super) fn across_call(registers: &Registers) -> Registers {
    let mut registers = *registers;
    lose_across_call(&mut registers);
    registers
}

/// As [`across_call`], in place.
pub(super) fn lose_across_call(registers: &mut Registers) {
    const LOST: u32 = {
        let mut bits = 0;
        let mut index = 0;
        while index < CALLER_SAVED.len() {
            bits |= 1 << CALLER_SAVED[index] as u32;
            index += 1;
        }
        bits
    };
    registers.clear_all(LOST);
}

/// Size of a word on the stack: 4 in the boot code before long mode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Four,
    Eight,
}

impl Word {
    pub(super) fn of(registers: &Registers) -> Self {
        // EFER.LMA (SDM 3A 2.2.1).
        match registers.get(Register::Efer) {
            Some(efer) if efer & (1 << 10) == 0 => Self::Four,
            _ => Self::Eight,
        }
    }

    pub(super) fn size(self) -> u64 {
        match self {
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// An address as code of that word size computes it.
    pub(super) fn truncated(self, address: u64) -> u64 {
        match self {
            Self::Four => address & 0xffff_ffff,
            Self::Eight => address,
        }
    }

    pub(super) fn bitness(self) -> u32 {
        match self {
            Self::Four => 32,
            Self::Eight => 64,
        }
    }
}

/// A place in a module's code.
#[derive(Clone, Copy)]
pub(super) struct Place<'a, 'data> {
    pub(super) module: &'a Module<'data>,
    /// The address to look rules up by.
    pub(super) lookup: LinkAddr,
}

impl Place<'_, '_> {
    pub(super) fn function(&self) -> Option<Function> {
        self.module.image.function_at(self.lookup)
    }
}

/// The machine as one backtrace sees it.
pub(super) struct Machine<'a, 'data> {
    pub(super) modules: &'a Modules<'data>,
    pub(super) stacks: &'a [Stack],
    pub(super) memory: &'a mut dyn Memory,
    pub(super) word: Word,
    /// Where the last code addresses were, the latest first: a caller and what
    /// it called are nearly always in one of two places.
    pub(super) regions: [Option<Region<'a, 'data>>; 2],
}

impl<'a, 'data> Machine<'a, 'data> {
    /// The place of a code address, if it is code at all.
    pub(super) fn place(&mut self, pc: CodeAddr<VirtAddr>) -> Option<Place<'a, 'data>> {
        self.executable(pc.lookup())
    }

    pub(super) fn is_code(&mut self, at: VirtAddr) -> bool {
        self.executable(at).is_some()
    }

    fn executable(&mut self, at: VirtAddr) -> Option<Place<'a, 'data>> {
        for region in self.regions.iter().flatten() {
            if let Some(lookup) = region.link_address(at) {
                let module = region.module;
                return region.executable.then_some(Place { module, lookup });
            }
        }
        let region = self.modules.region(at)?;
        let place = Place {
            module: region.module,
            lookup: region.link_address(at)?,
        };
        let executable = region.executable;
        self.regions.swap(0, 1);
        self.regions[0] = Some(region);
        executable.then_some(place)
    }

    pub(super) fn read_u64(&mut self, at: VirtAddr) -> Result<u64, MemoryError> {
        read_u64(self.memory, at)
    }

    /// A word of the stack.
    pub(super) fn read_word(&mut self, at: VirtAddr) -> Result<u64, MemoryError> {
        match self.word {
            Word::Four => read_u32(self.memory, at).map(u64::from),
            Word::Eight => read_u64(self.memory, at),
        }
    }

    /// Up to `buf.len()` bytes of code: the image's, which need no reading;
    /// where no image has them, the machine's.
    pub(super) fn code(&mut self, at: VirtAddr, buf: &mut [u8]) -> usize {
        let held = self.modules.iter().find_map(|module| {
            let bytes = module.image.bytes_at(module.link_address(at)?)?;
            (!bytes.is_empty()).then_some(bytes)
        });
        match held {
            Some(bytes) => {
                let size = bytes.len().min(buf.len());
                buf[..size].copy_from_slice(&bytes[..size]);
                size
            }
            None => read_available(self.memory, at, buf),
        }
    }

    pub(super) fn stack_of(&self, at: VirtAddr) -> Option<&'a Stack> {
        self.stacks.iter().find(|stack| stack.contains(at))
    }

    /// Whether two addresses are on one stack. Where no stack is known,
    /// whether they are as close as on one.
    pub(super) fn same_stack(&self, one: VirtAddr, other: VirtAddr) -> bool {
        const CLOSE: u64 = 1 << 20;
        match (self.stack_of(one), self.stack_of(other)) {
            (Some(one), Some(other)) => one.index == other.index,
            (None, None) => one.0.abs_diff(other.0) < CLOSE,
            _ => false,
        }
    }
}
