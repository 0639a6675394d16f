//! `use-after-free`: an order is cancelled, which releases it, and is then
//! asked what was left of it.

use alloc::boxed::Box;
use core::hint::black_box;

use crate::engine::{Order, Trade};

pub(super) fn commit(trade: &Trade<'_>) {
    let order = Box::into_raw(Box::new(*trade.maker));
    cancel(black_box(order));
    // The mistake: the order is gone.
    black_box(unfilled(black_box(order), trade.quantity));
}

#[inline(never)]
fn cancel(order: *mut Order) {
    // SAFETY: the pointer came from `Box::into_raw`.
    drop(unsafe { Box::from_raw(order) });
}

#[inline(never)]
fn unfilled(order: *const Order, quantity: u64) -> u64 {
    // SAFETY: none: the order was released.
    let remaining = unsafe { (*order).remaining };
    remaining.saturating_sub(quantity)
}
