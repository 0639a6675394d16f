//! Variables by where they are: arguments, registers, statics.

use std::hint::black_box;
use std::sync::atomic::*;

use crate::model::*;
use crate::say::*;

pub static GREETING: &str = "hello";
pub static COUNTER: AtomicU64 = AtomicU64::new(77);
pub static TABLE: [Point; 2] = [Point { x: 1, y: 2 }, Point { x: 3, y: 4 }];
pub static mut SCRATCH: Option<Side> = Some(Side::Sell);

#[inline(never)]
pub fn arguments(text: &str, order: Box<Order>, list: Vec<u16>, side: Option<Side>, many: [u64; 9]) -> u64 {
    says!(text, order, list, side, many);
    stop() + many[0] + black_box(order).id + list.len() as u64 + text.len() as u64 + side.map_or(0, |_| 1)
}

/// Says nothing itself, so that nothing needs a place in memory.
#[inline(never)]
pub fn in_registers(
    number: u32,
    flag: bool,
    text: &str,
    slice: &[u16],
    side: Side,
    maybe: Option<u32>,
    pair: (u32, u64),
    boxed: Box<Point>,
) -> u64 {
    let vector = vec![number; 3];
    let owned = text.to_owned();
    let point = Point { x: number as i32, y: -1 };
    let shape = if flag { Shape::Square { side: number, at: point.clone() } } else { Shape::Empty };
    let first = vector.first().copied();
    let mut total = stop();
    total += u64::from(number) + u64::from(flag) + text.len() as u64 + slice.len() as u64;
    total += side as u64 + u64::from(maybe.unwrap_or(1)) + u64::from(pair.0) + pair.1;
    total += vector.iter().map(|&one| u64::from(one)).sum::<u64>() + owned.len() as u64;
    black_box((vector, owned, boxed, shape, point, first));
    total
}

#[inline(never)]
pub fn in_a_loop(numbers: &[u32]) -> u64 {
    let mut sum = 0_u64;
    let mut last = None;
    for (index, &number) in numbers.iter().enumerate() {
        let square = u64::from(number) * u64::from(number);
        sum += square;
        if index == 3 {
            sum += stop();
        }
        last = Some(number);
    }
    sum + u64::from(last.unwrap_or(0))
}

pub fn arguments_of_every_kind() {
    let total = arguments("text", Box::new(order(2)), vec![1, 2], Some(Side::Buy), [3; 9]);
    black_box(total);
}

pub fn optimised() {
    say("number", "7".to_owned());
    say("flag", "true".to_owned());
    say("text", "\"seven\"".to_owned());
    say("slice", "[7, 77]".to_owned());
    say("side", "Buy".to_owned());
    say("maybe", "Some(777)".to_owned());
    say("pair", "(7, 70)".to_owned());
    say("boxed", "Point { x: 7, y: 8 }".to_owned());
    say("vector", "[7, 7, 7]".to_owned());
    say("owned", "\"seven\"".to_owned());
    say("point", "Point { x: 7, y: -1 }".to_owned());
    say("shape", "Square { side: 7, at: Point { x: 7, y: -1 } }".to_owned());
    say("first", "Some(7)".to_owned());
    let arguments = black_box((7, true, "seven", [7_u16, 77], Side::Buy, Some(777), (7, 70)));
    let (number, flag, text, slice, side, maybe, pair) = arguments;
    let boxed = Box::new(Point { x: 7, y: 8 });
    black_box(in_registers(number, flag, text, &slice, side, maybe, pair, boxed));
}

pub fn optimised_loop() {
    say("numbers", "[1, 2, 3, 4, 5]".to_owned());
    say("sum", "30".to_owned());
    say("last", "Some(3)".to_owned());
    say("index", "3".to_owned());
    say("number", "4".to_owned());
    say("square", "16".to_owned());
    black_box(in_a_loop(black_box(&[1, 2, 3, 4, 5])));
}

#[inline(never)]
pub fn statics() {
    let table = black_box(&TABLE);
    say("types::places::GREETING", format!("{GREETING:?}"));
    say("types::places::COUNTER", format!("{COUNTER:?}"));
    say("types::places::TABLE", format!("{table:?}"));
    say("types::places::SCRATCH", format!("{:?}", Some(Side::Sell)));
    stop();
    black_box(&raw mut SCRATCH);
}
