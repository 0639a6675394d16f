//! What a machine's links can do, as lines.

use std::fmt::Write as _;

use ukdbg_session::view::AbilitiesView;

/// A line for each ability.
pub(crate) fn abilities(view: &AbilitiesView) -> String {
    let mut out = String::new();
    for (able, what) in [
        (true, "read registers and memory while it stands still"),
        (view.live_memory, "read memory while it runs"),
        (view.physical_memory, "read physical memory"),
        (view.runs, "let it go on and stop it"),
        (view.breaks, "breakpoints, watchpoints and single steps"),
        (view.writes_registers, "write registers"),
        (view.writes_memory, "write memory"),
        (view.history, "go back in its recording"),
    ] {
        let _ = writeln!(out, "{}  {what}", if able { "yes" } else { "no " });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_can_be_read() {
        let view = AbilitiesView {
            runs: false,
            breaks: false,
            writes_memory: false,
            writes_registers: false,
            physical_memory: true,
            live_memory: false,
            history: false,
        };
        let text = abilities(&view);
        assert!(text.contains("yes  read physical memory\n"), "{text}");
        assert!(text.contains("no   write memory\n"), "{text}");
        assert_eq!(text.lines().count(), 8);
    }
}
