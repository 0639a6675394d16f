//! `bounds`: a rebate is looked up in a tier that the table does not have.

use core::hint::black_box;

use crate::engine::Trade;

/// Rebates in hundredths of a percent, by tier.
static REBATES: [u64; 4] = [1, 2, 3, 5];

pub(super) fn commit(trade: &Trade<'_>) {
    // The mistake: tiers are counted from 0, and this is behind the last.
    let tier = black_box(REBATES.len());
    black_box(rebate(&REBATES, tier, trade.quantity));
}

#[inline(never)]
fn rebate(table: &[u64], tier: usize, quantity: u64) -> u64 {
    table[tier] * quantity
}
