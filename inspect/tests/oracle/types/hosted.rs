//! What only a program with an operating system has: hash tables whose keys are
//! random, and locks.

use std::collections::*;
use std::hint::black_box;
use std::sync::{Arc, Mutex, OnceLock};

use crate::damaged::damage;
use crate::model::*;
use crate::say::*;

#[inline(never)]
pub fn hash_tables() {
    let hashed: HashMap<u32, String> = black_box((0..40).map(|n| (n, n.to_string())).collect());
    let no_hash: HashMap<u32, String> = black_box(HashMap::new());
    let chosen: HashSet<char> = black_box(['a', 'b', 'c'].into());
    let wide: HashMap<String, Order> = black_box([("order".to_owned(), order(4))].into());
    let removed = black_box({
        let mut map: HashMap<u8, u8> = (0..30).map(|n| (n, n)).collect();
        map.retain(|key, _| key % 7 == 0);
        map
    });
    says!(hashed, no_hash, chosen, wide, removed);
    stop();
    keep!(hashed, no_hash, chosen, wide, removed);
}

#[inline(never)]
pub fn damaged_hash_tables() {
    let mut mask: HashMap<u8, u8> = black_box((0..20).map(|n| (n, n)).collect());
    damage(&mut mask, 31, 30);
    let mut items: HashMap<u8, u8> = black_box((0..20).map(|n| (n, n)).collect());
    damage(&mut items, 20, 21);
    says_as!(mask, "<invalid hash table 0x1e>");
    says_as!(items, "<invalid hash table 0x1f>");
    stop();
    black_box((&mask, &items));
    std::mem::forget((mask, items));
}

#[inline(never)]
pub fn locks() {
    let mutex = black_box(Arc::new(Mutex::new(9_u8)));
    let lock: OnceLock<u16> = black_box(OnceLock::from(7));
    says_as!(
        mutex,
        "Mutex {{ inner: Mutex {{ futex: 0 }}, poison: Flag {{ failed: false }}, data: 9 }}"
    );
    stop();
    keep!(mutex, lock);
}
