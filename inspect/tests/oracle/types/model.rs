//! Types of a program of one's own, which the variables have.

use std::marker::PhantomData;

use crate::say::*;

#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub id: u64,
    pub side: Side,
    pub price: Option<u32>,
    pub tags: Vec<String>,
    pub at: Point,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    Buy = 3,
    Sell = -7,
}

#[derive(Debug, Clone)]
pub enum Shape {
    Empty,
    Circle(f64),
    Square { side: u32, at: Point },
    Named(String),
}

#[derive(Debug)]
pub struct Unit;
#[derive(Debug)]
pub struct Meters(pub f32);
#[derive(Debug)]
pub struct Wrap<T>(pub T);
#[derive(Debug)]
pub struct Generic<T, U> {
    pub first: T,
    pub second: PhantomData<U>,
}

pub trait Observer {
    fn seen(&self) -> u32;
}

#[derive(Debug)]
pub struct Monitor {
    pub trades: u32,
    pub volume: u64,
}

impl Observer for Monitor {
    fn seen(&self) -> u32 {
        self.trades
    }
}

#[derive(Debug)]
#[repr(align(64))]
pub struct Aligned(pub u8);

impl Observer for Aligned {
    fn seen(&self) -> u32 {
        self.0.into()
    }
}

impl Observer for u16 {
    fn seen(&self) -> u32 {
        (*self).into()
    }
}

#[derive(Debug)]
pub struct Left;
#[derive(Debug)]
pub struct Right;
#[derive(Debug)]
pub struct LeftNumber(pub u32);
#[derive(Debug)]
pub struct RightNumber(pub u32);

impl Observer for Left {
    fn seen(&self) -> u32 {
        71
    }
}

impl Observer for Right {
    fn seen(&self) -> u32 {
        71
    }
}

impl Observer for LeftNumber {
    fn seen(&self) -> u32 {
        self.0
    }
}

impl Observer for RightNumber {
    fn seen(&self) -> u32 {
        self.0
    }
}

pub fn order(id: u64) -> Order {
    Order {
        id,
        side: Side::Sell,
        price: id.checked_mul(2).map(|price| price as u32),
        tags: (0..id % 3).map(|n| format!("tag-{n}")).collect(),
        at: Point { x: -1, y: 1 },
    }
}
