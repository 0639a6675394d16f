//! Where `list` is in the source: what it showed last, and what comes next.

use ukdbg_session::view::SourceView;

/// Lines that were shown last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The file, as the image names it.
    pub(crate) file: String,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Listed {
    /// A place that nothing has been shown of yet: `list` begins there.
    pub(crate) fn at(file: &str, line: u32) -> Self {
        Self {
            file: file.to_owned(),
            first: line,
            last: 0,
        }
    }

    /// Lines as they were shown.
    pub(crate) fn shown(view: &SourceView) -> Option<Self> {
        Some(Self {
            file: view.location.file.path.raw().to_owned(),
            first: view.lines.first()?.number,
            last: view.lines.last()?.number,
        })
    }

    /// Whether anything of it has been shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.last >= self.first
    }
}

/// The lines of a window around one, as GDB lays it: half before, half from
/// there on.
pub(crate) fn window(line: u32, size: u32) -> (u32, u32) {
    let first = line.saturating_sub(size / 2).max(1);
    (first, first.saturating_add(size.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn windows() {
        assert_eq!(window(20, 10), (15, 24));
        assert_eq!(window(2, 10), (1, 10));
        assert_eq!(window(7, 1), (7, 7));
        assert_eq!(window(u32::MAX, 10), (u32::MAX - 5, u32::MAX));
    }
}
