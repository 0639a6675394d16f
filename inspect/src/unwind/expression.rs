//! Expressions in call frame information, evaluated for one frame.

use ukdbg_image::{DwarfRegister, Expression, ExpressionContext, LinkAddr, ValueLocation};

use super::Frame;
use super::step::{Machine, Place};
use crate::memory::read_exact;
use crate::modules::Module;
use crate::values::Entered;
use crate::{Memory, Register, Registers, VirtAddr};

/// A frame's registers and its machine's memory, as expressions ask for them.
pub(crate) struct FrameContext<'a, 'data> {
    pub(crate) registers: &'a Registers,
    pub(crate) cfa: Option<VirtAddr>,
    pub(crate) module: &'a Module<'data>,
    pub(crate) memory: &'a mut dyn Memory,
    /// Whose arguments may be asked for; none where rules for registers are
    /// evaluated, which do not ask.
    pub(crate) entered: Option<Entered<'a, 'data>>,
}

impl ExpressionContext for FrameContext<'_, '_> {
    fn register(&mut self, register: DwarfRegister) -> Option<u64> {
        self.registers.get(Register::from_dwarf(register)?)
    }

    fn memory(&mut self, address: u64, size: u8) -> Option<u64> {
        let mut word = [0; 8];
        let bytes = word.get_mut(..usize::from(size))?;
        read_exact(self.memory, VirtAddr(address), bytes).ok()?;
        Some(u64::from_le_bytes(word))
    }

    fn cfa(&mut self) -> Option<u64> {
        self.cfa.map(|cfa| cfa.0)
    }

    fn entry_value(&mut self, register: DwarfRegister) -> Option<u64> {
        self.entered?.register(register, self.memory)
    }

    fn relocate(&mut self, address: LinkAddr) -> Option<u64> {
        // A value that is no address of the image stays what it is.
        let moved = self.module.run_address(address);
        Some(moved.map_or(address.0, |moved| moved.0))
    }
}

/// The number an expression computes: an address, or the value itself. The
/// rules of registers start with the CFA on the stack (DWARF 5 §6.4.2.3), the CFA's own rule with nothing.
pub(super) fn evaluate_rule<'data>(
    machine: &mut Machine<'_, 'data>,
    place: &Place<'_, 'data>,
    frame: &Frame,
    cfa: Option<VirtAddr>,
    expression: &Expression<'data>,
) -> Option<u64> {
    let mut context = FrameContext {
        registers: &frame.registers,
        cfa,
        module: place.module,
        memory: machine.memory,
        entered: None,
    };
    let image = &place.module.image;
    match image.evaluate(expression, None, &mut context).ok()? {
        ValueLocation::Memory(address) => Some(address),
        ValueLocation::Value(bytes) => little_endian(&bytes),
        ValueLocation::Register(register) => frame.registers.get(Register::from_dwarf(register)?),
        ValueLocation::OptimizedOut | ValueLocation::Pieces(_) => None,
    }
}

fn little_endian(bytes: &[u8]) -> Option<u64> {
    let mut word = [0; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(u64::from_le_bytes(word))
}
