//! Control flow of all kinds, for comparing graphs with the compiler's.

use std::collections::BTreeMap;

#[derive(Clone, Copy)]
enum Shape {
    Point,
    Line(u32),
    Circle(u32),
    Square(u64),
    Text(&'static str),
    Nothing,
}

#[inline(never)]
fn exhaustive(shape: &Shape, x: u32) -> u32 {
    match shape {
        Shape::Point => x + 1,
        Shape::Line(length) => x.rotate_left(3) ^ length,
        Shape::Circle(radius) => radius * 3 + x,
        Shape::Square(side) => (*side as u32).wrapping_mul(x),
        Shape::Text(text) => text.len() as u32 - x.min(1),
        Shape::Nothing => never(x),
    }
}

#[inline(never)]
fn never(x: u32) -> ! {
    if x > 7 {
        std::process::exit(x as i32);
    }
    panic!("nothing has no number: {x}");
}

#[inline(never)]
fn compared(x: u32) -> &'static str {
    match x {
        0 => "none",
        1 => "one",
        2 => "two",
        3 => "three",
        5 => panic!("five"),
        100..=110 => "hundreds",
        _ => "many",
    }
}

#[inline(never)]
fn looped(bytes: &[u8]) -> u32 {
    let mut sum = 0_u32;
    for &byte in bytes {
        match byte & 7 {
            0 => continue,
            1 => sum += 1,
            2 => sum ^= 0x55,
            3 => sum = sum.rotate_left(1),
            4 => return sum,
            5 => sum *= 3,
            6 if sum > 9 => break,
            _ => sum = sum.saturating_sub(2),
        }
    }
    sum
}

fn main() {
    let count = std::env::args().count() as u32;
    let shapes = [
        Shape::Point,
        Shape::Line(3),
        Shape::Circle(count),
        Shape::Square(9),
        Shape::Text("text"),
    ];
    let mut map = BTreeMap::new();
    for (number, shape) in (0..count * 5).zip(shapes.iter().cycle()) {
        map.insert(exhaustive(shape, number), compared(number % 4).to_string());
    }
    if count > 9 {
        exhaustive(&Shape::Nothing, count);
    }
    let caught = std::panic::catch_unwind(|| compared(count + 4).len());
    println!("{map:?} {caught:?} {}", looped(format!("{map:?}").as_bytes()));
}
