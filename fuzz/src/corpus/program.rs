//! A program with something of everything that DWARF describes of Rust,
//! without a library, so that it compiles in no time.
#![no_std]
#![no_main]

pub trait Priced {
    fn price(&self) -> u64;
}

pub enum Shape<'a> {
    Empty,
    Circle(u32),
    Named { name: &'a str, next: Option<&'a Shape<'a>> },
}

pub struct Order<const DEPTH: usize> {
    levels: [(u16, i64); DEPTH],
    side: Result<char, bool>,
}

impl<const DEPTH: usize> Priced for Order<DEPTH> {
    fn price(&self) -> u64 {
        let sum: i64 = self.levels.iter().map(|(_, price)| price).sum();
        sum as u64 + self.side.map_or(1, u64::from)
    }
}

static mut LAST: Option<u128> = None;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// What the library's own unwind tables name.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[inline(never)]
fn area(shape: &Shape<'_>) -> u32 {
    match shape {
        Shape::Empty => 0,
        Shape::Circle(radius) => radius.wrapping_mul(*radius),
        Shape::Named { name, next } => name.len() as u32 + next.map_or(1, area),
    }
}

#[inline(never)]
fn total(all: &[&dyn Priced]) -> u64 {
    all.iter().map(|priced| priced.price()).fold(0, u64::wrapping_add)
}

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let circle = core::hint::black_box(Shape::Circle(2));
    let named = Shape::Named { name: "named", next: Some(&circle) };
    let order = Order::<3> { levels: [(1, -2); 3], side: Ok('x') };
    let sum = total(core::hint::black_box(&[&order, &order]));
    unsafe { LAST = Some(u128::from(sum) + u128::from(area(&named))) };
    loop {}
}
