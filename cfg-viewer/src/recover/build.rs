//! From followed code to blocks and edges.

use std::collections::BTreeMap;

use ukdbg_image::LinkAddr;

use super::scan::{Flow, Scan, Table};
use crate::graph::id;
use crate::{Block, BlockEnd, BlockId, Call, Edge, EdgeKind, EdgeTarget, Evidence, Unresolved};

/// Every block and edge of the code followed so far.
pub(crate) fn build(scan: &Scan<'_>) -> (Vec<Block>, Vec<Edge>) {
    let leaders: Vec<_> = scan.leaders().collect();
    let mut builder = Builder {
        scan,
        leaders: leaders.iter().map(|&(offset, _)| offset).collect(),
        edges: Vec::new(),
    };
    let blocks = (0..)
        .map(BlockId)
        .zip(leaders)
        .map(|(id, (offset, evidence))| builder.block(id, offset, evidence))
        .collect();
    (blocks, builder.edges)
}

struct Builder<'s, 'c> {
    scan: &'s Scan<'c>,
    /// Ascending; a block's position here is its number.
    leaders: Vec<usize>,
    edges: Vec<Edge>,
}

impl Builder<'_, '_> {
    fn block(&mut self, from: BlockId, first: usize, evidence: Evidence) -> Block {
        let start = self.scan.extent.address(first);
        let end_of_range = first + self.scan.extent.rest(first).len();
        let mut calls = Vec::new();
        let mut offset = first;
        let (end, size) = loop {
            let next = offset + self.scan.length(offset);
            let flow = self.scan.flow(offset);
            let at = self.scan.extent.address(offset);
            if let Some(&Flow::Call { target, .. }) = flow {
                calls.push(Call { at, target });
            }
            let through = matches!(
                flow,
                None | Some(Flow::Call {
                    noreturn: None,
                    pad: None,
                    ..
                })
            );
            if through && next < end_of_range && !self.scan.is_leader(next) {
                offset = next;
                continue;
            }
            let end = match through {
                true if next >= end_of_range => self.cut(from, flow),
                true => self.onward(from, flow, next),
                false => self.leave(from, offset, next, end_of_range),
            };
            // An invalid instruction is not part of the block, unless there
            // is nothing else in it.
            let invalid = end == BlockEnd::Invalid && offset > first;
            break (
                end,
                if invalid {
                    offset - first
                } else {
                    next - first
                },
            );
        };
        Block {
            start,
            size: size as u64,
            last: self.scan.extent.address(offset),
            end,
            evidence,
            calls,
        }
    }

    /// The next instruction begins another block.
    fn onward(&mut self, from: BlockId, flow: Option<&Flow>, next: usize) -> BlockEnd {
        let kind = match flow {
            Some(_) => EdgeKind::CallReturn,
            None => EdgeKind::FallThrough,
        };
        self.within(from, next, kind);
        BlockEnd::FallThrough
    }

    /// The function's code ends here without an end.
    fn cut(&mut self, from: BlockId, flow: Option<&Flow>) -> BlockEnd {
        let Some(&Flow::Call { target, .. }) = flow else {
            return BlockEnd::Cut;
        };
        self.no_return(from, target, Evidence::CodeEnd);
        BlockEnd::NoReturnCall
    }

    /// Control leaves by an instruction.
    fn leave(&mut self, from: BlockId, last: usize, next: usize, end: usize) -> BlockEnd {
        match self.scan.flow(last) {
            Some(&Flow::Jump(target)) => match self.scan.extent.offset(target) {
                Some(offset) => {
                    self.within(from, offset, EdgeKind::Jump);
                    BlockEnd::Jump
                }
                None => {
                    let to = self.outside(target);
                    self.edge(from, to, EdgeKind::TailCall, Evidence::Decode);
                    BlockEnd::TailCall
                }
            },
            Some(&Flow::Branch(target)) => {
                match self.scan.extent.offset(target) {
                    Some(offset) => self.within(from, offset, EdgeKind::Taken),
                    None => {
                        let to = self.outside(target);
                        self.edge(from, to, EdgeKind::Taken, Evidence::Decode);
                    }
                }
                if next < end {
                    let next = self.scan.past_padding(next);
                    self.within(from, next, EdgeKind::NotTaken);
                }
                BlockEnd::Branch
            }
            Some(Flow::Indirect) => {
                self.indirect(from, last);
                BlockEnd::IndirectJump
            }
            Some(&Flow::Call {
                target,
                noreturn,
                pad,
            }) => {
                let onward = Some(next).filter(|&next| noreturn.is_none() && next < end);
                let call = match onward {
                    Some(next) => {
                        let next = self.scan.past_padding(next);
                        self.within(from, next, EdgeKind::CallReturn);
                        BlockEnd::Call
                    }
                    None => {
                        let evidence = noreturn.unwrap_or(Evidence::CodeEnd);
                        self.no_return(from, target, evidence);
                        BlockEnd::NoReturnCall
                    }
                };
                if let Some(pad) = pad.and_then(|pad| self.scan.extent.offset(pad)) {
                    self.landing_pad(from, pad);
                }
                call
            }
            Some(Flow::Return) => BlockEnd::Return,
            Some(Flow::Trap) => BlockEnd::Trap,
            Some(Flow::Invalid) | None => BlockEnd::Invalid,
        }
    }

    /// One edge for each target of a jump table, with all cases that lead to
    /// it.
    fn indirect(&mut self, from: BlockId, jump: usize) {
        let table = self.scan.table(jump);
        let Some(Ok(Table {
            first,
            targets,
            evidence,
        })) = table
        else {
            let why = table.and_then(|table| table.as_ref().err());
            let to = EdgeTarget::Unresolved(why.copied().unwrap_or(Unresolved::Computed));
            return self.edge(from, to, EdgeKind::Indirect, Evidence::Decode);
        };
        let mut cases = BTreeMap::<usize, Vec<u64>>::new();
        for (case, &target) in (*first..).zip(targets) {
            let offset = self.scan.extent.offset(target);
            cases
                .entry(offset.expect("a table's entries are in the function"))
                .or_default()
                .push(case);
        }
        for (offset, cases) in cases {
            let place = self.leaders.binary_search(&offset).ok().and_then(id);
            let block = place.expect("a table's entries begin blocks");
            let kind = EdgeKind::JumpTable { cases };
            self.edge(from, EdgeTarget::Block(block), kind, *evidence);
        }
    }

    fn no_return(&mut self, from: BlockId, target: Option<LinkAddr>, evidence: Evidence) {
        if let Some(target) = target {
            let to = EdgeTarget::Outside(target);
            self.edge(from, to, EdgeKind::NoReturn, evidence);
        }
    }

    fn landing_pad(&mut self, from: BlockId, offset: usize) {
        let block = self.leaders.binary_search(&offset).ok().and_then(id);
        let to = block.map_or_else(
            || EdgeTarget::Outside(self.scan.extent.address(offset)),
            EdgeTarget::Block,
        );
        self.edge(from, to, EdgeKind::LandingPad, Evidence::ExceptionTable);
    }

    /// An address out of the function, if there is code at all.
    fn outside(&self, target: LinkAddr) -> EdgeTarget {
        match self.scan.code.bytes(target) {
            Some(_) => EdgeTarget::Outside(target),
            None => EdgeTarget::Unresolved(Unresolved::NoCode),
        }
    }

    fn within(&mut self, from: BlockId, offset: usize, kind: EdgeKind) {
        let block = self.leaders.binary_search(&offset).ok().and_then(id);
        let to = match block {
            Some(block) => EdgeTarget::Block(block),
            None => EdgeTarget::Outside(self.scan.extent.address(offset)),
        };
        self.edge(from, to, kind, Evidence::Decode);
    }

    fn edge(&mut self, from: BlockId, to: EdgeTarget, kind: EdgeKind, evidence: Evidence) {
        self.edges.push(Edge {
            from,
            to,
            kind,
            evidence,
        });
    }
}
