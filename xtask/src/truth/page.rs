//! docs/truth.md: what was compared, how, and every difference.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Arguments;
use super::addresses::{Agreement, TARGET};
use super::answer::{Answer, Place};
use super::cfg;
use super::difference::{Difference, Kind};
use super::unwinding::Guest;
use crate::cargo::root;

const HOW_ADDRESSES: &str = "\
Functions, inline chains, files and lines, all of them, of random addresses of each
image's executable sections, as `ukdbg addr2line -f -i -a`, `llvm-symbolizer` and GNU
`addr2line` print them. Names are linkage names, so no demangler takes part. Made equal
before comparing are only ways of writing the same thing: `?` and `0` for no line, `??`
and nothing for no name, discriminators (only GNU addr2line shows them), and `.`, `..`
and `//` in paths. Left out is the file of code without a line table: there the other
tools print the symbol table's FILE entry without folder or line, the name that the
assembler was given (for Rust the hash of a codegen unit); ukdbg prints none.
";

/// The part about addresses.
pub(super) fn addresses(arguments: &Arguments, agreements: &[Agreement]) -> String {
    let mut text = format!("## Addresses\n\n{HOW_ADDRESSES}\n");
    let _ = writeln!(
        text,
        "Seed {}. *Agrees* is the share of addresses at which ukdbg says exactly what at least\n\
         one of the others says (at least {:.1} %); *peers* the share at which those two say the same.\n",
        arguments.seed,
        TARGET * 100.0
    );
    text.push_str(
        "| image | addresses | as both | as llvm-symbolizer | as addr2line | as neither | agrees | peers |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for agreement in agreements {
        let Agreement {
            image,
            addresses,
            equal_to_both,
            equal_to_llvm,
            equal_to_gnu,
            differences,
            ..
        } = agreement;
        let _ = writeln!(
            text,
            "| {image} | {addresses} | {equal_to_both} | {equal_to_llvm} | {equal_to_gnu} | {} | {:.2} % | {:.2} % |",
            differences.len(),
            agreement.share() * 100.0,
            agreement.share_of_peers() * 100.0,
        );
    }
    text.push_str("\n### Where ukdbg says what neither other tool says\n\n");
    text.push_str(&differences(agreements));
    text
}

fn differences(agreements: &[Agreement]) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let of_kind: Vec<(&str, &Difference)> = agreements
            .iter()
            .flat_map(|agreement| {
                let image = agreement.image.as_str();
                agreement
                    .differences
                    .iter()
                    .map(move |found| (image, found))
            })
            .filter(|(_, found)| found.kind == kind)
            .collect();
        let Some((image, example)) = of_kind.first() else {
            continue;
        };
        let verdict = kind.verdict().unwrap_or("Nobody has looked into it.");
        let _ = writeln!(
            text,
            "**{}**, {} times. {verdict} For example {:#x} of {image}:\n",
            kind.title(),
            of_kind.len(),
            example.address
        );
        let _ = writeln!(text, "- ukdbg: `{}`", written(&example.ours));
        for (name, answer) in [
            ("llvm-symbolizer", &example.llvm),
            ("addr2line", &example.gnu),
        ] {
            let _ = writeln!(text, "- {name}: `{}`", written(answer));
        }
        text.push('\n');
    }
    if text.is_empty() {
        text.push_str("Nowhere.\n");
    }
    text
}

fn written(answer: &Answer) -> String {
    let places: Vec<String> = answer.iter().map(Place::written).collect();
    if places.is_empty() {
        return "??".to_owned();
    }
    // The paths of the machine that compiled say nothing.
    places
        .join(", in ")
        .replace(&format!("{}/", root().display()), "")
}

/// The part about unwinding.
pub(super) fn unwinding(guests: &[Guest]) -> String {
    let mut text = format!("## Unwinding\n\n{}\n", super::unwinding::HOW);
    text.push_str(
        "| guest | instructions | frames | pushes and pops | calls and returns | stack pointer moves | inside traps \
         | registers alike | neither | only GDB | only ukdbg |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for guest in guests {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            guest.name,
            guest.steps,
            guest.frames,
            guest.pushes_and_pops,
            guest.calls_and_returns,
            guest.stack_moves,
            guest.in_traps,
            guest.recovered,
            guest.lost,
            guest.only_gdb,
            guest.only_ours,
        );
    }
    text.push_str(
        "\nEvery frame at every instruction is GDB's, and every register that both recovered \
         has the same value:\nthe command fails at the first that has not.\n",
    );
    text
}

/// The part about control-flow graphs.
pub(super) fn cfg(agreements: &[cfg::Agreement]) -> String {
    let mut text = format!("## Control-flow graphs\n\n{}\n", cfg::HOW);
    text.push_str(
        "| program | functions | blocks | found | right | edges | found | right \
         | calls that never return | found | indirect jumps | exact | wrong |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut differences = std::collections::BTreeMap::<&str, u64>::new();
    for agreement in agreements {
        let (blocks, edges) = (agreement.blocks, agreement.edges);
        let [noreturn, found] = agreement.noreturn;
        let [indirect, exact, wrong] = agreement.indirect;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} % | {:.2} % | {} | {:.2} % | {:.2} % | {noreturn} | {found} | {indirect} | {exact} | {wrong} |",
            agreement.name,
            agreement.functions,
            blocks.truth,
            blocks.recall() * 100.0,
            blocks.precision() * 100.0,
            edges.truth,
            edges.recall() * 100.0,
            edges.precision() * 100.0,
        );
        for (kind, count) in &agreement.differences {
            *differences.entry(kind).or_default() += count;
        }
    }
    text.push_str("\nDifferences, by kind:\n\n");
    for (kind, count) in differences {
        let _ = writeln!(text, "- {kind}: {count}");
    }
    text
}

/// Writes the page.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(sections: &[String]) -> Result<()> {
    let mut tools = String::new();
    for tool in [
        "llvm-symbolizer",
        "addr2line",
        "gdb",
        "qemu-system-x86_64",
        "rustc",
        "gcc",
    ] {
        if let Some(version) = version(tool) {
            let _ = writeln!(tools, "- {version}");
        }
    }
    let text = format!(
        "# Truth\n\n\
         Written by `cargo xtask truth`; nothing here is typed by hand. What ukdbg says of an\n\
         image and of a stack, beside what other tools say. The command fails when a difference\n\
         is of a kind that is not explained here.\n\n\
         {}\n## Compared with\n\n{tools}",
        sections.join("\n")
    );
    let path: &Path = &root().join("docs/truth.md");
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The line of `program --version` that has a number.
fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .find(|line| line.contains(|character: char| character.is_ascii_digit()))
        .map(|line| line.trim().to_owned())
}
