//! `double-fault`: the interrupt table is reloaded with a limit that leaves
//! gates 0 to 8, and then a page fault, vector 14, finds none. Nor does the
//! general protection fault about that, vector 13; the double fault, vector 8,
//! is the last gate there is (SDM volume 3A, table 6-5).

use core::arch::asm;
use core::hint::black_box;
use core::ptr;

use crate::engine::Trade;

/// Gates that stay.
const GATES: u16 = 9;

pub(super) fn commit(trade: &Trade<'_>) {
    // The mistake: the limit counts nine gates.
    shorten_interrupt_table(GATES * 16 - 1);
    post(black_box(ptr::null_mut()), trade.quantity);
}

/// Puts a quantity where nobody is.
#[inline(never)]
fn post(mailbox: *mut u64, quantity: u64) {
    // SAFETY: none: the mailbox is null.
    unsafe { *mailbox = quantity };
}

/// Sets the limit of the interrupt table; its base stays.
#[inline(never)]
fn shorten_interrupt_table(limit: u16) {
    let mut pointer = [0_u16; 5];
    // SAFETY: none: the table does not have the gates of what may come. With
    // interrupts off that is not the timer, so that it is always `post`.
    unsafe {
        asm!("cli", "sidt [{}]", in(reg) &raw mut pointer, options(nostack));
        pointer[0] = limit;
        asm!("lidt [{}]", in(reg) &raw const pointer, options(nostack));
    }
}
