//! Jump tables: every shape that compilers make, and what must stay
//! unresolved.

use iced_x86::code_asm::{
    CodeAssembler, al, byte_ptr, dword_ptr, eax, ecx, edi, edx, ptr, qword_ptr, rax, rbp, rcx, rdi,
    rdx,
};
use ukdbg_image::LinkAddr;

use super::fixture::{BASE, Fixture, TABLE, told};
use crate::{EdgeKind, EdgeTarget, Evidence, Unresolved};

/// Three cases of `inc eax; ret`, after `dispatch`, which jumps to `default`
/// for larger indices. Case 1 and 2 are the same.
fn check_shape(
    entry_size: usize,
    dispatch: impl FnOnce(&mut CodeAssembler, iced_x86::code_asm::CodeLabel),
) -> Vec<String> {
    let mut fixture = Fixture::assemble(|a| {
        let mut default = a.create_label();
        dispatch(a, default);
        for _ in 0..2 {
            a.inc(eax).unwrap();
            a.ret().unwrap();
        }
        a.set_label(&mut default).unwrap();
        a.ret().unwrap();
    });
    let size = fixture.code.len() as u64;
    let cases = [7, 4, 4].map(|from_end| BASE + size - from_end);
    fixture.table = cases
        .iter()
        .flat_map(|case| match entry_size {
            4 => (case.wrapping_sub(TABLE) as u32).to_le_bytes().to_vec(),
            _ => case.to_le_bytes().to_vec(),
        })
        .collect();
    let cfg = fixture.cfg();
    let indirect = cfg
        .edges
        .iter()
        .filter(|edge| matches!(edge.kind, EdgeKind::JumpTable { .. } | EdgeKind::Indirect));
    let first = LinkAddr(BASE + size - 7);
    indirect
        .map(|edge| match (&edge.kind, edge.to) {
            (EdgeKind::JumpTable { cases }, EdgeTarget::Block(to)) => {
                assert_eq!(edge.evidence, Evidence::JumpTable);
                let distance = cfg.block(to).start.offset_from(first);
                format!("{cases:?} +{}", distance.unwrap())
            }
            (_, EdgeTarget::Unresolved(why)) => format!("{why:?}"),
            other => panic!("{other:?}"),
        })
        .collect()
}

const RESOLVED: [&str; 2] = ["[0] +0", "[1, 2] +3"];

#[test]
fn relative_as_llvm_makes_it() {
    let found = check_shape(4, |a, default| {
        a.cmp(edi, 2).unwrap();
        a.ja(default).unwrap();
        a.mov(eax, edi).unwrap();
        a.lea(rcx, qword_ptr(TABLE)).unwrap();
        a.movsxd(rax, dword_ptr(rcx + rax * 4)).unwrap();
        a.add(rax, rcx).unwrap();
        a.jmp(rax).unwrap();
    });
    assert_eq!(found, RESOLVED);
}

#[test]
fn absolute() {
    let found = check_shape(8, |a, default| {
        a.dec(edi).unwrap();
        a.cmp(edi, 3).unwrap();
        a.jae(default).unwrap();
        a.jmp(qword_ptr(rdi * 8 + TABLE)).unwrap();
    });
    assert_eq!(found, RESOLVED);
}

#[test]
fn absolute_through_a_register() {
    let found = check_shape(8, |a, default| {
        a.movzx(eax, byte_ptr(rdi)).unwrap();
        a.cmp(al, 2).unwrap();
        a.ja(default).unwrap();
        a.mov(rax, qword_ptr(rax * 8 + TABLE)).unwrap();
        a.jmp(rax).unwrap();
    });
    assert_eq!(found, RESOLVED);
}

#[test]
fn as_gcc_makes_it_without_optimising() {
    let found = check_shape(4, |a, default| {
        a.mov(dword_ptr(rbp - 20), edi).unwrap();
        a.cmp(dword_ptr(rbp - 20), 2).unwrap();
        a.ja(default).unwrap();
        a.mov(eax, dword_ptr(rbp - 20)).unwrap();
        a.lea(rdx, qword_ptr(rax * 4)).unwrap();
        a.lea(rax, qword_ptr(TABLE)).unwrap();
        a.mov(eax, dword_ptr(rdx + rax)).unwrap();
        a.cdqe().unwrap();
        a.lea(rdx, qword_ptr(TABLE)).unwrap();
        a.add(rax, rdx).unwrap();
        a.jmp(rax).unwrap();
    });
    assert_eq!(found, RESOLVED);
}

#[test]
fn the_table_s_address_may_come_from_before_a_loop() {
    let found = check_shape(4, |a, default| {
        let mut again = a.create_label();
        let mut skip = a.create_label();
        a.lea(rcx, qword_ptr(TABLE)).unwrap();
        a.set_label(&mut again).unwrap();
        a.test(edx, edx).unwrap();
        a.je(skip).unwrap();
        a.inc(rdi).unwrap();
        a.set_label(&mut skip).unwrap();
        a.movzx(eax, byte_ptr(rdi)).unwrap();
        a.cmp(eax, 9).unwrap();
        a.je(again).unwrap();
        a.cmp(eax, 2).unwrap();
        a.ja(default).unwrap();
        a.movsxd(rax, dword_ptr(rcx + rax * 4)).unwrap();
        a.add(rax, rcx).unwrap();
        a.jmp(rax).unwrap();
    });
    assert_eq!(found, RESOLVED);
}

#[test]
fn cases_that_go_round_keep_the_table_s_address() {
    let mut fixture = Fixture::assemble(|a| {
        let (mut again, mut next, mut default) =
            (a.create_label(), a.create_label(), a.create_label());
        a.lea(rcx, qword_ptr(TABLE)).unwrap();
        a.jmp(again).unwrap();
        a.set_label(&mut next).unwrap();
        a.inc(rdi).unwrap();
        a.set_label(&mut again).unwrap();
        a.movzx(eax, byte_ptr(rdi)).unwrap();
        a.cmp(eax, 1).unwrap();
        a.ja(default).unwrap();
        a.movsxd(rax, dword_ptr(rcx + rax * 4)).unwrap();
        a.add(rax, rcx).unwrap();
        a.jmp(rax).unwrap();
        a.inc(edx).unwrap();
        a.jmp(next).unwrap();
        a.dec(edx).unwrap();
        a.jmp(next).unwrap();
        a.set_label(&mut default).unwrap();
        a.ret().unwrap();
    });
    let end = BASE + fixture.code.len() as u64;
    let cases = [end - 9, end - 5];
    fixture.table = cases
        .iter()
        .flat_map(|case| (case.wrapping_sub(TABLE) as u32).to_le_bytes())
        .collect();
    let cfg = fixture.cfg();
    let tables = cfg
        .edges
        .iter()
        .filter(|edge| edge.evidence == Evidence::JumpTable);
    assert_eq!(tables.count(), 2, "{:?}", told(&cfg));
}

#[test]
fn a_mask_bounds_too() {
    let found = check_shape(8, |a, _| {
        a.and(edi, 1).unwrap();
        a.jmp(qword_ptr(rdi * 8 + TABLE)).unwrap();
    });
    assert_eq!(found, ["[0] +0", "[1] +3"]);
}

#[test]
fn what_nothing_bounds_is_unresolved() {
    let unbounded: [fn(&mut CodeAssembler, iced_x86::code_asm::CodeLabel); 7] = [
        // No comparison.
        |a, _| a.mov(eax, edi).unwrap(),
        // Of another value.
        |a, default| {
            a.cmp(edx, 2).unwrap();
            a.ja(default).unwrap();
            a.mov(eax, edi).unwrap();
        },
        // Of fewer bits than the index has.
        |a, default| {
            a.cmp(edi, 2).unwrap();
            a.ja(default).unwrap();
            a.mov(rax, rdi).unwrap();
        },
        // Of the value before it was changed.
        |a, default| {
            a.mov(eax, edi).unwrap();
            a.cmp(eax, 2).unwrap();
            a.ja(default).unwrap();
            a.add(eax, ecx).unwrap();
        },
        // Signed.
        |a, default| {
            a.mov(eax, edi).unwrap();
            a.cmp(eax, 2).unwrap();
            a.jg(default).unwrap();
        },
        // A mask of the low byte only.
        |a, _| a.and(al, 1).unwrap(),
        // Passed by.
        |a, default| {
            let mut around = a.create_label();
            a.mov(eax, edi).unwrap();
            a.test(edx, edx).unwrap();
            a.je(around).unwrap();
            a.cmp(eax, 2).unwrap();
            a.ja(default).unwrap();
            a.set_label(&mut around).unwrap();
        },
    ];
    for (number, before) in unbounded.into_iter().enumerate() {
        let found = check_shape(8, |a, default| {
            before(a, default);
            a.jmp(qword_ptr(rax * 8 + TABLE)).unwrap();
        });
        assert_eq!(found, ["Unbounded"], "{number}");
    }
}

#[test]
fn a_table_that_ends_or_leads_elsewhere_is_not_believed() {
    let longer = check_shape(8, |a, default| {
        a.mov(eax, edi).unwrap();
        a.cmp(eax, 3).unwrap();
        a.ja(default).unwrap();
        a.jmp(qword_ptr(rax * 8 + TABLE)).unwrap();
    });
    assert_eq!(longer, ["Table"]);
    let elsewhere = check_shape(4, |a, default| {
        a.mov(eax, edi).unwrap();
        a.cmp(eax, 1).unwrap();
        a.ja(default).unwrap();
        a.jmp(qword_ptr(rax * 8 + TABLE)).unwrap();
    });
    assert_eq!(elsewhere, ["Table"]);
}

#[test]
fn a_size_that_the_compiler_left_needs_no_bound() {
    let mut fixture = Fixture::assemble(|a| {
        a.jmp(qword_ptr(rdi * 8 + TABLE)).unwrap();
        a.ret().unwrap();
    });
    let case = BASE + fixture.code.len() as u64 - 1;
    fixture.table = case.to_le_bytes().repeat(2);
    fixture.table_size = Some(2);
    let cfg = fixture.cfg();
    assert_eq!(told(&cfg), ["0 JumpTable { cases: [0, 1] } 1"]);
    assert_eq!(cfg.edges[0].evidence, Evidence::TableSize);
    assert_eq!(cfg.blocks[1].evidence, Evidence::TableSize);
    // One that the table does not have the bytes for is not believed.
    fixture.table_size = Some(3);
    let unresolved = EdgeTarget::Unresolved(Unresolved::Table);
    assert_eq!(fixture.cfg().edges[0].to, unresolved);
}

/// A match over all of a byte's values: nothing compares. The table holds
/// distances to the cases from `entries`, and what follows it.
fn check_placement(following: i32) -> Vec<String> {
    let mut fixture = Fixture::assemble(|a| {
        a.movzx(eax, byte_ptr(rdi)).unwrap();
        a.lea(rcx, qword_ptr(TABLE)).unwrap();
        a.movsxd(rax, dword_ptr(rcx + rax * 4)).unwrap();
        a.add(rax, rcx).unwrap();
        a.jmp(rax).unwrap();
        for _ in 0..2 {
            a.inc(eax).unwrap();
            a.ret().unwrap();
        }
    });
    // The assembler takes an address without a base as absolute.
    let lea = fixture
        .code
        .windows(4)
        .position(|it| it == [0x48, 0x8d, 0x0c, 0x25]);
    let lea = lea.expect("lea rcx, [disp32]");
    let next = BASE + lea as u64 + 7;
    let distance = (TABLE - next) as i32;
    fixture.code.splice(
        lea..lea + 8,
        [&[0x48, 0x8d, 0x0d][..], &distance.to_le_bytes(), &[0x90]].concat(),
    );
    let end = BASE + fixture.code.len() as u64;
    let distances = [6, 3].map(|from_end| (end - from_end).wrapping_sub(TABLE) as i32);
    let entries = distances.into_iter().chain([following + distances[0]]);
    fixture.table = entries.flat_map(i32::to_le_bytes).collect();
    let cfg = fixture.cfg();
    let edges = cfg.edges.iter();
    edges
        .map(|edge| format!("{:?} {:?}", edge.kind, edge.evidence))
        .collect()
}

#[test]
fn a_table_ends_where_its_entries_leave_the_function() {
    let found = check_placement(0x10_0000);
    assert_eq!(
        found,
        [
            "JumpTable { cases: [0] } TablePlacement",
            "JumpTable { cases: [1] } TablePlacement"
        ]
    );
    // Between instructions, and right behind the code: nobody knows.
    for following in [1, 6] {
        assert_eq!(check_placement(following), ["Indirect Decode"]);
    }
}

#[test]
fn a_way_found_later_refutes_a_table() {
    // Case 0 jumps to the table's own jump, past the comparison.
    let mut fixture = Fixture::assemble(|a| {
        let (mut default, mut past) = (a.create_label(), a.create_label());
        a.mov(eax, edi).unwrap();
        a.cmp(eax, 0).unwrap();
        a.ja(default).unwrap();
        a.set_label(&mut past).unwrap();
        a.jmp(qword_ptr(rax * 8 + TABLE)).unwrap();
        a.set_label(&mut default).unwrap();
        a.ret().unwrap();
        a.mov(eax, ptr(rdi)).unwrap();
        a.jmp(past).unwrap();
    });
    let case = BASE + fixture.code.len() as u64 - 4;
    fixture.table = case.to_le_bytes().to_vec();
    let cfg = fixture.cfg();
    let unresolved = EdgeTarget::Unresolved(Unresolved::Unbounded);
    assert!(
        cfg.edges.iter().any(|edge| edge.to == unresolved),
        "{:?}",
        told(&cfg)
    );
    assert!(
        cfg.blocks
            .iter()
            .all(|block| block.evidence != Evidence::JumpTable)
    );
}
