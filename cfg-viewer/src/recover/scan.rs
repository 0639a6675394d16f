//! Following code: which bytes are instructions, where blocks begin, and what
//! each jump, call and return does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use iced_x86::{
    Code as Opcode, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind,
};
use ukdbg_image::{LandingPad, LinkAddr};

use super::extent::Extent;
use crate::code::Code;
use crate::{Evidence, Unresolved};

/// What an instruction does to control; those that go on to the next have
/// none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    Jump(LinkAddr),
    Branch(LinkAddr),
    Indirect,
    Return,
    Trap,
    Invalid,
    Call {
        target: Option<LinkAddr>,
        /// Set when it does not return.
        noreturn: Option<Evidence>,
        /// Where what it throws lands in this function.
        pad: Option<LinkAddr>,
    },
}

/// Where an indirect jump leads: by index, and how that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Table {
    /// The index of the first entry.
    pub(crate) first: u64,
    pub(crate) targets: Vec<LinkAddr>,
    pub(crate) evidence: Evidence,
}

/// Jumps whose tables are not to be believed.
pub(crate) enum Refuted {
    Some(BTreeSet<usize>),
    All,
}

/// What is known of a function's code so far.
pub(crate) struct Scan<'c> {
    pub(crate) code: &'c dyn Code,
    pub(crate) extent: Extent<'c>,
    /// What begins at each offset: the instruction's length, 0 where none is
    /// known, and above it one more than the position of its flow, if it does
    /// something to control.
    marks: Vec<u32>,
    flows: Vec<Flow>,
    /// Ascending by the calls.
    pads: Vec<LandingPad>,
    /// Where blocks begin, with the best evidence.
    leaders: BTreeMap<usize, Evidence>,
    /// Callees asked for already.
    noreturn: HashMap<LinkAddr, Option<Evidence>>,
    /// Indirect jumps, and what is known of their targets.
    tables: BTreeMap<usize, Result<Table, Unresolved>>,
    refuted: Refuted,
    /// The function's entry.
    pub(crate) entry: LinkAddr,
    /// No unreached code lies below this offset.
    swept: usize,
}

impl<'c> Scan<'c> {
    pub(crate) fn new(
        code: &'c dyn Code,
        extent: Extent<'c>,
        entry: LinkAddr,
        refuted: Refuted,
    ) -> Self {
        Self {
            marks: vec![0; extent.size()],
            pads: landing_pads(code, &extent),
            code,
            extent,
            flows: Vec::new(),
            leaders: BTreeMap::new(),
            noreturn: HashMap::new(),
            tables: BTreeMap::new(),
            refuted,
            entry,
            swept: 0,
        }
    }

    pub(crate) fn length(&self, offset: usize) -> usize {
        self.marks.get(offset).map_or(0, |mark| mark & LENGTH) as usize
    }

    pub(crate) fn flow(&self, offset: usize) -> Option<&Flow> {
        let number = self.marks.get(offset)? >> LENGTH.count_ones();
        self.flows.get((number as usize).checked_sub(1)?)
    }

    pub(crate) fn leaders(&self) -> impl Iterator<Item = (usize, Evidence)> + '_ {
        self.leaders.iter().map(|(&offset, &found)| (offset, found))
    }

    pub(crate) fn is_leader(&self, offset: usize) -> bool {
        self.leaders.contains_key(&offset)
    }

    pub(crate) fn indirect_jumps(&self) -> impl Iterator<Item = usize> + '_ {
        self.tables.keys().copied()
    }

    /// What is known of an indirect jump's targets.
    pub(crate) fn table(&self, jump: usize) -> Option<&Result<Table, Unresolved>> {
        self.tables.get(&jump)
    }

    /// Sets what is known of an indirect jump's targets, and follows them.
    pub(crate) fn set_table(&mut self, jump: usize, table: Result<Table, Unresolved>) {
        if let Ok(Table {
            targets, evidence, ..
        }) = &table
        {
            for &target in targets {
                if let Some(offset) = self.extent.offset(target) {
                    self.follow(offset, *evidence);
                }
            }
        }
        self.tables.insert(jump, table);
    }

    pub(crate) fn is_refuted(&self, jump: usize) -> bool {
        match &self.refuted {
            Refuted::Some(jumps) => jumps.contains(&jump),
            Refuted::All => true,
        }
    }

    /// Takes what is needed to begin again without believing in a jump's table.
    pub(crate) fn refute(self, jump: usize) -> (Extent<'c>, Refuted) {
        let refuted = match self.refuted {
            Refuted::Some(mut jumps) => {
                jumps.insert(jump);
                Refuted::Some(jumps)
            }
            Refuted::All => Refuted::All,
        };
        (self.extent, refuted)
    }

    /// The same without believing in any.
    pub(crate) fn refute_all(self) -> (Extent<'c>, Refuted) {
        (self.extent, Refuted::All)
    }

    /// Whether an offset is within a known instruction, not at its start.
    pub(crate) fn is_inside_instruction(&self, offset: usize) -> bool {
        let overlapped = (offset.saturating_sub(15)..offset).any(|start| {
            let length = self.length(start);
            length > 0 && start + length > offset
        });
        self.length(offset) == 0 && overlapped
    }

    /// Follows code from an offset, through every jump within the function.
    pub(crate) fn follow(&mut self, offset: usize, evidence: Evidence) {
        let mut pending = vec![(offset, evidence)];
        while let Some((offset, evidence)) = pending.pop() {
            let known = self.leaders.entry(offset).or_insert(evidence);
            *known = evidence.min(*known);
            if self.marks[offset] == 0 {
                self.run(offset, |target, found| {
                    // What nothing reaches makes nothing reached.
                    let unreached = evidence == Evidence::Unreached;
                    pending.push((target, if unreached { evidence } else { found }));
                });
            }
        }
    }

    /// Decodes until control leaves, or known code is reached.
    fn run(&mut self, mut offset: usize, mut found: impl FnMut(usize, Evidence)) {
        let bytes = self.extent.rest(offset);
        let start = self.extent.address(offset);
        let mut decoder = Decoder::with_ip(64, bytes, start.0, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() && self.marks[offset] == 0 {
            decoder.decode_out(&mut instruction);
            // At most 15, by the architecture.
            self.marks[offset] = instruction.len() as u32 & LENGTH;
            let next = offset + instruction.len();
            if let Some(flow) = self.flow_of(&instruction) {
                let behind = decoder.can_decode().then_some(next);
                let goes_on = self.lead_on(&flow, behind, &mut found);
                self.note(offset, flow);
                if !goes_on {
                    return;
                }
            }
            offset = next;
        }
    }

    /// Tells where an instruction leads; true when just to the next.
    fn lead_on(
        &self,
        flow: &Flow,
        next: Option<usize>,
        mut found: impl FnMut(usize, Evidence),
    ) -> bool {
        let mut lead = |to: Option<usize>, evidence| {
            if let Some(to) = to {
                found(to, evidence);
            }
        };
        let next = next.map(|next| self.past_padding(next));
        match *flow {
            Flow::Jump(target) => lead(self.extent.offset(target), Evidence::Decode),
            Flow::Branch(target) => {
                lead(self.extent.offset(target), Evidence::Decode);
                lead(next, Evidence::Decode);
            }
            Flow::Call { noreturn, pad, .. } => {
                let Some(pad) = pad else {
                    return noreturn.is_none();
                };
                lead(self.extent.offset(pad), Evidence::ExceptionTable);
                lead(next.filter(|_| noreturn.is_none()), Evidence::Decode);
            }
            Flow::Indirect | Flow::Return | Flow::Trap | Flow::Invalid => {}
        }
        false
    }

    /// Where code goes on that falls into padding: instructions that do
    /// nothing, up to an address that loops are aligned to.
    pub(crate) fn past_padding(&self, next: usize) -> usize {
        let bytes = self.extent.rest(next);
        if !matches!(bytes.first(), Some(0x0f | 0x2e | 0x66 | 0x90)) {
            return next;
        }
        let start = self.extent.address(next).0;
        let mut decoder = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE);
        while decoder.can_decode() && decoder.decode().mnemonic() == Mnemonic::Nop {
            if decoder.ip().is_multiple_of(ALIGNMENT) && decoder.can_decode() {
                return next + decoder.position();
            }
        }
        next
    }

    fn note(&mut self, offset: usize, flow: Flow) {
        if flow == Flow::Indirect {
            self.tables.insert(offset, Err(Unresolved::Computed));
        }
        self.flows.push(flow);
        let number = u32::try_from(self.flows.len()).unwrap_or(0);
        self.marks[offset] |= number << LENGTH.count_ones();
    }

    fn flow_of(&mut self, instruction: &Instruction) -> Option<Flow> {
        let near = LinkAddr(instruction.near_branch_target());
        Some(match instruction.flow_control() {
            FlowControl::Next | FlowControl::Interrupt => return None,
            FlowControl::UnconditionalBranch => Flow::Jump(near),
            FlowControl::ConditionalBranch => Flow::Branch(near),
            FlowControl::XbeginXabortXend if near.0 != 0 => Flow::Branch(near),
            FlowControl::XbeginXabortXend => return None,
            FlowControl::IndirectBranch => Flow::Indirect,
            FlowControl::Return => Flow::Return,
            FlowControl::Exception if instruction.code() == Opcode::INVALID => Flow::Invalid,
            FlowControl::Exception => Flow::Trap,
            // System calls return, and call nothing of the image's.
            FlowControl::Call if !instruction.is_call_near() => return None,
            // Of the next instruction: only to learn where it is.
            FlowControl::Call if near.0 == instruction.next_ip() => return None,
            FlowControl::Call => Flow::Call {
                target: Some(near),
                noreturn: self.noreturn(near),
                pad: self.pad(instruction),
            },
            FlowControl::IndirectCall => Flow::Call {
                target: None,
                noreturn: self.imported_noreturn(instruction),
                pad: self.pad(instruction),
            },
        })
    }

    fn noreturn(&mut self, target: LinkAddr) -> Option<Evidence> {
        let code = self.code;
        *self
            .noreturn
            .entry(target)
            .or_insert_with(|| code.noreturn(target))
    }

    fn imported_noreturn(&self, call: &Instruction) -> Option<Evidence> {
        let through_slot = call.op0_kind() == OpKind::Memory && call.is_ip_rel_memory_operand();
        let slot = LinkAddr(call.memory_displacement64());
        self.code.imported_noreturn(slot).filter(|_| through_slot)
    }

    /// Where what a call throws lands, by the last byte of the call.
    fn pad(&self, call: &Instruction) -> Option<LinkAddr> {
        let last = LinkAddr(call.next_ip().wrapping_sub(1));
        let after = self.pads.partition_point(|pad| pad.calls.start <= last);
        let pad = self.pads.get(after.checked_sub(1)?)?;
        let caught = pad.calls.contains(&last) && self.extent.offset(pad.pad).is_some();
        caught.then_some(pad.pad)
    }

    /// The next code that nothing reaches, padding passed over.
    pub(crate) fn next_unreached(&mut self) -> Option<usize> {
        while self.swept < self.marks.len() {
            let offset = self.swept;
            let known = self.length(offset);
            let bytes = self.extent.rest(offset);
            let next = match known {
                0 => Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).decode(),
                _ => Instruction::default(),
            };
            // What overlaps known code is more likely data than code.
            let overlaps = (offset + 1..offset + next.len()).any(|byte| self.length(byte) > 0);
            if known == 0 && !overlaps && !is_padding(&next) {
                return Some(offset);
            }
            self.swept += match overlaps {
                true => 1,
                false => known.max(next.len()).max(1),
            };
        }
        None
    }
}

/// What compilers align the heads of loops to.
const ALIGNMENT: u64 = 16;

/// The part of a mark that is the instruction's length.
const LENGTH: u32 = 15;

fn landing_pads(code: &dyn Code, extent: &Extent<'_>) -> Vec<LandingPad> {
    let pieces = extent.starts().flat_map(|start| code.landing_pads(start));
    let mut pads: Vec<LandingPad> = pieces.collect();
    pads.sort_by_key(|pad| pad.calls.start);
    pads
}

/// What compilers fill with, and the trap they put behind a call that does not
/// return.
fn is_padding(instruction: &Instruction) -> bool {
    matches!(
        instruction.mnemonic(),
        Mnemonic::Nop | Mnemonic::Int3 | Mnemonic::Ud2
    )
}
