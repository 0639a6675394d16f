//! `bad-fn-pointer`: a table of listeners is read one entry too far, and what
//! lies there is data that is called.

use core::hint::black_box;
use core::mem::transmute;
use core::sync::atomic::AtomicU64;

use crate::engine::Trade;

/// Told about trades.
type Listener = fn(quantity: u64) -> u64;

/// Trades so far: data, and no function.
static TRADES: [AtomicU64; 4] = [const { AtomicU64::new(0xfeed) }; 4];

pub(super) fn commit(trade: &Trade<'_>) {
    let data = black_box(&raw const TRADES);
    // SAFETY: none, and that is the mistake: it is not a function.
    let listener = unsafe { transmute::<*const [AtomicU64; 4], Listener>(data) };
    black_box(notify(listener, trade.quantity));
}

#[inline(never)]
fn notify(listener: Listener, quantity: u64) -> u64 {
    let answer = listener(quantity);
    answer.wrapping_add(quantity)
}
