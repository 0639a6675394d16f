//! The orders of one price, first come, first served.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use super::{Execution, Observer, Order, OrderId, Trade};

/// A queue of orders at one price.
#[derive(Default, Debug)]
pub struct Level {
    orders: VecDeque<Box<Order>>,
}

impl Level {
    /// Trades with the orders in their turn until the taker is filled or the
    /// level is empty. Ids of filled orders go to `filled`.
    #[inline(never)]
    pub(super) fn fill(
        &mut self,
        taker: &mut Order,
        observer: &mut dyn Observer,
        mut filled: impl FnMut(OrderId),
    ) -> Execution {
        let mut execution = Execution::default();
        while taker.remaining > 0 {
            let Some(maker) = self.orders.front_mut() else {
                break;
            };
            let quantity = taker.remaining.min(maker.remaining);
            observer.matched(&Trade {
                taker,
                maker,
                quantity,
            });
            taker.remaining -= quantity;
            maker.remaining -= quantity;
            execution.filled += quantity;
            execution.trades += 1;
            if maker.remaining == 0 {
                filled(maker.id);
                self.orders.pop_front();
            }
        }
        execution
    }

    /// Adds an order behind the others.
    pub(super) fn push(&mut self, order: Box<Order>) {
        self.orders.push_back(order);
    }

    /// Takes an order out of the middle.
    pub(super) fn remove(&mut self, id: OrderId) -> Option<Box<Order>> {
        let index = self.orders.iter().position(|order| order.id == id)?;
        self.orders.remove(index)
    }

    /// Whether no order is left.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// The orders in their turn.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().map(Box::as_ref)
    }
}
