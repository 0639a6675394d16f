//! The bridge against stubs that are neither QEMU's nor ours: poor ones, ones
//! with other habits, and ones that lie. Each is a function from a request to
//! an answer.
#![allow(clippy::unwrap_used, reason = "helpers of a test")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use ukdbg_gdb_bridge::{ConnectError, Leave, Machine};
use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Control, Memory, Register, RegisterWrite as _, Resume,
    StepInterrupts, StopReason, Target, VcpuId, VirtAddr,
};

const CPU: VcpuId = VcpuId(0);
const STEP: Resume = Resume::Step {
    vcpu: CPU,
    interrupts: StepInterrupts::Masked,
};

/// What a stub answers; `None` for nothing at all.
type Stub = fn(&str) -> Option<String>;

/// A served stub, and every request that it got.
struct Served {
    directory: TempDir,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Served {
    fn new(stub: Stub) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("stub")).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        std::thread::spawn(move || serve(&listener.accept().unwrap().0, stub, &kept));
        Self { directory, heard }
    }

    fn connect(&self) -> Result<Machine, ConnectError> {
        let endpoint = format!("unix:{}", self.directory.path().join("stub").display());
        Machine::connect(&endpoint.parse().unwrap())
    }

    fn heard(&self, request: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|one| one == request)
    }
}

/// Answers one client to its end. 0x03 is a request named `^C`.
fn serve(mut stream: &UnixStream, stub: Stub, heard: &Mutex<Vec<String>>) -> Option<()> {
    let mut request: Option<Vec<u8>> = None;
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte).ok()?;
        let complete = match (byte[0], &mut request) {
            (b'$', _) => {
                request = Some(Vec::new());
                None
            }
            (b'#', Some(_)) => {
                stream.read_exact(&mut [0; 2]).ok()?;
                stream.write_all(b"+").ok()?;
                request.take()
            }
            (3, None) => Some(b"^C".to_vec()),
            (other, Some(request)) => {
                request.push(other);
                None
            }
            (_, None) => None,
        };
        let Some(complete) = complete else { continue };
        let complete = String::from_utf8_lossy(&complete).into_owned();
        let answer = stub(&complete);
        heard.lock().unwrap().push(complete);
        for payload in answer.iter().flat_map(|answer| answer.split('\n')) {
            let sum = payload.bytes().fold(0_u8, u8::wrapping_add);
            let start = if payload.starts_with('%') { "" } else { "$" };
            // A notification brings its own beginning, which is not summed.
            let sum = sum.wrapping_sub(if start.is_empty() { b'%' } else { 0 });
            write!(stream, "{start}{payload}#{sum:02x}").ok()?;
        }
    }
}

/// GDB's own registers, with a program counter and a stack pointer.
fn registers(length: usize) -> String {
    let mut bytes = vec![0; length];
    for (number, value) in [(7, 0x7000_u64), (16, 0x1234)] {
        if let Some(place) = bytes.get_mut(number * 8..number * 8 + 8) {
            place.copy_from_slice(&value.to_le_bytes());
        }
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As many bytes as were asked for, each the low byte of its address.
fn memory(request: &str) -> Option<String> {
    let (at, length) = request.strip_prefix('m')?.split_once(',')?;
    let at = u64::from_str_radix(at, 16).ok()?;
    let length = u64::from_str_radix(length, 16).ok()?;
    Some(
        (0..length)
            .map(|index| format!("{:02x}", at.wrapping_add(index) & 0xff))
            .collect(),
    )
}

/// The least that the protocol's manual demands (GDB, "Overview" of packets).
fn poor(request: &str) -> Option<String> {
    match request {
        "?" | "s" => Some("S05".to_owned()),
        "c" => None,
        "^C" => Some("S02".to_owned()),
        "g" => Some(registers(164)),
        _ if request.starts_with('G') || request.starts_with('M') => Some("OK".to_owned()),
        _ => Some(memory(request).unwrap_or_default()),
    }
}

fn with_packet_size(request: &str) -> Option<String> {
    match request {
        _ if request.starts_with("qSupported") => Some("PacketSize=40".to_owned()),
        _ if request.starts_with('m') => memory(request).filter(|answer| answer.len() <= 0x40),
        _ => poor(request),
    }
}

/// Stop replies that bring registers and a thread, and a list of threads.
fn talkative(request: &str) -> Option<String> {
    let stop = "06:0000000000000000;07:0070000000000000;10:3412000000000000;thread:2;core:1;";
    match request {
        "?" | "vCont;s:2" => Some(format!("T05{stop}")),
        "^C" => Some(format!("T02{stop}")),
        "vCont;c" => None,
        "vCont?" => Some("vCont;c;C;s;S".to_owned()),
        "qfThreadInfo" => Some("m1,2".to_owned()),
        "qsThreadInfo" => Some("l".to_owned()),
        "Hg1" | "Hg2" | "D" => Some("OK".to_owned()),
        _ if request.starts_with("qSupported") => {
            Some("PacketSize=1000;vContSupported+;QNonStop+;multiprocess-;x".to_owned())
        }
        _ => poor(request),
    }
}

/// Names processes though nobody asked for that.
fn with_processes(request: &str) -> Option<String> {
    match request {
        "?" | "s" => Some("T05thread:p1.1;".to_owned()),
        "^C" => Some("T02thread:p1.1;".to_owned()),
        "qfThreadInfo" => Some("mp1.1".to_owned()),
        "qsThreadInfo" => Some("l".to_owned()),
        "Hgp1.1" | "Hcp1.1" | "D;1" => Some("OK".to_owned()),
        _ => poor(request),
    }
}

/// Registers in an order of its own, described.
fn described(request: &str) -> Option<String> {
    let xml = "<target><architecture>i386:x86-64</architecture><feature name='own'>\
        <reg name='rip' bitsize='64'/><reg name='other' bitsize='16'/>\
        <reg name='rsp' bitsize='64'/><reg name='eflags' bitsize='32'/>\
        <reg name='cr3' bitsize='64'/></feature></target>";
    match request {
        "g" => Some("3412000000000000ffff00700000000000000200000000a0000000000000".to_owned()),
        _ if request.starts_with("qSupported") => Some("qXfer:features:read+".to_owned()),
        _ if request.starts_with("qXfer:features:read:target.xml:") => {
            let from = request.rsplit_once(':')?.1.split_once(',')?.0;
            let from = usize::from_str_radix(from, 16).ok()?;
            let end = (from + 100).min(xml.len());
            let kind = if end == xml.len() { 'l' } else { 'm' };
            Some(format!("{kind}{}", &xml[from..end]))
        }
        _ => poor(request),
    }
}

#[test]
fn stubs_of_others_serve_a_session() {
    for (name, stub, cpus, continues, leaves) in [
        ("poor", poor as Stub, 1, "c", "D"),
        ("with_packet_size", with_packet_size, 1, "c", "D"),
        ("talkative", talkative, 2, "vCont;c", "D"),
        ("with_processes", with_processes, 1, "c", "D;1"),
        ("described", described, 1, "c", "D"),
    ] {
        let served = Served::new(stub);
        let mut machine = served
            .connect()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let vcpus = machine.vcpus().unwrap();
        assert_eq!(vcpus.len(), cpus, "{name}");
        let found = machine.registers(vcpus[0]).unwrap();
        assert_eq!(found.pc(), Some(VirtAddr(0x1234)), "{name}");
        assert_eq!(found.sp(), Some(VirtAddr(0x7000)), "{name}");
        let cr3 = (name == "described").then_some(0xa000);
        assert_eq!(found.get(Register::Cr3), cr3, "{name}");
        let mut bytes = [0; 300];
        assert_eq!(
            machine.read(VirtAddr(0x1003), &mut bytes),
            Ok(300),
            "{name}"
        );
        assert!(
            (3..).zip(bytes).all(|(at, byte)| at as u8 == byte),
            "{name}"
        );
        machine
            .write()
            .unwrap()
            .write(VirtAddr(0x1000), b"#$}*")
            .unwrap();
        machine.write_register(vcpus[0], Register::Rip, 1).unwrap();
        if cpus == 1 {
            machine.resume(STEP).unwrap();
        } else {
            machine
                .resume(Resume::Step {
                    vcpu: vcpus[0],
                    interrupts: StepInterrupts::Masked,
                })
                .unwrap();
        }
        let until = || Instant::now() + Duration::from_secs(20);
        assert_eq!(
            machine.poll(until()).unwrap().unwrap().reason,
            StopReason::Trap,
            "{name}"
        );
        machine.resume(Resume::Continue).unwrap();
        machine.interrupt().unwrap();
        let stop = machine.poll(until()).unwrap().unwrap();
        assert_eq!(stop.reason, StopReason::Interrupted, "{name}");
        // The poor ones do not know how to detach, and say so.
        let _ = machine.detach(Leave::AsFound);
        assert!(served.heard(continues), "{name}");
        assert!(served.heard(leaves), "{name}");
        for never in ["bs", "bc", "QStartNoAckMode", "vKill;1", "k"] {
            assert!(!served.heard(never), "{name} was sent {never}");
        }
    }
}

/// Lies, each in the answer to one kind of request.
const LIES: [(&str, Stub); 19] = [
    ("no size", |request| {
        lie(request, "qSupported", "PacketSize=0")
    }),
    ("every size", |request| {
        lie(request, "qSupported", "PacketSize=ffffffffffffffff")
    }),
    ("more than a size", |request| {
        lie(
            request,
            "qSupported",
            "PacketSize=ffffffffffffffffffffff;PacketSize=-1",
        )
    }),
    ("threads without end", |request| match request {
        "qfThreadInfo" | "qsThreadInfo" => Some("m1,2,3,4,5,6,7,8".to_owned()),
        _ => talkative(request),
    }),
    ("no threads without end", |request| match request {
        "qfThreadInfo" | "qsThreadInfo" => Some("m".to_owned()),
        _ => talkative(request),
    }),
    ("threads that are none", |request| {
        lie(request, "qfThreadInfo", "m-1,zz,p,p.1,,")
    }),
    ("a description that includes itself", |request| {
        description(
            request,
            "l<target><xi:include href='target.xml'/><xi:include href='target.xml'/></target>",
        )
    }),
    ("a description without end", |request| {
        description(request, "m<")
    }),
    ("a description of nothing", |request| {
        description(request, "l")
    }),
    ("a description of giants", |request| {
        description(
            request,
            "l<reg name='rip' bitsize='18446744073709551615' regnum='4294967295'/>",
        )
    }),
    ("few registers", |request| lie(request, "g", "00112233")),
    ("no registers", |request| lie(request, "g", "")),
    ("half a register", |request| lie(request, "g", "0")),
    ("too many registers", |request| match request {
        "g" => Some(registers(70_000)),
        _ => poor(request),
    }),
    ("more memory than asked", |request| match memory(request) {
        Some(answer) => Some(answer + "00"),
        None => poor(request),
    }),
    ("a byte at a time", |request| match memory(request) {
        Some(answer) => Some(answer[..2].to_owned()),
        None => poor(request),
    }),
    ("stops of unknown threads", |request| match request {
        "?" | "s" | "^C" => Some("T05thread:ffffffffffffffff;watch:;swbreak".to_owned()),
        _ => poor(request),
    }),
    ("notifications", |request| {
        Some("%Stop:T05thread:9;\n".repeat(100) + &poor(request).unwrap_or_default())
    }),
    ("errors", |request| match request {
        "?" => poor(request),
        _ => Some("E.because \u{1b}[31m".to_owned()),
    }),
];

fn lie(request: &str, kind: &str, answer: &str) -> Option<String> {
    match request.starts_with(kind) && (kind.len() > 1 || request == kind) {
        true => Some(answer.to_owned()),
        false => poor(request),
    }
}

fn description(request: &str, answer: &str) -> Option<String> {
    match request {
        // A length that is no known layout, so that it is asked for.
        "g" => Some(registers(200)),
        _ if request.starts_with("qSupported") => Some("qXfer:features:read+".to_owned()),
        _ if request.starts_with("qXfer") => Some(answer.to_owned()),
        _ => poor(request),
    }
}

/// All that a session does, whatever comes of it.
fn whole_session(machine: &mut Machine) {
    let cpus = machine.vcpus().unwrap_or_default();
    assert!(cpus.len() <= 4096);
    let _ = machine.registers(CPU);
    let mut bytes = [0; 9000];
    for at in [0, 0x1003, u64::MAX - 10] {
        if let Ok(count) = machine.read(VirtAddr(at), &mut bytes) {
            let mut read = (0..).zip(&bytes[..count]);
            let right = read.all(|(index, byte)| at.wrapping_add(index) as u8 == *byte);
            assert!(right, "what is read is what was answered");
        }
    }
    let _ = machine.write_register(CPU, Register::Rip, 7);
    let point = BreakpointAt {
        kind: BreakpointKind::Software,
        address: VirtAddr(0x1000),
        length: 1,
    };
    let _ = machine.insert(point);
    for how in [STEP, Resume::Continue] {
        if machine.resume(how).is_ok() {
            let _ = machine.interrupt();
            let _ = machine.poll(Instant::now() + Duration::from_millis(500));
        }
    }
    let _ = machine.monitor("info registers");
    let _ = machine.remove(point);
}

/// Each ends in an answer that is right or in an error, within a bounded time.
#[test]
fn liars_do_no_harm() {
    let all = LIES.map(|(name, stub)| {
        std::thread::spawn(move || {
            let begun = Instant::now();
            let served = Served::new(stub);
            if let Ok(mut machine) = served.connect() {
                whole_session(&mut machine);
                let _ = machine.detach(Leave::AsFound);
            }
            (name, begun.elapsed())
        })
    });
    for one in all {
        let (name, took) = one.join().expect("no panic");
        assert!(took < Duration::from_secs(40), "{name} took {took:?}");
    }
}
