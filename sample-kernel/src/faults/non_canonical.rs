//! `non-canonical`: a pointer that carries a tag in its high bits is followed
//! without taking the tag off.

use core::hint::black_box;
use core::ptr;

use crate::engine::{Order, Trade};

/// Marks a pointer to an order that makes the market. With it the address is
/// not canonical (SDM volume 1, 3.3.7.1).
const MAKER_TAG: usize = 1 << 62;

pub(super) fn commit(trade: &Trade<'_>) {
    let tagged = ptr::from_ref(trade.maker).map_addr(|address| address | MAKER_TAG);
    // The mistake: the tag is still on.
    black_box(limit_of(black_box(tagged), trade.quantity));
}

#[inline(never)]
fn limit_of(order: *const Order, quantity: u64) -> u64 {
    // SAFETY: none: there is no such address.
    unsafe { (*order).price * quantity }
}
