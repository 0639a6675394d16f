//! Which functions never return. A function returns when some way through its
//! code ends in a return, and every call on that way returns; what remains
//! never does. It is the least fixed point over the call graph, found by
//! walking each way once: a way stops at a call that is not known to return,
//! and goes on when it is.
//!
//! Whatever is not known is taken to return: unknown callees, indirect jumps,
//! undecodable bytes, and traps in mid-function, which a kernel may step over.

use std::collections::HashMap;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, OpKind};
use ukdbg_image::LinkAddr;

use crate::Evidence;

/// What is known of a function before its code is walked.
pub(crate) enum Callee<'c> {
    /// Something says that it never returns.
    Declared(Evidence),
    /// Its code, and where exceptions land in it.
    Code {
        pieces: Vec<(LinkAddr, &'c [u8])>,
        pads: Vec<LinkAddr>,
    },
    /// Nothing.
    Unknown,
}

/// What is asked of an image.
pub(crate) trait Callees {
    fn callee(&self, entry: LinkAddr) -> Callee<'_>;
    fn imported_noreturn(&self, slot: LinkAddr) -> bool;
    /// The image's own function that a slot holds the address of.
    fn slot_target(&self, slot: LinkAddr) -> Option<LinkAddr>;
}

/// Functions that never return, with the evidence.
#[derive(Debug, Default)]
pub(crate) struct Returns {
    noreturn: HashMap<LinkAddr, Evidence>,
}

impl Returns {
    /// Whether a function never returns, and how that is known.
    pub(crate) fn noreturn(&self, entry: LinkAddr) -> Option<Evidence> {
        self.noreturn.get(&entry).copied()
    }
}

/// A walk over the code of functions.
pub(crate) struct Walk<'c> {
    callees: &'c dyn Callees,
    /// Functions that may still be begun.
    left: usize,
    places: HashMap<LinkAddr, usize>,
    functions: Vec<Walked<'c>>,
    /// Ways to go on.
    pending: Vec<(usize, LinkAddr)>,
}

struct Walked<'c> {
    entry: LinkAddr,
    state: State,
    pieces: Vec<(LinkAddr, &'c [u8])>,
    /// A bit for each byte where an instruction was met.
    seen: Vec<u64>,
    /// Who goes on, and where, when this returns; nowhere for a tail call,
    /// which returns with it.
    waiting: Vec<(usize, Option<LinkAddr>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No way to a return is known yet.
    Open,
    Returns,
    Declared(Evidence),
}

impl<'c> Walk<'c> {
    /// One that begins at most `limit` functions: the others are taken to
    /// return.
    pub(crate) fn new(callees: &'c dyn Callees, limit: usize) -> Self {
        Self {
            callees,
            left: limit,
            places: HashMap::new(),
            functions: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// Finds out about a function, and all those it needs.
    pub(crate) fn ask(&mut self, entry: LinkAddr) {
        self.place(entry);
        while let Some((function, at)) = self.pending.pop() {
            if self.functions[function].state == State::Open {
                self.way(function, at);
            }
        }
    }

    /// What never returns: what no way to a return was found in.
    pub(crate) fn finish(self) -> Returns {
        let never = self.functions.iter().filter_map(|function| {
            let evidence = match function.state {
                State::Open => Evidence::Propagated,
                State::Declared(evidence) => evidence,
                State::Returns => return None,
            };
            Some((function.entry, evidence))
        });
        Returns {
            noreturn: never.collect(),
        }
    }

    /// The function entered at an address, begun if it is new.
    fn place(&mut self, entry: LinkAddr) -> usize {
        if let Some(&place) = self.places.get(&entry) {
            return place;
        }
        let callee = match self.left {
            0 => Callee::Unknown,
            _ => self.callees.callee(entry),
        };
        self.left = self.left.saturating_sub(1);
        let place = self.functions.len();
        let (state, pieces) = match callee {
            Callee::Declared(evidence) => (State::Declared(evidence), Vec::new()),
            Callee::Unknown => (State::Returns, Vec::new()),
            Callee::Code { pieces, pads } => {
                self.pending.extend(pads.iter().map(|&pad| (place, pad)));
                self.pending.push((place, entry));
                let known = pieces.iter().any(|&(start, _)| start <= entry);
                let state = if known { State::Open } else { State::Returns };
                (state, pieces)
            }
        };
        self.places.insert(entry, place);
        let size: usize = pieces.iter().map(|(_, bytes)| bytes.len()).sum();
        self.functions.push(Walked {
            entry,
            state,
            pieces,
            seen: vec![0; size.div_ceil(64)],
            waiting: Vec::new(),
        });
        place
    }

    /// Goes one way through a function, to a return or to where it stops.
    fn way(&mut self, function: usize, at: LinkAddr) {
        let Some((mut place, bytes)) = self.functions[function].place(at) else {
            return;
        };
        let mut decoder = Decoder::with_ip(64, bytes, at.0, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() && self.functions[function].is_new(place) {
            decoder.decode_out(&mut instruction);
            place += instruction.len();
            if !self.goes_on(function, &instruction) {
                return;
            }
        }
    }

    /// Whether the way goes on behind an instruction.
    fn goes_on(&mut self, function: usize, instruction: &Instruction) -> bool {
        let near = LinkAddr(instruction.near_branch_target());
        match instruction.flow_control() {
            FlowControl::Next | FlowControl::Interrupt | FlowControl::XbeginXabortXend => true,
            FlowControl::Exception if !instruction.is_invalid() => true,
            FlowControl::Return | FlowControl::IndirectBranch | FlowControl::Exception => {
                self.returns(function);
                false
            }
            FlowControl::UnconditionalBranch => {
                self.jump(function, near);
                false
            }
            FlowControl::ConditionalBranch => {
                self.jump(function, near);
                self.functions[function].state == State::Open
            }
            FlowControl::Call if instruction.is_call_near() => {
                self.call(function, near, LinkAddr(instruction.next_ip()))
            }
            FlowControl::Call => true,
            FlowControl::IndirectCall => {
                let through_slot = instruction.op0_kind() == OpKind::Memory
                    && instruction.is_ip_rel_memory_operand();
                let slot = LinkAddr(instruction.memory_displacement64());
                match self.callees.slot_target(slot) {
                    _ if !through_slot => true,
                    Some(target) => self.call(function, target, LinkAddr(instruction.next_ip())),
                    None => !self.callees.imported_noreturn(slot),
                }
            }
        }
    }

    fn jump(&mut self, function: usize, to: LinkAddr) {
        let walked = &self.functions[function];
        let own_entry = to == walked.entry;
        if walked.place(to).is_some() {
            if !own_entry {
                self.pending.push((function, to));
            }
            return;
        }
        let callee = self.place(to);
        match self.functions[callee].state {
            State::Returns => self.returns(function),
            State::Open => self.functions[callee].waiting.push((function, None)),
            State::Declared(_) => {}
        }
    }

    fn call(&mut self, function: usize, to: LinkAddr, next: LinkAddr) -> bool {
        // A call of the next instruction only tells where it is.
        if to == next {
            return true;
        }
        let callee = self.place(to);
        match self.functions[callee].state {
            State::Returns => return true,
            State::Open => self.functions[callee].waiting.push((function, Some(next))),
            State::Declared(_) => {}
        }
        false
    }

    /// A way to a return was found: whoever waited for it goes on.
    fn returns(&mut self, function: usize) {
        let mut found = vec![function];
        while let Some(function) = found.pop() {
            let walked = &mut self.functions[function];
            if walked.state != State::Open {
                continue;
            }
            walked.state = State::Returns;
            walked.seen = Vec::new();
            walked.pieces = Vec::new();
            for (waiting, at) in std::mem::take(&mut walked.waiting) {
                match at {
                    Some(at) => self.pending.push((waiting, at)),
                    None => found.push(waiting),
                }
            }
        }
    }
}

impl<'c> Walked<'c> {
    /// How many of its bytes come before an address, and those from there to
    /// the end of their piece.
    fn place(&self, at: LinkAddr) -> Option<(usize, &'c [u8])> {
        let mut before = 0;
        for &(start, bytes) in &self.pieces {
            let within = at
                .offset_from(start)
                .and_then(|it| usize::try_from(it).ok());
            if let Some(within) = within
                && let Some(rest) = bytes.get(within..).filter(|rest| !rest.is_empty())
            {
                return Some((before + within, rest));
            }
            before += bytes.len();
        }
        None
    }

    /// Notes an instruction; false for one that was met before, and when
    /// there is nothing more to find out.
    fn is_new(&mut self, place: usize) -> bool {
        let Some(word) = self.seen.get_mut(place / 64) else {
            return false;
        };
        let bit = 1 << (place % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}
