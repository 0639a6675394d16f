//! A caller by the rules of an ordinary function: the short way that nearly
//! every frame of compiled code takes. Whatever is out of the ordinary is left
//! to the other ways, which come to the same result where both can tell.

use ukdbg_image::{CodeAddr, PlainRow};

use super::step::{Machine, Word, lose_across_call};
use super::{FoundBy, Frame};
use crate::{Register, Registers, VirtAddr};

/// Words below the CFA that are read at once: the return address and the six
/// callee-saved registers, which compilers push first.
const NEAREST: usize = 8;

/// A caller, its registers not restored yet.
pub(super) struct PlainCaller {
    /// The canonical frame address of the frame it was found from.
    pub(super) cfa: VirtAddr,
    pc: VirtAddr,
    row: PlainRow,
    /// The words right below the CFA, the nearest last.
    nearest: [u64; NEAREST],
}

impl PlainCaller {
    /// Makes the caller's frame of the frame it was found from, in place.
    #[inline]
    pub(super) fn replace(&self, frame: &mut Frame) {
        lose_across_call(&mut frame.registers);
        frame.registers.set(Register::Rsp, self.cfa.0);
        frame.registers.set(Register::Rip, self.pc.0);
        self.restore(&mut frame.registers);
        frame.pc = CodeAddr::Return(self.pc);
        frame.cfa = None;
        frame.found_by = FoundBy::Cfi;
        frame.interrupted = false;
    }

    /// Without a branch on which registers were saved: every function has its
    /// own, so that many of these branches would be predicted wrongly.
    #[inline]
    fn restore(&self, registers: &mut Registers) {
        for (register, words) in self.row.callee_saved() {
            if let Some(register) = Register::from_dwarf(register) {
                let place = NEAREST.wrapping_sub(words.into()) % NEAREST;
                registers.set_if(words != 0, register, self.nearest[place]);
            }
        }
    }
}

impl Machine<'_, '_> {
    /// The caller of a frame whose function is ordinary, keeps what it saved
    /// near its CFA, and was called: by a call, from further up the stack.
    #[inline]
    pub(super) fn by_plain_row(&mut self, frame: &Frame) -> Option<PlainCaller> {
        let place = self.place(frame.pc)?;
        let row = place.module.image.plain_row(place.lookup)?;
        if self.word != Word::Eight || usize::from(row.deepest_saved()) > NEAREST {
            return None;
        }
        let base = frame
            .registers
            .get(Register::from_dwarf(row.cfa_register())?)?;
        let cfa = VirtAddr(base.checked_add_signed(row.cfa_offset())?);
        if frame.registers.sp().is_none_or(|sp| cfa <= sp) {
            return None;
        }
        let nearest = self.words_below(cfa)?;
        let [.., pc] = nearest;
        let pc = VirtAddr(pc);
        self.follows_call(pc).then_some(PlainCaller {
            cfa,
            pc,
            row,
            nearest,
        })
    }

    /// The words right below an address, if all can be read.
    #[inline]
    fn words_below(&mut self, at: VirtAddr) -> Option<[u64; NEAREST]> {
        let mut bytes = [0; NEAREST * 8];
        let start = at.checked_sub(bytes.len() as u64)?;
        let got = self.memory.read(start, &mut bytes).ok()?;
        let (words, _) = bytes.as_chunks::<8>();
        let word = |index: usize| u64::from_le_bytes(words[index]);
        (got == bytes.len()).then(|| std::array::from_fn(word))
    }
}
