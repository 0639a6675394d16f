//! `stack-overflow`: a chain of linked orders is followed by recursion, and the
//! chain is a circle.

use core::hint::black_box;

use crate::engine::{Order, Trade};

pub(super) fn commit(trade: &Trade<'_>) {
    black_box(linked_quantity(trade.maker, 0));
}

/// What an order and those linked to it still want.
#[inline(never)]
#[expect(unconditional_recursion, reason = "that is the mistake")]
fn linked_quantity(order: &Order, depth: u64) -> u64 {
    let mut path = [depth; 16];
    black_box(&mut path);
    order.remaining + linked_quantity(order, depth + 1) + path[3]
}
