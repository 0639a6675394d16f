//! `triple-fault`: an empty interrupt table is loaded, and then a page fault
//! finds no gate, nor does the double fault about that. The processor shuts
//! down; what is left are the registers at the faulting instruction.

use core::arch::asm;
use core::hint::black_box;
use core::ptr;

use crate::engine::Trade;

pub(super) fn commit(trade: &Trade<'_>) {
    // The mistake: the table is loaded before it is filled.
    load_empty_interrupt_table();
    post(black_box(ptr::null_mut()), trade.quantity);
}

/// Puts a quantity where nobody is: the low half of it, since LLVM would make
/// one function of this and the same one in `double_fault`.
#[inline(never)]
fn post(mailbox: *mut u32, quantity: u64) {
    // SAFETY: none: the mailbox is null.
    unsafe { *mailbox = quantity as u32 };
}

#[inline(never)]
fn load_empty_interrupt_table() {
    let pointer = [0_u16; 5];
    // SAFETY: none: no exception has a gate any more. With interrupts off the
    // first one is `post`'s.
    unsafe { asm!("cli", "lidt [{}]", in(reg) &raw const pointer, options(nostack)) };
}
