//! One guest behind all the links that lead to it.
//!
//! Who does what: a stub alone controls execution where there is one, and
//! while the guest runs nothing but an interrupt is sent to it. QEMU's
//! monitor answers questions and tells why a machine shut down; it controls
//! execution only where it is the only link. Mapped memory is read at any
//! time. A machine is left as it was found, or as its user says.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ukdbg_inspect::{
    BreakpointAt, Control, History, LiveMemory, Memory, MemoryError, MemoryWrite, Paged,
    PagingState, PhysAddr, PhysicalMemory, Register, RegisterWrite, Registers, SystemRegisters,
    Target, TargetError, VcpuId, VectorRegisters, VirtAddr,
};

use crate::endpoint::Endpoint;
use crate::qmp::{Qmp, RunState};
use crate::ram::MappedRam;
use crate::rsp::{MemoryMode, Traffic};
use cache::{Cache, Space};
use guard::Guard;
use history::Recorded;
use shadow::Shadows;
use visit::Visit;

mod cache;
mod connect;
mod control;
mod guard;
mod history;
mod leave;
mod monitor;
mod open_link;
mod ram_map;
mod reconnect;
mod shadow;
mod stop;
mod stub;
mod visit;

pub use connect::{ConnectError, Opened, open};
pub use history::{Approach, RecordedEnd, RecordingEnd};
pub use leave::Leave;
pub(crate) use stub::Stub;

/// How long a guest may take to stop when it is interrupted for good.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// A guest, reached over one or more links.
#[derive(Debug)]
pub struct Machine {
    stub: Option<Stub>,
    qmp: Option<Qmp>,
    ram: Option<Arc<MappedRam>>,
    /// Whether the guest ran before we came, where that is known.
    found_running: Option<bool>,
    /// Without a stub: whether the guest runs, by the monitor's last word.
    running: bool,
    /// Pauses that other clients make.
    visit: Visit,
    /// What `Memory` is about.
    selected: Option<VcpuId>,
    cache: Cache,
    inserted: Vec<BreakpointAt>,
    /// What the guest has where breakpoints are inserted.
    shadows: Shadows,
    /// Breakpoints that are taken out for a single step over them.
    lifted: Vec<BreakpointAt>,
    /// Leaves the guest as it was found if we are killed.
    guard: Option<Guard>,
    /// Of a machine that replays a recording.
    recorded: Recorded,
    /// The executable that plays the guardian.
    guardian: Option<PathBuf>,
    /// The link to the stub dropped and what is there now is not the guest as
    /// it was left.
    lost: bool,
    /// Nobody is there any more: nothing has to be left in order.
    gone: bool,
    peer: String,
    endpoint: Endpoint,
}

impl Machine {
    /// Whether the guest ran before it was connected to; `None` where the
    /// links leave no way to know.
    pub fn found_running(&self) -> Option<bool> {
        self.found_running
    }

    /// What was sent to the stub so far; nothing where there is none.
    pub fn traffic(&self) -> Traffic {
        self.stub
            .as_ref()
            .map(|stub| stub.link.traffic())
            .unwrap_or_default()
    }

    /// Whether every CPU is halted with interrupts off, which nothing but a
    /// reset ends. `None` without QEMU's monitor. The guest is not disturbed.
    pub fn halted_for_good(&mut self) -> Result<Option<bool>, TargetError> {
        let Some(qmp) = &mut self.qmp else {
            return Ok(None);
        };
        let cpus = crate::qmp::text::cpus(&qmp.monitor("info registers -a")?);
        let all = cpus
            .iter()
            .map(|cpu| cpu.halted_for_good())
            .collect::<Option<Vec<_>>>();
        Ok(all
            .filter(|all| !all.is_empty())
            .map(|all| all.into_iter().all(|halted| halted)))
    }

    /// Whether the emulator's accelerator failed, so that the guest can never
    /// go on. Only QEMU's monitor tells.
    pub fn is_given_up(&mut self) -> Result<bool, TargetError> {
        match &mut self.qmp {
            Some(qmp) => Ok(qmp.status()? == RunState::InternalError),
            None => Ok(false),
        }
    }

    /// Runs a command of the emulator's own monitor and returns its text.
    /// `None` where no link leads to a monitor.
    pub fn monitor(&mut self, line: &str) -> Result<Option<String>, TargetError> {
        match (&mut self.qmp, &mut self.stub) {
            (Some(qmp), _) => qmp.monitor(line).map(Some),
            (None, Some(stub)) => {
                self.cache.clear();
                stub.monitor(line)
            }
            (None, None) => Ok(None),
        }
    }

    /// Which physical addresses are memory, and not devices; `None` where no
    /// link tells.
    pub(crate) fn memory_map(&mut self) -> Result<Option<Vec<RangeInclusive<u64>>>, TargetError> {
        let text = self.monitor("info mtree -f")?;
        Ok(text.map(|text| ram_map::ram_ranges(&text)))
    }

    /// Reads physical memory that is not worth remembering; 0 if the first
    /// byte cannot be read.
    pub(crate) fn read_physical_directly(
        &mut self,
        at: u64,
        buf: &mut [u8],
    ) -> Result<usize, TargetError> {
        self.needs_stop("a copy of its memory")?;
        self.read_physical_uncached(PhysAddr(at), buf)
    }

    /// What the guest or its stub printed through the stub since the last
    /// call. The bytes are the guest's.
    pub fn take_console(&mut self) -> Vec<u8> {
        self.stub
            .as_mut()
            .map(|stub| stub.link.take_console())
            .unwrap_or_default()
    }

    /// Why memory cannot be read now, if it cannot.
    fn needs_stop(&mut self, request: &str) -> Result<(), TargetError> {
        // Over a monitor alone others may let the guest go while we look.
        if let (None, Some(qmp), false) = (&self.stub, &mut self.qmp, self.running)
            && qmp.resumed(Instant::now())?
        {
            self.running = true;
            self.cache.clear();
        }
        match Control::is_running(self) {
            true => Err(TargetError::Running {
                request: request.to_owned(),
            }),
            false => Ok(()),
        }
    }

    /// What steers the page walk of the selected CPU, if that was asked for.
    fn paging(&mut self) -> Option<PagingState> {
        let known = self.cache.registers().get(&self.selected?)?;
        PagingState::from_registers(known)
    }

    /// Where a virtual address is, as far as the links tell.
    fn physical_of(&mut self, at: VirtAddr) -> Option<PhysAddr> {
        let paging = self.paging()?;
        self.physical()?;
        Paged::new(self, paging).walk(at).physical()
    }

    fn read_physical_uncached(
        &mut self,
        at: PhysAddr,
        buf: &mut [u8],
    ) -> Result<usize, TargetError> {
        let count = self.read_physical_as_it_is(at, buf)?;
        self.shadows.hide_physical(at, &mut buf[..count]);
        Ok(count)
    }

    fn read_physical_as_it_is(
        &mut self,
        at: PhysAddr,
        buf: &mut [u8],
    ) -> Result<usize, TargetError> {
        if let Some(ram) = &self.ram
            && let Ok(count) = (&**ram).read_physical(at, buf)
        {
            return Ok(count);
        }
        match (&mut self.stub, &mut self.qmp) {
            (Some(stub), _) if stub.reads_physical() => stub.read(MemoryMode::Physical, at.0, buf),
            (_, Some(qmp)) => monitor::read_physical(qmp, at, buf),
            _ => Ok(0),
        }
    }
}

impl Memory for Machine {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        self.read_again(|machine| machine.read_once(at, buf))
    }

    fn vector_registers(&mut self) -> VectorRegisters {
        let (Some(vcpu), Ok(())) = (self.selected, self.needs_stop("registers")) else {
            return VectorRegisters::default();
        };
        if let Some(known) = self.cache.vectors().get(&vcpu) {
            return known.clone();
        }
        let asked = self.stub.as_mut().map(|stub| stub.vector_registers(vcpu));
        let vectors = asked.and_then(Result::ok).unwrap_or_default();
        self.cache.vectors().insert(vcpu, vectors.clone());
        vectors
    }
}

impl PhysicalMemory for Machine {
    fn read_physical(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        self.read_again(|machine| machine.read_physical_once(at, buf))
    }
}

impl Machine {
    fn read_once(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let link = |source| MemoryError::Link { at, source };
        self.needs_stop("a read of memory").map_err(link)?;
        let vcpu = self.selected;
        let paging = self.paging();
        let ram = self.ram.as_deref();
        let (stub, qmp) = (&mut self.stub, &mut self.qmp);
        if let (Some(stub), Some(vcpu)) = (stub.as_mut(), vcpu) {
            stub.select(vcpu).map_err(link)?;
        }
        let count = self.cache.read(Space::Virtual(vcpu), at.0, buf, |at, buf| {
            match (&mut *stub, &mut *qmp) {
                (Some(stub), _) => stub.read(MemoryMode::Virtual, at, buf),
                (None, Some(qmp)) => {
                    match walk(ram, paging, VirtAddr(at), buf) {
                        // Video memory and the firmware are in no file.
                        0 => monitor::read_virtual(qmp, vcpu, VirtAddr(at), buf),
                        count => Ok(count),
                    }
                }
                (None, None) => Ok(0),
            }
        });
        match count.map_err(link)? {
            0 if !buf.is_empty() => Err(MemoryError::Unmapped { at }),
            count => {
                self.shadows.hide(at, &mut buf[..count]);
                Ok(count)
            }
        }
    }

    fn read_physical_once(&mut self, at: PhysAddr, buf: &mut [u8]) -> Result<usize, MemoryError> {
        let link = |source| MemoryError::Link {
            at: VirtAddr(at.0),
            source,
        };
        self.needs_stop("a read of physical memory").map_err(link)?;
        // The cache is put aside so that it can fetch through all of us.
        let mut cache = std::mem::replace(&mut self.cache, Cache::new(1));
        let count = cache.read(Space::Physical, at.0, buf, |at, buf| {
            self.read_physical_uncached(PhysAddr(at), buf)
        });
        self.cache = cache;
        match count.map_err(link)? {
            0 if !buf.is_empty() => Err(MemoryError::NoPhysical { at }),
            count => Ok(count),
        }
    }
}

impl MemoryWrite for Machine {
    fn write(&mut self, at: VirtAddr, bytes: &[u8]) -> Result<(), MemoryError> {
        let link = |source| MemoryError::Link { at, source };
        self.needs_stop("a write to memory").map_err(link)?;
        self.cache.clear();
        let vcpu = self.selected;
        let Some(stub) = &mut self.stub else {
            return Err(MemoryError::Unmapped { at });
        };
        if let Some(vcpu) = vcpu {
            stub.select(vcpu).map_err(link)?;
        }
        match stub.write(at.0, bytes) {
            Err(TargetError::Refused { .. }) => Err(MemoryError::Unmapped { at }),
            other => other.map_err(link),
        }
    }
}

impl RegisterWrite for Machine {
    fn write_register(
        &mut self,
        vcpu: VcpuId,
        register: Register,
        value: u64,
    ) -> Result<(), TargetError> {
        self.needs_stop("a write of a register")?;
        // Control registers steer what memory is.
        self.cache.clear();
        match &mut self.stub {
            Some(stub) => stub.write_register(vcpu, register, value),
            None => Err(TargetError::NoVcpu(vcpu)),
        }
    }
}

impl Target for Machine {
    fn vcpus(&mut self) -> Result<Vec<VcpuId>, TargetError> {
        self.again(|machine| match (&mut machine.stub, &mut machine.qmp) {
            (Some(stub), _) if !stub.link.is_running() => stub.vcpus(),
            (_, Some(qmp)) => monitor::vcpus(qmp),
            _ => Err(TargetError::Running {
                request: "the list of CPUs".to_owned(),
            }),
        })
    }

    fn registers(&mut self, vcpu: VcpuId) -> Result<Registers, TargetError> {
        self.needs_stop("registers")?;
        if let Some(known) = self.cache.registers().get(&vcpu) {
            self.selected = Some(vcpu);
            return Ok(*known);
        }
        let registers = self.again(|machine| match (&mut machine.stub, &mut machine.qmp) {
            (Some(stub), _) => stub.registers(vcpu),
            (None, Some(qmp)) => monitor::registers(qmp, vcpu),
            (None, None) => Err(TargetError::NoVcpu(vcpu)),
        })?;
        self.selected = Some(vcpu);
        self.cache.registers().insert(vcpu, registers);
        Ok(registers)
    }

    fn system_registers(&mut self, vcpu: VcpuId) -> Result<SystemRegisters, TargetError> {
        self.needs_stop("the descriptor tables")?;
        // A stub's packets do not hold them, but QEMU's has its monitor behind
        // it. Other stubs give other monitors, which are not asked.
        let is_qemu = self.stub.as_ref().is_none_or(Stub::reads_physical);
        if !is_qemu && self.qmp.is_none() {
            return Ok(SystemRegisters::default());
        }
        let text = self.monitor("info registers -a")?.unwrap_or_default();
        let index = usize::try_from(vcpu.0).map_err(|_| TargetError::NoVcpu(vcpu))?;
        let cpus = crate::qmp::text::cpus(&text);
        Ok(cpus.get(index).map(|cpu| cpu.system).unwrap_or_default())
    }

    fn physical(&mut self) -> Option<&mut dyn PhysicalMemory> {
        let reachable = self.ram.is_some()
            || self.qmp.is_some()
            || self.stub.as_ref().is_some_and(Stub::reads_physical);
        reachable.then_some(self)
    }

    fn write(&mut self) -> Option<&mut dyn MemoryWrite> {
        self.stub.is_some().then_some(self)
    }

    fn write_registers(&mut self) -> Option<&mut dyn RegisterWrite> {
        self.stub.is_some().then_some(self)
    }

    fn live(&self) -> Option<Arc<dyn LiveMemory>> {
        let ram = self.ram.clone()?;
        Some(ram)
    }

    fn control(&mut self) -> Option<&mut dyn Control> {
        (self.stub.is_some() || self.qmp.is_some()).then_some(self)
    }

    fn history(&mut self) -> Option<&mut dyn History> {
        self.is_replay().then_some(self)
    }
}

/// Reads mapped memory through page tables that are in it, as far as that goes.
fn walk(
    ram: Option<&MappedRam>,
    paging: Option<PagingState>,
    at: VirtAddr,
    buf: &mut [u8],
) -> usize {
    let (Some(ram), Some(paging)) = (ram, paging) else {
        return 0;
    };
    Paged::new(ram, paging).read(at, buf).unwrap_or(0)
}

/// The instant at which this much time has passed.
fn within(patience: Duration) -> Instant {
    Instant::now() + patience
}
