//! What owns, shares, guards and points.

use std::cell::{Cell, OnceCell, RefCell, UnsafeCell};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::num::NonZeroI8;
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::*;
use std::sync::Arc;

use crate::model::*;
use crate::plain::scalars;
use crate::say::*;

#[inline(never)]
pub fn cells() {
    let boxed = black_box(Box::new(order(1)));
    let twice = black_box(Box::new(Box::new(5_u8)));
    let counted = black_box(Rc::new(Point { x: 5, y: 6 }));
    let another = Rc::clone(&counted);
    let atomic = black_box(Arc::new(Cell::new(9_u8)));
    let aligned = black_box(Rc::new(Aligned(3)));
    let cell = black_box(Cell::new(5_u8));
    let shared = black_box(Rc::new(RefCell::new(vec![1_u8])));
    let borrowed = black_box(RefCell::new(2_u16));
    let guard = borrowed.borrow_mut();
    let weak = Rc::downgrade(&counted);
    let (small, large) = black_box((AtomicU8::new(5), AtomicI64::new(-6)));
    let (on, off) = black_box((AtomicBool::new(true), AtomicBool::new(false)));
    let pinned: Pin<Box<u32>> = black_box(Box::pin(44));
    let niche = black_box(NonZeroI8::new(-4).unwrap());
    let once: OnceCell<u8> = black_box(OnceCell::new());
    let raw = black_box(UnsafeCell::new(4_u8));
    let maybe = black_box(MaybeUninit::new(12_u16));
    says!(boxed, twice, counted, atomic, aligned, cell, shared, small, large, on, off, pinned, niche);
    says_as!(another, "{counted:?}");
    says_as!(borrowed, "RefCell {{ value: 2, borrow: -1 }}");
    says_as!(weak, "Weak");
    says_as!(once, "OnceCell {{ inner: None }}");
    says_as!(raw, "4");
    says_as!(maybe, "MaybeUninit(12)");
    stop();
    keep!(boxed, twice, counted, another, aligned, cell, shared, small, large, on, off, pinned, niche);
    keep!(atomic, borrowed, guard, weak, once, raw, maybe);
}

#[inline(never)]
pub fn pointers() {
    let point = black_box(Point { x: 8, y: 9 });
    let number = black_box(6_u32);
    let reference = black_box(&point);
    let counted = black_box(&number);
    let twice = black_box(&counted);
    let pointer = black_box(&raw const number);
    let null: *const u32 = black_box(std::ptr::null());
    let nonnull = black_box(NonNull::from(&point));
    let maybe = black_box(Some(&number));
    let nothing: Option<&u32> = black_box(None);
    let function: fn() = black_box(scalars);
    let opaque = black_box((&raw const number).cast::<()>());
    let fat: *const [u8] = black_box(&[1_u8, 2]);
    says_as!(reference, "{reference:p} → {point:?}");
    says_as!(counted, "{counted:p} → 6");
    says_as!(twice, "{twice:p} → {counted:p} → 6");
    says_as!(pointer, "{pointer:p} → 6");
    says_as!(null, "0x0");
    says_as!(nonnull, "{nonnull:p} → {point:?}");
    says_as!(maybe, "Some({counted:p} → 6)");
    says!(nothing);
    says_as!(function, "{:p} <types::plain::scalars>", function as *const ());
    says_as!(opaque, "{opaque:p} → ()");
    says_as!(fat, "[1, 2]");
    stop();
    keep!(point, number, reference, counted, twice, pointer, null, nonnull, maybe, nothing, function);
    keep!(opaque, fat);
}
