//! A machine made by hand, and the program in it.

use std::collections::VecDeque;
use std::io::Write as _;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ukdbg_image::iced_x86::{Instruction, Mnemonic};
use ukdbg_image::{CodeAddr, Decompressed, Image, LinkAddr, decode};
use ukdbg_inspect::{
    BreakpointAt, BreakpointKind, Control, Memory, MemoryError, Module, Modules, Register,
    Registers, Resume, Stop, StopReason, SystemRegisters, Target, TargetError, VcpuId, VirtAddr,
};

use crate::{NoSources, Session};

/// Where the stack of the program's recursion begins.
const STACK: u64 = 0x7000_0000;
/// Bytes of each of its frames.
const FRAME: u64 = 64;

/// Memory of a few ranges, and registers.
#[derive(Default)]
pub(crate) struct Machine {
    pub(super) ranges: Vec<(u64, Vec<u8>)>,
    pub(super) cpus: Vec<Registers>,
    running: bool,
    /// What comes next: where the first CPU stands then, and why. Without a
    /// script it stops where it is.
    pub(super) script: VecDeque<(u64, StopReason)>,
    /// What it was asked to do.
    pub(super) asked: Vec<String>,
    /// Breakpoints of these kinds are refused.
    pub(super) refuses: Vec<BreakpointKind>,
}

impl Machine {
    pub(crate) fn put(&mut self, at: u64, bytes: &[u8]) {
        // The range put last hides those before it.
        self.ranges.insert(0, (at, bytes.to_vec()));
    }
}

impl Memory for Machine {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let rest = self.ranges.iter().find_map(|(start, bytes)| {
            let offset = usize::try_from(at.0.checked_sub(*start)?).ok()?;
            bytes.get(offset..).filter(|rest| !rest.is_empty())
        });
        let rest = rest.ok_or(MemoryError::Unmapped { at })?;
        let size = rest.len().min(buf.len());
        buf[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }
}

impl Target for Machine {
    fn vcpus(&mut self) -> Result<Vec<VcpuId>, TargetError> {
        Ok((0..self.cpus.len() as u32).map(VcpuId).collect())
    }

    fn registers(&mut self, vcpu: VcpuId) -> Result<Registers, TargetError> {
        let found = self.cpus.get(vcpu.0 as usize);
        found.copied().ok_or(TargetError::NoVcpu(vcpu))
    }

    fn system_registers(&mut self, _vcpu: VcpuId) -> Result<SystemRegisters, TargetError> {
        Ok(SystemRegisters::default())
    }

    fn control(&mut self) -> Option<&mut dyn Control> {
        Some(self)
    }
}

impl Control for Machine {
    fn is_running(&self) -> bool {
        self.running
    }

    fn resume(&mut self, how: Resume) -> Result<(), TargetError> {
        self.asked.push(match how {
            Resume::Continue => "continue".to_owned(),
            Resume::Step { .. } => "step".to_owned(),
        });
        self.running = true;
        Ok(())
    }

    fn interrupt(&mut self) -> Result<(), TargetError> {
        Ok(())
    }

    fn poll(&mut self, _until: Instant) -> Result<Option<Stop>, TargetError> {
        let next = self.script.pop_front();
        let reason = match next {
            Some((pc, reason)) => {
                self.cpus[0].set(Register::Rip, pc);
                reason
            }
            None => StopReason::Trap,
        };
        self.running = false;
        Ok(Some(Stop {
            vcpu: Some(VcpuId(0)),
            reason,
        }))
    }

    fn insert(&mut self, breakpoint: BreakpointAt) -> Result<(), TargetError> {
        let kind = breakpoint.kind;
        if self.refuses.contains(&kind) {
            return Err(TargetError::Refused {
                peer: "the machine".to_owned(),
                request: "a breakpoint".to_owned(),
                answer: "it has none".to_owned(),
            });
        }
        self.asked
            .push(format!("insert {kind:?} {:#x}", breakpoint.address.0));
        Ok(())
    }

    fn remove(&mut self, breakpoint: BreakpointAt) -> Result<(), TargetError> {
        let kind = breakpoint.kind;
        self.asked
            .push(format!("remove {kind:?} {:#x}", breakpoint.address.0));
        Ok(())
    }
}

/// The compiled program.
pub(super) struct Guest {
    pub(super) image: Arc<Image<'static>>,
}

/// The program, unless there is no compiler; tests require one where
/// `UKDBG_REQUIRE_TOOLS` is set.
pub(super) fn guest() -> Option<&'static Guest> {
    static GUEST: OnceLock<Option<Guest>> = OnceLock::new();
    GUEST.get_or_init(compile).as_ref()
}

fn compile() -> Option<Guest> {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("guest");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/guest.c");
    let compiled = Command::new("gcc")
        .args([
            "-g",
            "-O0",
            "-ffreestanding",
            "-nostdlib",
            "-static",
            "-no-pie",
        ])
        .args(["-fno-stack-protector", "-fcf-protection=none"])
        .args(["-Wl,--build-id=none", "-o"])
        .args([program.as_os_str(), source.as_ref()])
        .status();
    if compiled.is_err() {
        let required = std::env::var_os("UKDBG_REQUIRE_TOOLS").is_some();
        assert!(!required, "gcc is not installed");
        // Not `eprintln!`, which the test harness keeps to itself.
        let _ = writeln!(std::io::stderr(), "skipped: gcc is not installed");
        return None;
    }
    let bytes = std::fs::read(program).expect("gcc wrote it");
    let room: &'static Decompressed = Box::leak(Box::default());
    let image = Image::parse(bytes.leak(), room).expect("a linker wrote it");
    Some(Guest {
        image: Arc::new(image),
    })
}

impl Guest {
    /// A machine that holds the program, with one CPU.
    pub(super) fn machine(&self) -> Machine {
        let mut machine = Machine::default();
        for segment in self.image.segments() {
            machine.put(segment.addresses.start.0, segment.bytes);
        }
        machine.cpus.push(Registers::default());
        machine
    }

    pub(super) fn session(&self, machine: Machine) -> Session<'static, Machine> {
        let mut modules = Modules::default();
        modules.push(Module::unmoved("guest".into(), Arc::clone(&self.image)));
        Session::new(machine, modules, Box::new(NoSources))
    }

    pub(super) fn symbol(&self, name: &str) -> u64 {
        self.image.symbol_named(name).unwrap().address.0
    }

    /// The instructions of a function.
    pub(super) fn code(&self, name: &str) -> Vec<Instruction> {
        let start = LinkAddr(self.symbol(name));
        let function = self.image.function_at(start).unwrap();
        let size = function.ranges[0].end.0 - start.0;
        let bytes = &self.image.bytes_at(start).unwrap()[..size as usize];
        decode(bytes, start).collect()
    }

    /// The address behind the first call in a function.
    pub(super) fn after_call(&self, name: &str) -> u64 {
        let code = self.code(name);
        let call = code.iter().find(|i| i.mnemonic() == Mnemonic::Call);
        call.unwrap().next_ip()
    }

    /// The first instruction of `price`, which is inlined into `level`, which
    /// is inlined into `commit`.
    pub(super) fn in_price(&self) -> u64 {
        let code = self.code("commit");
        let inlined = |i: &&Instruction| {
            self.image
                .source_frames(CodeAddr::Exact(LinkAddr(i.ip())))
                .len()
                == 3
        };
        code.iter().find(inlined).unwrap().ip()
    }

    /// A machine that stands in `price`, below so many calls of `commit` and
    /// `_start`.
    pub(super) fn recursing(&self, calls: u64) -> Machine {
        let mut machine = self.machine();
        let mut stack = Vec::new();
        for call in 1..=calls {
            let locals = [0u64; 6];
            stack.extend(locals);
            let caller = if call == calls { "_start" } else { "commit" };
            stack.extend([STACK + call * FRAME + 48, self.after_call(caller)]);
        }
        stack.extend([0; 16]);
        let bytes: Vec<u8> = stack.iter().flat_map(|word| word.to_le_bytes()).collect();
        machine.put(STACK, &bytes);
        let registers = &mut machine.cpus[0];
        registers.set(Register::Rip, self.in_price());
        registers.set(Register::Rsp, STACK);
        registers.set(Register::Rbp, STACK + 48);
        registers.set(Register::Rflags, 0x202);
        machine
    }
}
