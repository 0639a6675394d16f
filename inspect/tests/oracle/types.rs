// Variables of every kind, and what they hold, said by the program itself:
// `SAYS name = value` for the variables of the caller at the next stop, and
// `LAYS name = "value"` for those whose laid-out form is told too.
#![allow(dead_code)]

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell, UnsafeCell};
use std::collections::*;
use std::fmt::Debug;
use std::hint::black_box;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::num::{NonZeroI8, NonZeroU32, Wrapping};
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::*;
use std::sync::{Arc, Mutex};

fn say(name: &str, value: String) {
    println!("SAYS {name} = {value}");
}

/// Variables whose text is that of `{:?}`.
macro_rules! says {
    ($($name:ident),* $(,)?) => { $(
        say(stringify!($name), format!("{:?}", $name));
        println!("LAYS {} = {:?}", stringify!($name), format!("{:#?}", $name));
    )* };
}

/// A variable whose text is another one.
macro_rules! says_as {
    ($name:ident, $($form:tt)*) => { say(stringify!($name), format!($($form)*)) };
}

macro_rules! keep {
    ($($name:ident),* $(,)?) => { $( black_box(&$name); )* };
}

#[derive(Debug, Clone, PartialEq)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug, Clone)]
struct Order {
    id: u64,
    side: Side,
    price: Option<u32>,
    tags: Vec<String>,
    at: Point,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Side {
    Buy = 3,
    Sell = -7,
}

#[derive(Debug, Clone)]
enum Shape {
    Empty,
    Circle(f64),
    Square { side: u32, at: Point },
    Named(String),
}

#[derive(Debug)]
struct Unit;
#[derive(Debug)]
struct Meters(f32);
#[derive(Debug)]
struct Wrap<T>(T);
#[derive(Debug)]
struct Generic<T, U> {
    first: T,
    second: PhantomData<U>,
}

trait Observer {
    fn seen(&self) -> u32;
}

#[derive(Debug)]
struct Monitor {
    trades: u32,
    volume: u64,
}

impl Observer for Monitor {
    fn seen(&self) -> u32 {
        self.trades
    }
}

#[derive(Debug)]
#[repr(align(64))]
struct Aligned(u8);

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
struct Left;
#[derive(Debug)]
struct Right;
#[derive(Debug)]
struct LeftNumber(u32);
#[derive(Debug)]
struct RightNumber(u32);

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

/// Collections without a heap, as libraries for kernels have them.
mod fixed {
    use std::mem::MaybeUninit;

    pub struct Vec<T, const N: usize> {
        buffer: Storage<[MaybeUninit<T>; N]>,
        len: usize,
    }

    struct Storage<B: ?Sized> {
        buffer: B,
    }

    pub struct String<const N: usize> {
        vec: Vec<u8, N>,
    }

    pub struct ArrayVec<T, const N: usize> {
        xs: [MaybeUninit<T>; N],
        len: u32,
    }

    impl<T, const N: usize> Vec<T, N> {
        pub fn of(elements: impl IntoIterator<Item = T>, len: usize) -> Self {
            let mut buffer = [const { MaybeUninit::uninit() }; N];
            for (place, element) in buffer.iter_mut().zip(elements) {
                place.write(element);
            }
            Self { buffer: Storage { buffer }, len }
        }

        pub fn text(self) -> String<N>
        where
            Self: Into<Vec<u8, N>>,
        {
            String { vec: self.into() }
        }

        pub fn array(self) -> ArrayVec<T, N> {
            ArrayVec { xs: self.buffer.buffer, len: self.len as u32 }
        }
    }
}

static GREETING: &str = "hello";
static COUNTER: AtomicU64 = AtomicU64::new(77);
static TABLE: [Point; 2] = [Point { x: 1, y: 2 }, Point { x: 3, y: 4 }];
static mut SCRATCH: Option<Side> = Some(Side::Sell);

fn order(id: u64) -> Order {
    Order {
        id,
        side: Side::Sell,
        price: id.checked_mul(2).map(|price| price as u32),
        tags: (0..id % 3).map(|n| format!("tag-{n}")).collect(),
        at: Point { x: -1, y: 1 },
    }
}

#[inline(never)]
fn scalars() {
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
fn structures() {
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
    says_as!(range, "Wrap(Range {{ start: 2, end: 5 }})");
    stop();
    keep!(point, unit, meters, tuple, one, nested, array, empty, generic, whole, range, wrapping);
}

#[inline(never)]
fn enums() {
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

#[inline(never)]
fn texts() {
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

#[inline(never)]
fn sequences() {
    let vector = black_box(vec![1_u32, 2, 3]);
    let orders = black_box(vec![order(1), order(2)]);
    let empty: Vec<u64> = black_box(Vec::new());
    let units = black_box(vec![(), ()]);
    let slice: &[u16] = black_box(&[7, 8]);
    let boxed: Box<[u16]> = black_box(Box::new([1, 2]));
    let shared: Rc<[u16]> = black_box(Rc::new([3, 4]));
    let atomic: Arc<[u64]> = black_box(Arc::new([5]));
    let mut ring: VecDeque<u8> = (0..8).collect();
    ring.rotate_left(3);
    ring.pop_front();
    ring.pop_front();
    ring.push_back(100);
    ring.push_back(101);
    let ring = black_box(ring);
    let no_ring: VecDeque<u8> = black_box(VecDeque::new());
    let unit_ring: VecDeque<()> = black_box(VecDeque::from([(), ()]));
    let list = black_box(LinkedList::from([1_u8, 2, 3]));
    let no_list: LinkedList<u8> = black_box(LinkedList::new());
    let heap = black_box(BinaryHeap::from([1_u8, 5, 3]));
    says!(vector, orders, empty, units, slice, boxed, shared, atomic, ring, no_ring, unit_ring);
    let fixed = black_box(fixed::Vec::<u16, 8>::of([5, 6, 7], 3));
    let overfull = black_box(fixed::Vec::<u16, 4>::of([5, 6, 7], 9));
    let chars = black_box(fixed::Vec::<u8, 8>::of(*b"fixed", 5).text());
    let array = black_box(fixed::Vec::<u64, 4>::of([1], 1).array());
    says_as!(fixed, "[5, 6, 7]");
    says_as!(overfull, "<invalid capacity 0x4>");
    says_as!(chars, "\"fixed\"");
    says_as!(array, "[1]");
    says!(list, no_list, heap);
    stop();
    keep!(vector, orders, empty, units, slice, boxed, shared, atomic, ring, no_ring, unit_ring);
    keep!(list, no_list, heap, fixed, overfull, chars, array);
}

#[inline(never)]
fn maps() {
    let tree: BTreeMap<u32, u64> = black_box((0..5).map(|n| (n, u64::from(n) * 10)).collect());
    let tall: BTreeMap<u16, String> = black_box((0..90).rev().map(|n| (n, n.to_string())).collect());
    let no_tree: BTreeMap<u32, u64> = black_box(BTreeMap::new());
    let emptied = black_box({
        let mut map = BTreeMap::from([(1_u8, 1_u8)]);
        map.remove(&1);
        map
    });
    let set: BTreeSet<Side> = black_box([Side::Sell, Side::Buy].into());
    let texts: BTreeMap<&str, Vec<u8>> = black_box([("one", vec![1]), ("two", vec![2, 2])].into());
    let hashed: HashMap<u32, String> = black_box((0..40).map(|n| (n, n.to_string())).collect());
    let no_hash: HashMap<u32, String> = black_box(HashMap::new());
    let chosen: HashSet<char> = black_box(['a', 'b', 'c'].into());
    let wide: HashMap<String, Order> = black_box([("order".to_owned(), order(4))].into());
    let removed = black_box({
        let mut map: HashMap<u8, u8> = (0..30).map(|n| (n, n)).collect();
        map.retain(|key, _| key % 7 == 0);
        map
    });
    says!(tree, tall, no_tree, emptied, set, texts, hashed, no_hash, chosen, wide, removed);
    stop();
    keep!(tree, tall, no_tree, emptied, set, texts, hashed, no_hash, chosen, wide, removed);
}

#[inline(never)]
fn cells() {
    let boxed = black_box(Box::new(order(1)));
    let twice = black_box(Box::new(Box::new(5_u8)));
    let counted = black_box(Rc::new(Point { x: 5, y: 6 }));
    let another = Rc::clone(&counted);
    let atomic = black_box(Arc::new(Mutex::new(9_u8)));
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
    says!(boxed, twice, counted, aligned, cell, shared, small, large, on, off, pinned, niche);
    says_as!(another, "{counted:?}");
    says_as!(
        atomic,
        "Mutex {{ inner: Mutex {{ futex: 0 }}, poison: Flag {{ failed: false }}, data: 9 }}"
    );
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
fn pointers() {
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
    says_as!(function, "{:p} <types::scalars>", function as *const ());
    says_as!(opaque, "{opaque:p} → ()");
    says_as!(fat, "[1, 2]");
    stop();
    keep!(point, number, reference, counted, twice, pointer, null, nonnull, maybe, nothing, function);
    keep!(opaque, fat);
}

#[inline(never)]
fn objects() {
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

#[inline(never)]
fn arguments(text: &str, order: Box<Order>, list: Vec<u16>, side: Option<Side>, many: [u64; 9]) -> u64 {
    says!(text, order, list, side, many);
    stop() + many[0] + black_box(order).id + list.len() as u64 + text.len() as u64 + side.map_or(0, |_| 1)
}

/// Says nothing itself, so that nothing needs a place in memory.
#[inline(never)]
fn in_registers(
    number: u32,
    flag: bool,
    text: &str,
    slice: &[u16],
    side: Side,
    maybe: Option<u32>,
    pair: (u32, u64),
    boxed: Box<Point>,
) -> u64 {
    let vector = vec![number; 3];
    let owned = text.to_owned();
    let point = Point { x: number as i32, y: -1 };
    let shape = if flag { Shape::Square { side: number, at: point.clone() } } else { Shape::Empty };
    let first = vector.first().copied();
    let mut total = stop();
    total += u64::from(number) + u64::from(flag) + text.len() as u64 + slice.len() as u64;
    total += side as u64 + u64::from(maybe.unwrap_or(1)) + u64::from(pair.0) + pair.1;
    total += vector.iter().map(|&one| u64::from(one)).sum::<u64>() + owned.len() as u64;
    black_box((vector, owned, boxed, shape, point, first));
    total
}

#[inline(never)]
fn in_a_loop(numbers: &[u32]) -> u64 {
    let mut sum = 0_u64;
    let mut last = None;
    for (index, &number) in numbers.iter().enumerate() {
        let square = u64::from(number) * u64::from(number);
        sum += square;
        if index == 3 {
            sum += stop();
        }
        last = Some(number);
    }
    sum + u64::from(last.unwrap_or(0))
}

fn optimised() {
    say("number", "7".to_owned());
    say("flag", "true".to_owned());
    say("text", "\"seven\"".to_owned());
    say("slice", "[7, 77]".to_owned());
    say("side", "Buy".to_owned());
    say("maybe", "Some(777)".to_owned());
    say("pair", "(7, 70)".to_owned());
    say("boxed", "Point { x: 7, y: 8 }".to_owned());
    say("vector", "[7, 7, 7]".to_owned());
    say("owned", "\"seven\"".to_owned());
    say("point", "Point { x: 7, y: -1 }".to_owned());
    say("shape", "Square { side: 7, at: Point { x: 7, y: -1 } }".to_owned());
    say("first", "Some(7)".to_owned());
    let arguments = black_box((7, true, "seven", [7_u16, 77], Side::Buy, Some(777), (7, 70)));
    let (number, flag, text, slice, side, maybe, pair) = arguments;
    let boxed = Box::new(Point { x: 7, y: 8 });
    black_box(in_registers(number, flag, text, &slice, side, maybe, pair, boxed));
    say("numbers", "[1, 2, 3, 4, 5]".to_owned());
    say("sum", "30".to_owned());
    say("last", "Some(3)".to_owned());
    say("index", "3".to_owned());
    say("number", "4".to_owned());
    say("square", "16".to_owned());
    black_box(in_a_loop(black_box(&[1, 2, 3, 4, 5])));
}

#[inline(never)]
fn statics() {
    let table = black_box(&TABLE);
    say("types::GREETING", format!("{GREETING:?}"));
    say("types::COUNTER", format!("{COUNTER:?}"));
    say("types::TABLE", format!("{table:?}"));
    say("types::SCRATCH", format!("{:?}", Some(Side::Sell)));
    stop();
    // SAFETY: there is one thread.
    black_box(unsafe { &raw mut SCRATCH });
}

/// Replaces a word of a value that is never used again.
fn damage<T>(value: &mut T, from: usize, to: usize) {
    let words = std::mem::size_of::<T>() / 8;
    let start = std::ptr::from_mut(value).cast::<usize>();
    for index in 0..words {
        // SAFETY: the word is within the value, whose bytes are all set.
        unsafe {
            let word = start.add(index);
            if word.read() == from {
                word.write(to);
                return;
            }
        }
    }
    panic!("the word is there");
}

/// A value of these bytes, whatever they mean. It is never used.
fn forged<T, U>(bytes: U) -> MaybeUninit<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: no more is written than fits.
    unsafe { value.as_mut_ptr().cast::<U>().write(bytes) };
    value
}

struct Cycle {
    next: RefCell<Option<Rc<Cycle>>>,
}

#[inline(never)]
fn damaged() {
    let endless = 1 << 60;
    let mut length = black_box(Vec::<u32>::with_capacity(3));
    damage(&mut length, 0, endless);
    let mut capacity = black_box(vec![1_u32, 2]);
    capacity.reserve_exact(5);
    damage(&mut capacity, 2, 99);
    let room = capacity.capacity();
    let mut wild = black_box(vec![1_u64, 2]);
    let start = wild.as_ptr() as usize;
    damage(&mut wild, start, 16);
    let mut string = black_box("ok".to_owned());
    string.reserve_exact(8);
    damage(&mut string, 2, endless);
    let mut ring = black_box(VecDeque::<u16>::with_capacity(6));
    ring.extend([7; 5]);
    ring.pop_front();
    damage(&mut ring, 1, 1 << 50);
    let mut mask: HashMap<u8, u8> = black_box((0..20).map(|n| (n, n)).collect());
    damage(&mut mask, 31, 30);
    let mut items: HashMap<u8, u8> = black_box((0..20).map(|n| (n, n)).collect());
    damage(&mut items, 20, 21);
    let mut tree: BTreeMap<u16, u16> = black_box((0..40).map(|n| (n, n)).collect());
    damage(&mut tree, 40, 41);
    let mut high: BTreeMap<u16, u16> = black_box((0..40).map(|n| (n, n)).collect());
    damage(&mut high, 1, usize::MAX);
    let mut list: LinkedList<u8> = black_box((0..4).collect());
    damage(&mut list, 4, 5);
    let boolean = black_box(forged::<bool, u8>(7));
    let letter = black_box(forged::<char, u32>(0xd800));
    let side = black_box(forged::<Option<bool>, u8>(9));
    let slice = black_box(forged::<&[u64], [usize; 2]>([64, endless]));
    let text = black_box(forged::<&str, [usize; 2]>([16, 3]));
    let owned = black_box(forged::<Box<u64>, usize>(24));
    let object = black_box(forged::<&dyn Observer, [usize; 2]>([32, 40]));
    let cycle = black_box(Rc::new(Cycle { next: RefCell::new(None) }));
    *cycle.next.borrow_mut() = Some(Rc::clone(&cycle));
    says_as!(length, "<invalid length 0x1000000000000000>");
    says_as!(capacity, "<invalid capacity {room:#x}>");
    says_as!(wild, "[<unreadable at 0x10>, <unreadable at 0x18>]");
    says_as!(string, "<invalid length 0x1000000000000000>");
    says_as!(ring, "<invalid capacity 0x6>");
    says_as!(mask, "<invalid hash table 0x1e>");
    says_as!(items, "<invalid hash table 0x1f>");
    says_as!(tree, "<invalid links of length 0x29>");
    says_as!(high, "<invalid links of length 0x28>");
    says_as!(list, "<invalid links of length 0x5>");
    says_as!(boolean, "MaybeUninit(<invalid bool 0x7>)");
    says_as!(letter, "MaybeUninit(<invalid char 0xd800>)");
    says_as!(side, "MaybeUninit(Some(<invalid bool 0x9>))");
    says_as!(slice, "MaybeUninit(<invalid length 0x1000000000000000>)");
    says_as!(text, "MaybeUninit(<unreadable at 0x10>)");
    says_as!(owned, "MaybeUninit(<unreadable at 0x18>)");
    says_as!(object, "MaybeUninit(&dyn Observer → <of unknown type at 0x20, table 0x28>)");
    let unit = "Cycle { next: RefCell { value: Some(".repeat(7);
    let end = ") } }".repeat(7);
    says_as!(cycle, "{unit}Cycle {{ next: … }}{end}");
    stop();
    keep!(boolean, letter, side, slice, text, owned, object, cycle);
    black_box((&length, &capacity, &wild, &string, &ring, &mask, &items, &tree, &high, &list));
    std::mem::forget((length, capacity, wild, string, ring, mask, items, tree, high, list));
}

#[inline(never)]
fn stop() -> u64 {
    black_box(1)
}

fn main() {
    scalars();
    structures();
    enums();
    texts();
    sequences();
    maps();
    cells();
    pointers();
    objects();
    let total = arguments("text", Box::new(order(2)), vec![1, 2], Some(Side::Buy), [3; 9]);
    black_box(total);
    optimised();
    statics();
    damaged();
}
