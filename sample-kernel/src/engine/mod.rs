//! A limit-order matching engine with price-time priority: the best price
//! trades first, and among equals the one that came first.

mod book;
mod level;
mod order;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;

pub use book::Book;
pub use level::Level;
pub use order::{Order, OrderId, Side};

/// One trade, while it happens.
#[derive(Clone, Copy, Debug)]
pub struct Trade<'a> {
    /// The order that came in.
    pub taker: &'a Order,
    /// The order that was in the book.
    pub maker: &'a Order,
    /// How much changes hands, at the maker's price.
    pub quantity: u64,
}

/// Who is told what the engine does, as it does it.
pub trait Observer {
    /// An order was taken in.
    fn accepted(&mut self, order: &Order);
    /// Two orders trade; neither has been reduced yet.
    fn matched(&mut self, trade: &Trade<'_>);
}

/// What became of an order.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Execution {
    /// Quantity that traded at once.
    pub filled: u64,
    /// Trades it took.
    pub trades: u64,
}

/// The engine: one book, and the rules.
#[derive(Default, Debug)]
pub struct Engine {
    book: Book,
}

impl Engine {
    /// Takes an order in: it trades as far as prices cross, and what is left
    /// rests in the book.
    #[inline(never)]
    pub fn submit(&mut self, mut order: Box<Order>, observer: &mut dyn Observer) -> Execution {
        observer.accepted(&order);
        let execution = self.book.cross(&mut order, observer);
        if order.remaining > 0 {
            self.book.rest(order);
        }
        execution
    }

    /// Takes an order out of the book; false when it is not there any more.
    #[inline(never)]
    pub fn cancel(&mut self, id: OrderId) -> bool {
        self.book.remove(id).is_some()
    }

    /// The book.
    pub fn book(&self) -> &Book {
        &self.book
    }
}
