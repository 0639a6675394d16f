//! What a stub offers, asked once and remembered: its CPUs, its registers'
//! layout, its memory. One link's part of a machine; joining is `machine`'s.

use ukdbg_inspect::{
    Register, Registers, Resume, StepInterrupts, TargetError, VcpuId, VectorRegisters,
};

use crate::rsp::{
    Answer, Command, Features, Layout, MemoryMode, QEMU_LENGTH, RspLink, StopReply, ThreadId,
    includes, threads,
};
use crate::transport::Transport;

/// More CPUs than any guest of ours has.
const MOST_THREADS: usize = 4096;
/// More than any target description is long.
const LONGEST_DESCRIPTION: usize = 0x4_0000;
/// Includes in a target description that are followed.
const MOST_INCLUDES: usize = 16;
/// Pieces of a target description that are asked for: a stub with packets of
/// 400 bytes needs some hundred.
const MOST_PIECES: usize = 1024;
/// QEMU refuses longer reads and writes whatever packet size it advertises.
const LONGEST_ACCESS: usize = 0x800;

/// QEMU's bits of what a single step does (its documentation, "GDB usage").
const STEP_ENABLE: u8 = 1;
const STEP_NO_INTERRUPTS: u8 = 2;
const STEP_NO_TIMERS: u8 = 4;

/// A stub that answered.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(super) link: RspLink,
    features: Features,
    qemu: bool,
    found_running: Option<bool>,
    /// By the numbers of their CPUs; empty until they are asked for.
    threads: Vec<ThreadId>,
    /// The thread that stood where the guest was stopped when we came.
    stopped: Option<ThreadId>,
    /// Why the guest stood still when we came.
    reason: Option<StopReply>,
    /// The thread that register and memory requests are about, if known.
    selected: Option<ThreadId>,
    mode: MemoryMode,
    layout: Option<Layout>,
    /// What QEMU was told about interrupts in a single step.
    stepping: Option<StepInterrupts>,
}

impl Stub {
    /// Greets the stub; on failure, with the first bytes that it said.
    pub(super) fn greet(mut link: RspLink) -> Result<Self, (TargetError, Vec<u8>)> {
        match Self::learn(&mut link) {
            Ok(learn) => Ok(learn(link)),
            Err(error) => Err((error, link.heard().to_vec())),
        }
    }

    /// Learns what the stub is.
    fn learn(link: &mut RspLink) -> Result<impl FnOnce(RspLink) -> Self + use<>, TargetError> {
        let features = match link.ask(Command::Supported)? {
            Answer::Content(payload) => Features::parse(&payload),
            Answer::Unknown | Answer::Error(_) => Features::parse(b""),
        };
        // QEMU pauses a running guest when a debugger connects, and says so
        // before it answers anything; of a stopped one it says nothing.
        let paused_it = link.take_stop().is_some();
        if features.no_ack && link.is_reliable() {
            link.order(Command::StartNoAckMode)?;
            link.stop_acknowledging();
        }
        let answers = link.ask_all(vec![Command::StopReason, Command::QueryMemoryMode])?;
        let [reason, mode] = answers.as_slice() else {
            return Err(link.senseless("its state", "answers are missing"));
        };
        let stopped = match reason {
            Answer::Content(payload) => StopReply::parse(payload),
            Answer::Unknown | Answer::Error(_) => None,
        };
        let Some(StopReply::Signal { thread, .. }) = &stopped else {
            return Err(link.senseless("why the guest stands still", "it does not"));
        };
        let thread = *thread;
        let mode = match mode {
            Answer::Content(text) if text == b"0" => Some(MemoryMode::Virtual),
            Answer::Content(text) if text == b"1" => Some(MemoryMode::Physical),
            _ => None,
        };
        let qemu = mode.is_some();
        Ok(move |link| Self {
            link,
            features,
            qemu,
            found_running: qemu.then_some(paused_it),
            threads: Vec::new(),
            stopped: thread,
            // QEMU selects the thread it names here when a client connects.
            selected: thread.filter(|_| qemu),
            reason: stopped,
            mode: mode.unwrap_or(MemoryMode::Virtual),
            layout: None,
            stepping: None,
        })
    }

    /// Goes on over another transport, with all that is known. What was
    /// selected is not.
    pub(super) fn rejoin(&mut self, transport: Transport) {
        self.link.reopen(transport);
        self.selected = None;
    }

    /// Why the guest stood still when we came.
    pub(super) fn take_reason(&mut self) -> Option<StopReply> {
        self.reason.take()
    }

    /// A stub that another debugger greeted, in a state that is not known.
    pub(crate) fn inherited(link: RspLink, qemu: bool, process: Option<u64>) -> Self {
        Self {
            link,
            features: Features::parse(b""),
            qemu,
            found_running: None,
            threads: Vec::new(),
            stopped: process.map(|process| ThreadId {
                process: Some(process),
                thread: 0,
            }),
            selected: None,
            reason: None,
            // Whatever it is, it is switched back.
            mode: match qemu {
                true => MemoryMode::Physical,
                false => MemoryMode::Virtual,
            },
            layout: None,
            stepping: qemu.then_some(StepInterrupts::Delivered),
        }
    }

    /// The process that a detach has to name.
    pub(super) fn process(&self) -> Option<u64> {
        self.stopped.and_then(|thread| thread.process)
    }

    /// Whether the guest ran before we connected; `None` where the stub
    /// leaves no way to know.
    pub(super) fn found_running(&self) -> Option<bool> {
        self.found_running
    }

    /// Whether it can read physical memory.
    pub(super) fn reads_physical(&self) -> bool {
        self.qemu
    }

    /// All threads, first the one that stopped when we came. The list is asked
    /// for at each stop: CPUs come up late.
    pub(super) fn vcpus(&mut self) -> Result<Vec<VcpuId>, TargetError> {
        let mut found = Vec::new();
        let mut pieces = 0;
        let mut command = Command::FirstThreads;
        while let Answer::Content(payload) = self.link.ask(command)? {
            let Some(more) = threads(&payload) else { break };
            found.extend(more);
            pieces += 1;
            if found.len() > MOST_THREADS || pieces > MOST_THREADS {
                return Err(self.link.senseless("its threads", "the list has no end"));
            }
            command = Command::NextThreads;
        }
        // A stub without a list has the one thread that stopped.
        if found.is_empty() {
            found.extend(self.stopped);
        }
        found.sort_unstable();
        found.dedup();
        let stopped = found.iter().position(|known| Some(*known) == self.stopped);
        self.threads = found;
        let mut order: Vec<_> = (0..self.threads.len().max(1)).collect();
        order[..=stopped.unwrap_or(0)].rotate_right(1);
        let ids = order
            .into_iter()
            .filter_map(|index| u32::try_from(index).ok());
        Ok(ids.map(VcpuId).collect())
    }

    /// The CPU that a thread is.
    pub(super) fn vcpu_of(&mut self, thread: ThreadId) -> Result<Option<VcpuId>, TargetError> {
        if !self.threads.contains(&thread) {
            self.vcpus()?;
        }
        let index = self.threads.iter().position(|known| *known == thread);
        Ok(index
            .and_then(|index| u32::try_from(index).ok())
            .map(VcpuId))
    }

    fn thread(&mut self, vcpu: VcpuId) -> Result<Option<ThreadId>, TargetError> {
        let index = usize::try_from(vcpu.0).map_err(|_| TargetError::NoVcpu(vcpu))?;
        if index >= self.threads.len() {
            self.vcpus()?;
        }
        match self.threads.get(index) {
            Some(thread) => Ok(Some(*thread)),
            // Without thread ids there is nothing to select.
            None if self.threads.is_empty() && index == 0 => Ok(None),
            None => Err(TargetError::NoVcpu(vcpu)),
        }
    }

    /// Makes register and memory requests be about this CPU.
    pub(super) fn select(&mut self, vcpu: VcpuId) -> Result<(), TargetError> {
        let thread = self.thread(vcpu)?;
        if let Some(thread) = thread.filter(|thread| self.selected != Some(*thread)) {
            self.link.order(Command::SelectThread(thread))?;
            self.selected = Some(thread);
        }
        Ok(())
    }

    /// The registers of a CPU.
    pub(super) fn registers(&mut self, vcpu: VcpuId) -> Result<Registers, TargetError> {
        self.decoded(vcpu, Layout::decode)
    }

    /// One CPU's x87 and SSE registers.
    pub(super) fn vector_registers(
        &mut self,
        vcpu: VcpuId,
    ) -> Result<VectorRegisters, TargetError> {
        self.decoded(vcpu, Layout::decode_vectors)
    }

    fn decoded<R>(
        &mut self,
        vcpu: VcpuId,
        decode: impl FnOnce(&Layout, &[u8]) -> R,
    ) -> Result<R, TargetError> {
        let digits = self.register_digits(vcpu)?;
        let layout = match self.layout.take() {
            Some(layout) => layout,
            None => self.find_layout(digits.len() / 2)?,
        };
        let registers = decode(&layout, &digits);
        self.layout = Some(layout);
        Ok(registers)
    }

    /// Writes one register of a CPU. All are written: every stub takes `G`.
    pub(super) fn write_register(
        &mut self,
        vcpu: VcpuId,
        register: Register,
        value: u64,
    ) -> Result<(), TargetError> {
        let mut digits = self.register_digits(vcpu)?;
        let layout = match self.layout.take() {
            Some(layout) => layout,
            None => self.find_layout(digits.len() / 2)?,
        };
        let known = layout.encode(&mut digits, register, value);
        self.layout = Some(layout);
        if !known {
            let what = format!("a write of {}", register.name());
            return Err(self.link.refused(&what, &Answer::Unknown));
        }
        self.link.order(Command::WriteRegisters(digits))
    }

    fn register_digits(&mut self, vcpu: VcpuId) -> Result<Vec<u8>, TargetError> {
        self.select(vcpu)?;
        match self.link.ask(Command::ReadRegisters)? {
            Answer::Content(digits) => Ok(digits),
            refusal => Err(self.link.refused("registers", &refusal)),
        }
    }

    fn find_layout(&mut self, length: usize) -> Result<Layout, TargetError> {
        if self.qemu && length == QEMU_LENGTH {
            return Ok(Layout::qemu());
        }
        let described = match self.features.target_description {
            true => self.description("target.xml", &mut 0, &mut 0)?,
            false => String::new(),
        };
        Layout::from_description(&described)
            .or_else(|| Layout::by_length(length))
            .ok_or_else(|| {
                let what =
                    format!("{length} bytes of registers are no layout of x86-64 known here");
                self.link.senseless("registers", &what)
            })
    }

    /// A file of the target description, with what it includes.
    fn description(
        &mut self,
        annex: &str,
        files: &mut usize,
        pieces: &mut usize,
    ) -> Result<String, TargetError> {
        *files += 1;
        let mut text = Vec::new();
        loop {
            let command = Command::Features {
                annex: annex.to_owned(),
                offset: text.len(),
                length: self.features.packet_size.min(0x1000) - 16,
            };
            let Answer::Content(piece) = self.link.ask(command)? else {
                break;
            };
            let (kind, content) = piece.split_first().unwrap_or((&b'l', &[]));
            text.extend_from_slice(content);
            *pieces += 1;
            let enough = text.len() > LONGEST_DESCRIPTION || *pieces > MOST_PIECES;
            if *kind != b'm' || content.is_empty() || enough {
                break;
            }
        }
        let mut text = String::from_utf8_lossy(&text).into_owned();
        let included: Vec<String> = includes(&text).map(str::to_owned).collect();
        for annex in included {
            if *files < MOST_INCLUDES {
                let more = self.description(&annex, files, pieces)?;
                text.push_str(&more);
            }
        }
        Ok(text)
    }

    /// Reads memory and says how much; 0 if the first byte cannot be read.
    pub(super) fn read(
        &mut self,
        mode: MemoryMode,
        at: u64,
        buffer: &mut [u8],
    ) -> Result<usize, TargetError> {
        self.switch(mode)?;
        let piece = (self.features.packet_size / 2).clamp(1, LONGEST_ACCESS);
        self.link.read_memory(at, buffer, piece)
    }

    /// Writes memory, all of it.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), TargetError> {
        self.switch(MemoryMode::Virtual)?;
        let piece = (self.features.packet_size.saturating_sub(40) / 2).clamp(1, LONGEST_ACCESS);
        let mut at = at;
        for chunk in bytes.chunks(piece) {
            self.link.order(Command::WriteMemory {
                at,
                bytes: chunk.to_vec(),
            })?;
            at = at.wrapping_add(u64::try_from(chunk.len()).expect("a chunk is short"));
        }
        Ok(())
    }

    fn switch(&mut self, mode: MemoryMode) -> Result<(), TargetError> {
        if self.mode != mode {
            self.link.order(Command::MemoryMode(mode))?;
            self.mode = mode;
        }
        Ok(())
    }

    /// Runs a monitor command; `None` if the stub has none.
    pub(super) fn monitor(&mut self, line: &str) -> Result<Option<String>, TargetError> {
        match self.link.ask(Command::Monitor(line.to_owned()))? {
            Answer::Content(text) => {
                let text = text.strip_prefix(b"O").unwrap_or(&text);
                Ok(Some(String::from_utf8_lossy(text).into_owned()))
            }
            Answer::Unknown => Ok(None),
            refusal => Err(self.link.refused(line, &refusal)),
        }
    }

    /// Lets the guest go on. A stop selects a thread by itself, so what was
    /// selected is forgotten.
    pub(super) fn resume(&mut self, how: Resume) -> Result<(), TargetError> {
        self.switch(MemoryMode::Virtual)?;
        let command = match how {
            Resume::Continue if self.features.resume_actions => Command::ContinueAll,
            Resume::Continue => Command::PlainContinue,
            Resume::Step { vcpu, interrupts } => {
                self.mask(interrupts)?;
                match self.thread(vcpu)? {
                    Some(thread) if self.features.resume_actions => Command::StepOne(thread),
                    Some(thread) => {
                        self.link.order(Command::SelectResumeThread(thread))?;
                        Command::PlainStep
                    }
                    None => Command::PlainStep,
                }
            }
        };
        self.selected = None;
        self.link.resume(command)
    }

    /// Whether it replays a recording and can run back in it. QEMU aborts when
    /// it is asked to and does not.
    pub(super) fn runs_back(&self) -> bool {
        self.features.runs_back
    }

    /// Lets the guest run back.
    pub(super) fn run_back(&mut self) -> Result<(), TargetError> {
        self.switch(MemoryMode::Virtual)?;
        self.selected = None;
        self.link.resume(Command::ReverseContinue)
    }

    /// Tells QEMU what interrupts do in a single step; it remembers that, for
    /// later clients too. Other stubs have no such switch.
    fn mask(&mut self, interrupts: StepInterrupts) -> Result<(), TargetError> {
        if !self.qemu || self.stepping == Some(interrupts) {
            return Ok(());
        }
        let flags = match interrupts {
            StepInterrupts::Masked => STEP_ENABLE | STEP_NO_INTERRUPTS | STEP_NO_TIMERS,
            StepInterrupts::Delivered => STEP_ENABLE,
        };
        // A replay refuses to mask what the recording delivers.
        self.link.ask(Command::StepFlags(flags))?;
        self.stepping = Some(interrupts);
        Ok(())
    }

    /// Whether a step over one of its own breakpoints needs it taken out:
    /// QEMU's translator ignores them in a single step, an instruction put in
    /// place is executed.
    pub(super) fn steps_into_breakpoints(&self) -> bool {
        !self.qemu
    }

    /// Its modes as other clients expect to find them.
    pub(crate) fn settle(&mut self) -> Result<(), TargetError> {
        self.switch(MemoryMode::Virtual)?;
        match self.stepping.is_some() {
            true => self.mask(StepInterrupts::Masked),
            false => Ok(()),
        }
    }

    /// Ends the conversation and lets the guest run.
    pub(crate) fn detach(&mut self) -> Result<(), TargetError> {
        self.settle()?;
        // A stub that was once asked for multiprocess extensions, by whoever
        // was here before, wants to know of which process.
        match self.link.ask(Command::Detach(self.process()))? {
            Answer::Content(_) => {}
            refusal => return Err(self.link.refused("to detach", &refusal)),
        }
        // It may be gone already; it has let the guest go in any case.
        let _ = self.link.flush("to detach");
        Ok(())
    }

    /// Leaves the guest standing still, as other clients expect to find it.
    pub(crate) fn leave(&mut self) -> Result<(), TargetError> {
        self.switch(MemoryMode::Virtual)?;
        self.link.flush("to leave")
    }
}
