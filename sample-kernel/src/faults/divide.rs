//! `divide`: the average price of nothing.

use core::hint::{assert_unchecked, black_box};

use crate::engine::Trade;

pub(super) fn commit(trade: &Trade<'_>) {
    let notional = trade.maker.price * trade.quantity;
    // The mistake: what is counted is what was hidden, which is nothing.
    let hidden = black_box(0);
    black_box(average_price(notional, hidden));
}

#[inline(never)]
fn average_price(notional: u64, quantity: u64) -> u64 {
    // SAFETY: none. The language checks a divisor unless it is promised that
    // it is not 0; the processor then does.
    unsafe { assert_unchecked(quantity != 0) };
    notional / quantity
}
