//! The bridge against the `gdbstub` crate, which is what a stub inside a
//! guest is made of: other features, other registers and other habits than
//! QEMU's.
#![allow(clippy::unwrap_used, reason = "helpers of a test")]

use std::io::Read as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gdbstub::common::Signal;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, SingleThreadStopReason};
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep,
    SingleThreadSingleStepOps,
};
use gdbstub::target::{TargetError, TargetResult};
use gdbstub_arch::x86::X86_64_SSE;
use gdbstub_arch::x86::reg::X86_64CoreRegs;
use tempfile::TempDir;
use ukdbg_gdb_bridge::{Core, Keepsake, Leave, Machine, dump};
use ukdbg_inspect::{
    Control, Memory, MemoryError, Register, Resume, StepInterrupts, StopReason, Target, VcpuId,
    VirtAddr,
};

const CPU: VcpuId = VcpuId(0);
const STEP: Resume = Resume::Step {
    vcpu: CPU,
    interrupts: StepInterrupts::Masked,
};
/// Memory lies here, an odd number of bytes.
const MEMORY: u64 = 0x1000;
const LENGTH: usize = 5001;

/// What the stub believes it debugs.
struct Model {
    registers: X86_64CoreRegs,
    memory: Vec<u8>,
    stepping: bool,
}

impl Model {
    /// How much of a range is memory.
    fn place(&self, at: u64, length: usize) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(at.checked_sub(MEMORY)?).ok()?;
        let end = start.checked_add(length)?.min(self.memory.len());
        (start < end).then_some(start..end)
    }
}

impl gdbstub::target::Target for Model {
    type Arch = X86_64_SSE;
    type Error = &'static str;

    fn base_ops(&mut self) -> BaseOps<'_, X86_64_SSE, &'static str> {
        BaseOps::SingleThread(self)
    }

    fn guard_rail_implicit_sw_breakpoints(&self) -> bool {
        true
    }
}

impl SingleThreadBase for Model {
    fn read_registers(&mut self, registers: &mut X86_64CoreRegs) -> TargetResult<(), Self> {
        *registers = self.registers.clone();
        Ok(())
    }

    fn write_registers(&mut self, registers: &X86_64CoreRegs) -> TargetResult<(), Self> {
        self.registers = registers.clone();
        Ok(())
    }

    fn read_addrs(&mut self, at: u64, data: &mut [u8]) -> TargetResult<usize, Self> {
        let place = self.place(at, data.len()).ok_or(TargetError::NonFatal)?;
        data[..place.len()].copy_from_slice(&self.memory[place.clone()]);
        Ok(place.len())
    }

    fn write_addrs(&mut self, at: u64, data: &[u8]) -> TargetResult<(), Self> {
        let place = self
            .place(at, data.len())
            .filter(|place| place.len() == data.len());
        let place = place.ok_or(TargetError::NonFatal)?;
        self.memory[place].copy_from_slice(data);
        Ok(())
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadResume for Model {
    fn resume(&mut self, _: Option<Signal>) -> Result<(), &'static str> {
        self.stepping = false;
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Model {
    fn step(&mut self, _: Option<Signal>) -> Result<(), &'static str> {
        self.registers.rip += 1;
        self.stepping = true;
        Ok(())
    }
}

struct Line(UnixStream);

impl Connection for Line {
    type Error = std::io::Error;

    fn write(&mut self, byte: u8) -> std::io::Result<()> {
        std::io::Write::write_all(&mut self.0, &[byte])
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::Write::flush(&mut self.0)
    }
}

/// Serves one client to its end and says how that was.
fn serve(mut stream: UnixStream) -> Option<DisconnectReason> {
    let memory = (0..LENGTH).map(|index| (index * 31 % 251) as u8).collect();
    let mut registers = X86_64CoreRegs {
        rip: 0x1234,
        eflags: 2,
        ..X86_64CoreRegs::default()
    };
    registers.regs[7] = 0x7000;
    let mut model = Model {
        registers,
        memory,
        stepping: false,
    };
    let line = Line(stream.try_clone().unwrap());
    let mut stub = GdbStub::new(line).run_state_machine(&mut model).unwrap();
    loop {
        let mut byte = [0];
        stub = match stub {
            GdbStubStateMachine::Disconnected(stub) => return Some(stub.get_reason()),
            GdbStubStateMachine::CtrlCInterrupt(stub) => {
                let reason = Some(SingleThreadStopReason::Signal(Signal::SIGINT));
                stub.interrupt_handled(&mut model, reason).unwrap()
            }
            GdbStubStateMachine::Running(stub) if model.stepping => stub
                .report_stop(&mut model, SingleThreadStopReason::DoneStep)
                .unwrap(),
            GdbStubStateMachine::Running(stub) => match stream.read(&mut byte) {
                Ok(1) => stub.incoming_data(&mut model, byte[0]).unwrap(),
                _ => return None,
            },
            GdbStubStateMachine::Idle(stub) => match stream.read(&mut byte) {
                Ok(1) => stub.incoming_data(&mut model, byte[0]).unwrap(),
                _ => return None,
            },
        };
    }
}

struct Server {
    thread: JoinHandle<Option<DisconnectReason>>,
    directory: TempDir,
}

impl Server {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("stub")).unwrap();
        let thread = std::thread::spawn(move || serve(listener.accept().unwrap().0));
        Self { thread, directory }
    }

    fn connect(&self, kind: &str) -> Machine {
        let endpoint = format!("{kind}:{}", self.directory.path().join("stub").display());
        Machine::connect(&endpoint.parse().unwrap()).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The next stop; a guest that does not stop fails the test.
fn stop(machine: &mut Machine) -> StopReason {
    let until = Instant::now() + Duration::from_secs(10);
    machine.poll(until).unwrap().expect("a stop in time").reason
}

/// Over a socket without acknowledgements, and over a serial line with them.
#[test]
fn a_session() {
    for kind in ["unix", "serial"] {
        let server = Server::new();
        let mut machine = server.connect(kind);
        assert_eq!(
            machine.found_running(),
            None,
            "this stub leaves no way to know"
        );
        assert_eq!(machine.vcpus().unwrap(), [CPU]);
        let registers = machine.registers(CPU).unwrap();
        assert_eq!(registers.pc(), Some(VirtAddr(0x1234)));
        assert_eq!(registers.sp(), Some(VirtAddr(0x7000)));
        assert_eq!(
            registers.get(Register::Cr3),
            None,
            "this stub does not tell"
        );
        let mut memory = vec![0; 8192];
        assert_eq!(
            machine.read(VirtAddr(MEMORY), &mut memory),
            Ok(LENGTH),
            "exact at the edge"
        );
        assert!((0..LENGTH).all(|index| memory[index] == (index * 31 % 251) as u8));
        let unmapped = MemoryError::Unmapped { at: VirtAddr(0) };
        assert_eq!(machine.read(VirtAddr(0), &mut memory), Err(unmapped));
        assert!(machine.physical().is_none());
        let write = machine.write().expect("it can write");
        write.write(VirtAddr(MEMORY + 1), b"$#}*").unwrap();
        assert!(write.write(VirtAddr(0), b"x").is_err());
        let mut four = [0; 4];
        assert_eq!(machine.read(VirtAddr(MEMORY + 1), &mut four), Ok(4));
        assert_eq!(&four, b"$#}*");
        machine.resume(STEP).unwrap();
        assert_eq!(stop(&mut machine), StopReason::Trap);
        assert_eq!(machine.registers(CPU).unwrap().pc(), Some(VirtAddr(0x1235)));
        machine.resume(Resume::Continue).unwrap();
        assert!(machine.registers(CPU).is_err(), "it runs");
        machine.interrupt().unwrap();
        assert_eq!(stop(&mut machine), StopReason::Interrupted);
        machine.detach(Leave::AsFound).unwrap();
        assert_eq!(
            server.thread.join().unwrap(),
            Some(DisconnectReason::Disconnect)
        );
    }
}

/// A stub that knows no physical memory: what was asked for is in the core, and
/// what is not there is counted.
#[test]
fn a_core_of_what_is_known() {
    let server = Server::new();
    let mut machine = server.connect("unix");
    let keepsake = Keepsake {
        evidence: b"seen".to_vec(),
        otherwise: vec![VirtAddr(MEMORY + 5)..VirtAddr(MEMORY + 0x2500)],
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("core");
    let file = std::fs::File::create_new(&path).unwrap();
    let dumped = dump(&mut machine, &file, &keepsake, &mut |_| {}).unwrap();
    assert!(dumped.partial);
    assert_eq!(dumped.memory, LENGTH as u64);
    assert_eq!(dumped.memory + dumped.unreadable, 0x3000);
    machine.detach(Leave::AsFound).unwrap();
    let mut core = Core::open(&path).unwrap();
    assert_eq!(core.evidence(), b"seen");
    assert_eq!(core.registers(CPU).unwrap().pc(), Some(VirtAddr(0x1234)));
    assert!(core.physical().is_none());
    let mut memory = vec![0; 8192];
    assert_eq!(core.read(VirtAddr(MEMORY), &mut memory), Ok(LENGTH));
    assert!((0..LENGTH).all(|index| memory[index] == (index * 31 % 251) as u8));
}
