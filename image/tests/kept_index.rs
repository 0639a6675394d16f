//! Indexes that are kept between runs: the answers are the same with a sound
//! one, a damaged one and none.

mod common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use common::{Program, image};
use ukdbg_image::{Decompressed, Image, IndexKind, IndexStore};

const SOURCE: &str = "
int counter = 1;
static __attribute__((noinline)) int helper(int by) { return counter += by; }
int main(int count, char **words) { return helper(count); }
";

/// Keeps bytes in memory, and counts what is asked of it.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    bytes: HashMap<&'static str, Vec<u8>>,
    saved: usize,
}

fn name(kind: IndexKind) -> &'static str {
    match kind {
        IndexKind::Functions => "functions",
        IndexKind::Globals => "globals",
    }
}

impl IndexStore<'static> for Memory {
    fn load(&self, _: &[u8], kind: IndexKind) -> Option<&'static [u8]> {
        let kept = self.0.lock().expect("no test panics with it");
        let bytes = kept.bytes.get(name(kind))?.clone();
        Some(Box::leak(bytes.into_boxed_slice()))
    }

    fn save(&self, _: &[u8], kind: IndexKind, bytes: &[u8]) {
        let mut kept = self.0.lock().expect("no test panics with it");
        kept.bytes.insert(name(kind), bytes.to_vec());
        kept.saved += 1;
    }
}

impl Memory {
    fn saved(&self) -> usize {
        self.0.lock().expect("no test panics with it").saved
    }

    fn damage(&self, damage: impl Fn(&mut Vec<u8>)) {
        self.0
            .lock()
            .expect("no test panics with it")
            .bytes
            .values_mut()
            .for_each(damage);
    }
}

/// A program's bytes, for as long as the test runs.
fn program(arguments: &[&str]) -> &'static [u8] {
    Program::c(SOURCE, arguments).bytes.leak()
}

fn open(bytes: &'static [u8], store: &Memory) -> Image<'static> {
    let room: &Decompressed = Box::leak(Box::default());
    image(bytes, room).with_index_store(store.clone())
}

/// What is found by names, in words.
fn answers(image: &Image<'_>) -> String {
    format!(
        "{:?} {:?} {:?} {:?}",
        image.functions(),
        image.functions_named("helper"),
        image.near_names("halper", 3),
        image.globals_named("counter"),
    )
}

const ARGUMENTS: [&str; 3] = ["-g", "-O1", "-Wl,--build-id=sha1"];

#[test]
fn the_second_run_builds_nothing() {
    let bytes = program(&ARGUMENTS);
    let store = Memory::default();
    let first = answers(&open(bytes, &store));
    assert!(
        first.contains("helper") && first.contains("counter"),
        "{first}"
    );
    assert_eq!(store.saved(), 2);
    assert_eq!(answers(&open(bytes, &store)), first);
    assert_eq!(store.saved(), 2);
}

#[test]
fn a_name_is_found_through_a_kept_index() {
    let bytes = program(&ARGUMENTS);
    let store = Memory::default();
    answers(&open(bytes, &store));
    let found = open(bytes, &store).functions_named("helper");
    assert_eq!(
        found,
        open(bytes, &Memory::default()).functions_named("helper")
    );
    assert_eq!(found.len(), 1);
}

#[test]
fn a_damaged_index_is_built_again() {
    let bytes = program(&ARGUMENTS);
    let store = Memory::default();
    let first = answers(&open(bytes, &store));
    store.damage(|kept| kept.truncate(kept.len() / 2));
    assert_eq!(answers(&open(bytes, &store)), first);
    assert_eq!(store.saved(), 4);
    store.damage(|kept| kept[30] ^= 0x40);
    assert_eq!(answers(&open(bytes, &store)), first);
    assert_eq!(store.saved(), 6);
    // Another version.
    store.damage(|kept| kept[8] += 1);
    assert_eq!(answers(&open(bytes, &store)), first);
    assert_eq!(store.saved(), 8);
}

#[test]
fn the_index_of_another_image_is_not_used() {
    let store = Memory::default();
    answers(&open(program(&ARGUMENTS), &store));
    let other = program(&["-g", "-O0", "-Wl,--build-id=sha1"]);
    let expected = answers(&open(other, &Memory::default()));
    assert_eq!(answers(&open(other, &store)), expected);
}

/// A stripped copy has the build-id of the whole, and knows less.
#[test]
fn a_stripped_copy_has_indexes_of_its_own() {
    let whole = Program::c(SOURCE, &ARGUMENTS);
    let stripped: &[u8] = whole.objcopy(&["--strip-debug"]).leak();
    let store = Memory::default();
    answers(&open(whole.bytes.leak(), &store));
    let expected = answers(&open(stripped, &Memory::default()));
    assert_eq!(answers(&open(stripped, &store)), expected);
}

#[test]
fn an_image_without_a_build_id_keeps_none() {
    let store = Memory::default();
    answers(&open(program(&["-g", "-Wl,--build-id=none"]), &store));
    assert_eq!(store.saved(), 0);
}
