//! Replies: what the answers look like to every front end, and as JSON.
//! Addresses are typed; text from guest or image is `Untrusted`.

mod abilities;
mod backtrace;
mod breakpoint;
mod look;
mod report;
mod state;
mod stop;
mod tables;
mod why;

pub use abilities::AbilitiesView;
pub use backtrace::{ArgumentView, BacktraceView, FrameView, StackOwner};
pub use breakpoint::{
    Armed, BreakpointKindView, BreakpointLocation, BreakpointView, BreakpointsView, PlaceView,
    PlacesView,
};
pub use look::{
    CallerView, CodeLine, CodeView, FrameLocals, FramePlace, HoleView, KeptView, LocalsView,
    MemoryRow, MemoryView, PrintView, VariableView, WhoisView,
};
pub use report::{
    EventView, ExceptionView, InstructionView, NextStep, OperandView, PanicView, ReportView,
    TraceView,
};
pub use state::{
    DisassemblyLine, DisassemblyView, RegisterValue, RegistersView, SourceLine, SourceView,
    VectorValue, Wide, Word,
};
pub use stop::{
    Cause, CpuView, CpusView, Event, LogView, Returned, RunningView, SteppingView, StopView,
};
pub use tables::{GateView, StackTop, TablesView};
pub use why::{Origin, WhyView, WrittenView};
