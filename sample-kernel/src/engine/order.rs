//! An order.

/// Names an order; later orders have higher ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OrderId(pub u64);

/// Which way an order trades.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Buys.
    Bid,
    /// Sells.
    Ask,
}

/// A limit order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// Its name.
    pub id: OrderId,
    /// The worst price it accepts, in ticks.
    pub price: u64,
    /// What it was for.
    pub quantity: u64,
    /// What is left of that.
    pub remaining: u64,
    /// Which way.
    pub side: Side,
}

impl Order {
    /// An order that has not traded.
    pub fn new(id: OrderId, side: Side, price: u64, quantity: u64) -> Self {
        Self {
            id,
            price,
            quantity,
            remaining: quantity,
            side,
        }
    }

    /// Whether it accepts another side's price.
    pub fn accepts(&self, price: u64) -> bool {
        match self.side {
            Side::Bid => price <= self.price,
            Side::Ask => price >= self.price,
        }
    }
}
