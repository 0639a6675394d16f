//! What is known beyond decoding: exceptions, imports, the compiler's map,
//! and functions that never return because what they call does not.

use std::collections::HashMap;

use iced_x86::code_asm::{CodeAssembler, edi};
use ukdbg_image::{LandingPad, LinkAddr, MappedBlock, MappedFunction};

use super::fixture::{BASE, Fixture, HELPER, PANIC, SLOT, told};
use crate::returns::{Callee, Callees, Walk};
use crate::{BlockEnd, Evidence};

#[test]
fn what_a_call_throws_lands() {
    let mut fixture = Fixture::assemble(|a| {
        a.call(HELPER).unwrap();
        a.ret().unwrap();
        a.call(PANIC).unwrap();
    });
    let at = |offset| LinkAddr(BASE + offset);
    fixture.landing_pads = vec![LandingPad {
        calls: at(0)..at(5),
        pad: at(6),
    }];
    let cfg = fixture.cfg();
    assert_eq!(
        told(&cfg),
        ["0 CallReturn 1", "0 LandingPad 2", "2 NoReturn panic"]
    );
    assert_eq!(cfg.blocks[0].end, BlockEnd::Call);
    assert_eq!(cfg.blocks[2].evidence, Evidence::ExceptionTable);
}

#[test]
fn an_imported_function_that_never_returns() {
    // call *SLOT(%rip), then code.
    let distance = (SLOT - (BASE + 6)) as u32;
    let code = [
        &[0xff, 0x15][..],
        &distance.to_le_bytes(),
        &[0xff, 0xc0, 0xc3],
    ]
    .concat();
    let cfg = Fixture::new(code).cfg();
    assert_eq!(cfg.blocks[0].end, BlockEnd::NoReturnCall);
    assert_eq!(cfg.blocks[1].evidence, Evidence::Unreached);
}

#[test]
fn the_compiler_s_map_is_the_graph() {
    let mut fixture = Fixture::assemble(|a| {
        let mut end = a.create_label();
        a.test(edi, edi).unwrap();
        a.je(end).unwrap();
        a.jmp(HELPER).unwrap();
        a.set_label(&mut end).unwrap();
        a.ret().unwrap();
    });
    let end = BASE + fixture.code.len() as u64;
    let block = |code: std::ops::Range<u64>, successors: &[usize]| MappedBlock {
        code: LinkAddr(code.start)..LinkAddr(code.end),
        successors: successors.to_vec(),
        returns: false,
        tail_call: false,
        landing_pad: false,
        falls_through: false,
        indirect: false,
    };
    fixture.map = Some(MappedFunction {
        entry: LinkAddr(BASE),
        blocks: vec![block(BASE..end - 1, &[1]), block(end - 1..end, &[])],
        has_successors: true,
    });
    let cfg = fixture.cfg();
    // One block that ends in two jumps.
    assert_eq!(told(&cfg), ["0 Taken 1", "0 TailCall helper"]);
    assert!(cfg.edges.iter().all(|edge| edge.evidence == Evidence::Map));
    // One that does not fit the function is not believed.
    if let Some(map) = &mut fixture.map {
        map.blocks[1].code.end = LinkAddr(end + 1);
    }
    assert_eq!(fixture.cfg().blocks[0].evidence, Evidence::Decode);
}

#[test]
fn padding_before_a_loop_is_no_block() {
    // je over the loop; seven bytes of padding up to an aligned address.
    let mut code = vec![0x90; 5];
    code.extend([0x74, 0x0d]);
    code.extend([0x0f, 0x1f, 0x80, 0, 0, 0, 0, 0x66, 0x90]);
    code.extend([0xff, 0xc8, 0x75, 0xfc, 0xc3]);
    let cfg = Fixture::new(code).cfg();
    assert_eq!(
        told(&cfg),
        ["0 Taken 2", "0 NotTaken 1", "1 Taken 1", "1 NotTaken 2"]
    );
    assert_eq!(cfg.blocks[1].start, LinkAddr(BASE + 16));
}

/// Functions of a few instructions, by entry.
struct Functions(HashMap<u64, Vec<u8>>);

impl Callees for Functions {
    fn callee(&self, entry: LinkAddr) -> Callee<'_> {
        match self.0.get(&entry.0) {
            Some(code) => Callee::Code {
                pieces: vec![(entry, code)],
                pads: Vec::new(),
            },
            None if entry.0 == PANIC => Callee::Declared(Evidence::Dwarf),
            None => Callee::Unknown,
        }
    }

    fn imported_noreturn(&self, _: LinkAddr) -> bool {
        false
    }

    fn slot_target(&self, _: LinkAddr) -> Option<LinkAddr> {
        None
    }
}

/// Which of some functions, 0x1000 apart, never return.
fn check(functions: &[fn(&mut CodeAssembler)], expected: &[bool]) {
    let entries = (1_u64..).map(|number| number * 0x1000);
    let code = entries.clone().zip(functions).map(|(entry, write)| {
        let mut assembler = CodeAssembler::new(64).unwrap();
        write(&mut assembler);
        (entry, assembler.assemble(entry).unwrap())
    });
    let functions = Functions(code.collect());
    let mut walk = Walk::new(&functions, usize::MAX);
    walk.ask(LinkAddr(0x1000));
    let returns = walk.finish();
    let found = entries.zip(expected);
    for (entry, &never) in found {
        let known = returns.noreturn(LinkAddr(entry));
        assert_eq!(known.is_some(), never, "{entry:#x}");
    }
}

#[test]
fn functions_that_never_return() {
    // By what they call, one after another.
    check(
        &[
            |a| {
                a.call(0x2000).unwrap();
                a.ret().unwrap();
            },
            |a| {
                a.call(PANIC).unwrap();
                a.ret().unwrap();
            },
        ],
        &[true, true],
    );
    // One way that returns is enough.
    check(
        &[
            |a| {
                let mut end = a.create_label();
                a.test(edi, edi).unwrap();
                a.je(end).unwrap();
                a.call(PANIC).unwrap();
                a.set_label(&mut end).unwrap();
                a.jmp(0x2000).unwrap();
            },
            |a| a.ret().unwrap(),
        ],
        &[false, false],
    );
    // Each calls the other, and nothing ends it.
    check(
        &[
            |a| {
                a.call(0x2000).unwrap();
                a.ret().unwrap();
            },
            |a| a.jmp(0x1000).unwrap(),
        ],
        &[true, true],
    );
    // A callee that is found to return later.
    check(
        &[
            |a| {
                a.call(0x2000).unwrap();
                a.call(0x3000).unwrap();
                a.ret().unwrap();
            },
            |a| {
                a.call(0x3000).unwrap();
                a.ret().unwrap();
            },
            |a| a.ret().unwrap(),
        ],
        &[false, false, false],
    );
}
