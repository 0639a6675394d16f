//! From registers to a backtrace: frame by frame, the best evidence first.

use ukdbg_guest_abi::stack::SWITCH_FRAME;
use ukdbg_image::{CodeAddr, DwarfRegister};

use super::cfi::ByRules;
use super::prologue::Prologue;
use super::step::{Caller, Machine, Place, Word};
use super::{Backtrace, FoundBy, Frame, StackEnd};
use crate::memory::read_u64;
use crate::modules::Modules;
use crate::{Memory, Register, Registers, Stack, VirtAddr};

/// Frames followed unless another limit is set.
const FRAME_LIMIT: usize = 10_000;
/// Frames that room is made for at first, most of which is given back: moving
/// frames as their number grows costs as much as finding them.
const USUAL_FRAMES: usize = 256;
/// Guesses after which one more would tell nothing.
const MOST_GUESSES: usize = 32;

/// Finds out who called whom.
///
/// Per frame, in this order: call frame information; without it the code
/// still to run up to the function's return, the code that has run since its
/// entry, the chain of frame pointers; for a pc that is no code the return
/// address at the stack top; and last, marked as a guess, a scan of the
/// stack. Trap frames are recognised by the rules, by the shape of the rules,
/// and by `iretq`.
pub struct Unwinder<'a, 'data> {
    modules: &'a Modules<'data>,
    stacks: &'a [Stack],
    limit: usize,
}

impl<'a, 'data> Unwinder<'a, 'data> {
    /// Over the images of a machine.
    pub fn new(modules: &'a Modules<'data>) -> Self {
        Self {
            modules,
            stacks: &[],
            limit: FRAME_LIMIT,
        }
    }

    /// With the bounds of the guest's stacks, which guesses then respect.
    #[must_use]
    pub fn with_stacks(mut self, stacks: &'a [Stack]) -> Self {
        self.stacks = stacks;
        self
    }

    /// With another limit than 10,000 frames.
    #[must_use]
    pub fn with_limit(mut self, frames: usize) -> Self {
        self.limit = frames;
        self
    }

    /// The frames from these registers outwards. `found_by` says where the
    /// registers come from.
    pub fn unwind(
        &self,
        registers: &Registers,
        found_by: FoundBy,
        memory: &mut dyn Memory,
    ) -> Backtrace {
        let Some(pc) = registers.pc() else {
            return Backtrace {
                frames: Vec::new(),
                end: StackEnd::NoRule { pc: VirtAddr(0) },
            };
        };
        let first = Frame {
            pc: CodeAddr::Exact(pc),
            cfa: None,
            registers: *registers,
            found_by,
            interrupted: false,
        };
        self.unwind_from(first, memory)
    }

    /// The frames of a task that is not running, by the frame of the switch
    /// on its stack. None when the task runs (it has no saved stack pointer).
    ///
    /// `machine` gives the registers that all tasks share.
    pub fn unwind_task(
        &self,
        stack: &Stack,
        machine: &Registers,
        memory: &mut dyn Memory,
    ) -> Option<Backtrace> {
        let saved = stack.saved_rsp?;
        let mut registers = Registers::default();
        for shared in [Register::Cr0, Register::Cr3, Register::Cr4, Register::Efer] {
            if let Some(value) = machine.get(shared) {
                registers.set(shared, value);
            }
        }
        for (index, number) in SWITCH_FRAME.into_iter().enumerate() {
            let at = VirtAddr(saved.0.wrapping_add(8 * index as u64));
            let Ok(word) = read_u64(memory, at) else {
                return Some(Backtrace {
                    frames: Vec::new(),
                    end: StackEnd::Truncated { at },
                });
            };
            if let Some(register) = Register::from_dwarf(DwarfRegister(number)) {
                registers.set(register, word);
            }
        }
        let behind = 8 * SWITCH_FRAME.len() as u64;
        registers.set(Register::Rsp, saved.0.wrapping_add(behind));
        let pc = registers.pc()?;
        let first = Frame {
            pc: CodeAddr::Return(pc),
            cfa: None,
            registers,
            found_by: FoundBy::SwitchFrame,
            interrupted: false,
        };
        Some(self.unwind_from(first, memory))
    }

    /// The caller of a frame.
    pub(crate) fn caller(&self, frame: &Frame, memory: &mut dyn Memory) -> Option<Frame> {
        // A frame's own address is known once its caller is looked for.
        let two = Self { limit: 2, ..*self };
        let frames = two.unwind_from(frame.clone(), memory).frames;
        frames.into_iter().nth(1)
    }

    fn unwind_from(&self, first: Frame, memory: &mut dyn Memory) -> Backtrace {
        let mut machine = Machine {
            modules: self.modules,
            stacks: self.stacks,
            memory,
            word: Word::of(&first.registers),
            regions: [None, None],
        };
        let mut highest = None;
        let mut guesses = 0;
        let mut frames = Vec::with_capacity(USUAL_FRAMES.min(self.limit));
        frames.push(first);
        let end = loop {
            if frames.len() > self.limit {
                frames.truncate(self.limit);
                break StackEnd::Limit { frames: self.limit };
            }
            let last = frames.len() - 1;
            // On one stack each frame is above the one before, so that there
            // is nothing to compare with.
            let is_new = |cfa| highest.is_none_or(|highest| cfa > highest);
            if let Some(caller) = machine.by_plain_row(&frames[last])
                && is_new(caller.cfa)
            {
                highest = Some(caller.cfa);
                frames[last].cfa = highest;
                frames.extend_from_within(last..);
                caller.replace(&mut frames[last + 1]);
                continue;
            }
            let caller = match machine.step(&frames[last]) {
                Ok(caller) => caller,
                Err(end) => {
                    frames[last].cfa = machine.outermost_cfa(&frames[last]);
                    break end;
                }
            };
            let cfa = caller.cfa;
            frames[last].cfa = Some(cfa);
            if is_new(cfa) {
                highest = Some(cfa);
            } else if repeats(&frames, &caller) {
                break StackEnd::Loop { cfa };
            }
            guesses += usize::from(caller.frame.found_by == FoundBy::Scan);
            if guesses > MOST_GUESSES {
                let pc = frames[last].pc.address();
                break StackEnd::NoRule { pc };
            }
            frames.push(caller.frame);
        };
        frames.shrink_to_fit();
        Backtrace { frames, end }
    }
}

/// Whether a caller is one of the frames already, at the same place on its
/// stack.
fn repeats(frames: &[Frame], caller: &Caller) -> bool {
    let pc = caller.frame.pc.address();
    let mut pairs = frames.iter().zip(frames.iter().skip(1));
    pairs.any(|(inner, outer)| inner.cfa == Some(caller.cfa) && outer.pc.address() == pc)
}

impl<'data> Machine<'_, 'data> {
    /// The caller of a frame, or why there is none.
    fn step(&mut self, frame: &Frame) -> Result<Caller, StackEnd> {
        let Some(place) = self.place(frame.pc) else {
            return self.step_from_nowhere(frame);
        };
        let row = match self.word {
            Word::Eight => place.module.image.unwind_row(place.lookup),
            // Call frame information of 32-bit code describes 64-bit
            // registers in a 64-bit image; its frames are walked by words.
            Word::Four => None,
        };
        let found = row.map_or(ByRules::Unknown, |row| self.by_rules(&place, frame, &row));
        match found {
            ByRules::Caller(caller) => self.check_rules(&place, frame, *caller),
            ByRules::End(end) => Err(end),
            ByRules::Unknown => self.step_without_rules(&place, frame),
        }
    }

    /// Rules may be wrong where a trap handler's compiler did not know of its
    /// error code, and meaningless in the function where execution begins.
    fn check_rules(
        &mut self,
        place: &Place<'_, 'data>,
        frame: &Frame,
        caller: Caller,
    ) -> Result<Caller, StackEnd> {
        let pc = caller.frame.pc.address();
        if caller.frame.interrupted || self.follows_call(pc) {
            return Ok(caller);
        }
        if self.returns_from_trap(place)
            && let Some(interrupted) = self.by_following(place, frame)
        {
            return Ok(interrupted);
        }
        let is_entry = place
            .function()
            .is_some_and(|function| self.is_entry(place, &function));
        // A return address of 0 is how outermost frames are laid out by hand;
        // in the middle of a stack it is one that was overwritten.
        if is_entry || (pc.0 == 0 && self.may_be_outermost(caller.cfa)) {
            return Err(StackEnd::Root);
        }
        Ok(caller)
    }

    /// Whether a frame is where the outermost one of its stack is. Where no
    /// stack is known, every frame may be.
    fn may_be_outermost(&self, cfa: VirtAddr) -> bool {
        /// Bytes that are laid out above a first frame: arguments, a saved
        /// context, alignment.
        const ABOVE: u64 = 512;
        cfa.checked_sub(1)
            .and_then(|inside| self.stack_of(inside))
            .and_then(|stack| stack.high.offset_from(cfa))
            .is_none_or(|above| above <= ABOVE)
    }

    /// A pc that is no code: a call or jump through a bad pointer, or a
    /// return address that is not one.
    fn step_from_nowhere(&mut self, frame: &Frame) -> Result<Caller, StackEnd> {
        let pc = frame.pc.address();
        let CodeAddr::Exact(_) = frame.pc else {
            return Err(StackEnd::NoRule { pc });
        };
        self.by_stack_top(frame)
            .or_else(|| self.by_frame_pointer(frame))
            .or_else(|| self.by_scan(frame))
            .ok_or(StackEnd::NoRule { pc })
    }

    fn step_without_rules(
        &mut self,
        place: &Place<'_, 'data>,
        frame: &Frame,
    ) -> Result<Caller, StackEnd> {
        let pc = frame.pc.address();
        let function = place.function();
        if let Some(function) = &function {
            if self.is_entry(place, function) {
                return Err(StackEnd::Root);
            }
            // Behind a call a frame pointer that the function keeps is set
            // up; elsewhere the code says whether it is.
            let called = matches!(frame.pc, CodeAddr::Return(_));
            if called
                && self.keeps_frame_pointer(place, function, pc)
                && let Some(caller) = self.by_frame_pointer(frame)
            {
                return Ok(caller);
            }
        }
        if let Some(caller) = self.by_following(place, frame) {
            return Ok(caller);
        }
        if let Some(function) = &function {
            match self.by_prologue(place, function, frame) {
                Prologue::Caller(caller) => return Ok(*caller),
                Prologue::OwnStack => return Err(StackEnd::Root),
                Prologue::Unknown => {}
            }
        }
        if let Some(caller) = self.by_frame_pointer(frame) {
            return Ok(caller);
        }
        if self.frame_pointer(frame) == Some(VirtAddr(0)) && self.zero_ends(place, frame) {
            return Err(StackEnd::Root);
        }
        self.by_scan(frame).ok_or(StackEnd::NoRule { pc })
    }

    /// Whether a frame pointer of 0 means the end of the chain (System V
    /// psABI, 3.4.1): it was reached along the chain, or is kept by this
    /// function.
    fn zero_ends(&mut self, place: &Place<'_, 'data>, frame: &Frame) -> bool {
        frame.found_by == FoundBy::FramePointer
            || place.function().is_some_and(|function| {
                self.keeps_frame_pointer(place, &function, frame.pc.address())
            })
    }
}
