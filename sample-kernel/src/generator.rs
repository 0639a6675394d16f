//! Makes orders: the same ones for the same seed.

use alloc::boxed::Box;
use core::cell::Cell;

use crate::engine::{Order, OrderId, Side};

/// Orders after which one is cancelled, traded or not, so that the book stays
/// bounded.
const LIFETIME: u64 = 256;
/// Prices are this far from the middle at most, in ticks.
const WIDTH: u64 = 16;
const MIDDLE: u64 = 10_000;
const LARGEST_QUANTITY: u64 = 100;

/// What the generator asks of the engine.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Request {
    /// Take this order in.
    Submit(Box<Order>),
    /// Cancel that one.
    Cancel(OrderId),
}

/// A stream of requests.
pub(crate) struct Generator {
    random: Random,
    next: u64,
    count: u64,
    cancel_next: bool,
}

impl Generator {
    pub(crate) fn new(seed: u64, count: u64) -> Self {
        Self {
            random: Random::new(seed),
            next: 0,
            count,
            cancel_next: false,
        }
    }

    fn order(&self, id: u64) -> Order {
        let side = if self.random.below(2) == 0 {
            Side::Bid
        } else {
            Side::Ask
        };
        let price = MIDDLE - WIDTH + self.random.below(2 * WIDTH + 1);
        Order::new(
            OrderId(id),
            side,
            price,
            1 + self.random.below(LARGEST_QUANTITY),
        )
    }
}

impl Iterator for Generator {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        if self.next == self.count {
            return None;
        }
        let id = self.next;
        if let Some(old) = id.checked_sub(LIFETIME).filter(|_| self.cancel_next) {
            self.cancel_next = false;
            return Some(Request::Cancel(OrderId(old)));
        }
        self.next += 1;
        self.cancel_next = true;
        Some(Request::Submit(Box::new(self.order(id))))
    }
}

/// `SplitMix64` (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
/// Generators", 2014): small, and good enough for prices.
struct Random(Cell<u64>);

impl Random {
    fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut mixed = self.0.get();
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&self, bound: u64) -> u64 {
        self.next() % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_orders_again() {
        let requests = |seed| Generator::new(seed, 1000).collect::<Vec<_>>();
        assert_eq!(requests(1), requests(1));
        assert_ne!(requests(1), requests(2));
    }

    #[test]
    fn every_order_is_cancelled_a_lifetime_later() {
        let requests: Vec<_> = Generator::new(1, LIFETIME + 2).collect();
        let cancelled: Vec<_> = requests
            .iter()
            .filter_map(|request| match request {
                Request::Cancel(id) => Some(id.0),
                Request::Submit(_) => None,
            })
            .collect();
        assert_eq!(cancelled, [0, 1]);
        assert_eq!(requests.len() as u64, LIFETIME + 4);
    }

    #[test]
    fn the_generator_is_the_published_one() {
        let random = Random::new(1_234_567);
        let numbers = [random.next(), random.next()];
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }
}
