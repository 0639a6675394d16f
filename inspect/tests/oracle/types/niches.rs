//! Enums whose discriminant is in unused values of their data, or nowhere.

use std::cmp::{Ordering, Reverse};
use std::convert::Infallible;
use std::hint::black_box;
use std::mem::ManuallyDrop;
use std::num::{NonZeroI64, NonZeroU128};
use std::ops::{Bound, ControlFlow};
use std::task::Poll;

use crate::model::*;
use crate::say::*;

/// Data in several variants, around the one whose field has the niche.
#[derive(Debug, Clone)]
enum Several {
    Flagged { flag: bool, word: u32 },
    Short(u16),
    Pair(u16, u8),
    Nothing,
}

#[derive(Debug, Clone)]
enum OfOne {
    Only(u8, Point),
}

#[derive(Debug, Clone)]
enum OfOneUnit {
    Only,
}

#[derive(Debug, Clone)]
enum WithImpossible {
    Real(u16),
    Impossible(Infallible),
}

#[derive(Debug, Clone, Copy)]
#[repr(i128)]
enum Huge {
    Low = i128::MIN,
    High = i128::MAX,
}

#[derive(Debug, Clone, Copy)]
#[repr(u128)]
enum HugeData {
    Small(u8) = 1 << 100,
    Large(u64) = u128::MAX,
}

#[derive(Debug, Clone, Copy)]
#[repr(i8)]
enum Signed {
    Below(u8) = -100,
    Above { more: u8 } = 100,
}

#[derive(Debug, Clone, Copy)]
#[repr(C, u8)]
enum Foreign {
    Number(u64) = 200,
    Nothing,
}

#[inline(never)]
pub fn niches() {
    let flagged = black_box(Several::Flagged { flag: true, word: 9 });
    let short = black_box(Several::Short(65_000));
    let pair = black_box(Several::Pair(3, 4));
    let nothing = black_box(Several::Nothing);
    let only = black_box(OfOne::Only(3, Point { x: 1, y: 2 }));
    let unit = black_box(OfOneUnit::Only);
    let real = black_box(WithImpossible::Real(6));
    let certain: Result<u8, Infallible> = black_box(Ok(5));
    let never: Option<Infallible> = black_box(None);
    let (low, high) = black_box((Huge::Low, Huge::High));
    let (small, large) = black_box((HugeData::Small(4), HugeData::Large(5)));
    let (below, above) = black_box((Signed::Below(1), Signed::Above { more: 2 }));
    let (number, foreign) = black_box((Foreign::Number(7), Foreign::Nothing));
    says!(flagged, short, pair, nothing, only, unit, real, certain, never, low, high);
    says!(small, large, below, above, number, foreign);
    stop();
    keep!(flagged, short, pair, nothing, only, unit, real, certain, never, low, high);
    keep!(small, large, below, above, number, foreign);
}

#[inline(never)]
pub fn niches_of_the_library() {
    let letter: Option<char> = black_box(Some('\u{10ffff}'));
    let no_letter: Option<char> = black_box(None);
    let text: Option<&str> = black_box(Some("some"));
    let no_text: Option<&str> = black_box(None);
    let no_object: Option<Box<dyn Observer>> = black_box(None);
    let no_function: Option<fn()> = black_box(None);
    let wide = black_box(NonZeroU128::new(1 << 90));
    let zero = black_box(NonZeroI64::new(0));
    let nested: Option<(u8, (bool, u8))> = black_box(Some((1, (true, 2))));
    let no_nested: Option<(u8, (bool, u8))> = black_box(None);
    let both: Option<Result<bool, ()>> = black_box(Some(Err(())));
    let orders: [Option<Ordering>; 3] = black_box([None, Some(Ordering::Equal), Some(Ordering::Greater)]);
    let reversed = black_box(Reverse(3_u8));
    let dropped = black_box(ManuallyDrop::new(5_u16));
    let poll: Poll<Option<bool>> = black_box(Poll::Ready(None));
    let pending: Poll<Option<bool>> = black_box(Poll::Pending);
    let flow: ControlFlow<u8, String> = black_box(ControlFlow::Continue("on".to_owned()));
    let bound = black_box((Bound::Included(4_u8), Bound::<u8>::Unbounded));
    let signs: Vec<Option<i8>> = black_box(vec![Some(-1), None]);
    says!(letter, no_letter, text, no_text, wide, zero, nested, no_nested, both, orders);
    says!(reversed, poll, pending, flow, bound, signs, no_function);
    says_as!(no_object, "None");
    says_as!(dropped, "ManuallyDrop {{ value: 5 }}");
    stop();
    keep!(letter, no_letter, text, no_text, no_object, no_function, wide, zero, nested, no_nested);
    keep!(both, orders, reversed, dropped, poll, pending, flow, bound, signs);
}
