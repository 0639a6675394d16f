//! Following code: which bytes are instructions, where blocks begin, and what
//! each jump, call and return does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use iced_x86::{Code as Opcode, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic};
use ukdbg_image::LinkAddr;

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
    },
}

/// Where an indirect jump leads: by index, and how that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Table {
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
    /// Length of the instruction at each offset, 0 where none is known.
    lengths: Vec<u8>,
    /// Instructions that do something to control.
    flows: HashMap<usize, Flow>,
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
            lengths: vec![0; extent.size()],
            code,
            extent,
            flows: HashMap::new(),
            leaders: BTreeMap::new(),
            noreturn: HashMap::new(),
            tables: BTreeMap::new(),
            refuted,
            entry,
            swept: 0,
        }
    }

    pub(crate) fn length(&self, offset: usize) -> usize {
        self.lengths.get(offset).copied().unwrap_or(0).into()
    }

    pub(crate) fn flow(&self, offset: usize) -> Option<&Flow> {
        self.flows.get(&offset)
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
        if let Ok(Table { targets, evidence }) = &table {
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
            if self.lengths[offset] == 0 {
                let onward = evidence_behind(evidence);
                self.run(offset, |target| pending.push((target, onward)));
            }
        }
    }

    /// Decodes until control leaves, or known code is reached.
    fn run(&mut self, mut offset: usize, mut found: impl FnMut(usize)) {
        let bytes = self.extent.rest(offset);
        let start = self.extent.address(offset);
        let mut decoder = Decoder::with_ip(64, bytes, start.0, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() && self.lengths[offset] == 0 {
            decoder.decode_out(&mut instruction);
            // At most 15, by the architecture.
            self.lengths[offset] = u8::try_from(instruction.len()).unwrap_or(u8::MAX);
            let next = offset + instruction.len();
            let Some(flow) = self.flow_of(&instruction) else {
                offset = next;
                continue;
            };
            let goes_on = match flow {
                Flow::Jump(target) | Flow::Branch(target) => {
                    self.extent.offset(target).into_iter().for_each(&mut found);
                    if matches!(flow, Flow::Branch(_)) && decoder.can_decode() {
                        found(next);
                    }
                    false
                }
                Flow::Call { noreturn: None, .. } => true,
                _ => false,
            };
            if flow == Flow::Indirect {
                self.tables.insert(offset, Err(Unresolved::Computed));
            }
            self.flows.insert(offset, flow);
            if !goes_on {
                return;
            }
            offset = next;
        }
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
            FlowControl::Call => Flow::Call {
                target: Some(near),
                noreturn: self.noreturn(near),
            },
            FlowControl::IndirectCall => Flow::Call {
                target: None,
                noreturn: None,
            },
        })
    }

    fn noreturn(&mut self, target: LinkAddr) -> Option<Evidence> {
        let code = self.code;
        *self
            .noreturn
            .entry(target)
            .or_insert_with(|| code.callee(target)?.noreturn)
    }

    /// The next code that nothing reaches, padding passed over.
    pub(crate) fn next_unreached(&mut self) -> Option<usize> {
        while self.swept < self.lengths.len() {
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

/// Code behind a jump table's entry, or behind a landing pad, is reached by
/// plain decoding from there; what nothing reaches makes nothing reached.
fn evidence_behind(evidence: Evidence) -> Evidence {
    match evidence {
        Evidence::Unreached => Evidence::Unreached,
        _ => Evidence::Decode,
    }
}

/// What compilers fill with, and the trap they put behind a call that does not
/// return.
fn is_padding(instruction: &Instruction) -> bool {
    matches!(
        instruction.mnemonic(),
        Mnemonic::Nop | Mnemonic::Int3 | Mnemonic::Ud2
    )
}
