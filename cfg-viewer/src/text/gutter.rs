//! Edges beside the boxes: each a vertical wire in a column of its own, with a
//! branch to every box it leaves and an arrow at the one it enters.

use super::{Role, Span};

/// Edges to one line, drawn as one.
pub(super) struct Wire {
    /// The line of the box's header.
    pub(super) target: usize,
    /// The lines of the footers it comes from.
    pub(super) sources: Vec<usize>,
    /// It goes back to the header of a loop.
    pub(super) back: bool,
}

/// The drawn wires.
pub(super) struct Gutter {
    columns: usize,
    /// Row by row.
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    /// Which of its four sides a line goes to.
    sides: u8,
    back: bool,
    arrow: bool,
}

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// By the sides that a line goes to.
const SHAPES: [char; 16] = [
    ' ', '╵', '╷', '│', '╴', '╯', '╮', '┤', '╶', '╰', '╭', '├', '─', '┴', '┬', '┼',
];

/// Cells of the largest gutter that is drawn.
const MAX_CELLS: usize = 1 << 22;

impl Wire {
    fn first(&self) -> usize {
        self.sources.iter().copied().fold(self.target, usize::min)
    }

    fn last(&self) -> usize {
        self.sources.iter().copied().fold(self.target, usize::max)
    }
}

impl Gutter {
    /// Draws as many wires as fit into `most` columns, the shortest first: a
    /// long one says least by being drawn.
    pub(super) fn new(wires: &[Wire], rows: usize, most: usize) -> Self {
        let tracks_allowed = (most.saturating_sub(1) / 2).min(MAX_CELLS / (2 * rows.max(1)));
        let mut order: Vec<_> = wires.iter().collect();
        order.sort_by_key(|wire| (wire.last() - wire.first(), wire.target));
        let mut tracks: Vec<Track<'_>> = Vec::new();
        for wire in order {
            match tracks.iter().position(|track| track.is_free(wire)) {
                Some(free) => tracks[free].add(wire),
                None if tracks.len() < tracks_allowed => {
                    let mut track = Track::default();
                    track.add(wire);
                    tracks.push(track);
                }
                None => {}
            }
        }
        let columns = match tracks.len() {
            0 => 0,
            count => 2 * count + 1,
        };
        let mut gutter = Self {
            columns,
            cells: vec![Cell::default(); rows * columns],
        };
        for (number, track) in tracks.iter().enumerate() {
            for wire in &track.wires {
                gutter.draw(wire, columns - 3 - 2 * number);
            }
        }
        gutter
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    fn draw(&mut self, wire: &Wire, column: usize) {
        let (first, last) = (wire.first(), wire.last());
        for row in first..=last {
            let up = if row > first { UP } else { 0 };
            let down = if row < last { DOWN } else { 0 };
            self.connect(row, column, up | down, wire.back);
        }
        for &row in wire.sources.iter().chain([&wire.target]) {
            self.connect(row, column, RIGHT, wire.back);
            for beside in column + 1..self.columns {
                self.connect(row, beside, LEFT | RIGHT, wire.back);
            }
        }
        let arrow = wire.target * self.columns + self.columns - 1;
        self.cells[arrow].arrow = true;
    }

    fn connect(&mut self, row: usize, column: usize, sides: u8, back: bool) {
        let cell = &mut self.cells[row * self.columns + column];
        cell.sides |= sides;
        cell.back |= back;
    }

    /// Whether a wire of that row goes on to the right.
    pub(super) fn meets_box(&self, row: usize) -> bool {
        let cells = &self.cells[row * self.columns..][..self.columns];
        cells.last().is_some_and(|cell| cell.sides & RIGHT != 0)
    }

    /// A row's parts.
    pub(super) fn line(&self, row: usize) -> Vec<Span> {
        let cells = &self.cells[row * self.columns..][..self.columns];
        let mut spans: Vec<Span> = Vec::new();
        for cell in cells {
            let shape = match cell.arrow {
                true => '▸',
                false => SHAPES[usize::from(cell.sides & 15)],
            };
            let role = match (cell.sides, cell.back) {
                (0, _) => Role::Space,
                (_, true) => Role::BackEdge,
                (_, false) => Role::Edge,
            };
            match spans.last_mut() {
                Some(span) if span.role == role => span.text.push(shape),
                _ => spans.push(Span::new(role, shape)),
            }
        }
        spans
    }
}

/// Wires that share a column.
#[derive(Default)]
struct Track<'w> {
    wires: Vec<&'w Wire>,
    /// Taken rows as (first, last), ascending.
    taken: Vec<(usize, usize)>,
}

impl<'w> Track<'w> {
    fn is_free(&self, wire: &Wire) -> bool {
        let behind = self.behind(wire);
        let before = behind.checked_sub(1).map(|place| self.taken[place]);
        let after = self.taken.get(behind);
        before.is_none_or(|(_, last)| last < wire.first())
            && after.is_none_or(|&(first, _)| wire.last() < first)
    }

    fn add(&mut self, wire: &'w Wire) {
        let place = self.behind(wire);
        self.taken.insert(place, (wire.first(), wire.last()));
        self.wires.push(wire);
    }

    fn behind(&self, wire: &Wire) -> usize {
        self.taken
            .partition_point(|&(first, _)| first <= wire.first())
    }
}
