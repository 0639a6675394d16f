//! Numbers, structures and text.

use std::hint::black_box;
use std::marker::PhantomData;
use std::num::Wrapping;
use std::rc::Rc;
use std::sync::Arc;

use crate::model::*;
use crate::say::*;

#[inline(never)]
pub fn scalars() {
    let (a, b, c, d) = black_box((200_u8, -3_i16, u64::MAX, -5_i128));
    let (e, f, g) = black_box((true, 'ß', '\n'));
    let (single, double) = black_box((0.1_f32, -1e300_f64));
    let (infinite, whole) = black_box((f32::INFINITY, 3.0_f64));
    let (wide, size) = black_box((u128::MAX, -1_isize));
    let unit = black_box(());
    says!(a, b, c, d, e, f, g, single, double, infinite, whole, wide, size, unit);
    stop();
    keep!(a, b, c, d, e, f, g, single, double, infinite, whole, wide, size, unit);
}

#[inline(never)]
pub fn structures() {
    let point = black_box(Point { x: 1, y: -2 });
    let unit = black_box(Unit);
    let meters = black_box(Meters(0.3));
    let tuple = black_box((1_u8, "two", 3.5_f32));
    let one = black_box((9_u8,));
    let nested = black_box(((1_u8, 2_u16), [Some(1_u8), None]));
    let array = black_box([[1_i8, -1], [2, -2]]);
    let empty: [u32; 0] = black_box([]);
    let generic = black_box(Generic { first: Wrap(7_u8), second: PhantomData::<u32> });
    let whole = black_box(order(5));
    let range = black_box(Wrap(2..5_u32));
    let wrapping = black_box(Wrapping(3_u8));
    says!(point, unit, meters, tuple, one, nested, array, empty, generic, whole, wrapping);
    says_as!(range, "{range:?}");
    stop();
    keep!(point, unit, meters, tuple, one, nested, array, empty, generic, whole, range, wrapping);
}

#[inline(never)]
pub fn texts() {
    let text = black_box("hi\n\u{1b}[31m \"ß\" 'q'");
    let string = black_box("string".to_owned());
    let none = black_box(String::new());
    let boxed: Box<str> = black_box("boxed".into());
    let shared: Rc<str> = black_box("shared".into());
    let atomic: Arc<str> = black_box("atomic".into());
    let letters = black_box(vec!['a', 'ß']);
    let lines = black_box(vec!["one", "two"]);
    let bytes: &[u8] = black_box(b"bytes");
    let long = black_box("x".repeat(999));
    says!(text, string, none, boxed, shared, atomic, letters, lines, bytes, long);
    stop();
    keep!(text, string, none, boxed, shared, atomic, letters, lines, bytes, long);
}
