//! Cores made by hand: whole, empty, and hostile.

use std::io::Write as _;

use proptest::prelude::*;
use ukdbg_inspect::Register;

use super::*;

/// An ELF header, one note segment and one load segment.
fn build(notes: &[u8], physical: u64, content: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    let half = |file: &mut Vec<u8>, value: u16| file.extend(value.to_le_bytes());
    let word = |file: &mut Vec<u8>, value: u32| file.extend(value.to_le_bytes());
    let long = |file: &mut Vec<u8>, value: u64| file.extend(value.to_le_bytes());
    half(&mut file, 4);
    half(&mut file, 62);
    word(&mut file, 1);
    for value in [0, 64, 0] {
        long(&mut file, value);
    }
    word(&mut file, 0);
    for value in [64, 56, 2, 0, 0, 0] {
        half(&mut file, value);
    }
    let data = 64 + 2 * 56;
    let segments = [
        (4, data, 0, notes.len() as u64),
        (1, data + notes.len() as u64, physical, content.len() as u64),
    ];
    for (kind, offset, physical, size) in segments {
        word(&mut file, kind);
        word(&mut file, 0);
        for value in [offset, physical, physical, size, size, 0] {
            long(&mut file, value);
        }
    }
    file.extend_from_slice(notes);
    file.extend_from_slice(content);
    file
}

fn note(name: &[u8], kind: u32, content: &[u8]) -> Vec<u8> {
    let mut note = Vec::new();
    for value in [name.len() as u32 + 1, content.len() as u32, kind] {
        note.extend(value.to_le_bytes());
    }
    note.extend_from_slice(name);
    note.push(0);
    note.resize(note.len().next_multiple_of(4), 0);
    note.extend_from_slice(content);
    note.resize(note.len().next_multiple_of(4), 0);
    note
}

/// A CPU with each word its index, paging off.
fn qemu_note() -> Vec<u8> {
    let mut content = Vec::new();
    content.extend(1_u32.to_le_bytes());
    content.extend(440_u32.to_le_bytes());
    for index in 0..18_u64 {
        content.extend((0x100 + index).to_le_bytes());
    }
    content.resize(440, 0);
    note(b"QEMU", 0, &content)
}

fn open(bytes: &[u8]) -> Result<Core, CoreError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    Core::open(file.path())
}

#[test]
fn a_whole_machine() {
    let mut core = open(&build(&qemu_note(), 0x1000, b"content")).unwrap();
    assert_eq!(core.vcpus().unwrap(), [VcpuId(0)]);
    let registers = core.registers(VcpuId(0)).unwrap();
    assert_eq!(registers.get(Register::Rax), Some(0x100));
    assert_eq!(registers.get(Register::Rip), Some(0x110));
    assert_eq!(registers.get(Register::Efer), None, "a core does not say");
    let mut bytes = [0; 16];
    assert_eq!(core.read(VirtAddr(0x1003), &mut bytes), Ok(4));
    assert_eq!(&bytes[..4], b"tent");
    assert!(core.read(VirtAddr(0xfff), &mut bytes).is_err());
    assert!(core.read(VirtAddr(u64::MAX), &mut bytes).is_err());
    assert!(core.control().is_none() && core.registers(VcpuId(1)).is_err());
}

#[test]
fn unusable_files() {
    let whole = build(&qemu_note(), 0x1000, b"content");
    let check = |bytes: &[u8], expected: &str| {
        let error = open(bytes).expect_err("unusable").to_string();
        assert!(
            error.contains(expected),
            "{error:?} does not say {expected:?}"
        );
    };
    check(b"", "no usable core");
    check(b"#!/bin/sh\n", "no usable core");
    check(&build(b"", 0, b""), "holds no CPU");
    check(&build(&note(b"QEMU", 0, &[2; 440]), 0, b""), "holds no CPU");
    let mut executable = whole.clone();
    executable[16] = 2;
    check(&executable, "of another kind");
    let mut arm = whole;
    arm[18] = 183;
    check(&arm, "machine type 183");
    assert!(matches!(
        Core::open(Path::new("/nonexistent")),
        Err(CoreError::Read { .. })
    ));
    assert!(matches!(
        Core::open(Path::new("/")),
        Err(CoreError::Read { .. })
    ));
}

proptest! {
    #[test]
    fn no_file_is_fatal(at in 0_usize..600, value in any::<u8>(), cut in 0_usize..800) {
        let mut bytes = build(&qemu_note(), 0x1000, b"content");
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        bytes.truncate(cut);
        if let Ok(mut core) = open(&bytes) {
            let _ = core.registers(VcpuId(0));
            let _ = core.read(VirtAddr(0x1000), &mut [0; 64]);
        }
    }
}
