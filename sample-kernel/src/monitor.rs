//! What watches the engine: it records events, and commits the armed fault
//! when its time has come.

use ukdbg_target_runtime::trace::Level;
use ukdbg_target_runtime::{println, trace_event};

use crate::engine::{Observer, Order, Trade};
use crate::faults::Armed;

/// The engine's observer.
pub(crate) struct Monitor {
    accepted: u64,
    armed: Option<Armed>,
}

impl Monitor {
    pub(crate) fn new(armed: Option<Armed>) -> Self {
        Self { accepted: 0, armed }
    }
}

impl Observer for Monitor {
    fn accepted(&mut self, order: &Order) {
        self.accepted += 1;
        trace_event!(Level::Info, "order.accepted", id: u64 = order.id.0, price: u64 = order.price);
    }

    fn matched(&mut self, trade: &Trade<'_>) {
        trace_event!(
            Level::Info, "order.matched",
            taker: u64 = trade.taker.id.0, maker: u64 = trade.maker.id.0,
            price: u64 = trade.maker.price, quantity: u64 = trade.quantity,
        );
        if let Some(armed) = self.armed.take_if(|armed| self.accepted > armed.after) {
            armed.fault.commit(trade);
            println!("fault {} had no effect", armed.fault.name());
        }
    }
}
