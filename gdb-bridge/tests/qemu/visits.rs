//! Other clients of a guest that we run.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ukdbg_gdb_bridge::{Device, Leave, Link, Machine, Qemu, Started};
use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Control, Memory, PhysAddr, Resume, ShutdownCause, StopReason,
    Target, VirtAddr,
};

use crate::guest::{COUNTER, ENTRY, GATE, Guest};
use crate::launch::{CPU, STEP, launch, run_to_entry, stop};

const SOON: Duration = Duration::from_millis(20);

fn visitor(qemu: &Qemu) -> Machine {
    Machine::connect(&qemu.endpoint()).unwrap_or_else(|error| panic!("{error}"))
}

/// Polls as `ukdbg run` does until the guest's counter has moved on.
fn expect_progress(started: &mut Started) {
    let live = started.machine.live().expect("memory is shared");
    let count = || live.load(PhysAddr(COUNTER)).unwrap() as u32;
    let until = Instant::now() + Duration::from_secs(20);
    let before = count();
    while count() == before {
        assert!(Instant::now() < until, "the guest stands still");
        assert_eq!(started.machine.poll(Instant::now() + SOON).unwrap(), None);
    }
}

fn spinning(kind: &str) -> (Guest, Started) {
    let guest = Guest::new(kind);
    let mut started = launch(&guest, |launch| launch.devices = vec![Device::SharedMemory]);
    run_to_entry(&mut started);
    started.machine.resume(Resume::Continue).unwrap();
    expect_progress(&mut started);
    (guest, started)
}

pub(crate) fn are_no_stops() {
    for kind in ["SPIN", "LONG"] {
        let (_guest, mut started) = spinning(kind);
        for heard_meanwhile in [true, false, true, false] {
            let mut visitor = visitor(&started.qemu);
            assert_eq!(visitor.found_running(), Some(true));
            assert!(visitor.registers(CPU).unwrap().pc().is_some());
            let mut code = [0; 4];
            assert_eq!(visitor.read(VirtAddr(ENTRY), &mut code), Ok(4));
            assert_eq!(code, [0x66, 0xba, 0xf8, 0x03]);
            if heard_meanwhile {
                assert_eq!(started.machine.poll(Instant::now() + SOON).unwrap(), None);
                assert!(started.machine.is_running(), "nothing happened to it");
            }
            visitor.detach(Leave::AsFound).unwrap();
            expect_progress(&mut started);
        }
        started.machine.interrupt().unwrap();
        assert_eq!(stop(&mut started.machine).reason, StopReason::Interrupted);
        assert!(started.machine.registers(CPU).unwrap().pc().is_some());
    }
}

/// A visitor that is killed cannot let the guest go.
pub(crate) fn end_with_their_visitor() {
    let (_guest, mut started) = spinning("SPIN");
    let endpoint = started.qemu.endpoint();
    let Some(Link::Qmp(socket)) = endpoint.links().first() else {
        panic!("no monitor for visitors: {endpoint}");
    };
    let stream = UnixStream::connect(socket).unwrap();
    let mut lines = BufReader::new(&stream).lines();
    (&stream)
        .write_all(b"{'execute':'qmp_capabilities'}{'execute':'stop','id':1}")
        .unwrap();
    let answered = |line: &String| line.contains("\"id\"");
    assert!(lines.any(|line| answered(&line.unwrap())));
    assert_eq!(started.machine.poll(Instant::now() + SOON).unwrap(), None);
    drop(stream);
    expect_progress(&mut started);
}

pub(crate) fn yield_to_an_interrupt() {
    let (_guest, mut started) = spinning("SPIN");
    let visitor = visitor(&started.qemu);
    assert_eq!(started.machine.poll(Instant::now() + SOON).unwrap(), None);
    started.machine.interrupt().unwrap();
    assert_eq!(stop(&mut started.machine).reason, StopReason::Interrupted);
    assert!(started.machine.registers(CPU).unwrap().pc().is_some());
    drop(visitor);
}

/// A guest that stood before is not let go by those who looked at it.
pub(crate) fn leave_a_stop_alone() {
    let guest = Guest::new("SPIN");
    let mut started = launch(&guest, |_| {});
    run_to_entry(&mut started);
    for _ in 0..2 {
        let mut visitor = visitor(&started.qemu);
        assert_eq!(visitor.found_running(), Some(false));
        let pc = visitor.registers(CPU).unwrap().pc();
        assert_eq!(pc, Some(VirtAddr(ENTRY)));
        drop(visitor);
    }
    started.machine.resume(STEP).unwrap();
    assert_eq!(stop(&mut started.machine).reason, StopReason::Trap);
    let pc = started.machine.registers(CPU).unwrap().pc();
    assert_eq!(pc, Some(VirtAddr(ENTRY + 4)));
}

/// Neither is one that came while they looked.
pub(crate) fn leave_a_later_stop_alone() {
    let guest = Guest::new("GATE");
    let mut started = launch(&guest, |launch| launch.devices = vec![Device::SharedMemory]);
    let watch = BreakpointAt {
        kind: BreakpointKind::Write,
        address: VirtAddr(COUNTER),
        length: 4,
    };
    run_to_entry(&mut started);
    started.machine.insert(watch).unwrap();
    started.machine.resume(Resume::Continue).unwrap();
    let mut visitor = visitor(&started.qemu);
    assert_eq!(visitor.found_running(), Some(true));
    assert_eq!(started.machine.poll(Instant::now() + SOON).unwrap(), None);
    visitor.resume(Resume::Continue).unwrap();
    assert_eq!(visitor.poll(Instant::now() + SOON).unwrap(), None);
    let live = started.machine.live().expect("memory is shared");
    live.store(PhysAddr(GATE), 1).unwrap();
    let reason = stop(&mut started.machine).reason;
    assert!(matches!(reason, StopReason::Watch { .. }), "{reason:?}");
    let pc = started.machine.registers(CPU).unwrap().pc();
    assert_eq!(stop(&mut visitor).reason, StopReason::Interrupted);
    assert_eq!(visitor.registers(CPU).unwrap().pc(), pc);
    visitor.detach(Leave::AsFound).unwrap();
    assert!(!started.machine.is_running());
    started.machine.remove(watch).unwrap();
    started.machine.resume(STEP).unwrap();
    assert_eq!(stop(&mut started.machine).reason, StopReason::Trap);
}

/// The end of a guest is heard, whether it comes before or after its runner
/// hears of a visit.
pub(crate) fn hide_no_shutdown() {
    for heard_meanwhile in [true, false] {
        let guest = Guest::new("GATE_TRIPLE");
        let mut started = launch(&guest, |launch| launch.devices = vec![Device::SharedMemory]);
        run_to_entry(&mut started);
        started.machine.resume(Resume::Continue).unwrap();
        let first = visitor(&started.qemu);
        assert_eq!(first.found_running(), Some(true));
        if heard_meanwhile {
            assert_eq!(started.machine.poll(Instant::now() + SOON).unwrap(), None);
        }
        let live = started.machine.live().expect("memory is shared");
        live.store(PhysAddr(GATE), 1).unwrap();
        drop(first);
        let until = Instant::now() + Duration::from_secs(20);
        while !heard_meanwhile && visitor(&started.qemu).found_running() != Some(false) {
            assert!(Instant::now() < until, "the guest does not end");
        }
        let reason = StopReason::Shutdown(ShutdownCause::GuestReset);
        assert_eq!(stop(&mut started.machine).reason, reason);
        assert!(started.qemu.log().ended_in_triple_fault());
    }
}
