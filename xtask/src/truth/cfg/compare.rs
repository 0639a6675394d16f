//! Two graphs of the same function, block by block and edge by edge.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

/// The graphs of an image, by the functions' entries.
pub(super) struct Graphs(BTreeMap<u64, Blocks>);

type Blocks = BTreeMap<u64, Block>;

#[derive(Clone)]
struct Block {
    end: u64,
    kind: String,
    evidence: String,
    successors: BTreeSet<u64>,
}

/// How far two agree.
#[derive(Default)]
pub(in crate::truth) struct Agreement {
    pub(in crate::truth) name: &'static str,
    pub(in crate::truth) functions: u64,
    pub(in crate::truth) blocks: Counted,
    pub(in crate::truth) edges: Counted,
    /// Blocks that end in a call that never returns, and those found to.
    pub(in crate::truth) noreturn: [u64; 2],
    /// Indirect jumps with known targets: all, exact, wrong.
    pub(in crate::truth) indirect: [u64; 3],
    /// What differs, by kind.
    pub(in crate::truth) differences: BTreeMap<String, u64>,
}

/// Things that are in truth, that were found, and that are both.
#[derive(Clone, Copy, Default)]
pub(in crate::truth) struct Counted {
    pub(in crate::truth) truth: u64,
    found: u64,
    both: u64,
}

impl Counted {
    pub(in crate::truth) fn recall(self) -> f64 {
        share(self.both, self.truth)
    }

    pub(in crate::truth) fn precision(self) -> f64 {
        share(self.both, self.found)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(in crate::truth) fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 1.0,
        _ => part as f64 / whole as f64,
    }
}

impl Graphs {
    /// Reads the lines of `ukdbg cfg --all --format jsonl`.
    ///
    /// # Errors
    /// When a line is not of the form that is documented.
    pub(super) fn parse(lines: &[u8]) -> Result<Self> {
        let lines = lines
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        let functions = lines.map(|line| {
            let value: Value = serde_json::from_slice(line)?;
            function(&value).context("a line of ukdbg cfg --all is incomplete")
        });
        functions.collect::<Result<_>>().map(Self)
    }
}

fn function(value: &Value) -> Option<(u64, Blocks)> {
    let blocks = value["blocks"].as_array()?.iter().map(|block| {
        let start = address(&block["start"])?;
        let successors = block["successors"].as_array()?.iter().map(address);
        let block = Block {
            end: start + block["size"].as_u64()?,
            kind: block["kind"].as_str()?.to_owned(),
            evidence: block["evidence"].as_str()?.to_owned(),
            successors: successors.collect::<Option<_>>()?,
        };
        Some((start, block))
    });
    Some((address(&value["address"])?, blocks.collect::<Option<_>>()?))
}

fn address(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

impl Agreement {
    pub(super) fn of(name: &'static str, truth: &Graphs, ours: &Graphs) -> Self {
        let mut agreement = Self {
            name,
            ..Self::default()
        };
        let mapped = truth.0.iter().filter(|(_, blocks)| {
            let mut blocks = blocks.values();
            blocks.any(|block| block.evidence == "map")
        });
        for (entry, truth) in mapped {
            let mut ours = ours.0.get(entry).cloned().unwrap_or_default();
            ours.retain(|_, block| block.evidence != "unreached");
            agreement.add(truth, &ours);
        }
        agreement
    }

    /// Whether it is as good as it must be.
    pub(super) fn holds(&self) -> bool {
        let good = |counted: Counted| counted.recall() >= 0.995 && counted.precision() >= 0.999;
        let [noreturn, found] = self.noreturn;
        good(self.blocks)
            && good(self.edges)
            && share(found, noreturn) >= 0.995
            && self.indirect[2] == 0
    }

    fn add(&mut self, truth: &Blocks, ours: &Blocks) {
        self.functions += 1;
        self.calls_and_tables(truth, ours);
        let (truth, ours) = (joined(truth, ours), joined(ours, truth));
        self.blocks.add(
            &truth.keys().collect(),
            &ours.keys().collect(),
            &mut self.differences,
            |start, side| format!("block {side}, ended by {}", kind_of(&truth, &ours, **start)),
        );
        let edges = |blocks: &Blocks| -> BTreeSet<(u64, u64)> {
            let from = |(&start, block): (&u64, &Block)| {
                let to = block.successors.clone().into_iter();
                to.map(move |to| (start, to)).collect::<Vec<_>>()
            };
            blocks.iter().flat_map(from).collect()
        };
        self.edges.add(
            &edges(&truth),
            &edges(&ours),
            &mut self.differences,
            |(from, _), side| format!("edge {side}, from {}", kind_of(&truth, &ours, *from)),
        );
    }

    fn calls_and_tables(&mut self, truth: &Blocks, ours: &Blocks) {
        let by_end: BTreeMap<u64, &Block> = ours.values().map(|block| (block.end, block)).collect();
        for block in truth.values() {
            let found = by_end.get(&block.end);
            if block.kind == "no_return_call" {
                self.noreturn[0] += 1;
                self.noreturn[1] += u64::from(found.is_some_and(|found| found.kind == block.kind));
            }
            if block.kind == "indirect_jump" && !block.successors.is_empty() {
                let empty = BTreeSet::new();
                let found = found.map_or(&empty, |found| &found.successors);
                self.indirect[0] += 1;
                self.indirect[1] += u64::from(*found == block.successors);
                self.indirect[2] += u64::from(!found.is_subset(&block.successors));
            }
        }
    }
}

impl Counted {
    fn add<T: Ord>(
        &mut self,
        truth: &BTreeSet<T>,
        found: &BTreeSet<T>,
        differences: &mut BTreeMap<String, u64>,
        kind: impl Fn(&T, &str) -> String,
    ) {
        self.truth += truth.len() as u64;
        self.found += found.len() as u64;
        self.both += truth.intersection(found).count() as u64;
        for missed in truth.difference(found) {
            *differences.entry(kind(missed, "not found")).or_default() += 1;
        }
        for extra in found.difference(truth) {
            *differences
                .entry(kind(extra, "not in the map"))
                .or_default() += 1;
        }
    }
}

fn kind_of<'a>(truth: &'a Blocks, ours: &'a Blocks, start: u64) -> &'a str {
    let block = truth.get(&start).or_else(|| ours.get(&start));
    block.map_or("nothing", |block| &block.kind)
}

/// The blocks, with those joined that the other side has as one, and that
/// nothing enters but the block before them, by falling into them.
fn joined(blocks: &Blocks, other: &Blocks) -> Blocks {
    let mut entered: BTreeMap<u64, u64> = BTreeMap::new();
    for to in blocks.values().flat_map(|block| &block.successors) {
        *entered.entry(*to).or_default() += 1;
    }
    let mut result = Blocks::new();
    let mut last = None;
    for (&start, block) in blocks {
        let before = last.and_then(|last| result.get_mut(&last));
        match before {
            Some(before)
                if before.end == start
                    && !other.contains_key(&start)
                    && entered.get(&start) == Some(&1)
                    && before.successors.contains(&start) =>
            {
                before.successors.remove(&start);
                before.end = block.end;
                before.kind.clone_from(&block.kind);
                before.successors.extend(&block.successors);
            }
            _ => {
                result.insert(start, block.clone());
                last = Some(start);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graphs(blocks: &str) -> Graphs {
        let line = format!(r#"{{"address":"0x10","blocks":[{blocks}]}}"#);
        Graphs::parse(line.as_bytes()).unwrap()
    }

    fn block(start: u64, size: u64, successors: &str, evidence: &str) -> String {
        format!(
            r#"{{"start":"{start:#x}","size":{size},"kind":"branch","successors":[{successors}],"evidence":"{evidence}"}}"#
        )
    }

    #[test]
    fn a_pair_of_jumps_is_one_block() {
        let truth = graphs(
            &[
                block(0x10, 4, r#""0x10","0x14""#, "map"),
                block(0x14, 1, "", "map"),
            ]
            .join(","),
        );
        let ours = graphs(
            &[
                block(0x10, 2, r#""0x10","0x12""#, "decode"),
                block(0x12, 2, r#""0x14""#, "decode"),
                block(0x14, 1, "", "decode"),
            ]
            .join(","),
        );
        let agreement = Agreement::of("", &truth, &ours);
        assert!(
            agreement.differences.is_empty(),
            "{:?}",
            agreement.differences
        );
        assert!(agreement.holds());
    }

    #[test]
    fn what_is_missed_and_what_is_made_up_counts() {
        let truth = graphs(&block(0x10, 4, r#""0x10""#, "map"));
        let ours = graphs(
            &[
                block(0x10, 2, r#""0x12""#, "decode"),
                block(0x12, 2, r#""0x12""#, "decode"),
            ]
            .join(","),
        );
        let agreement = Agreement::of("", &truth, &ours);
        assert!(!agreement.holds());
        assert_eq!(agreement.differences.values().sum::<u64>(), 4);
    }
}
