//! What a register held when a frame's function was entered: said by the call
//! that its caller made (DWARF 5 §2.5.1.7, §3.4.2), in the caller's frame. Only
//! where it is certain that this call entered this function.

use ukdbg_image::{CodeAddr, DwarfRegister, Expression, LinkAddr, ValueLocation};

use crate::memory::read_exact;
use crate::modules::{Module, Modules};
use crate::unwind::{FoundBy, Frame, FrameContext, Unwinder};
use crate::{Memory, Register, VirtAddr};

/// Callers that one value may need: an argument passed on unchanged.
const MOST_CALLERS: usize = 8;

/// A frame whose function's arguments may be asked for.
#[derive(Clone, Copy)]
pub(crate) struct Entered<'a, 'data> {
    modules: &'a Modules<'data>,
    frame: &'a Frame,
    callers_left: usize,
}

impl<'a, 'data> Entered<'a, 'data> {
    pub(super) fn new(modules: &'a Modules<'data>, frame: &'a Frame) -> Self {
        Self {
            modules,
            frame,
            callers_left: MOST_CALLERS,
        }
    }

    /// What a register held; none when that is not certain.
    pub(crate) fn register(self, register: DwarfRegister, memory: &mut dyn Memory) -> Option<u64> {
        let callers_left = self.callers_left.checked_sub(1)?;
        let caller = Unwinder::new(self.modules).caller(self.frame, memory)?;
        // Any other evidence may have passed over frames.
        let CodeAddr::Return(returns_to) = caller.pc else {
            return None;
        };
        if caller.found_by != FoundBy::Cfi || caller.interrupted {
            return None;
        }
        let (callee, entry) = self.entry()?;
        if callee.image.may_jump_back(entry) {
            return None;
        }
        let (module, link) = self.modules.find_code(caller.pc)?;
        let link = LinkAddr(link.lookup().0.checked_add(1)?);
        let site = module.image.call_site(link)?;
        let mut context = FrameContext {
            registers: &caller.registers,
            cfa: caller.cfa,
            module,
            memory,
            entered: Some(Entered {
                frame: &caller,
                callers_left,
                ..self
            }),
        };
        let mut value = |expression: &Expression<'data>| {
            let base = site.frame_base.as_ref();
            let location = module.image.evaluate(expression, base, &mut context).ok()?;
            number(&location, &caller)
        };
        let called = match site.target.as_ref() {
            Some(target) => value(target).map(VirtAddr),
            None => None,
        };
        let mut arguments = site.arguments.iter();
        let (_, argument) = arguments.find(|(argument, _)| *argument == register)?;
        let found = value(argument)?;
        // The call may have gone to another function, which then jumped here.
        let called = called.or_else(|| direct_target(returns_to, context.memory))?;
        (Some(called) == callee.run_address(entry)).then_some(found)
    }

    /// Where the frame's function is entered.
    fn entry(self) -> Option<(&'a Module<'data>, LinkAddr)> {
        let (module, link) = self.modules.find_code(self.frame.pc)?;
        let function = module.image.function_at(link.lookup())?;
        Some((module, function.entry))
    }
}

/// The number that a call's expression gives: a value, or an address.
fn number(location: &ValueLocation, caller: &Frame) -> Option<u64> {
    match location {
        ValueLocation::Value(bytes) => {
            let mut word = [0; 8];
            word.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(u64::from_le_bytes(word))
        }
        // Such an expression computes a value, which is no place (DWARF 5
        // §3.4.2).
        ValueLocation::Memory(value) => Some(*value),
        ValueLocation::Register(register) => caller.registers.get(Register::from_dwarf(*register)?),
        ValueLocation::OptimizedOut | ValueLocation::Pieces(_) => None,
    }
}

/// What the instruction before a return address calls: `call rel32` (SDM 2A,
/// "CALL").
fn direct_target(returns_to: VirtAddr, memory: &mut dyn Memory) -> Option<VirtAddr> {
    const LENGTH: u64 = 5;
    let mut bytes = [0; LENGTH as usize];
    let at = VirtAddr(returns_to.0.checked_sub(LENGTH)?);
    read_exact(memory, at, &mut bytes).ok()?;
    let [0xe8, distance @ ..] = bytes else {
        return None;
    };
    let distance = i64::from(i32::from_le_bytes(distance));
    Some(VirtAddr(returns_to.0.wrapping_add_signed(distance)))
}
