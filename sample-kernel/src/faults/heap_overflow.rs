//! `heap-overflow`: a snapshot of the price levels around a trade has room for
//! four and gets six.

use alloc::boxed::Box;
use core::hint::black_box;

use crate::engine::Trade;

/// Levels that a snapshot has room for.
const DEPTH: usize = 4;

pub(super) fn commit(trade: &Trade<'_>) {
    let mut snapshot = Box::new([0_u64; DEPTH]);
    // The mistake: the caller's idea of the depth is not the block's.
    let levels = black_box(DEPTH + 2);
    fill_levels(snapshot.as_mut_ptr(), trade.maker.price, levels);
    black_box(snapshot);
}

fn fill_levels(prices: *mut u64, best: u64, levels: usize) {
    for level in 0..levels {
        set_level(prices, level, best + level as u64);
    }
}

#[inline(never)]
fn set_level(prices: *mut u64, level: usize, price: u64) {
    let slot = prices.wrapping_add(level);
    // SAFETY: none: the last slots are behind the block's end.
    unsafe { *slot = price };
}
