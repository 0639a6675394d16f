//! Dominators and loops.

use iced_x86::code_asm::{ecx, edi, edx};

use super::fixture::Fixture;
use crate::{BlockId, Structure};

/// Two loops, one in the other, and a way out of both.
fn nested() -> Fixture {
    Fixture::assemble(|a| {
        let (mut outer, mut inner, mut out) =
            (a.create_label(), a.create_label(), a.create_label());
        a.mov(ecx, 9).unwrap(); // b0
        a.set_label(&mut outer).unwrap();
        a.mov(edx, 9).unwrap(); // b1
        a.set_label(&mut inner).unwrap();
        a.test(edi, edi).unwrap(); // b2
        a.je(out).unwrap();
        a.dec(edx).unwrap(); // b3
        a.jne(inner).unwrap();
        a.dec(ecx).unwrap(); // b4
        a.jne(outer).unwrap();
        a.set_label(&mut out).unwrap();
        a.ret().unwrap(); // b5
    })
}

#[test]
fn dominators() {
    let cfg = nested().cfg();
    let structure = Structure::of(&cfg).unwrap();
    let immediate = |block| structure.immediate_dominator(BlockId(block)).map(|id| id.0);
    assert_eq!(
        [0, 1, 2, 3, 4, 5].map(immediate),
        [None, Some(0), Some(1), Some(2), Some(3), Some(2)]
    );
    assert!(structure.dominates(BlockId(1), BlockId(5)));
    assert!(!structure.dominates(BlockId(3), BlockId(5)));
    assert!(structure.dominates(BlockId(3), BlockId(3)));
}

#[test]
fn loops_nest() {
    let cfg = nested().cfg();
    let structure = Structure::of(&cfg).unwrap();
    let told: Vec<_> = structure
        .loops()
        .iter()
        .map(|found| {
            let body: Vec<_> = found.body.iter().map(|id| id.0).collect();
            (found.header.0, found.latches[0].0, body)
        })
        .collect();
    assert_eq!(told, [(1, 4, vec![1, 2, 3, 4]), (2, 3, vec![2, 3])]);
    let depth: Vec<_> = (0..6).map(|id| structure.loop_depth(BlockId(id))).collect();
    assert_eq!(depth, [0, 1, 2, 2, 1, 0]);
}

#[test]
fn what_is_not_reached_has_no_dominator() {
    let cfg = Fixture::new(vec![0xc3, 0xff, 0xc0, 0xc3]).cfg();
    let structure = Structure::of(&cfg).unwrap();
    assert!(structure.is_reached(BlockId(0)));
    assert!(!structure.is_reached(BlockId(1)));
    assert!(!structure.dominates(BlockId(0), BlockId(1)));
}
