//! Tables over logs that QEMU 7.2 wrote.

use proptest::prelude::*;
use ukdbg_inspect::Register;

use super::*;

/// `lidt` of an empty table, then `ud2`, shortened to the lines of interest.
const TRIPLE: &str = "CPU Reset (CPU 0)
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000
check_exception old: 0xffffffff new 0x6
     0: v=06 e=0000 i=0 cpl=0 IP=0008:000000000010101a pc=000000000010101a SP=0010:0000000000006f08 env->regs[R_EAX]=000000002badb068
EAX=2badb068 EBX=00009500 ECX=0010100c EDX=000003f8
EIP=0010101a EFL=00000006 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
check_exception old: 0xffffffff new 0xd
     1: v=0d e=0032 i=0 cpl=0 IP=0008:000000000010101a pc=000000000010101a SP=0010:0000000000006f08 env->regs[R_EAX]=000000002badb068
check_exception old: 0xd new 0xd
     2: v=08 e=0000 i=0 cpl=0 IP=0008:000000000010101a pc=000000000010101a SP=0010:0000000000006f08 env->regs[R_EAX]=000000002badb068
CR0=00000011 CR2=00000000 CR3=00000000 CR4=00000000
check_exception old: 0x8 new 0xd
Triple fault";

const PAGE_FAULT: &str = "Servicing hardware INT=0x20
    41: v=20 e=0000 i=0 cpl=0 IP=0008:0000000000101b00 pc=0000000000101b00 SP=0010:0000000000120f60 env->regs[R_EAX]=0000000000000001
check_exception old: 0xffffffff new 0xe
    42: v=0e e=0002 i=0 cpl=3 IP=0033:0000000000101abc pc=0000000000101abc SP=002b:0000000000120f58 CR2=0000000000000018
RAX=0000000000000000 RBX=0000000000000005 RCX=0 RDX=0
    43: v=03 e=0000 i=1 cpl=0 IP=0008:0000000000101ac0 pc=0000000000101ac0 SP=0010:0 env->regs[R_EAX]=0";

#[test]
fn a_triple_fault() {
    let log = EmulatorLog::parse(TRIPLE.as_bytes());
    assert_eq!(log.entries.first(), Some(&LogEntry::Reset));
    assert!(log.ended_in_triple_fault());
    let cascade: Vec<_> = log
        .cascade()
        .iter()
        .map(|one| (one.vector, one.error_code, one.pc.0))
        .collect();
    assert_eq!(
        cascade,
        [(6, 0, 0x10_101a), (0xd, 0x32, 0x10_101a), (8, 0, 0x10_101a)]
    );
    assert_eq!(log.cascade()[0].registers.get(Register::Rbx), Some(0x9500));
    assert_eq!(log.cascade()[2].registers.get(Register::Cr0), Some(0x11));
}

#[test]
fn exceptions() {
    let log = EmulatorLog::parse(PAGE_FAULT.as_bytes());
    let found: Vec<_> = log
        .exceptions()
        .map(|one| {
            (
                one.vector,
                one.hardware,
                one.software,
                one.privilege,
                one.cr2.map(|at| at.0),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (0x20, true, false, 0, None),
            (0xe, false, false, 3, Some(0x18)),
            (3, false, true, 0, None)
        ]
    );
    let fault = log.exceptions().nth(1).expect("three");
    assert_eq!((fault.error_code, fault.sp.0), (2, 0x12_0f58));
    assert_eq!(fault.registers.get(Register::Rbx), Some(5));
    assert!(!log.ended_in_triple_fault() && log.cascade().is_empty());
}

#[test]
fn resets() {
    let check = |text: &str, expected: &[LogEntry]| {
        assert_eq!(
            EmulatorLog::parse(text.as_bytes()).entries,
            expected,
            "{text:?}"
        );
    };
    check("", &[]);
    check("CPU Reset (CPU 0)\nEAX=0\n", &[LogEntry::Reset]);
    check("Triple fault\n", &[LogEntry::TripleFault]);
    check(
        "Triple faultCPU Reset (CPU 0)\n",
        &[LogEntry::TripleFault, LogEntry::Reset],
    );
    check("     0: v=zz e=0\n  x: v=06\n", &[]);
    assert!(!EmulatorLog::parse(b"Triple faultCPU Reset (CPU 0)\n").ended_in_triple_fault());
}

proptest! {
    #[test]
    fn nothing_panics(cut in 0..TRIPLE.len(), at in 0..TRIPLE.len(), byte in any::<u8>()) {
        let mut log = TRIPLE.as_bytes()[cut..].to_vec();
        if let Some(place) = log.get_mut(at) {
            *place = byte;
        }
        EmulatorLog::parse(&log).cascade();
    }
}
