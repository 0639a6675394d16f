//! The answer to a request.

use serde::Serialize;

use crate::GraphView;
use crate::view::{
    AbilitiesView, BacktraceView, BreakpointView, BreakpointsView, CodeView, CpusView,
    DisassemblyView, KeptView, LocalsView, MemoryView, PlacesView, PrintView, RegistersView,
    ReportView, RunningView, SourceView, SteppingView, StopView, TablesView, TraceView, WhoisView,
};

/// One answer, of the request's kind.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Reply {
    /// The machine goes on.
    Running(RunningView),
    /// Why the machine stands still, and where.
    Stop(Box<StopView>),
    /// One breakpoint or watchpoint.
    Breakpoint(Box<BreakpointView>),
    /// Breakpoints and watchpoints.
    Breakpoints(BreakpointsView),
    /// What steps do about interrupts.
    Stepping(SteppingView),
    /// What the machine's links can do.
    Abilities(AbilitiesView),
    /// The CPUs.
    Cpus(CpusView),
    /// Backtraces: of the selected CPU, or of every CPU and task.
    Backtraces {
        /// One for each stack.
        backtraces: Vec<BacktraceView>,
    },
    /// The report.
    Report(Box<ReportView>),
    /// Registers.
    Registers(RegistersView),
    /// Instructions.
    Disassembly(DisassemblyView),
    /// Source lines.
    Source(SourceView),
    /// Events.
    Trace(TraceView),
    /// A value.
    Print(Box<PrintView>),
    /// A value that is kept.
    Kept(KeptView),
    /// Where a place is.
    Places(PlacesView),
    /// Arguments and locals.
    Locals(LocalsView),
    /// Memory.
    Memory(MemoryView),
    /// What an address is.
    Whois(Box<WhoisView>),
    /// Instructions of a function.
    Code(CodeView),
    /// Descriptor tables.
    Tables(Box<TablesView>),
    /// A control-flow graph.
    Graph(Box<GraphView>),
}

impl Reply {
    /// Name and version of the JSON document this reply makes.
    pub const fn schema(&self) -> &'static str {
        match self {
            Self::Running(_) => "ukdbg.running/1",
            Self::Stop(_) => StopView::SCHEMA,
            Self::Breakpoint(_) => "ukdbg.breakpoint/1",
            Self::Breakpoints(_) => "ukdbg.breakpoints/1",
            Self::Stepping(_) => "ukdbg.stepping/1",
            Self::Abilities(_) => "ukdbg.abilities/1",
            Self::Cpus(_) => "ukdbg.cpus/1",
            Self::Backtraces { .. } => "ukdbg.backtrace/1",
            Self::Report(_) => "ukdbg.report/1",
            Self::Registers(_) => "ukdbg.registers/1",
            Self::Disassembly(_) => "ukdbg.disassembly/1",
            Self::Source(_) => "ukdbg.source/1",
            Self::Trace(_) => "ukdbg.trace/1",
            Self::Print(_) => "ukdbg.print/1",
            Self::Places(_) => "ukdbg.places/1",
            Self::Kept(_) => "ukdbg.kept/1",
            Self::Locals(_) => "ukdbg.locals/1",
            Self::Memory(_) => "ukdbg.memory/1",
            Self::Whois(_) => "ukdbg.whois/1",
            Self::Code(_) => "ukdbg.code/1",
            Self::Tables(_) => "ukdbg.tables/1",
            Self::Graph(_) => GraphView::SCHEMA,
        }
    }
}
