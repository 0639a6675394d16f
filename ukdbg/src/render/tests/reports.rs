//! Whole reports, as snapshots.

use super::views::report;
use crate::render::{Commands, Styles, report as render};

fn commands() -> Commands {
    Commands {
        images: vec!["my kernel.elf".to_owned()],
        look: "ukdbg attach unix:/run/gdb".to_owned(),
        trace: "ukdbg trace list unix:/run/gdb".to_owned(),
    }
}

#[test]
fn a_report_with_every_part() {
    insta::assert_snapshot!(render(&report(), &commands(), Styles::PLAIN));
}

#[test]
fn a_report_that_knows_nothing() {
    let mut view = report();
    view.verdict.place = None;
    view.verdict.because.clear();
    view.exception = None;
    view.instruction = None;
    view.source = None;
    view.events = None;
    view.backtrace.frames.clear();
    view.gaps.clear();
    view.next.clear();
    insta::assert_snapshot!(render(&view, &Commands::default(), Styles::PLAIN));
}
