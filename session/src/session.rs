//! One machine under a user's hands: the target, its images, and what the last
//! stop showed. Every request is one arm of [`Session::answer`]; the work is
//! in the files named after them.

use ukdbg_inspect::{
    Backtrace, Control, Frame, Memory, Modules, PagingState, Register, Registers, Root, RootError,
    Target, TargetError, VcpuId, VectorRegisters, VirtAddr, find_root,
};

use crate::expression::History;
use crate::run::Run;
use crate::view::{BacktraceView, RegistersView, SourceView};
use crate::{Reply, Request, SessionError, SourceText};
use crate::{
    backtrace, code, disassembly, examine, graph, print, registers, report, source, tables, trace,
    whois,
};

/// A machine and everything known about it.
pub struct Session<'data, T> {
    pub(crate) target: T,
    pub(crate) modules: Modules<'data>,
    pub(crate) sources: Box<dyn SourceText + Send + 'data>,
    /// The CPU that stopped last, when the machine told.
    pub(crate) stopped: Option<VcpuId>,
    /// The last backtrace shown: what frame numbers refer to.
    pub(crate) shown: Option<Shown>,
    /// What it was let go for, and where it is to stop.
    pub(crate) run: Run,
    /// Values that were asked for.
    pub(crate) history: History<'data>,
}

/// A backtrace as it was found and as it was shown.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) found: Backtrace,
    pub(crate) view: BacktraceView,
}

impl<'data, T: Target> Session<'data, T> {
    /// A session on a machine that holds these images.
    pub fn new(
        target: T,
        modules: Modules<'data>,
        sources: Box<dyn SourceText + Send + 'data>,
    ) -> Self {
        Self {
            target,
            modules,
            sources,
            stopped: None,
            shown: None,
            run: Run::default(),
            history: History::default(),
        }
    }

    /// The machine itself, for what only its links can do.
    pub fn target(&mut self) -> &mut T {
        &mut self.target
    }

    /// Ends the session and gives the machine back.
    pub fn into_target(self) -> T {
        self.target
    }

    /// The images.
    pub fn modules(&self) -> &Modules<'data> {
        &self.modules
    }

    /// Answers one request about the stopped machine.
    pub fn answer(&mut self, request: Request) -> Result<Reply, SessionError> {
        Ok(match request {
            Request::Go(motion) => Reply::Running(self.start(motion)?),
            Request::LastStop => {
                let stop = self.last_stop().ok_or(SessionError::NoStop)?;
                Reply::Stop(Box::new(stop.clone()))
            }
            Request::Break(breakpoint) => {
                Reply::Breakpoint(Box::new(self.add_breakpoint(breakpoint)?))
            }
            Request::Watch(watchpoint) => {
                Reply::Breakpoint(Box::new(self.add_watchpoint(watchpoint)?))
            }
            Request::Breakpoints => Reply::Breakpoints(self.breakpoints()),
            Request::ChangeBreakpoint { number, change } => {
                Reply::Breakpoint(Box::new(self.change_breakpoint(number, change)?))
            }
            Request::DeleteBreakpoint { number } => {
                Reply::Breakpoints(self.delete_breakpoint(number)?)
            }
            Request::StepInterrupts(interrupts) => Reply::Stepping(self.step_with(interrupts)),
            Request::Abilities => Reply::Abilities(self.abilities()),
            Request::Cpus => Reply::Cpus(self.cpus()?),
            Request::SelectCpu { cpu } => Reply::Cpus(self.select_cpu(cpu)?),
            Request::Assign {
                place,
                value,
                frame,
            } => Reply::Print(Box::new(self.assign(place, &value, frame)?)),
            Request::Jump { place } => Reply::Stop(Box::new(self.jump(&place)?)),
            Request::Backtrace(scope) => Reply::Backtraces {
                backtraces: backtrace::all(self, scope)?,
            },
            Request::Report(evidence) => Reply::Report(Box::new(report::make(self, &evidence)?)),
            Request::Registers { frame } => Reply::Registers(self.registers(frame)?),
            Request::Disassembly { at } => {
                Reply::Disassembly(disassembly::around(&mut self.target, &self.modules, at)?)
            }
            Request::Source { frame, context } => Reply::Source(self.source(frame, context)?),
            Request::Trace { newest } => Reply::Trace(trace::newest(self, newest)?),
            Request::Print {
                expression,
                frame,
                format,
                extent,
            } => {
                let view = print::print(self, expression, frame, format, extent)?;
                Reply::Print(Box::new(view))
            }
            Request::Keep { expression, frame } => {
                Reply::Kept(print::keep(self, &expression, frame)?)
            }
            Request::Locals { frame, extent } => Reply::Locals(print::locals(self, frame, extent)?),
            Request::Examine {
                expression,
                frame,
                format,
            } => Reply::Memory(examine::examine(self, &expression, frame, format)?),
            Request::Whois { expression, frame } => {
                Reply::Whois(Box::new(whois::whois(self, &expression, frame)?))
            }
            Request::Code {
                expression,
                frame,
                syntax,
            } => Reply::Code(code::code(self, expression.as_deref(), frame, syntax)?),
            Request::Places { place, frame } => Reply::Places(self.places(&place, frame)?),
            Request::List {
                place,
                frame,
                context,
            } => Reply::Source(code::list(self, place.as_deref(), frame, context)?),
            Request::FrameRegisters { frame, set } => {
                Reply::Registers(registers::of_frame(self, frame, set)?)
            }
            Request::Tables { vcpu } => Reply::Tables(Box::new(tables::view(self, vcpu)?)),
            Request::Graph { at } => Reply::Graph(Box::new(graph::around(&self.modules, at)?)),
        })
    }

    fn registers(&mut self, frame: usize) -> Result<RegistersView, SessionError> {
        let registers = self.physical_frame(frame)?.registers;
        Ok(registers::view(&self.modules, &registers))
    }

    fn source(&mut self, frame: usize, context: u32) -> Result<SourceView, SessionError> {
        let location = self.source_of(frame)?;
        Ok(source::around(&mut *self.sources, &location, context))
    }

    pub(crate) fn control(&mut self, request: &str) -> Result<&mut dyn Control, TargetError> {
        self.target.control().ok_or_else(|| TargetError::Refused {
            peer: "this target".to_owned(),
            request: request.to_owned(),
            answer: "it cannot be run or stopped".to_owned(),
        })
    }

    /// The CPU that stopped, or the first.
    pub(crate) fn current_vcpu(&mut self) -> Result<VcpuId, SessionError> {
        if let Some(vcpu) = self.stopped {
            return Ok(vcpu);
        }
        let first = self.target.vcpus()?.first().copied();
        first.ok_or(SessionError::NoRegisters)
    }

    /// The registers of the CPU that stopped; selects its page tables.
    pub(crate) fn current_registers(&mut self) -> Result<Registers, SessionError> {
        let vcpu = self.current_vcpu()?;
        Ok(self.target.registers(vcpu)?)
    }

    /// How the CPU that stopped translates addresses, where that is told. A
    /// link that leaves out EFER may say otherwise that it is in long mode.
    pub(crate) fn paging(&mut self) -> Option<PagingState> {
        let vcpu = self.current_vcpu().ok()?;
        let registers = self.target.registers(vcpu).ok()?;
        PagingState::from_registers(&registers).or_else(|| {
            registers.get(Register::Cr3)?;
            let system = self.target.system_registers(vcpu).ok()?;
            PagingState::with_system(&registers, &system)
        })
    }

    /// Where the CPU that stopped executes, as far as it tells.
    pub(crate) fn current_pc(&mut self) -> Option<VirtAddr> {
        self.current_registers().ok()?.pc()
    }

    /// The guest's root block, by the image's note.
    pub(crate) fn root(&mut self) -> Result<Root, RootError> {
        find_root(&self.modules, &mut self.target)
    }

    fn physical_frame(&mut self, index: usize) -> Result<&Frame, SessionError> {
        if self.shown.is_none() {
            backtrace::all(self, crate::Scope::Selected)?;
        }
        let frames = self
            .shown
            .as_ref()
            .map_or(&[][..], |shown| &shown.found.frames);
        frames.get(index).ok_or(SessionError::NoFrame {
            index,
            frames: frames.len(),
        })
    }

    pub(crate) fn source_of(
        &mut self,
        index: usize,
    ) -> Result<ukdbg_image::SourceLocation, SessionError> {
        let shown = self.shown_to(index)?;
        let frames = &shown.view.frames;
        let frame = frames.get(index).ok_or(SessionError::NoFrame {
            index,
            frames: frames.len(),
        })?;
        frame
            .location
            .clone()
            .ok_or(SessionError::NoSource { index })
    }
}

/// A machine's memory, for those who need nothing else of it.
impl<T: Target> Memory for Session<'_, T> {
    fn read(&mut self, at: VirtAddr, buf: &mut [u8]) -> Result<usize, ukdbg_inspect::MemoryError> {
        self.target.read(at, buf)
    }

    fn vector_registers(&mut self) -> VectorRegisters {
        self.target.vector_registers()
    }
}
