//! Enums of every shape.

use std::borrow::Cow;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::rc::Rc;

use crate::model::*;
use crate::say::*;

#[inline(never)]
pub fn enums() {
    let side = black_box(Side::Sell);
    let empty = black_box(Shape::Empty);
    let circle = black_box(Shape::Circle(0.25));
    let square = black_box(Shape::Square { side: 3, at: Point { x: 1, y: -2 } });
    let named = black_box(Shape::Named("name".to_owned()));
    let some = black_box(Some(5_u32));
    let none: Option<u32> = black_box(None);
    let string = black_box(Some("text".to_owned()));
    let no_string: Option<String> = black_box(None);
    let flag = black_box(Some(false));
    let no_flag: Option<bool> = black_box(None);
    let deep = black_box(Some(Some(Some('x'))));
    let less_deep: Option<Option<Option<char>>> = black_box(Some(None));
    let niche: Option<NonZeroU32> = black_box(NonZeroU32::new(8));
    let vector: Option<Vec<u8>> = black_box(Some(vec![1]));
    let boxed: Option<Box<u16>> = black_box(Some(Box::new(6)));
    let no_box: Option<Box<u16>> = black_box(None);
    let sides = black_box([Some(Side::Buy), None, Some(Side::Sell)]);
    let fine: Result<u8, String> = black_box(Ok(4));
    let error: Result<u8, String> = black_box(Err("broken".to_owned()));
    let wide: Option<u128> = black_box(Some(1 << 100));
    let order = black_box(std::cmp::Ordering::Less);
    let shared: Option<Rc<u8>> = black_box(Some(Rc::new(1)));
    let cow: Cow<'_, str> = black_box(Cow::Borrowed("cow"));
    let owned: Cow<'_, str> = black_box(Cow::Owned("ox".to_owned()));
    says!(side, empty, circle, square, named, some, none, string, no_string, flag, no_flag, deep);
    says!(less_deep, niche, vector, boxed, no_box, sides, fine, error, wide, order, shared);
    says_as!(cow, "Borrowed({cow:?})");
    says_as!(owned, "Owned({owned:?})");
    stop();
    keep!(side, empty, circle, square, named, some, none, string, no_string, flag, no_flag, deep);
    keep!(less_deep, niche, vector, boxed, no_box, sides, fine, error, wide, order, shared, cow, owned);
}
