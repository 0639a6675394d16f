// Arguments of every kind, held at one place.
#![allow(dead_code)]

use std::hint::black_box;

struct Point {
    x: i32,
    y: i32,
}

struct Pair(u8, bool);

enum Shape {
    Empty,
    Circle(f64),
    Square { side: u32, at: Point },
}

#[derive(Clone, Copy)]
enum Side {
    Buy,
    Sell = 7,
}

#[inline(never)]
fn numbers(a: u8, b: i16, c: u64, d: i128, e: bool, f: char, g: f32, h: usize) -> u64 {
    black_box((a, b, c, d, e, f, g, h));
    stop()
}

#[inline(never)]
fn references(number: &u32, text: &str, slice: &[u16], point: &Point, null: *const u8, code: fn() -> u64) -> u64 {
    black_box((number, text, slice, point, null, code));
    stop()
}

#[inline(never)]
fn structures(point: Point, pair: Pair, tuple: (u8, i8), array: [u8; 3], grid: [[u8; 2]; 2]) -> u64 {
    black_box((&point, &pair, &tuple, &array, &grid));
    stop()
}

#[inline(never)]
fn enums() -> u64 {
    let empty = Shape::Empty;
    let circle = Shape::Circle(0.25);
    let square = Shape::Square { side: 3, at: Point { x: 1, y: -2 } };
    let side = Side::Sell;
    let some = Some(5_u32);
    let none: Option<u32> = None;
    let niche = Some(&6_u8);
    let no_niche: Option<&u8> = None;
    let error: Result<u8, i64> = Err(-8);
    black_box((&empty, &circle, &square, &side, &some, &none, &niche, &no_niche, &error));
    stop()
}

#[inline(never)]
fn long(text: &str, slice: &[u8]) -> u64 {
    let array = [1_u32; 20];
    black_box((text, slice, &array));
    stop()
}

#[inline(never)]
fn stop() -> u64 {
    black_box(1)
}

fn main() {
    let point = || Point { x: 1, y: -2 };
    let mut sum = numbers(200, -3, u64::MAX, -5, true, 'ß', 1.5, 42);
    sum += references(&77, "hi\n\u{1b}[31m", &[1, 2, 3], &point(), std::ptr::null(), stop);
    sum += structures(point(), Pair(9, false), (4, -4), [1, 2, 3], [[1, 2], [3, 4]]);
    sum += enums();
    sum += long(&"x".repeat(500), &[7; 300]);
    println!("{sum}");
}
