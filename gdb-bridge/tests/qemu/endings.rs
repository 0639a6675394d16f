//! How guests end by themselves.

use std::time::{Duration, Instant};

use ukdbg_gdb_bridge::{Device, LogDetail, QemuEnd};
use ukdbg_inspect::{Control, Resume, ShutdownCause, StopReason, Target};

use crate::guest::Guest;
use crate::launch::{CPU, launch, stop};

pub(crate) fn triple_fault() {
    for detail in [LogDetail::Resets, LogDetail::Exceptions] {
        let guest = Guest::new("TRIPLE");
        let mut started = launch(&guest, |launch| launch.log = detail);
        started.machine.resume(Resume::Continue).unwrap();
        let reason = StopReason::Shutdown(ShutdownCause::GuestReset);
        assert_eq!(stop(&mut started.machine).reason, reason);
        let log = started.qemu.log();
        assert!(log.ended_in_triple_fault(), "{log:?}");
        let pc = started.machine.registers(CPU).unwrap().pc().expect("a pc");
        if detail == LogDetail::Exceptions {
            let vectors: Vec<u8> = log.cascade().iter().map(|one| one.vector).collect();
            assert_eq!(vectors, [6, 13, 8]);
            assert_eq!(log.cascade()[0].pc, pc);
        }
    }
}

pub(crate) fn keyboard_reset() {
    let guest = Guest::new("KEYBOARD");
    let mut started = launch(&guest, |_| {});
    started.machine.resume(Resume::Continue).unwrap();
    let reason = StopReason::Shutdown(ShutdownCause::GuestReset);
    assert_eq!(stop(&mut started.machine).reason, reason);
    assert!(!started.qemu.log().ended_in_triple_fault());
}

pub(crate) fn debug_exit() {
    let guest = Guest::new("EXIT");
    let mut started = launch(&guest, |launch| launch.devices = vec![Device::DebugExit]);
    started.machine.resume(Resume::Continue).unwrap();
    assert!(matches!(
        stop(&mut started.machine).reason,
        StopReason::Exited { .. }
    ));
    let until = Instant::now() + Duration::from_secs(10);
    assert_eq!(started.qemu.end_by(until), Some(QemuEnd::Exit(7 << 1 | 1)));
}

pub(crate) fn halt() {
    let guest = Guest::new("HALT");
    let mut started = launch(&guest, |_| {});
    started.machine.resume(Resume::Continue).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while started.machine.halted_for_good().unwrap() != Some(true) {
        assert!(Instant::now() < until, "the guest does not halt");
    }
    assert!(started.machine.is_running(), "asking does not stop it");
}
