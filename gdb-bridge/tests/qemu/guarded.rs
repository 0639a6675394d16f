//! A debugger that is killed leaves the guest as it was found, whatever it was
//! doing.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ukdbg_gdb_bridge::{ConnectError, Leave, Machine, Opened, open};
use ukdbg_inspect::{BreakpointAt, BreakpointKind, Control, Memory, Resume, Target, VirtAddr};

use crate::attach::Foreign;
use crate::guest::{COUNTER, ENTRY};
use crate::launch::CPU;

/// The first argument of the debugger that is to be killed; an endpoint and a
/// stage follow.
pub(crate) const DEBUG: &str = "__debug-and-be-killed";

/// The instruction that counts, which every round of the guest's loop passes.
const LOOP: u64 = ENTRY + 12;

/// Goes to a stage, says so, and waits to be killed; or does all there is to
/// do, again and again.
pub(crate) fn debug(arguments: &[OsString]) -> ! {
    let endpoint = arguments[0].to_str().unwrap().parse().unwrap();
    let executable = std::env::current_exe().unwrap();
    let connect = || match open(&endpoint, Some(&executable)).unwrap() {
        Opened::Machine(machine) => *machine,
        _ => panic!("a machine"),
    };
    let say = || {
        println!("there");
        std::io::stdout().flush().unwrap();
    };
    let mut machine = connect();
    match arguments[1].to_str().unwrap() {
        "attached" => {}
        "with points" => insert(&mut machine),
        "running" => {
            insert(&mut machine);
            machine.remove(at(BreakpointKind::Software, LOOP)).unwrap();
            machine.resume(Resume::Continue).unwrap();
        }
        "over a breakpoint" => {
            insert(&mut machine);
            machine.resume(Resume::Continue).unwrap();
        }
        _ => {
            say();
            loop {
                insert(&mut machine);
                let mut memory = [0; 0x4000];
                let _ = machine.read(VirtAddr(0x10_0000), &mut memory);
                machine.resume(Resume::Continue).unwrap();
                machine.interrupt().unwrap();
                let until = Instant::now() + Duration::from_secs(10);
                assert!(machine.poll(until).unwrap().is_some());
                machine.detach(Leave::AsFound).unwrap();
                machine = connect();
            }
        }
    }
    say();
    loop {
        std::thread::park();
    }
}

fn at(kind: BreakpointKind, address: u64) -> BreakpointAt {
    BreakpointAt {
        kind,
        address: VirtAddr(address),
        length: 1,
    }
}

fn insert(machine: &mut Machine) {
    for (kind, address) in [
        (BreakpointKind::Software, LOOP),
        (BreakpointKind::Hardware, ENTRY),
        (BreakpointKind::Write, COUNTER + 8),
    ] {
        let mut point = at(kind, address);
        if kind == BreakpointKind::Write {
            point.length = 8;
        }
        machine.insert(point).unwrap();
    }
}

/// Starts the debugger, kills it once it is there and has gone on for a while.
fn kill_at(foreign: &Foreign, link: &str, stage: &str, after: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([DEBUG, &foreign.path(link), stage])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "there\n", "{stage} over {link}");
    let until = Instant::now() + after;
    while Instant::now() < until {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Connects once QEMU's stub has no other client: a guardian may be at work in
/// a guest that runs already. Ours lets the guest go again should we give up.
fn once_free(foreign: &Foreign, until: Instant) -> Machine {
    let executable = std::env::current_exe().unwrap();
    let endpoint = foreign.path("unix:").parse().unwrap();
    loop {
        match open(&endpoint, Some(&executable)) {
            Ok(Opened::Machine(machine)) => return *machine,
            Ok(_) => panic!("a machine"),
            Err(ConnectError::Silent { .. }) if Instant::now() < until => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until the guest goes on, and sees that no breakpoint is left in it.
fn check_runs(foreign: &Foreign, what: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while !foreign.runs() {
        assert!(Instant::now() < until, "left stopped: {what}");
        std::thread::yield_now();
    }
    let mut machine = once_free(foreign, until);
    let before = counter(&mut machine, what);
    // The first time the firmware may still be at work.
    while counter(&mut machine, what) == before {
        assert!(Instant::now() < until, "it does not count: {what}");
        machine.resume(Resume::Continue).unwrap();
        let stop = machine.poll(Instant::now() + Duration::from_millis(30));
        assert_eq!(stop, Ok(None), "a breakpoint is left: {what}");
        machine.interrupt().unwrap();
        assert!(machine.poll(until).unwrap().is_some(), "{what}");
    }
    machine.detach(Leave::AsFound).unwrap();
}

fn counter(machine: &mut Machine, what: &str) -> [u8; 4] {
    let mut bytes = [0; 4];
    assert!(machine.registers(CPU).is_ok(), "{what}");
    assert_eq!(machine.read(VirtAddr(COUNTER), &mut bytes), Ok(4), "{what}");
    bytes
}

pub(crate) fn at_every_stage() {
    let foreign = Foreign::new(&[]);
    for stage in ["attached", "with points", "running", "over a breakpoint"] {
        kill_at(&foreign, "unix:", stage, Duration::ZERO);
        check_runs(&foreign, stage);
    }
    kill_at(&foreign, "qmp:", "attached", Duration::ZERO);
    check_runs(&foreign, "over the monitor");
}

pub(crate) fn at_any_moment() {
    let foreign = Foreign::new(&[]);
    for round in 0..12 {
        // A session takes some milliseconds: all of it is hit.
        let after = Duration::from_micros(round * 1370 % 9000);
        kill_at(&foreign, "unix:", "all", after);
        check_runs(&foreign, &format!("killed {after:?} after its beginning"));
    }
}

pub(crate) fn stopped_stays_stopped() {
    let foreign = Foreign::new(&["-S"]);
    kill_at(&foreign, "unix:", "attached", Duration::ZERO);
    let machine = foreign.machine("unix:");
    assert_eq!(machine.found_running(), Some(false));
    machine.detach(Leave::AsFound).unwrap();
    assert!(!foreign.runs());
}

/// QEMU lets the second in, and stops the guest for it, when the first leaves.
pub(crate) fn who_gave_up_waiting() {
    let foreign = Foreign::new(&[]);
    let executable = std::env::current_exe().unwrap();
    let first = foreign.machine("unix:");
    let endpoint = foreign.path("unix:").parse().unwrap();
    let error = open(&endpoint, Some(&executable)).expect_err("it is busy");
    assert!(matches!(error, ConnectError::Silent { .. }), "{error}");
    first.detach(Leave::AsFound).unwrap();
    check_runs(&foreign, "a second debugger gave up");
}
