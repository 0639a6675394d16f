//! Tables over the grammar and over numbers, in an empty machine.

use ukdbg_inspect::{Follow, Memory, MemoryError, Modules, Value, ValueLimits, VirtAddr};

use super::parser::parse;
use super::{Evaluator, History, evaluate};

/// Sixteen bytes at 0x1000: 1, 2, 3 and so on.
struct Counting;

impl Memory for Counting {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let offset = at
            .offset_from(VirtAddr(0x1000))
            .filter(|&offset| offset < 16);
        let offset = offset.ok_or(MemoryError::Unmapped { at })?;
        let count = buf.len().min(16 - offset as usize);
        for (byte, value) in buf[..count].iter_mut().zip(offset as u8 + 1..) {
            *byte = value;
        }
        Ok(count)
    }
}

fn answer(text: &str) -> String {
    answer_after(&History::default(), text)
}

fn answer_after(history: &History<'_>, text: &str) -> String {
    let modules = Modules::default();
    let mut evaluator = Evaluator {
        modules: &modules,
        frame: None,
        history,
        memory: &mut Counting,
    };
    match evaluate(&mut evaluator, text) {
        Ok(place) => {
            let limits = ValueLimits {
                follow: Follow::Scalars,
                ..ValueLimits::default()
            };
            let value: Value = place.value(&modules, limits, &mut Counting);
            value.line().raw().to_owned()
        }
        Err(error) => {
            let mark = "^".repeat(error.length);
            format!("{}{mark} {error}", " ".repeat(error.column))
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(answer(text), expected, "{text}");
}

#[test]
fn arithmetic() {
    check("1 + 2 * 3", "7");
    check("(1 + 2) * 3", "9");
    check("10 - 2 - 3", "5");
    check("5 - 8", "-3");
    check("-7 / 2", "-3");
    check("-7 % 2", "-1");
    check("0x10 + 0b11 + 0o7 + 1_000", "1026");
    check("10u8 + 1usize", "11");
    check("1 << 40", "1099511627776");
    check("0xff >> 4", "15");
    check("6 & 3 | 8 ^ 1", "11");
    check("!true", "false");
    check("!0x0fu8 as u8", "240");
    check("~0 as u8", "255");
    check("'a' + 1", "98");
    check("18446744073709551615 + 1", "18446744073709551616");
}

#[test]
fn comparisons() {
    check("1 < 2", "true");
    check("1 == 2 || 3 != 4", "true");
    check("1 > 2 && 5 / 1 > 0", "false");
    check("2 >= 2", "true");
}

#[test]
fn fractions() {
    check("1.5 + 2", "3.5");
    check("1.5e3 / 2.0", "750.0");
    check("1e3 - 2E-1", "999.8");
    check("0x1e3", "483");
    check("-2.5 * 2.0", "-5.0");
    check("7.5 % 2.0", "1.5");
    check("1.0 / 0.0", "inf");
    check("(f32)0.1 + (f32)0.2", "0.3");
    check("0.1 + 0.2", "0.30000000000000004");
    check("1.5 > 1", "true");
    check(
        "1.5 & 1",
        "^^^^^^^ a floating-point number has no bits to shift or combine: cast it first",
    );
}

#[test]
fn sizes() {
    check("sizeof(int)", "4");
    check("sizeof(u128) * 2", "32");
    check("sizeof(char *)", "8");
    check("sizeof 1", "8");
    check("sizeof(*(u16 *)0x1000)", "2");
    check("sizeof([u32; 4])", "16");
    check(
        "sizeof(Order)",
        "       ^^^^^ no variable, static, register or function `Order` here",
    );
}

#[test]
fn text_is_compared_only() {
    check(
        "\"a\"",
        "^^^ text can be compared with `==` and `!=`, and be a map's key",
    );
    check(
        "1 == \"a\"",
        "^ text can be compared with `==` and `!=`, and be a map's key",
    );
    check("1 + \"a", "    ^^ the quote is not closed");
}

#[test]
fn casts() {
    check("300 as u8", "44");
    check("(u8)300", "44");
    check("(i8)255", "-1");
    check("-1 as u64", "18446744073709551615");
    check("65 as char", "'A'");
    check("2 as bool", "true");
    check("(f64)3", "3.0");
    check("(unsigned char)256 + 1", "1");
    check("(unsigned long)-1", "18446744073709551615");
    check("0x1000 as *const u32 + 1", "0x1004 → 134678021");
}

#[test]
fn memory() {
    check("*(u16 *)0x1000", "513");
    check("*(0x1000 as *const u8)", "1");
    check("*0x1000", "578437695752307201");
    check("(0x1000 as *const u8)[3]", "4");
    check("(0x1000 as *const u8)[1..4]", "[2, 3, 4]");
    check("*(0x1000 as *const [u16; 2])", "[513, 1027]");
    check("*(u8 *)0x1000@3", "[1, 2, 3]");
    check("&*(0x1004 as *const u8) - 0x1000 as *const u8", "4");
    check("*(u8 *)0x2000", "<unreadable at 0x2000>");
}

#[test]
fn what_is_wrong_is_pointed_at() {
    check("", "^ expected a value, not the end");
    check("1 +", "   ^ expected a value, not the end");
    check("1 + * ", "      ^ expected a value, not the end");
    check("(1", "  ^ expected `)`, not the end");
    check("a[1", "   ^ expected `]`, not the end");
    check("1 2", "  ^ expected an operator or the end, not `2`");
    check("1 ? 2", "  ^ `?` does not belong in an expression");
    check("12ab", "^^^^ `12ab` is not a number of at most 128 bits");
    check("1 + 'ab", "    ^^^ the quote is not closed");
    check("1 / (2 - 2)", "^^^^^^^^^^^ division by zero");
    check("1 << 200", "^^^^^^^^ a shift by 200 bits");
    check("$rxx", "^^^^ there is no register `rxx`");
    check(
        "1 + $rax",
        "    ^^^^ there are no registers: the machine has no CPU, as an image that does not run",
    );
    check(
        "2 * orders.len",
        "    ^^^^^^ no variable, static, register or function `orders` here",
    );
    check(
        "(*const Order)1",
        "        ^^^^^ the images describe no type `Order`",
    );
    check("5.x", "^^^ `u64` has no fields");
    check("5[0]", "^^^^ `u64` cannot be indexed");
    check("&5", "^^ the value is not in memory");
    check(
        "(0x1000 as *const [u8; 2])[2]",
        "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ index 2 is outside of the 2 elements",
    );
}

#[test]
fn forms_that_are_understood() {
    for text in [
        "self.book.orders[3].price",
        "engine::book::BOOK.0",
        "a.0.1",
        "*p->next->value",
        "(struct Order *)x",
        "(Order)x + 1",
        "(a) * b",
        "(a) - b",
        "x as *mut Vec<Order<u8>>",
        "&mut_count",
        "'core::fmt::<T as X>::Y'.len",
        "buf[..4]",
        "buf[1..]",
        "buf[..]",
        "rsp + 8",
        "$rsp+8",
        "(const char *)name",
        "!flag && count > 0",
        "arr@4",
        "map[\"key\"].price",
        "<Book as Store>::insert",
        "&<Book<u8> as Store>::LIMIT + 1",
        "a < b && b > c",
        "1 <2",
        "orders.c::count + 1",
        "'src/orders.c'::count",
        "a.0.1 + 1.5",
        "sizeof(struct order) * 2",
        "state == State::Busy",
    ] {
        let parsed = parse(text);
        assert!(parsed.is_ok(), "{text}: {parsed:?}");
    }
}

#[test]
fn a_name_in_parentheses_multiplies() {
    let product = format!("{:?}", parse("(a) * b").unwrap().kind);
    assert!(product.starts_with("Binary(Multiply"), "{product}");
    let cast = format!("{:?}", parse("(a) b").unwrap().kind);
    assert!(cast.starts_with("Cast("), "{cast}");
    let cast = format!("{:?}", parse("(u8) * b").unwrap().kind);
    assert!(cast.starts_with("Cast("), "{cast}");
}

#[test]
fn nesting_is_bounded() {
    let deep = |unit: &str| unit.repeat(2000);
    for text in [
        deep("("),
        deep("*"),
        deep("- "),
        deep("1+("),
        deep("(u8)"),
        deep("a["),
        deep("&"),
    ] {
        assert!(parse(&text).is_err());
    }
    assert!(parse(&"1+".repeat(3000)).is_err());
    let pointers = format!("(u8 {})x", "*".repeat(1000));
    let _ = parse(&pointers);
}

proptest::proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,40}") {
        let _ = answer(&text);
    }

    #[test]
    fn any_words_are_answered(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "1", "0xffffffffffffffff", "(", ")", "[", "]", "..", ".", "->", "*", "&",
                "-", "!", "~", "+", "/", "%", "<<", ">>", "<", "==", "&&", "||", "@", "as",
                "u8", "i128", "f64", "char", "const", "struct", "unsigned", "$rax", "'x'", ";",
                "0x1000 as *const u8", "(u8 *)0x1000", "[u16; 3]", "true",
            ]),
            0..24,
        ),
    ) {
        let _ = answer(&words.join(" "));
    }
}

#[test]
fn values_are_kept() {
    let mut history = History::default();
    let number = |value| {
        let (encoding, size) = (ukdbg_image::BaseEncoding::Signed, 8);
        ukdbg_inspect::Place::number(ukdbg_inspect::Number {
            value,
            encoding,
            size,
        })
    };
    for value in [10, 20, 30] {
        history.keep(&number(value), &mut Counting);
    }
    for (text, expected) in [
        ("$1", "10"),
        ("$", "30"),
        ("$$", "20"),
        ("$$2 + $", "40"),
        ("$$0", "30"),
        ("$0", "^^ there is no value `$0`"),
        ("1 + $4", "    ^^ there is no value `$4`"),
        ("$$3", "^^^ there is no value `$$3`"),
    ] {
        assert_eq!(answer_after(&history, text), expected, "{text}");
    }
    assert_eq!(answer("$"), "^ there is no value `$`");
    // The oldest are forgotten; numbers stay what they were.
    for value in 4..=1001 {
        history.keep(&number(value), &mut Counting);
    }
    assert_eq!(answer_after(&history, "$2"), "20");
    assert!(answer_after(&history, "$1").contains("there is no value"));
}
