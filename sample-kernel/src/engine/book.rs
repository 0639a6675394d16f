//! The order book: the levels of both sides, and where each order is.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::{Execution, Level, Observer, Order, OrderId, Side};

/// All resting orders. Bids and asks never cross.
#[derive(Default, Debug)]
pub struct Book {
    bids: BTreeMap<u64, Level>,
    asks: BTreeMap<u64, Level>,
    places: BTreeMap<OrderId, (Side, u64)>,
}

impl Book {
    /// Trades an incoming order against the other side, best price first.
    #[inline(never)]
    pub(super) fn cross(&mut self, taker: &mut Order, observer: &mut dyn Observer) -> Execution {
        let mut total = Execution::default();
        while taker.remaining > 0 {
            let best = match taker.side {
                Side::Bid => self.asks.first_entry(),
                Side::Ask => self.bids.last_entry(),
            };
            let Some(mut level) = best.filter(|level| taker.accepts(*level.key())) else {
                break;
            };
            let places = &mut self.places;
            let execution = level.get_mut().fill(taker, observer, |id| {
                places.remove(&id);
            });
            total.filled += execution.filled;
            total.trades += execution.trades;
            if level.get().is_empty() {
                level.remove();
            }
        }
        total
    }

    /// Puts an order into the book.
    pub(super) fn rest(&mut self, order: Box<Order>) {
        self.places.insert(order.id, (order.side, order.price));
        self.side_mut(order.side)
            .entry(order.price)
            .or_default()
            .push(order);
    }

    /// Takes an order out.
    pub(super) fn remove(&mut self, id: OrderId) -> Option<Box<Order>> {
        let (side, price) = self.places.remove(&id)?;
        let levels = self.side_mut(side);
        let level = levels.get_mut(&price)?;
        let order = level.remove(id);
        if level.is_empty() {
            levels.remove(&price);
        }
        order
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<u64, Level> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    /// The levels of one side, by rising price.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = (u64, &Level)> {
        let levels = match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        };
        levels.iter().map(|(&price, level)| (price, level))
    }

    /// Orders in the book.
    pub fn resting(&self) -> usize {
        self.places.len()
    }

    /// The highest bid and the lowest ask.
    pub fn spread(&self) -> (Option<u64>, Option<u64>) {
        (
            self.bids.last_key_value().map(|(&price, _)| price),
            self.asks.first_key_value().map(|(&price, _)| price),
        )
    }
}
