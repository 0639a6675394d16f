//! Blocks and edges of every kind, and the evidence for them.

use iced_x86::code_asm::{CodeAssembler, eax, ecx, edi, rax, rdi};
use ukdbg_image::LinkAddr;

use super::fixture::{BASE, Fixture, HELPER, PANIC, told};
use crate::{BlockEnd, BlockId, Cfg, CfgGap, Evidence};

fn check(write: impl FnOnce(&mut CodeAssembler), expected: &[&str]) -> Cfg {
    let cfg = Fixture::assemble(write).cfg();
    assert_eq!(told(&cfg), expected);
    cfg
}

#[test]
fn a_single_block() {
    let cfg = check(
        |a| {
            a.inc(eax).unwrap();
            a.call(HELPER).unwrap();
            a.ret().unwrap();
        },
        &[],
    );
    assert_eq!(cfg.blocks.len(), 1);
    assert_eq!(cfg.blocks[0].end, BlockEnd::Return);
    assert_eq!(cfg.blocks[0].calls[0].target, Some(LinkAddr(HELPER)));
    assert_eq!(cfg.entry(), Some(BlockId(0)));
}

#[test]
fn branches_jumps_and_what_joins() {
    check(
        |a| {
            let (mut other, mut end) = (a.create_label(), a.create_label());
            a.test(edi, edi).unwrap();
            a.je(other).unwrap();
            a.inc(eax).unwrap();
            a.jmp(end).unwrap();
            a.set_label(&mut other).unwrap();
            a.call(HELPER).unwrap();
            a.set_label(&mut end).unwrap();
            a.ret().unwrap();
        },
        &["0 Taken 2", "0 NotTaken 1", "1 Jump 3", "2 CallReturn 3"],
    );
}

#[test]
fn a_loop_goes_back() {
    check(
        |a| {
            let mut again = a.create_label();
            a.xor(eax, eax).unwrap();
            a.set_label(&mut again).unwrap();
            a.dec(ecx).unwrap();
            a.jne(again).unwrap();
            a.ret().unwrap();
        },
        &["0 FallThrough 1", "1 Taken 1", "1 NotTaken 2"],
    );
}

#[test]
fn calls_that_never_return_end_a_block() {
    let cfg = check(
        |a| {
            let mut bad = a.create_label();
            a.test(edi, edi).unwrap();
            a.je(bad).unwrap();
            a.ret().unwrap();
            a.set_label(&mut bad).unwrap();
            a.call(PANIC).unwrap();
            a.ud2().unwrap();
        },
        &["0 Taken 2", "0 NotTaken 1", "2 NoReturn panic"],
    );
    assert_eq!(cfg.edges[2].evidence, Evidence::Dwarf);
    // The trap behind the call is filling, not a block.
    assert_eq!(cfg.blocks.len(), 3);
}

#[test]
fn code_that_ends_behind_a_call() {
    let cfg = check(|a| a.call(HELPER).unwrap(), &["0 NoReturn helper"]);
    assert_eq!(cfg.edges[0].evidence, Evidence::CodeEnd);
    let cfg = check(|a| a.inc(eax).unwrap(), &[]);
    assert_eq!(cfg.blocks[0].end, BlockEnd::Cut);
}

#[test]
fn jumps_out_of_the_function() {
    check(|a| a.jmp(HELPER).unwrap(), &["0 TailCall helper"]);
    check(|a| a.jmp(rax).unwrap(), &["0 Indirect ? Computed"]);
    check(|a| a.jmp(0x7777_0000).unwrap(), &["0 TailCall ? NoCode"]);
    check(
        |a| {
            a.test(rdi, rdi).unwrap();
            a.jne(HELPER).unwrap();
            a.ret().unwrap();
        },
        &["0 Taken helper", "0 NotTaken 1"],
    );
}

#[test]
fn code_that_nothing_reaches_is_said_to_be() {
    let cfg = check(
        |a| {
            let mut end = a.create_label();
            a.ret().unwrap();
            a.nop().unwrap();
            a.inc(eax).unwrap();
            a.jmp(end).unwrap();
            a.int3().unwrap();
            a.set_label(&mut end).unwrap();
            a.ret().unwrap();
        },
        &["1 Jump 2"],
    );
    let evidence: Vec<_> = cfg.blocks.iter().map(|block| block.evidence).collect();
    assert_eq!(
        evidence,
        [Evidence::Decode, Evidence::Unreached, Evidence::Unreached]
    );
}

#[test]
fn ranges_of_a_split_function_are_one() {
    let mut fixture = Fixture::assemble(|a| {
        let mut cold = a.create_label();
        a.test(edi, edi).unwrap();
        a.je(cold).unwrap();
        a.ret().unwrap();
        a.db(&[0xcc; 16]).unwrap();
        a.set_label(&mut cold).unwrap();
        a.call(PANIC).unwrap();
    });
    let size = fixture.code.len() as u64;
    let at = |offset| LinkAddr(BASE + offset);
    fixture.ranges = vec![at(size - 5)..at(size), at(0)..at(5)];
    let cfg = fixture.cfg();
    assert_eq!(
        told(&cfg),
        ["0 Taken 2", "0 NotTaken 1", "2 NoReturn panic"]
    );
    assert!(cfg.gaps.is_empty());
}

#[test]
fn a_jump_into_an_instruction_gives_both() {
    // jmp +1 over the first byte of a mov whose immediate is code.
    let code = vec![0xeb, 0x01, 0xb8, 0xff, 0xc0, 0xc3, 0x90, 0xc3];
    let cfg = Fixture::new(code).cfg();
    assert_eq!(told(&cfg), ["0 Jump 1"]);
    assert_eq!(cfg.blocks[1].start, LinkAddr(BASE + 3));
    assert_eq!(cfg.blocks[1].end, BlockEnd::Return);
}

#[test]
fn bytes_that_are_no_instruction_end_a_block() {
    let cfg = Fixture::new(vec![0x90, 0x06, 0xc3]).cfg();
    assert_eq!(
        (cfg.blocks[0].end, cfg.blocks[0].size),
        (BlockEnd::Invalid, 1)
    );
}

#[test]
fn missing_and_overlapping_code_is_told() {
    let mut fixture = Fixture::new(vec![0x90, 0xc3]);
    let at = |offset| LinkAddr(BASE + offset);
    fixture.ranges = vec![at(0)..at(9), at(1)..at(2)];
    let gaps = fixture.cfg().gaps;
    assert_eq!(
        gaps,
        [CfgGap::NoBytes { at: at(2) }, CfgGap::Overlap { at: at(1) }]
    );
}

#[test]
fn addresses_find_their_blocks() {
    let cfg = Fixture::assemble(|a| {
        let mut end = a.create_label();
        a.test(edi, edi).unwrap();
        a.je(end).unwrap();
        a.inc(eax).unwrap();
        a.set_label(&mut end).unwrap();
        a.ret().unwrap();
    })
    .cfg();
    let found = |offset| cfg.block_at(LinkAddr(BASE + offset)).map(|id| id.0);
    let all: Vec<_> = (0..8).map(found).collect();
    let expected = [0, 0, 0, 0, 1, 1, 2].map(Some);
    assert_eq!(all[..7], expected);
    assert_eq!(all[7], None);
}
