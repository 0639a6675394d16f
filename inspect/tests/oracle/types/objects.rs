//! Values of which a trait is known, and closures.

use std::fmt::Debug;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use crate::model::*;
use crate::say::*;

#[inline(never)]
pub fn objects() {
    let mut monitor = black_box(Monitor { trades: 3, volume: 1 << 40 });
    let text = monitor.trades;
    let captured = black_box(5_u64);
    let boxed: Box<dyn Observer> = black_box(Box::new(Monitor { trades: 4, volume: 2 }));
    let counted: Rc<dyn Observer> = black_box(Rc::new(Aligned(9)));
    let atomic: Arc<dyn Observer> = black_box(Arc::new(Monitor { trades: 5, volume: 2 }));
    let number: &dyn Observer = black_box(&6_u16);
    let maybe: Option<Box<dyn Observer>> = black_box(Some(Box::new(7_u16)));
    let task: Box<dyn FnOnce() -> u64> = black_box(Box::new(move || captured + 1));
    let quiet: Box<dyn Fn(u8)> = black_box(Box::new(|_| ()));
    let all: Vec<Box<dyn Observer>> = black_box(vec![Box::new(1_u16), Box::new(Aligned(2))]);
    let closure = |more: u64| captured + more;
    let observer: &mut dyn Observer = black_box(&mut monitor);
    black_box(text);
    let debug: &dyn Debug = black_box(&Side::Buy);
    // Their functions are alike, and an optimiser may make one of two.
    let left: Box<dyn Observer> = black_box(Box::new(Left));
    let right: Box<dyn Observer> = black_box(Box::new(Right));
    let left_number: Box<dyn Observer> = black_box(Box::new(LeftNumber(1)));
    let right_number: Box<dyn Observer> = black_box(Box::new(RightNumber(2)));
    // Its table may be the library's own, which no type describes.
    let foreign: Box<dyn std::error::Error> = black_box("error".into());
    says_as!(observer, "&mut dyn Observer → Monitor {{ trades: 3, volume: 1099511627776 }}");
    says_as!(boxed, "Box<dyn Observer> → Monitor {{ trades: 4, volume: 2 }}");
    says_as!(counted, "Rc<dyn Observer> → Aligned(9)");
    says_as!(atomic, "Arc<dyn Observer> → Monitor {{ trades: 5, volume: 2 }}");
    says_as!(number, "&dyn Observer → 6");
    says_as!(maybe, "Some(Box<dyn Observer> → 7)");
    says_as!(task, "Box<dyn FnOnce() -> u64> → objects::{{closure#0}} {{ captured: 5 }}");
    says_as!(quiet, "Box<dyn Fn(u8)> → objects::{{closure#1}}");
    says_as!(all, "[Box<dyn Observer> → 1, Box<dyn Observer> → Aligned(2)]");
    says_as!(closure, "{{closure#2}} {{ captured: {:p} → 5 }}", &raw const captured);
    says_as!(debug, "&dyn Debug → Buy");
    says_as!(left, "Box<dyn Observer> → Left");
    says_as!(right, "Box<dyn Observer> → Right");
    says_as!(left_number, "Box<dyn Observer> → LeftNumber(1)");
    says_as!(right_number, "Box<dyn Observer> → RightNumber(2)");
    says_as!(foreign, "Box<dyn Error> → <perhaps StringError, at {:p}>", (&raw const *foreign).cast::<()>());
    stop();
    black_box(closure(1));
    keep!(boxed, counted, atomic, number, maybe, task, quiet, all, observer, debug, captured, foreign);
    keep!(left, right, left_number, right_number);
}
