//! What can be asked of a machine's execution: where to stop, how to go on.
//! Plain data; nothing is done here.

use serde::Serialize;

/// How a machine goes on. What comes of it comes from
/// [`Session::poll`](crate::Session::poll), as a
/// [`StopView`](crate::view::StopView).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Motion {
    /// Until something stops it.
    Continue {
        /// The breakpoint that stopped it last is passed so many times before
        /// it stops again.
        ignore: u64,
    },
    /// By instructions.
    Instructions {
        /// Whether a called function is followed or run through.
        calls: Calls,
        /// How many.
        count: u64,
    },
    /// To the beginning of another source line.
    Lines {
        /// Whether a called function is entered (where it has lines) or run
        /// through. Inlined functions are functions.
        calls: Calls,
        /// How many lines.
        count: u64,
    },
    /// Until a frame has returned to its caller, with the value it returned.
    Out {
        /// The frame, as shown; 0 is the innermost.
        frame: usize,
    },
    /// To a place, or to the caller when the frame ends first.
    To {
        /// As a breakpoint's place is typed.
        place: String,
        /// Whether only the selected frame's own arrival counts, or any.
        whose: Arrival,
    },
    /// To a line further down in this frame: as a step over calls that never
    /// goes back, which ends loops.
    PastLoop,
    /// Back, in a machine whose execution was recorded. It is done when the
    /// request is answered.
    Back(Back),
    /// To the first instruction of the next handler that the processor enters:
    /// an exception's or an interrupt's.
    Trap,
}

/// How a machine goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Back {
    /// By so many instructions.
    Instructions {
        /// How many.
        count: u64,
    },
    /// To the last moment at which a breakpoint or watchpoint stops it, or to
    /// the beginning.
    Continue,
    /// To the call of the innermost function.
    Out,
}

/// What a step does about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// Steps into the function.
    Into,
    /// Runs through it.
    Over,
}

/// Whose arrival at a place ends a motion to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// Anybody's: GDB's `advance`.
    Any,
    /// The current frame's or one further out: GDB's `until`. A recursive
    /// call's does not count.
    ThisFrame,
}

/// A breakpoint that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBreakpoint {
    /// Where, or at what.
    pub at: BreakAt,
    /// What it is made of.
    pub means: Means,
    /// Whether it stays after its first stop.
    pub life: Life,
    /// Stops only where this is true: an expression, evaluated in the frame
    /// that arrives. One that has no value stops, and says so.
    pub condition: Option<String>,
    /// Does not stop: prints this, with the value of every `{expression}` or
    /// `{expression:format}` in it, and goes on. `{{` is a brace.
    pub log: Option<String>,
}

impl NewBreakpoint {
    /// One without conditions at a place as it is typed.
    pub fn at(place: impl Into<String>) -> Self {
        Self {
            at: BreakAt::Place(place.into()),
            means: Means::Fitting,
            life: Life::Lasting,
            condition: None,
            log: None,
        }
    }
}

/// Where a breakpoint stops. One breakpoint may have many locations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "text")]
pub enum BreakAt {
    /// `FUNCTION`, `FILE:LINE`, `LINE` of the current file, `*EXPRESSION` for
    /// an address; empty for where the machine stands. Every copy of an
    /// inlined function or line is a location.
    Place(String),
    /// Every function whose demangled name a regular expression matches.
    Matching(String),
    /// A fault: the guest's rendezvous, and where it has none, the handlers of
    /// the processor's exceptions.
    Fault,
    /// A panic: the functions by which Rust and C programs end themselves.
    Panic,
    /// A switch to another task of the guest runtime.
    TaskSwitch,
    /// Every place in the code where a trace event of this name is written.
    TraceEvent(String),
}

/// What a breakpoint is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// Software where the code is in place, hardware before.
    Fitting,
    /// The processor's comparison, always.
    Hardware,
}

/// How long a breakpoint lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// Until it is deleted.
    Lasting,
    /// Until it stopped the machine once.
    Once,
}

/// A watchpoint that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWatchpoint {
    /// What is watched: an expression that denotes a place in memory, or
    /// `-l`-like an address by a cast (`*(u64*)0x1000`).
    pub expression: String,
    /// The frame it is meant in, as shown; none for the innermost.
    pub frame: Option<usize>,
    /// What it stops on.
    pub access: WatchAccess,
    /// Stops only where this is true.
    pub condition: Option<String>,
    /// Prints and goes on, as [`NewBreakpoint::log`]; `{old}` and `{new}` are
    /// the values.
    pub log: Option<String>,
}

/// What a watchpoint stops on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchAccess {
    /// A write that changes the value.
    Change,
    /// A read.
    Read,
    /// A read or a write.
    Access,
}

/// A change to a breakpoint or watchpoint that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakpointChange {
    /// It can stop the machine; with a number, only that location of it.
    Enable {
        /// From 1, as shown.
        location: Option<usize>,
    },
    /// It cannot.
    Disable {
        /// From 1, as shown.
        location: Option<usize>,
    },
    /// It stops only where an expression is true; none for always.
    Condition(Option<String>),
    /// It is passed so many times.
    Ignore(u64),
    /// It prints and goes on; none to stop again.
    Log(Option<String>),
}
