//! Unwind rules against what the assembler was told.

mod common;

use common::{Program, image};
use ukdbg_image::{
    CfaRule, Decompressed, DwarfRegister, ExpressionContext, Image, LinkAddr, PlainRow,
    RegisterRule, UNWIND_REGISTERS, UnwindRow, UnwindSection, ValueLocation,
};

const ASSEMBLY: &str = r#"
__asm__(
    ".text\n"
    ".globl plain\n.type plain,@function\nplain:\n.cfi_startproc\n"
    "push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset rbp,-16\n"
    "mov %rsp,%rbp\n.cfi_def_cfa_register rbp\n"
    "pop %rbp\n.cfi_def_cfa rsp,8\n.cfi_same_value rbp\n"
    "ret\n.cfi_endproc\n.size plain,.-plain\n"
    ".globl trap\n.type trap,@function\ntrap:\n.cfi_startproc\n.cfi_signal_frame\n"
    ".cfi_def_cfa rsp,40\n.cfi_offset rip,-40\n.cfi_offset rsp,-16\n"
    "nop\n.cfi_endproc\n.size trap,.-trap\n"
    ".globl outermost\n.type outermost,@function\noutermost:\n.cfi_startproc\n"
    ".cfi_undefined rip\n"
    // DW_CFA_val_expression rbx: DW_OP_plus_uconst 24, over the CFA.
    ".cfi_escape 0x16,3,2,0x23,24\n"
    "nop\n.cfi_endproc\n.size outermost,.-outermost\n"
    ".globl nested\n.type nested,@function\nnested:\n.cfi_startproc\n"
    ".rept 12\nnop\n.cfi_remember_state\n.cfi_adjust_cfa_offset 8\n.endr\n"
    ".rept 12\nnop\n.cfi_restore_state\n.endr\n"
    "nop\n.cfi_endproc\n.size nested,.-nested\n"
    ".globl bare\n.type bare,@function\nbare:\nnop\n.size bare,.-bare\n");
int main(void) { return 0; }
"#;

fn address(image: &Image<'_>, name: &str, offset: u64) -> LinkAddr {
    let symbol = image.symbol_named(name).expect("the symbol");
    LinkAddr(symbol.address.0 + offset)
}

fn cfa(register: u16, offset: i64) -> CfaRule<'static> {
    CfaRule::RegisterOffset {
        register: DwarfRegister(register),
        offset,
    }
}

#[track_caller]
fn check(row: &UnwindRow<'_>, expected_cfa: &CfaRule<'_>, rules: &[(u16, RegisterRule<'_>)]) {
    assert_eq!(row.cfa, *expected_cfa);
    for register in 0..UNWIND_REGISTERS {
        let expected = rules
            .iter()
            .find(|(number, _)| usize::from(*number) == register);
        let expected = expected.map_or(&RegisterRule::Unspecified, |(_, rule)| rule);
        assert_eq!(row.registers[register], *expected, "register {register}");
    }
}

#[test]
fn rows_say_what_the_assembler_was_told() {
    let program = Program::c(ASSEMBLY, &["-no-pie"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let row = |name, offset| {
        image
            .unwind_row(address(&image, name, offset))
            .expect("a row")
    };
    let returns = (16, RegisterRule::Offset(-8));
    let saved = (6, RegisterRule::Offset(-16));

    check(&row("plain", 0), &cfa(7, 8), std::slice::from_ref(&returns));
    check(
        &row("plain", 1),
        &cfa(7, 16),
        &[returns.clone(), saved.clone()],
    );
    check(&row("plain", 4), &cfa(6, 16), &[returns.clone(), saved]);
    check(
        &row("plain", 5),
        &cfa(7, 8),
        &[returns, (6, RegisterRule::SameValue)],
    );
    assert!(!row("plain", 0).signal_frame);

    let trap = row("trap", 0);
    assert!(trap.signal_frame);
    let restored = [
        (16, RegisterRule::Offset(-40)),
        (7, RegisterRule::Offset(-16)),
    ];
    check(&trap, &cfa(7, 40), &restored);

    let returns = (16, RegisterRule::Offset(-8));
    check(
        &row("nested", 12),
        &cfa(7, 8 + 12 * 8),
        std::slice::from_ref(&returns),
    );
    check(
        &row("nested", 24),
        &cfa(7, 8),
        std::slice::from_ref(&returns),
    );

    assert_eq!(row("outermost", 0).registers[16], RegisterRule::Undefined);
    assert_eq!(image.unwind_row(address(&image, "bare", 0)), None);
    assert_eq!(image.unwind_row(LinkAddr(0)), None);
    assert_eq!(image.unwind_row(LinkAddr(u64::MAX)), None);
}

struct OnlyCfa(u64);

impl ExpressionContext for OnlyCfa {
    fn register(&mut self, _: DwarfRegister) -> Option<u64> {
        None
    }
    fn memory(&mut self, _: u64, _: u8) -> Option<u64> {
        None
    }
    fn cfa(&mut self) -> Option<u64> {
        Some(self.0)
    }
    fn entry_value(&mut self, _: DwarfRegister) -> Option<u64> {
        None
    }
    fn relocate(&mut self, _: LinkAddr) -> Option<u64> {
        None
    }
}

#[test]
fn a_rule_that_is_an_expression_starts_from_the_cfa() {
    let program = Program::c(ASSEMBLY, &["-no-pie"]);
    let room = Decompressed::default();
    let image = image(&program.bytes, &room);
    let row = image
        .unwind_row(address(&image, "outermost", 0))
        .expect("a row");
    let RegisterRule::ValueExpression(expression) = &row.registers[3] else {
        panic!("{:?}", row.registers[3]);
    };
    let value = image.evaluate(expression, None, &mut OnlyCfa(0x1000));
    assert_eq!(value, Ok(ValueLocation::Memory(0x1018)));
}

const PROGRAM: &str = r#"
#include <stdlib.h>
__attribute__((noinline)) int deep(int n, char *at) { char buffer[64]; return n ? deep(n - 1, buffer) + buffer[n & 63] : *at; }
int main(int count, char **arguments) { return deep(count, arguments[0]) + abs(count); }
"#;

/// Rows of `.debug_frame` and of `.eh_frame` for the same code are the same;
/// and those found through the header's table equal those found without.
#[test]
fn every_way_to_a_row_gives_the_same() {
    for pie in ["-pie", "-no-pie"] {
        let program = Program::c(PROGRAM, &["-O2", "-g", pie]);
        let without_header = program.objcopy(&["--remove-section=.eh_frame_hdr"]);
        let frames = [
            "-O2",
            "-g",
            pie,
            "-fno-asynchronous-unwind-tables",
            "-fno-unwind-tables",
        ];
        let debug_frame = Program::c(PROGRAM, &frames);
        let rooms = [
            Decompressed::default(),
            Decompressed::default(),
            Decompressed::default(),
        ];
        let with_header = image(&program.bytes, &rooms[0]);
        let without_header = image(&without_header, &rooms[1]);
        let debug_frame = image(&debug_frame.bytes, &rooms[2]);
        for name in ["deep", "main"] {
            let function = &with_header.functions_named(name)[0];
            let other = &debug_frame.functions_named(name)[0];
            let range = function.ranges[0].clone();
            for address in range.start.0..range.end.0 {
                let row = with_header.unwind_row(LinkAddr(address)).expect("a row");
                assert_eq!(
                    Some(&row),
                    without_header.unwind_row(LinkAddr(address)).as_ref()
                );
                for image in [&with_header, &without_header] {
                    assert_same(image.plain_row(LinkAddr(address)), &row);
                }
                let there = LinkAddr(address - range.start.0 + other.ranges[0].start.0);
                let same = debug_frame.unwind_row(there).expect("a row");
                assert_eq!((&row.cfa, &row.registers), (&same.cfa, &same.registers));
                assert_eq!(same.section, UnwindSection::DebugFrame);
                assert_same(debug_frame.plain_row(there), &same);
            }
        }
    }
}

/// The compact form of a compiler's row says what the row says.
#[track_caller]
fn assert_same(plain: Option<PlainRow>, row: &UnwindRow<'_>) {
    let plain = plain.unwrap_or_else(|| panic!("{row:?} has no compact form"));
    let cfa = CfaRule::RegisterOffset {
        register: plain.cfa_register(),
        offset: plain.cfa_offset(),
    };
    assert_eq!(cfa, row.cfa);
    let mut registers = [const { RegisterRule::Unspecified }; UNWIND_REGISTERS];
    registers[16] = RegisterRule::Offset(-8);
    let saved = plain.callee_saved();
    let saved = saved.into_iter().filter(|&(_, words)| words != 0);
    for (register, words) in saved.clone() {
        registers[usize::from(register.0)] = RegisterRule::Offset(-8 * i64::from(words));
    }
    let deepest = saved.map(|(_, words)| words).max();
    assert_eq!(plain.deepest_saved(), deepest.unwrap_or(0));
    assert_eq!(registers, row.registers);
    assert!(!row.signal_frame);
}
