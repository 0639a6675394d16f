//! `null-field`: an order that is not found is not checked for, and a field is
//! read through the null reference.

use core::hint::black_box;
use core::ptr;

use crate::engine::{Order, OrderId, Trade};

pub(super) fn commit(trade: &Trade<'_>) {
    let parent = find_parent(trade.taker.id);
    // SAFETY: none, and that is the mistake: `parent` is null.
    let parent = unsafe { &*parent };
    black_box(remaining_after(parent, trade.quantity));
}

/// The order that this one is a part of; no order of this engine is.
#[inline(never)]
fn find_parent(id: OrderId) -> *const Order {
    black_box(id);
    black_box(ptr::null())
}

#[inline(never)]
fn remaining_after(order: &Order, quantity: u64) -> u64 {
    order.remaining - quantity
}
