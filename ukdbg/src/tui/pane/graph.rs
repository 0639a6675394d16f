//! The control-flow graph of the selected frame's function, in text form.

use ratatui::layout::Size;
use ukdbg_session::cfg_viewer::{self, TextLine, Zoom};
use ukdbg_session::{GraphView, Reply};

use super::parts::executes;
use super::{Context, News, Pane};
use crate::tui::engine::Question;
use crate::tui::listing::Listing;
use crate::tui::row::{Role, Row};

/// Columns that instructions with names need; a narrower pane scrolls.
const LEAST_WIDTH: usize = 100;

/// The pane.
#[derive(Debug)]
pub(crate) struct Graph {
    view: Option<Box<GraphView>>,
    zoom: Zoom,
    listing: Listing,
}

impl Default for Graph {
    fn default() -> Self {
        Self {
            view: None,
            zoom: Zoom::Instructions,
            listing: Listing::default(),
        }
    }
}

impl Graph {
    fn compose(&mut self) {
        let Some(view) = &self.view else { return };
        let width = usize::from(self.listing.size().width).max(LEAST_WIDTH);
        let lines = view.drawing().text(width, self.zoom);
        self.listing.set_centered(lines.iter().map(row).collect());
    }
}

fn row(line: &TextLine) -> Row {
    let mut row = Row::new();
    for span in &line.spans {
        row.push(role(span.role), &span.text);
        row.current |= matches!(
            span.role,
            cfg_viewer::Role::CurrentInstruction | cfg_viewer::Role::FaultingInstruction
        );
    }
    row
}

fn role(role: cfg_viewer::Role) -> Role {
    match role {
        cfg_viewer::Role::Title | cfg_viewer::Role::CurrentInstruction => Role::Strong,
        cfg_viewer::Role::FaultBorder | cfg_viewer::Role::FaultingInstruction => Role::Error,
        cfg_viewer::Role::Unresolved => Role::Doubt,
        cfg_viewer::Role::Label | cfg_viewer::Role::BackEdge => Role::Heading,
        cfg_viewer::Role::Address => Role::Address,
        cfg_viewer::Role::Source => Role::Path,
        cfg_viewer::Role::Note | cfg_viewer::Role::DimBorder => Role::Muted,
        cfg_viewer::Role::Border
        | cfg_viewer::Role::Instruction
        | cfg_viewer::Role::Edge
        | cfg_viewer::Role::Space => Role::Plain,
    }
}

impl Pane for Graph {
    fn learn(&mut self, news: &News<'_>) {
        match news {
            News::Detail => {
                self.zoom = match self.zoom {
                    Zoom::Instructions => Zoom::Source,
                    Zoom::Source => Zoom::Labels,
                    Zoom::Labels => Zoom::Instructions,
                };
                self.compose();
            }
            News::Reply(_, Reply::Graph(view)) => {
                self.view = Some(view.clone());
                self.compose();
            }
            News::Failed(Question::Graph { .. }, why) => {
                self.view = None;
                self.listing.clear(*why);
            }
            _ => {}
        }
    }

    /// The graph is drawn for a width.
    fn fit(&mut self, size: Size) {
        let turned = self.listing.size().width != size.width;
        self.listing.fit(size);
        if turned {
            self.compose();
        }
    }

    fn wants(&self, context: &Context<'_>) -> Option<Question> {
        let frame = context.frame.filter(|_| context.visible)?;
        Some(Question::Graph {
            at: executes(frame),
        })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn waiting(&self) -> &'static str {
        "The graph comes when the guest stops."
    }

    fn note(&self) -> Option<&str> {
        match self.zoom {
            Zoom::Instructions => None,
            Zoom::Source => Some("source lines"),
            Zoom::Labels => Some("blocks only"),
        }
    }
}
