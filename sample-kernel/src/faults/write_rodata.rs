//! `write-rodata`: a fee is raised in the table of fees, which is a constant.

use core::hint::black_box;
use core::ptr;

use crate::engine::Trade;

/// Fees in hundredths of a percent, by tier.
static FEES: [u64; 4] = [30, 25, 20, 10];

pub(super) fn commit(trade: &Trade<'_>) {
    let fee = ptr::from_ref(black_box(&FEES[1])).cast_mut();
    raise_fee(fee, trade.quantity);
    black_box(FEES[1]);
}

#[inline(never)]
fn raise_fee(fee: *mut u64, by: u64) {
    // SAFETY: none: the fee is in memory that cannot be written.
    unsafe { *fee += by };
}
