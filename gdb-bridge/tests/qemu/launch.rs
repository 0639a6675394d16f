//! Guests that we start.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ukdbg_gdb_bridge::{Core, Device, Launch, LaunchError, QemuEnd, Started, start};
use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Control, Memory, MemoryError, MemoryWrite, PhysAddr,
    PhysicalMemory, Register, Resume, StepInterrupts, Stop, StopReason, Target, VcpuId, VirtAddr,
};

use crate::guest::{COUNTER, ENTRY, Guest, MAPPED_END};

pub(crate) const CPU: VcpuId = VcpuId(0);
pub(crate) const STEP: Resume = Resume::Step {
    vcpu: CPU,
    interrupts: StepInterrupts::Masked,
};

pub(crate) fn launch(guest: &Guest, change: impl FnOnce(&mut Launch)) -> Started {
    let mut launch = Launch::new(guest.image().to_owned());
    change(&mut launch);
    let executable = std::env::current_exe().expect("our own path");
    start(&launch, &executable).unwrap_or_else(|error| panic!("{error}"))
}

/// The next stop; a guest that does not stop fails the test.
pub(crate) fn stop(machine: &mut impl Control) -> Stop {
    let until = Instant::now() + Duration::from_secs(20);
    machine
        .poll(until)
        .expect("a machine that answers")
        .expect("a stop in time")
}

pub(crate) fn run_to_entry(started: &mut Started) {
    let entry = BreakpointAt {
        kind: BreakpointKind::Hardware,
        address: VirtAddr(ENTRY),
        length: 1,
    };
    let machine = &mut started.machine;
    machine.insert(entry).unwrap();
    machine.resume(Resume::Continue).unwrap();
    assert_eq!(
        stop(machine),
        Stop {
            vcpu: Some(CPU),
            reason: StopReason::Trap
        }
    );
    machine.remove(entry).unwrap();
    assert_eq!(machine.registers(CPU).unwrap().pc(), Some(VirtAddr(ENTRY)));
}

pub(crate) fn stops_at_a_breakpoint() {
    let guest = Guest::new("SPIN");
    let mut started = launch(&guest, |_| {});
    assert_eq!(started.machine.found_running(), Some(false));
    run_to_entry(&mut started);
    let machine = &mut started.machine;
    // `mov $0x3f8, %dx`
    let mut code = [0; 4];
    assert_eq!(machine.read(VirtAddr(ENTRY), &mut code), Ok(4));
    assert_eq!(code, [0x66, 0xba, 0xf8, 0x03]);
    assert_eq!(machine.read_physical(PhysAddr(ENTRY), &mut code), Ok(4));
    assert_eq!(code, [0x66, 0xba, 0xf8, 0x03]);
    machine.resume(STEP).unwrap();
    assert_eq!(stop(machine).reason, StopReason::Trap);
    let registers = machine.registers(CPU).unwrap();
    assert_eq!(registers.pc(), Some(VirtAddr(ENTRY + 4)));
    assert_eq!(
        registers.get(Register::Rdx).map(|rdx| rdx & 0xffff),
        Some(0x3f8)
    );
    assert_eq!(registers.get(Register::Cr0), Some(0x11));
    MemoryWrite::write(machine, VirtAddr(COUNTER), &[1, 2, 3, 4, 5]).unwrap();
    let mut written = [0; 5];
    assert_eq!(machine.read(VirtAddr(COUNTER), &mut written), Ok(5));
    assert_eq!(written, [1, 2, 3, 4, 5]);
    machine.resume(Resume::Continue).unwrap();
    let mut text = [0; 2];
    let console = started.console.as_mut().unwrap();
    console
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    console.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"hi");
    let while_running = started.machine.read(VirtAddr(ENTRY), &mut text);
    assert!(while_running.unwrap_err().to_string().contains("running"));
}

pub(crate) fn watches_and_interrupts() {
    let guest = Guest::new("SPIN");
    let mut started = launch(&guest, |launch| launch.cpus = 2.try_into().unwrap());
    run_to_entry(&mut started);
    let machine = &mut started.machine;
    assert_eq!(machine.vcpus().unwrap(), [VcpuId(0), VcpuId(1)]);
    assert!(machine.registers(VcpuId(2)).is_err());
    let second = machine.registers(VcpuId(1)).unwrap();
    assert_ne!(second.pc(), Some(VirtAddr(ENTRY)));
    let watch = BreakpointAt {
        kind: BreakpointKind::Write,
        address: VirtAddr(COUNTER),
        length: 4,
    };
    machine.insert(watch).unwrap();
    machine.resume(Resume::Continue).unwrap();
    let reason = StopReason::Watch {
        access: BreakpointKind::Write,
        address: VirtAddr(COUNTER),
    };
    assert_eq!(stop(machine).reason, reason);
    machine.remove(watch).unwrap();
    machine.resume(Resume::Continue).unwrap();
    assert!(machine.is_running());
    assert_eq!(machine.poll(Instant::now()), Ok(None));
    machine.interrupt().unwrap();
    assert_eq!(stop(machine).reason, StopReason::Interrupted);
    assert!(
        machine
            .monitor("info version")
            .unwrap()
            .is_some_and(|text| !text.is_empty())
    );
}

pub(crate) fn reads_live_memory() {
    let guest = Guest::new("SPIN");
    let mut started = launch(&guest, |launch| launch.devices = vec![Device::SharedMemory]);
    run_to_entry(&mut started);
    started.machine.resume(Resume::Continue).unwrap();
    let live = started.machine.live().expect("memory is shared");
    let until = Instant::now() + Duration::from_secs(10);
    let first = live.load(PhysAddr(COUNTER)).unwrap() as u32;
    while live.load(PhysAddr(COUNTER)).unwrap() as u32 == first {
        assert!(Instant::now() < until, "the counter stands still");
        std::thread::yield_now();
    }
}

pub(crate) fn writes_a_core() {
    let guest = Guest::new("LONG");
    let mut started = launch(&guest, |_| {});
    run_to_entry(&mut started);
    let watch = BreakpointAt {
        kind: BreakpointKind::Write,
        address: VirtAddr(COUNTER),
        length: 4,
    };
    started.machine.insert(watch).unwrap();
    started.machine.resume(Resume::Continue).unwrap();
    assert!(matches!(
        stop(&mut started.machine).reason,
        StopReason::Watch { .. }
    ));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    let line = format!("dump-guest-memory {}", path.display());
    assert_eq!(started.machine.monitor(&line).unwrap().as_deref(), Some(""));
    let mut core = Core::open(&path).unwrap();
    let (live, dead) = (
        started.machine.registers(CPU).unwrap(),
        core.registers(CPU).unwrap(),
    );
    for register in Register::ALL {
        if let Some(value) = dead.get(register) {
            assert_eq!(live.get(register), Some(value), "{}", register.name());
        }
    }
    assert!(dead.pc().is_some_and(|pc| pc > VirtAddr(ENTRY)));
    // Both end where the page tables do.
    let edge = VirtAddr(MAPPED_END - 3);
    assert_eq!(core.read(edge, &mut [0; 8]), Ok(3));
    assert_eq!(started.machine.read(edge, &mut [0; 8]), Ok(3));
    assert!(core.read(VirtAddr(MAPPED_END), &mut [0; 8]).is_err());
    let unmapped = MemoryError::Unmapped {
        at: VirtAddr(MAPPED_END),
    };
    assert_eq!(
        started.machine.read(VirtAddr(MAPPED_END), &mut [0; 8]),
        Err(unmapped)
    );
    let (mut ours, mut theirs) = ([0; 64], [0; 64]);
    assert_eq!(core.read(VirtAddr(ENTRY), &mut ours), Ok(64));
    assert_eq!(started.machine.read(VirtAddr(ENTRY), &mut theirs), Ok(64));
    assert_eq!(ours, theirs);
}

/// Many requests under way at once, and every answer in its place.
pub(crate) fn reads_much() {
    let guest = Guest::new("SPIN");
    let mut started = launch(&guest, |launch| launch.devices = vec![Device::SharedMemory]);
    run_to_entry(&mut started);
    let live = started.machine.live().expect("memory is shared");
    // Every page tells its own address.
    for page in 0..256 {
        let at = PhysAddr((1 << 21) + page * 4096 + page % 512 * 8);
        live.store(at, at.0).unwrap();
    }
    let mut memory = vec![0; 1 << 20];
    let begun = Instant::now();
    assert_eq!(
        started.machine.read(VirtAddr(1 << 21), &mut memory),
        Ok(1 << 20)
    );
    println!("1 MiB in {:?}", begun.elapsed());
    for (at, word) in (1 << 21..).step_by(8).zip(memory.chunks_exact(8)) {
        let expected = live.load(PhysAddr(at)).unwrap();
        assert_eq!(
            u64::from_le_bytes(word.try_into().unwrap()),
            expected,
            "at {at:#x}"
        );
    }
}

pub(crate) fn says_what_is_wrong() {
    let executable = std::env::current_exe().unwrap();
    let guest = Guest::new("SPIN");
    let mut missing = Launch::new(guest.image().to_owned());
    missing.program = PathBuf::from("qemu-system-nowhere");
    assert!(matches!(
        start(&missing, &executable),
        Err(LaunchError::Missing { .. })
    ));
    missing.program = PathBuf::from("/nonexistent/qemu");
    assert!(matches!(
        start(&missing, &executable),
        Err(LaunchError::Missing { .. })
    ));
    let no_image = Launch::new(PathBuf::from("/nonexistent/image"));
    let error = start(&no_image, &executable).expect_err("there is no image");
    assert!(
        matches!(
            error,
            LaunchError::Died {
                end: QemuEnd::Exit(1),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("/nonexistent/image"), "{error}");
    let no_supervisor = Launch::new(guest.image().to_owned());
    let error = start(&no_supervisor, Path::new("/bin/true")).expect_err("nothing is started");
    assert!(
        matches!(
            error,
            LaunchError::Died {
                end: QemuEnd::Unknown,
                ..
            }
        ),
        "{error:?}"
    );
}
