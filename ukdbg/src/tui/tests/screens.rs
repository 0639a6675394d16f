//! Every pane as it looks, at the two usual sizes of a terminal.

use insta::assert_snapshot;

use super::Bench;
use crate::tui::keys::Key;
use crate::tui::pane::PaneId;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

#[test]
fn every_pane_after_a_fault() {
    for (width, height) in SIZES {
        for pane in PaneId::ALL {
            let mut bench = Bench::faulted(width, height);
            bench.key(Key::Char(pane.digit()));
            let name = format!("{}_{width}x{height}", pane.title().to_lowercase());
            assert_snapshot!(name, bench.text());
        }
    }
}

#[test]
fn overlays_and_messages() {
    for (width, height) in SIZES {
        let mut bench = Bench::faulted(width, height);
        bench.keys("3s");
        assert_snapshot!(format!("message_{width}x{height}"), bench.text());
        bench.keys("e");
        assert_snapshot!(format!("messages_{width}x{height}"), bench.text());
        bench.keys("?");
        assert_snapshot!(format!("help_{width}x{height}"), bench.text());
        bench.keys("?/line");
        assert_snapshot!(format!("search_{width}x{height}"), bench.text());
    }
}

#[test]
fn the_console_has_the_screen_while_nothing_is_known() {
    let mut bench = Bench::new(80, 24);
    bench.console(b"booting\n");
    assert_snapshot!("running_80x24", bench.text());
}

#[test]
fn a_small_terminal_shows_one_pane() {
    let mut bench = Bench::faulted(20, 5);
    assert_snapshot!("report_20x5", bench.text());
    bench.keys("2");
    assert_snapshot!("backtrace_20x5", bench.text());
}
