//! A machine made of an image: its segments as they are, a stack of random
//! words, and elsewhere pages that are there or not and hold anything. The
//! same address always holds the same.

use std::ops::Range;

use ukdbg_session::inspect::{
    Memory, MemoryError, PhysAddr, PhysicalMemory, Register, Registers, SystemRegisters,
    SystemSegment, TableRegister, Target, TargetError, VcpuId, VirtAddr,
};
use ukdbg_session::{Image, LinkAddr};

use crate::random::{Random, mixed};

/// Where the stack is.
const STACK: Range<u64> = 0x7000_0000..0x7000_4000;
const PAGE: u64 = 4096;

/// The machine.
pub(super) struct Machine<'data> {
    /// What an image's segments hold.
    segments: Vec<(LinkAddr, &'data [u8])>,
    /// Addresses that words in memory often are.
    likely: Vec<u64>,
    seed: u64,
    registers: Registers,
}

impl<'data> Machine<'data> {
    /// A machine that stands at one of the addresses.
    pub(super) fn of(image: &Image<'data>, code: &[u64], random: &mut Random) -> Self {
        let segments = image.segments().iter();
        let segments: Vec<_> = segments
            .map(|found| (found.addresses.start, found.bytes))
            .collect();
        let mut likely = code.to_vec();
        likely.extend(segments.iter().map(|(start, _)| start.0));
        likely.extend([STACK.start, STACK.start + PAGE, STACK.end - 8, 0, u64::MAX]);
        let mut registers = Registers::default();
        for register in Register::ALL {
            let value = match random.below(4) {
                0 => random.next(),
                1 => random.next() % 64,
                _ => random.pick(&likely).copied().unwrap_or(0),
            };
            registers.set(register, value);
        }
        registers.set(Register::Rip, random.pick(code).copied().unwrap_or(0));
        if !random.once_in(8) {
            registers.set(Register::Rsp, STACK.start + random.next() % PAGE / 8 * 8);
        }
        if random.once_in(2) {
            registers.set(
                Register::Rbp,
                STACK.start + PAGE + random.next() % PAGE / 8 * 8,
            );
        }
        Self {
            segments,
            likely,
            seed: random.next(),
            registers,
        }
    }

    fn stored(&self, at: u64) -> Option<&'data [u8]> {
        self.segments.iter().find_map(|(start, bytes)| {
            let offset = usize::try_from(at.checked_sub(start.0)?).ok()?;
            bytes.get(offset..).filter(|rest| !rest.is_empty())
        })
    }

    fn is_mapped(&self, at: u64) -> bool {
        STACK.contains(&at) || mixed((at / PAGE) ^ self.seed).is_multiple_of(2)
    }

    /// The word that holds an address.
    fn word(&self, at: u64) -> [u8; 8] {
        let number = mixed((at / 8).wrapping_add(self.seed));
        let choice = mixed(number);
        let word = match number % 4 {
            0 => choice,
            1 => choice % 32,
            2 => STACK.start + choice % (STACK.end - STACK.start) / 8 * 8,
            _ => Random::new(choice).pick(&self.likely).copied().unwrap_or(0),
        };
        word.to_le_bytes()
    }

    fn fill(&self, at: u64, buf: &mut [u8]) -> Option<usize> {
        if let Some(stored) = self.stored(at) {
            let size = stored.len().min(buf.len());
            buf[..size].copy_from_slice(&stored[..size]);
            return Some(size);
        }
        if !self.is_mapped(at) && !buf.is_empty() {
            return None;
        }
        // To the page's end, as a short read does.
        let size = buf.len().min(usize::try_from(PAGE - at % PAGE).ok()?);
        for (address, byte) in (at..=u64::MAX).zip(&mut buf[..size]) {
            *byte = self.word(address)[usize::try_from(address % 8).ok()?];
        }
        Some(size)
    }
}

impl Memory for Machine<'_> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        self.fill(at.0, buf).ok_or(MemoryError::Unmapped { at })
    }
}

impl PhysicalMemory for Machine<'_> {
    fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        self.fill(at.0, buf).ok_or(MemoryError::NoPhysical { at })
    }
}

impl Target for Machine<'_> {
    fn vcpus(&mut self) -> Result<Vec<VcpuId>, TargetError> {
        Ok(vec![VcpuId(0)])
    }

    fn registers(&mut self, _vcpu: VcpuId) -> Result<Registers, TargetError> {
        Ok(self.registers)
    }

    fn system_registers(&mut self, _vcpu: VcpuId) -> Result<SystemRegisters, TargetError> {
        let table = |base: u64| {
            Some(TableRegister {
                base: VirtAddr(base),
                limit: u32::MAX,
            })
        };
        let segment = Some(SystemSegment {
            selector: 0x40,
            base: VirtAddr(0x3000),
            limit: u32::MAX,
        });
        Ok(SystemRegisters {
            gdtr: table(0x1000),
            idtr: table(0x2000),
            ldtr: segment,
            tr: segment,
            long_mode: None,
        })
    }

    fn physical(&mut self) -> Option<&mut dyn PhysicalMemory> {
        Some(self)
    }
}
