//! `panic`: a rule of the engine is checked and found broken.

use core::hint::black_box;

use crate::engine::{OrderId, Trade};

pub(super) fn commit(trade: &Trade<'_>) {
    // The mistake: the maker is taken for the taker.
    check_parties(black_box(trade.maker.id), trade.maker.id, trade.quantity);
}

#[inline(never)]
fn check_parties(taker: OrderId, maker: OrderId, quantity: u64) {
    if taker == maker {
        panic!("order {} trades {quantity} with itself", taker.0);
    }
}
