//! Where each pane goes: a pure function of the terminal's size and of what
//! the user looked at last. Knows nothing of what panes hold.

use ratatui::layout::{Constraint, Layout, Rect, Size};

use super::pane::PaneId;

/// From this size on there are four places and the console beside them.
const LARGE: Size = Size::new(100, 28);
/// From this size on there are two places.
const MEDIUM: Size = Size::new(50, 16);

/// A place on the screen that shows one of its panes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The panes that share it.
    pub(crate) panes: Vec<PaneId>,
    /// The one in front.
    pub(crate) front: PaneId,
    /// Where it is, its frame included.
    pub(crate) area: Rect,
}

impl Slot {
    /// What is left for the pane inside the frame.
    pub(crate) fn inner(&self) -> Size {
        Size::new(
            self.area.width.saturating_sub(2),
            self.area.height.saturating_sub(2),
        )
    }
}

/// The whole screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrangement {
    /// Places for panes.
    pub(crate) slots: Vec<Slot>,
    /// The line for messages and for what is typed.
    pub(crate) message: Rect,
    /// The line that is always there.
    pub(crate) status: Rect,
}

impl Arrangement {
    /// Whether a pane is in sight.
    pub(crate) fn shows(&self, pane: PaneId) -> bool {
        self.slots.iter().any(|slot| slot.front == pane)
    }
}

/// What the arrangement depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looks<'a> {
    /// The terminal's size.
    pub(crate) size: Size,
    /// Panes by when they last had the focus, newest first.
    pub(crate) recent: &'a [PaneId],
    /// The focused pane has the whole screen.
    pub(crate) zoomed: bool,
    /// Rows that a message needs.
    pub(crate) message: u16,
}

/// Arranges the screen.
pub(crate) fn arrange(looks: Looks<'_>) -> Arrangement {
    let screen = Rect::from((ratatui::layout::Position::ORIGIN, looks.size));
    let [body, message, status] = Layout::vertical([
        Constraint::Min(0),
        Constraint::Length(looks.message),
        Constraint::Length(1),
    ])
    .areas(screen);
    let focus = looks.recent.first().copied().unwrap_or(PaneId::Report);
    let whole = looks.zoomed || focus == PaneId::Report;
    let places: Vec<(&[PaneId], Rect)> = if whole || !fits(looks.size, MEDIUM) {
        vec![(&PaneId::ALL, body)]
    } else if fits(looks.size, LARGE) {
        four(body)
    } else {
        two(body)
    };
    let slots = places
        .into_iter()
        .filter_map(|(panes, area)| {
            let front = *looks.recent.iter().find(|pane| panes.contains(pane))?;
            let panes = panes.to_vec();
            Some(Slot { panes, front, area })
        })
        .collect();
    Arrangement {
        slots,
        message,
        status,
    }
}

/// Columns of an overlay, its frame included.
const OVERLAY_WIDTH: u16 = 72;

/// Where an overlay of so many rows goes: in the middle, as large as it needs
/// to be and as there is room for.
pub(crate) fn overlay(size: Size, rows: usize) -> Rect {
    let width = size.width.min(OVERLAY_WIDTH);
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2);
    let height = size.height.min(wanted);
    Rect::new(
        (size.width - width) / 2,
        (size.height - height) / 2,
        width,
        height,
    )
}

/// What is left inside an overlay's frame.
pub(crate) fn overlay_inner(size: Size, rows: usize) -> Size {
    let area = overlay(size, rows);
    Size::new(area.width.saturating_sub(2), area.height.saturating_sub(2))
}

fn fits(size: Size, wanted: Size) -> bool {
    size.width >= wanted.width && size.height >= wanted.height
}

fn two(body: Rect) -> Vec<(&'static [PaneId], Rect)> {
    const TOP: &[PaneId] = &[PaneId::Source, PaneId::Disassembly, PaneId::Graph];
    const BOTTOM: &[PaneId] = &[
        PaneId::Backtrace,
        PaneId::Registers,
        PaneId::Trace,
        PaneId::Console,
    ];
    let [top, bottom] = Layout::vertical([Constraint::Fill(11), Constraint::Fill(10)]).areas(body);
    vec![(TOP, top), (BOTTOM, bottom)]
}

fn four(body: Rect) -> Vec<(&'static [PaneId], Rect)> {
    const CODE: &[PaneId] = &[PaneId::Source, PaneId::Graph];
    const MACHINE: &[PaneId] = &[PaneId::Disassembly];
    const HISTORY: &[PaneId] = &[PaneId::Console, PaneId::Trace];
    const STACK: &[PaneId] = &[PaneId::Backtrace];
    const STATE: &[PaneId] = &[PaneId::Registers];
    let [left, right] =
        Layout::horizontal([Constraint::Fill(58), Constraint::Fill(42)]).areas(body);
    let [code, machine, history] = Layout::vertical([
        Constraint::Fill(17),
        Constraint::Fill(12),
        Constraint::Fill(10),
    ])
    .areas(left);
    let [stack, state] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(right);
    vec![
        (CODE, code),
        (MACHINE, machine),
        (HISTORY, history),
        (STACK, stack),
        (STATE, state),
    ]
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Size;

    use super::{Arrangement, Looks, arrange};
    use crate::tui::pane::PaneId;

    fn arranged(width: u16, height: u16, focus: PaneId, zoomed: bool) -> Arrangement {
        let mut recent = PaneId::ALL.to_vec();
        recent.retain(|pane| *pane != focus);
        recent.insert(0, focus);
        arrange(Looks {
            size: Size::new(width, height),
            recent: &recent,
            zoomed,
            message: 0,
        })
    }

    #[test]
    fn the_focused_pane_is_in_sight_at_every_size() {
        for (width, height) in [(1, 1), (20, 5), (80, 24), (120, 40), (300, 100)] {
            for focus in PaneId::ALL {
                for zoomed in [false, true] {
                    assert!(arranged(width, height, focus, zoomed).shows(focus));
                }
            }
        }
    }

    #[test]
    fn the_report_is_a_page_and_the_rest_share_the_screen() {
        let places =
            |width, height, focus, zoomed| arranged(width, height, focus, zoomed).slots.len();
        assert_eq!(places(120, 40, PaneId::Report, false), 1);
        assert_eq!(places(120, 40, PaneId::Source, false), 5);
        assert_eq!(places(120, 40, PaneId::Source, true), 1);
        assert_eq!(places(80, 24, PaneId::Source, false), 2);
        assert_eq!(places(40, 10, PaneId::Source, false), 1);
    }
}
