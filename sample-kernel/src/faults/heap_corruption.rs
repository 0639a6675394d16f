//! `heap-corruption`: a fill is noted at a place in an account that the account
//! does not have any more. It lands in the neighbour, on the pointer to its
//! owner, which is followed only when the day is settled.

use alloc::boxed::Box;
use core::hint::black_box;

use crate::engine::Trade;

/// Accounts of a desk.
const ACCOUNTS: usize = 8;
/// Fills that an account keeps; there were once more.
const FILLS: usize = 3;
/// Rounds of bookkeeping between the mistake and its discovery.
const ROUNDS: u64 = 20_000;

/// Who answers for an account.
struct Owner {
    margin: u64,
}

#[repr(C)]
struct Account {
    owner: *const Owner,
    fills: [u64; FILLS],
}

pub(super) fn commit(trade: &Trade<'_>) {
    let owner = Box::new(Owner {
        margin: trade.quantity,
    });
    let mut accounts: Box<[Account; ACCOUNTS]> = Box::new(core::array::from_fn(|_| Account {
        owner: &raw const *owner,
        fills: [0; FILLS],
    }));
    let account = (trade.maker.id.0 % (ACCOUNTS as u64 - 1)) as usize;
    let notional = trade.maker.price * trade.quantity;
    // The mistake: the place was remembered when accounts were larger.
    let place = black_box(FILLS);
    note_fill(&raw mut accounts[account], place, notional);
    // Nothing is noticed for long.
    let rounds = ROUNDS + trade.taker.id.0 % ROUNDS;
    for round in 0..rounds {
        let account = (round % ACCOUNTS as u64) as usize;
        note_fill(&raw mut accounts[account], round as usize % FILLS, round);
    }
    for account in accounts.iter() {
        black_box(margin_left(account));
    }
}

#[inline(never)]
fn note_fill(account: *mut Account, place: usize, notional: u64) {
    // SAFETY: none: an account has no such place.
    let fill = unsafe { (&raw mut (*account).fills).cast::<u64>().add(place) };
    // SAFETY: none: it is in the next account.
    unsafe { fill.write(notional) };
}

#[inline(never)]
fn margin_left(account: &Account) -> u64 {
    let used: u64 = account.fills.iter().sum();
    // SAFETY: none: the owner may have been overwritten.
    let margin = unsafe { (*account.owner).margin };
    margin.saturating_sub(used)
}
