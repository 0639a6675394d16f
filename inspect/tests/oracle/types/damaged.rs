//! Values that are not what their types say.

use std::cell::RefCell;
use std::collections::*;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::rc::Rc;

use crate::model::*;
use crate::say::*;

pub fn damage<T>(value: &mut T, from: usize, to: usize) {
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
pub fn forged<T, U>(bytes: U) -> MaybeUninit<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: no more is written than fits.
    unsafe { value.as_mut_ptr().cast::<U>().write(bytes) };
    value
}

/// A list of one node that follows itself, of so many elements by its own
/// account.
fn ring_of_nodes() -> [usize; 3] {
    let mut list = LinkedList::from([7_u8]);
    // SAFETY: a list is its head, its tail and its length.
    let [head, tail, _]: [usize; 3] = unsafe { std::mem::transmute_copy(&list) };
    damage(&mut list, 1, 5);
    let node = std::ptr::with_exposed_provenance_mut::<usize>(head);
    for word in 0..3 {
        // SAFETY: a node is two links and its element; one of the words that
        // are null is the link to the next.
        unsafe {
            if node.add(word).read() == 0 {
                node.add(word).write(head);
            }
        }
    }
    std::mem::forget(list);
    [head, tail, 5]
}

struct Cycle {
    next: RefCell<Option<Rc<Cycle>>>,
}

#[inline(never)]
pub fn damaged() {
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
    let garbled = black_box(forged::<&str, &[u8]>(b"a\xff\xc3z"));
    let two = black_box(forged::<Option<Option<bool>>, u8>(4));
    let zero = black_box(forged::<std::num::NonZeroU8, u8>(0));
    let null = black_box(forged::<&u32, usize>(0));
    let nowhere = black_box(forged::<Vec<u64>, [usize; 3]>([2, 0, 2]));
    let uneven = black_box([0x11_u8; 16]);
    let uneven_at = &raw const uneven[1];
    let uneven = black_box(forged::<&u32, usize>(uneven_at.addr()));
    let looped = black_box(forged::<LinkedList<u8>, [usize; 3]>(ring_of_nodes()));
    let owned = black_box(forged::<Box<u64>, usize>(24));
    let object = black_box(forged::<&dyn Observer, [usize; 2]>([32, 40]));
    let cycle = black_box(Rc::new(Cycle { next: RefCell::new(None) }));
    *cycle.next.borrow_mut() = Some(Rc::clone(&cycle));
    says_as!(length, "<invalid length 0x1000000000000000>");
    says_as!(capacity, "<invalid capacity {room:#x}>");
    says_as!(wild, "[<unreadable at 0x10>, <unreadable at 0x18>]");
    says_as!(string, "<invalid length 0x1000000000000000>");
    says_as!(ring, "<invalid capacity 0x6>");
    says_as!(tree, "<invalid links of length 0x29>");
    says_as!(high, "<invalid links of length 0x28>");
    says_as!(list, "<invalid links of length 0x5>");
    says_as!(boolean, "MaybeUninit(<invalid bool 0x7>)");
    says_as!(letter, "MaybeUninit(<invalid char 0xd800>)");
    says_as!(side, "MaybeUninit(Some(<invalid bool 0x9>))");
    says_as!(slice, "MaybeUninit(<invalid length 0x1000000000000000>)");
    says_as!(text, "MaybeUninit(<unreadable at 0x10>)");
    says_as!(garbled, "MaybeUninit(\"a\u{fffd}\u{fffd}z\")");
    says_as!(two, "MaybeUninit(Some(Some(<invalid bool 0x4>)))");
    says_as!(zero, "MaybeUninit(0)");
    says_as!(null, "MaybeUninit(0x0)");
    says_as!(nowhere, "MaybeUninit([<unreadable at 0x0>, <unreadable at 0x8>])");
    says_as!(uneven, "MaybeUninit({uneven_at:p} → {})", 0x1111_1111);
    says_as!(looped, "MaybeUninit([7, 7, 7, 7, 7])");
    says_as!(owned, "MaybeUninit(<unreadable at 0x18>)");
    says_as!(object, "MaybeUninit(&dyn Observer → <of unknown type at 0x20, table 0x28>)");
    let unit = "Cycle { next: RefCell { value: Some(".repeat(7);
    let end = ") } }".repeat(7);
    says_as!(cycle, "{unit}Cycle {{ next: … }}{end}");
    stop();
    keep!(garbled, two, zero, null, nowhere, uneven, looped);
    keep!(boolean, letter, side, slice, text, owned, object, cycle);
    black_box((&length, &capacity, &wild, &string, &ring, &tree, &high, &list));
    std::mem::forget((length, capacity, wild, string, ring, tree, high, list));
}
