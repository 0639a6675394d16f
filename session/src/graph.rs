//! A function's control-flow graph with all that its drawings need.

use serde::{Serialize, Serializer};
use ukdbg_cfg_viewer::{Cfg, Drawing, Listing, Marks, Structure};
use ukdbg_image::{Function, Image};
use ukdbg_inspect::{Modules, VirtAddr};

use crate::SessionError;

/// The graph of one function.
#[derive(Debug, Clone)]
pub struct GraphView {
    cfg: Cfg,
    listing: Listing,
    structure: Option<Structure>,
    marks: Marks,
}

impl GraphView {
    /// Name and version of the JSON document it makes.
    pub const SCHEMA: &'static str = "ukdbg.cfg/1";

    /// Recovers the graph of a function of an image. Needs no machine.
    pub fn of(image: &Image<'_>, function: &Function, marks: Marks) -> Self {
        Self::of_graph(image, Cfg::recover(image, function), marks)
    }

    /// A graph recovered from an image, with what its drawings need.
    pub fn of_graph(image: &Image<'_>, cfg: Cfg, marks: Marks) -> Self {
        Self {
            listing: Listing::of(image, &cfg),
            structure: Structure::of(&cfg),
            cfg,
            marks,
        }
    }

    /// The graph in any of its forms.
    pub fn drawing(&self) -> Drawing<'_> {
        Drawing {
            cfg: &self.cfg,
            listing: &self.listing,
            structure: self.structure.as_ref(),
            marks: self.marks,
        }
    }
}

impl Serialize for GraphView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.drawing().document().serialize(serializer)
    }
}

/// The graph of the function that holds a run-time address, which is marked.
pub(crate) fn around(modules: &Modules<'_>, at: VirtAddr) -> Result<GraphView, SessionError> {
    let (module, link) = modules.find(at).ok_or(SessionError::NoCode { at })?;
    let function = module
        .image
        .function_at(link)
        .ok_or(SessionError::NoCode { at })?;
    let marks = Marks {
        current: Some(link),
        faulting: None,
    };
    Ok(GraphView::of(&module.image, &function, marks))
}
