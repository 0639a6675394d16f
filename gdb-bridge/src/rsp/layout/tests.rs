//! Layouts by table, and descriptions that lie.

use super::*;
use proptest::prelude::*;

fn place(layout: &Layout, register: Register) -> Option<(usize, usize)> {
    let field = layout
        .fields
        .iter()
        .find(|field| field.register == Some(register))?;
    Some((field.offset, field.length))
}

#[test]
fn known_places() {
    // Byte offsets as in QEMU's gdb-xml/i386-64bit.xml.
    let cases = [
        (Register::Rax, 0, 8),
        (Register::Rbx, 8, 8),
        (Register::Rsp, 56, 8),
        (Register::R15, 120, 8),
        (Register::Rip, 128, 8),
        (Register::Rflags, 136, 4),
        (Register::Cs, 140, 4),
        (Register::Gs, 160, 4),
        (Register::FsBase, 164, 8),
        (Register::GsBase, 172, 8),
        (Register::Cr0, 188, 8),
        (Register::Cr3, 204, 8),
        (Register::Efer, 228, 8),
    ];
    let layout = Layout::qemu();
    for (register, offset, length) in cases {
        assert_eq!(
            place(&layout, register),
            Some((offset, length)),
            "{}",
            register.name()
        );
    }
    assert!(Layout::by_length(308).is_none(), "that is a 32-bit stub");
    let core = Layout::by_length(536).expect("GDB's layout with SSE");
    assert_eq!(place(&core, Register::Gs), Some((160, 4)));
    assert_eq!(place(&core, Register::FsBase), None);
}

#[test]
fn descriptions() {
    let xml = r#"<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">
        <target><!-- <reg name="rbx" bitsize="64"/> --><feature name="a">
        <flags id="f" size="4"><field name="CF" start="0" end="0"/></flags>
        <reg name="rip" bitsize="64" type="code_ptr" regnum='2'/>
        <reg name = 'eflags' bitsize="32"/>
        <reg name="st0" bitsize="80" regnum="0"/><reg bitsize="64" name="rax"/>
        </feature></target>"#;
    let layout = Layout::from_description(xml).expect("a description");
    assert_eq!(place(&layout, Register::Rax), Some((10, 8)));
    assert_eq!(place(&layout, Register::Rip), Some((18, 8)));
    assert_eq!(place(&layout, Register::Rflags), Some((26, 4)));
    assert_eq!(place(&layout, Register::Rbx), None);
    for unusable in [
        "",
        "<reg",
        "<reg >",
        r#"<reg name="rip"/>"#,
        r#"<reg name="rip" bitsize="32"/>"#,
        r#"<reg name="rip" bitsize="99999999999999999999"/>"#,
        r#"<reg name="eax" bitsize="32"/><reg name="eip" bitsize="32"/>"#,
        r#"<reg name="a" bitsize="18446744073709551615"/><reg name="rip" bitsize="64"/>"#,
    ] {
        assert_eq!(Layout::from_description(unusable), None, "{unusable}");
    }
    let files: Vec<_> =
        includes(r#"<xi:include href="64bit-core.xml"/><xi:include href="b"/>"#).collect();
    assert_eq!(files, ["64bit-core.xml", "b"]);
}

#[test]
fn values() {
    let mut digits = vec![b'0'; QEMU_LENGTH * 2];
    digits[..4].copy_from_slice(b"3412");
    digits[16..32].fill(b'x');
    let registers = Layout::qemu().decode(&digits);
    assert_eq!(registers.get(Register::Rax), Some(0x1234));
    assert_eq!(registers.get(Register::Rbx), None);
    assert_eq!(registers.get(Register::Rcx), Some(0));
    let short = Layout::qemu().decode(&digits[..16]);
    assert_eq!(short.get(Register::Rax), Some(0x1234));
    assert_eq!(short.get(Register::Rcx), None);
}

proptest! {
    #[test]
    fn nothing_panics(xml in "[<>!a-z =\"'/0-9-]{0,200}") {
        let _ = Layout::from_description(&xml);
        let _ = includes(&xml).count();
    }

    #[test]
    fn registers_of_any_description(names in proptest::collection::vec(("[a-z]{1,4}", "[0-9]{1,20}"), 0..20)) {
        let xml: String = names.iter().map(|(name, bits)| format!("<reg name=\"{name}\" bitsize=\"{bits}\"/>")).collect();
        if let Some(layout) = Layout::from_description(&xml) {
            layout.decode(&[b'0'; 64]);
        }
    }
}

#[test]
fn vectors_lie_behind_what_is_known_of_each_layout() {
    let check = |layout: &Layout, name: &str, expected: (usize, usize)| {
        let wanted = VectorRegister::named(name);
        let mut fields = layout.fields.iter();
        let field = fields.find(|field| field.vector == wanted);
        let found = field.map(|field| (field.offset, field.length));
        assert_eq!(found, Some(expected), "{name}");
    };
    let qemu = Layout::qemu();
    check(&qemu, "st0", (236, 10));
    check(&qemu, "fctrl", (316, 4));
    check(&qemu, "xmm0", (348, 16));
    check(&qemu, "mxcsr", (QEMU_LENGTH - 4, 4));
    let gdb = Layout::by_length(536).expect("one of GDB's");
    check(&gdb, "st7", (234, 10));
    check(&gdb, "mxcsr", (532, 4));
}

#[test]
fn a_vector_is_known_when_all_of_it_is() {
    let layout = Layout::qemu();
    let mut digits = vec![b'0'; QEMU_LENGTH * 2];
    digits[348 * 2..348 * 2 + 32].copy_from_slice(b"0100000000000000000000000000f03f");
    digits[364 * 2] = b'x';
    let vectors = layout.decode_vectors(&digits);
    let value = |name: &str| vectors.get(VectorRegister::named(name).expect("a name"));
    assert_eq!(value("xmm0"), Some(0x3ff0_u128 << 112 | 1));
    assert_eq!(value("xmm1"), None);
    assert_eq!(value("st0"), Some(0));
    let short = layout.decode_vectors(&digits[..700]);
    assert!(short.get(VectorRegister::XMM0).is_none());
}
