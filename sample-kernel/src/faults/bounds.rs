//! `bounds`: a fee is looked up in a tier that the table does not have.

use core::hint::black_box;

use crate::engine::Trade;

/// Fees in hundredths of a percent, by tier.
static FEES: [u64; 4] = [30, 25, 20, 10];

pub(super) fn commit(trade: &Trade<'_>) {
    // The mistake: tiers are counted from 0, and this is behind the last.
    let tier = black_box(FEES.len());
    black_box(fee(&FEES, tier, trade.quantity));
}

#[inline(never)]
fn fee(table: &[u64], tier: usize, quantity: u64) -> u64 {
    table[tier] * quantity
}
