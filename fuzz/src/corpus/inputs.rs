//! Seeds of the small kinds: packets, messages and log lines as real peers
//! send them, expressions as users type them, a ring as a guest writes it, a
//! dump as QEMU makes it.

use std::fs;
use std::io::Write as _;
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;
use ukdbg_guest_abi::RingHeader;
use ukdbg_guest_abi::ring::{MAGIC, SLOT_SIZE, SlotKind, VERSION, site_word};

use crate::subject::{DESCRIPTORS, Kind, RING};

const RSP: [&str; 9] = [
    "+$PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+#00",
    "$T05thread:p01.01;watch:7000;#00$T02thread:01;#b5$W00#b7$X09;process:1#00",
    "$mp01.01,p01.02#00$l#6c$OK#9a$E14#aa$#00",
    "$0* 7f}\x03}]00*\"ff#00+++-",
    "%Stop:T05thread:01;#00boot\r\n$O48656c6c6f0a#00",
    "m<?xml version=\"1.0\"?><target><architecture>i386:x86-64</architecture><xi:include href=\"64bit-core.xml\"/></target>",
    "l<feature name=\"org.gnu.gdb.i386.core\"><reg name=\"rax\" bitsize=\"64\" type=\"int64\" regnum=\"0\"/><reg name=\"rip\" bitsize=\"64\"/><reg name=\"cr3\" bitsize=\"64\" regnum=\"99\"/></feature>",
    "0000000000000000f0ff000000000000xxxxxxxxxxxxxxxx0200000000000000",
    "$QC01#00$T05swbreak:;thread:1;#00$S05#b8",
];

const QMP: [&str; 7] = [
    r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}"#,
    r#"{"return": {"status": "running", "singlestep": false, "running": true}, "id": 4}"#,
    r#"{"timestamp": {"seconds": 1700000000, "microseconds": 1}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}"#,
    r#"{"id": 3, "error": {"class": "GenericError", "desc": "not found"}}"#,
    r#"{"return": "CPU#0\r\nRAX=0000000000000000 RBX=00000000000000ff\r\nRIP=00000000001000a0 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\nCS =0008 0000000000000000 ffffffff 00af9b00\r\nGDT=     0000000000001000 00000027\r\nIDT=     0000000000002000 00000fff\r\nCR0=80010033 CR2=0000000000000000 CR3=0000000000101000 CR4=00000620\r\nEFER=0000000000000d00\r\n", "id": 9}"#,
    r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}"#,
    r#"{"return": "0000000000100000: 0x0000000000000001 0x00000000deadbeef\r\n", "id": 10}"#,
];

const LOG: &str = "CPU Reset (CPU 0)
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
Servicing hardware INT=0x20
    41: v=20 e=0000 i=0 cpl=0 IP=0008:0000000000101b00 pc=0000000000101b00 SP=0010:0000000000120f60 env->regs[R_EAX]=0000000000000001
check_exception old: 0xffffffff new 0xe
    42: v=0e e=0002 i=0 cpl=3 IP=0033:0000000000101abc pc=0000000000101abc SP=002b:0000000000120f58 CR2=0000000000000018
RAX=0000000000000000 RBX=0000000000000005 RCX=0000000000000000 RDX=0000000000000000
RIP=0000000000101abc RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
CR0=80010033 CR2=0000000000000018 CR3=0000000000101000 CR4=00000620
check_exception old: 0xe new 0xd
    43: v=08 e=0000 i=0 cpl=0 IP=0008:000000000010101a pc=000000000010101a SP=0010:0000000000006f08 env->regs[R_EAX]=000000002badb068
check_exception old: 0x8 new 0xd
Triple fault
";

const EXPRESSIONS: [&str; 14] = [
    "book[3].price.ticks",
    "*book[1].next",
    "(struct order *)$rsp",
    "&book[2].levels[1][2]",
    "book[0..3]",
    "words",
    "$rip + 0x10 * 4 - 3 / 2 % 7",
    "*($rsp as *const u64)@16",
    "book[0].side == BUY && !sink || ~sink >> 3 != 1",
    "(unsigned char)'\\n' ^ 0b1010_1010u8",
    "book[0].visit",
    "1.5e3 as i128",
    "walk",
    "program.c:12",
];

/// Writes the seeds of every kind but images.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn write(corpus: &Path) -> Result<()> {
    let put = |kind: Kind, number: usize, bytes: &[u8]| {
        fs::write(corpus.join(kind.word()).join(format!("{number:02}")), bytes)
    };
    for (number, text) in RSP.iter().enumerate() {
        put(Kind::Rsp, number, text.as_bytes())?;
    }
    for (number, text) in QMP.iter().enumerate() {
        put(Kind::Qmp, number, format!("{text}\r\n").as_bytes())?;
    }
    for (number, text) in EXPRESSIONS.iter().enumerate() {
        put(Kind::Expression, number, text.as_bytes())?;
    }
    put(Kind::Qmp, QMP.len(), QMP.join("\r\n").as_bytes())?;
    put(Kind::Log, 0, LOG.as_bytes())?;
    put(Kind::Ring, 0, &ring())?;
    put(Kind::Core, 0, &plain_core())?;
    dump(&corpus.join(Kind::Core.word()).join("qemu"));
    Ok(())
}

/// Descriptors of no event, and a ring of one CPU with every kind of slot.
fn ring() -> Vec<u8> {
    const SLOTS: u32 = 64;
    let mut bytes = vec![0; DESCRIPTORS + size_of::<RingHeader>()];
    let mut put = |offset: usize, value: &[u8]| {
        let at = DESCRIPTORS + offset;
        bytes[at..at + value.len()].copy_from_slice(value);
    };
    let slots = RING.0 + size_of::<RingHeader>() as u64;
    put(offset_of!(RingHeader, magic), &MAGIC.to_le_bytes());
    put(offset_of!(RingHeader, version), &VERSION.to_le_bytes());
    put(
        offset_of!(RingHeader, slot_size),
        &(SLOT_SIZE as u32).to_le_bytes(),
    );
    put(
        offset_of!(RingHeader, slot_count),
        &u64::from(SLOTS).to_le_bytes(),
    );
    put(offset_of!(RingHeader, slots), &slots.to_le_bytes());
    put(
        offset_of!(RingHeader, head),
        &(u64::from(SLOTS) + 9).to_le_bytes(),
    );
    for number in 0..SLOTS {
        let (continuations, kind) = match number % 4 {
            1 => (1, SlotKind::Event),
            2 => (0, SlotKind::Continuation),
            _ => (0, SlotKind::Event),
        };
        let position = if number < 9 { number + SLOTS } else { number };
        bytes.extend((position + 1).to_le_bytes());
        bytes.extend(site_word(number * 8, continuations, kind).to_le_bytes());
        bytes.extend(u64::from(number * 1000).to_le_bytes());
        bytes.extend([0x11; 16]);
    }
    bytes
}

/// The least that is a core: a header, a note and a segment.
fn plain_core() -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0\x3e\0\x01\0\0\0".to_vec();
    for value in [0_u64, 64, 0] {
        file.extend(value.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for value in [64_u16, 56, 2, 0, 0, 0] {
        file.extend(value.to_le_bytes());
    }
    // QEMU's own note: name "QEMU", type 0, 440 bytes of state.
    let mut note = Vec::new();
    for value in [5_u32, 440, 0] {
        note.extend(value.to_le_bytes());
    }
    note.extend(b"QEMU\0\0\0\0");
    note.extend([1, 0, 0, 0, 0xb8, 1, 0, 0]);
    note.resize(20 + 440, 0x10);
    let data = 64 + 2 * 56;
    let segments = [
        (4_u32, data, note.len() as u64),
        (1, data + note.len() as u64, 4096),
    ];
    for (kind, offset, size) in segments {
        file.extend(kind.to_le_bytes());
        file.extend(7_u32.to_le_bytes());
        for value in [offset, 0x1000_u64, 0x1000, size, size, 0] {
            file.extend(value.to_le_bytes());
        }
    }
    file.extend(note);
    file.resize(file.len() + 4096, 0x55);
    file
}

/// Of a machine with a megabyte, where QEMU is installed.
fn dump(to: &Path) {
    let child = Command::new("qemu-system-x86_64")
        .args([
            "-S",
            "-nodefaults",
            "-display",
            "none",
            "-m",
            "1",
            "-monitor",
            "stdio",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else {
        return;
    };
    if let Some(mut monitor) = child.stdin.take() {
        let _ = writeln!(monitor, "dump-guest-memory {}\nquit", to.display());
    }
    let _ = child.wait();
}
