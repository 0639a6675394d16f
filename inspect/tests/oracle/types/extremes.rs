//! Numbers at the ends of their ranges, ranges, unions, what has no size, and
//! what waits to go on.

use std::borrow::Cow;
use std::cell::{LazyCell, OnceCell};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::hint::black_box;
use std::ops::{Range, RangeFrom, RangeInclusive, RangeToInclusive};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::atomic::*;
use std::task::{Context, Waker};
use std::time::Duration;

use crate::model::*;
use crate::say::*;

#[derive(Clone, Copy)]
union Bits {
    number: u32,
    fraction: f32,
    bytes: [u8; 4],
}

#[derive(Debug, Clone)]
struct Braces {}

#[inline(never)]
pub fn extremes() {
    let (nan, minus, tiny) = black_box((f32::NAN, f64::NEG_INFINITY, f64::from_bits(1)));
    let (zero, most, third) = black_box((-0.0_f32, f32::MAX, 1.0_f64 / 3.0));
    let (least, wide) = black_box((i128::MIN, i128::MAX));
    let (first, last) = black_box((i64::MIN, i8::MIN));
    let range: Range<u32> = black_box(2..5);
    let closed: RangeInclusive<i8> = black_box(-1..=1);
    let open: RangeFrom<u8> = black_box(4..);
    let to: RangeToInclusive<char> = black_box(..='z');
    let short = black_box(Duration::from_micros(1_500));
    let long = black_box(Duration::new(86_400, 1));
    let union = black_box(Bits { number: 0x3f80_0000 });
    let braces = black_box(Braces {});
    let units = black_box([(); 3]);
    let none: [[u8; 0]; 2] = black_box([[], []]);
    let escapes = black_box("tab\t nul\0 bell\u{7} ltr\u{202e} \u{feff}é\u{301}\u{1f980}");
    let grid: &[&[u8]] = black_box(&[&[1, 2], &[], &[3]]);
    let rows = black_box(vec![vec![1_u16], vec![]]);
    let cow: Cow<'_, [u8]> = black_box(Cow::Borrowed(&[1, 2]));
    says!(nan, minus, tiny, zero, most, third, least, wide, first, last, range, closed, open, to);
    says!(short, long, braces, units, none, escapes, grid, rows);
    says_as!(union, "Bits {{ number: 1065353216, fraction: 1.0, bytes: [0, 0, 128, 63] }}");
    says_as!(cow, "Borrowed([1, 2])");
    stop();
    keep!(nan, minus, tiny, zero, most, third, least, wide, first, last, range, closed, open, to);
    keep!(short, long, union, braces, units, none, escapes, grid, rows, cow);
}

#[inline(never)]
pub fn shared() {
    let strong = black_box(Rc::new(Point { x: 1, y: 1 }));
    let more = Rc::clone(&strong);
    let weak = Rc::downgrade(&strong);
    let dangling: Weak<Point> = black_box(Weak::new());
    let set: OnceCell<u8> = black_box(OnceCell::from(6));
    let lazy: LazyCell<u32> = black_box(LazyCell::new(|| 4));
    let pointer = black_box(AtomicPtr::new(std::ptr::null_mut::<u8>()));
    let (size, small) = black_box((AtomicUsize::new(usize::MAX), AtomicI8::new(-3)));
    let boxes: Box<[Box<str>]> = black_box(Box::new(["a".into(), "b".into()]));
    let name: CString = black_box(c"name".to_owned());
    let borrowed: &CStr = black_box(c"borrowed");
    let levels: BTreeMap<u16, u8> = black_box((0..400).map(|n| (n, n as u8)).collect());
    says!(strong, more, boxes, size, small, name, borrowed, levels);
    says_as!(weak, "Weak");
    says_as!(dangling, "Weak");
    says_as!(set, "OnceCell {{ inner: Some(6) }}");
    says_as!(pointer, "0x0");
    stop();
    black_box(*lazy);
    keep!(strong, more, weak, dangling, set, lazy, pointer, size, small, boxes, name, borrowed, levels);
}

async fn later(number: u32) -> u32 {
    let doubled = black_box(number * 2);
    let mut waited = false;
    std::future::poll_fn(|_| {
        let ready = waited;
        waited = true;
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    black_box(doubled) + number
}

#[inline(never)]
pub fn waiting() {
    let mut context = Context::from_waker(Waker::noop());
    let unresumed = later(4);
    let mut suspended: Pin<Box<_>> = Box::pin(later(21));
    black_box(suspended.as_mut().poll(&mut context).is_pending());
    let mut returned = pin!(later(3));
    for _ in 0..2 {
        black_box(returned.as_mut().poll(&mut context).is_pending());
    }
    says_as!(unresumed, "Unresumed {{ number: 4 }}");
    stop();
    keep!(unresumed, suspended, returned);
}
