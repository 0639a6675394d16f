//! Sequences, maps and sets.

use std::collections::*;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use crate::fixed;
use crate::model::*;
use crate::say::*;

#[inline(never)]
pub fn sequences() {
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
pub fn maps() {
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
    says!(tree, tall, no_tree, emptied, set, texts);
    stop();
    keep!(tree, tall, no_tree, emptied, set, texts);
}
