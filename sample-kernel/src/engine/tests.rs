//! The rules of the engine: price, then time; nothing is lost, nothing crosses.

use super::*;
use crate::generator::{Generator, Request};
use crate::options::ORDERS_TO_A_TRADE;

/// Remembers trades as (taker, maker, quantity).
#[derive(Default)]
struct Log(Vec<(u64, u64, u64)>);

impl Observer for Log {
    fn accepted(&mut self, _: &Order) {}

    fn matched(&mut self, trade: &Trade<'_>) {
        self.0
            .push((trade.taker.id.0, trade.maker.id.0, trade.quantity));
    }
}

/// Submits orders in turn, with their positions as ids.
#[track_caller]
fn check(
    orders: &[(Side, u64, u64)],
    trades: &[(u64, u64, u64)],
    spread: (Option<u64>, Option<u64>),
) {
    let (mut engine, mut log) = (Engine::default(), Log::default());
    for (id, &(side, price, quantity)) in (0..).zip(orders) {
        engine.submit(
            Box::new(Order::new(OrderId(id), side, price, quantity)),
            &mut log,
        );
    }
    assert_eq!((&log.0[..], engine.book().spread()), (trades, spread));
}

#[test]
fn prices_that_do_not_cross_rest() {
    check(
        &[(Side::Bid, 10, 5), (Side::Ask, 11, 5)],
        &[],
        (Some(10), Some(11)),
    );
}

#[test]
fn the_best_price_trades_first() {
    let orders = [
        (Side::Ask, 12, 1),
        (Side::Ask, 10, 1),
        (Side::Ask, 11, 1),
        (Side::Bid, 12, 2),
    ];
    check(&orders, &[(3, 1, 1), (3, 2, 1)], (None, Some(12)));
}

#[test]
fn among_equals_the_first_trades_first() {
    let orders = [(Side::Bid, 10, 2), (Side::Bid, 10, 2), (Side::Ask, 10, 3)];
    check(&orders, &[(2, 0, 2), (2, 1, 1)], (Some(10), None));
}

#[test]
fn what_is_left_of_a_taker_rests() {
    check(
        &[(Side::Ask, 10, 2), (Side::Bid, 10, 5)],
        &[(1, 0, 2)],
        (Some(10), None),
    );
}

#[test]
fn a_cancelled_order_is_gone_once() {
    let (mut engine, mut log) = (Engine::default(), Log::default());
    engine.submit(Box::new(Order::new(OrderId(1), Side::Bid, 10, 2)), &mut log);
    assert_eq!(
        [engine.cancel(OrderId(1)), engine.cancel(OrderId(1))],
        [true, false]
    );
    assert_eq!(
        (engine.book().resting(), engine.book().spread()),
        (0, (None, None))
    );
}

/// Counts what comes in and what trades.
#[derive(Default)]
struct Sum {
    accepted: u64,
    traded: u64,
}

impl Observer for Sum {
    fn accepted(&mut self, order: &Order) {
        self.accepted += order.quantity;
    }

    fn matched(&mut self, trade: &Trade<'_>) {
        assert!(trade.quantity > 0 && trade.taker.accepts(trade.maker.price));
        assert!(trade.quantity <= trade.taker.remaining.min(trade.maker.remaining));
        self.traded += trade.quantity;
    }
}

#[test]
fn a_long_run_keeps_the_invariants() {
    let (mut engine, mut sum) = (Engine::default(), Sum::default());
    let (mut filled, mut cancelled) = (0, 0);
    for (step, request) in Generator::new(7, 20_000).enumerate() {
        match request {
            Request::Submit(order) => filled += engine.submit(order, &mut sum).filled,
            Request::Cancel(id) => {
                let before = resting_quantity(&engine);
                engine.cancel(id);
                cancelled += before - resting_quantity(&engine);
            }
        }
        let (bid, ask) = engine.book().spread();
        assert!(
            bid.zip(ask).is_none_or(|(bid, ask)| bid < ask),
            "crossed at step {step}"
        );
    }
    assert_eq!(filled, sum.traded);
    assert_eq!(
        sum.accepted,
        2 * sum.traded + cancelled + resting_quantity(&engine)
    );
    // Guarded allocation depends on it: so many blocks live at once.
    assert!(engine.book().resting() <= 256);
}

fn resting_quantity(engine: &Engine) -> u64 {
    let sides = [Side::Bid, Side::Ask];
    let levels = sides.iter().flat_map(|&side| engine.book().levels(side));
    levels
        .flat_map(|(_, level)| level.orders())
        .map(|order| order.remaining)
        .sum()
}

/// An armed fault comes with the next trade, which must not be far.
#[test]
fn there_is_soon_a_trade() {
    for seed in 0..100 {
        let (mut engine, mut log) = (Engine::default(), Log::default());
        let (mut orders, mut last) = (0, 0);
        for request in Generator::new(seed, 4 * ORDERS_TO_A_TRADE) {
            let Request::Submit(order) = request else {
                continue;
            };
            orders += 1;
            if engine.submit(order, &mut log).trades > 0 {
                last = orders;
            }
            assert!(
                orders - last < ORDERS_TO_A_TRADE / 4,
                "seed {seed}, order {orders}"
            );
        }
    }
}
