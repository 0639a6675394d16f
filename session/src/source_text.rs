//! Source text, supplied by whoever may open files.

use std::sync::Arc;

use ukdbg_image::SourcePath;

/// Finds the text of a source file.
pub trait SourceText {
    /// The file's text, or none when it cannot be found.
    fn text(&mut self, path: &SourcePath) -> Option<Arc<str>>;
}

/// No sources at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSources;

impl SourceText for NoSources {
    fn text(&mut self, _path: &SourcePath) -> Option<Arc<str>> {
        None
    }
}
