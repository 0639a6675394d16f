//! The instructions of a function, and source text by name.

use std::num::NonZeroU32;

use ukdbg_image::{CodeAddr, SourceLocation, SourcePath, Syntax};
use ukdbg_inspect::{Target, VirtAddr};

use crate::session::Session;
use crate::view::{CodeLine, CodeView, SourceView};
use crate::{SessionError, SourceText, disassembly, source};

/// The instructions of the function that holds an address; of the frame's
/// without an expression.
pub(crate) fn code<T: Target>(
    session: &mut Session<'_, T>,
    expression: Option<&str>,
    frame: Option<usize>,
    syntax: Syntax,
) -> Result<CodeView, SessionError> {
    let at = match expression {
        Some(expression) => session.address_of(expression, frame)?,
        None => session.pc_of(frame)?,
    };
    // The mark is for what executes, not for what was asked about.
    let executes = session.pc_of(frame).ok();
    let view = disassembly::around_in(&mut session.target, &session.modules, at, syntax)?;
    let sources = &mut *session.sources;
    let lines = view.lines.into_iter().map(|mut instruction| {
        let length = instruction.bytes.split(' ').count() as u64;
        let into = executes.and_then(|pc| pc.offset_from(instruction.address));
        instruction.selected = into.is_some_and(|into| into < length);
        let source = instruction.location.as_ref().and_then(|location| {
            let view = source::around(sources, location, 0);
            view.lines.into_iter().next()
        });
        CodeLine {
            source,
            instruction,
        }
    });
    Ok(CodeView {
        function: view.function,
        lines: lines.collect(),
    })
}

/// The source around `FILE:LINE`, a function, an address, or a frame's line;
/// `FILE:FIRST,LAST` are those lines alone.
pub(crate) fn list<T: Target>(
    session: &mut Session<'_, T>,
    place: Option<&str>,
    frame: Option<usize>,
    context: u32,
) -> Result<SourceView, SessionError> {
    let location = match place {
        None => session.source_of(frame.unwrap_or(0))?,
        Some(text) => match file_and_lines(text) {
            Some(FileLines { file, first, last }) => {
                if let Some(last) = last.filter(|last| *last < first) {
                    let (first, last) = (first.get(), last.get());
                    return Err(SessionError::BackwardRange { first, last });
                }
                let location = in_file(session, file, first);
                has_line(&mut *session.sources, &location, first.get())?;
                if let Some(last) = last {
                    return Ok(source::between(
                        &mut *session.sources,
                        &location,
                        last.get(),
                    ));
                }
                location
            }
            None => {
                let at = session.address_of(text, frame)?;
                of_address(session, at).ok_or(SessionError::NoLine { at })?
            }
        },
    };
    Ok(source::around(&mut *session.sources, &location, context))
}

/// Whether a file has a line, as far as the file is here.
fn has_line(
    sources: &mut dyn SourceText,
    location: &SourceLocation,
    line: u32,
) -> Result<(), SessionError> {
    let Some(text) = sources.text(&location.file) else {
        return Ok(());
    };
    let lines = text.lines().count();
    match usize::try_from(line) {
        Ok(line) if line <= lines => Ok(()),
        _ => Err(SessionError::NoSuchLine {
            file: location.file.path.raw().escape_debug().to_string(),
            lines,
            line,
        }),
    }
}

/// Lines of a file as they are typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileLines<'t> {
    pub(crate) file: &'t str,
    pub(crate) first: NonZeroU32,
    pub(crate) last: Option<NonZeroU32>,
}

/// `src/book.rs:12` or `src/book.rs:12,20`; a path of names (`book::insert`)
/// is none.
pub(crate) fn file_and_lines(text: &str) -> Option<FileLines<'_>> {
    let (file, lines) = text.rsplit_once(':')?;
    if file.is_empty() || file.ends_with(':') {
        return None;
    }
    let (first, last) = match lines.split_once(',') {
        Some((first, last)) => (first, Some(last.trim().parse().ok()?)),
        None => (lines, None),
    };
    Some(FileLines {
        file,
        first: first.trim().parse().ok()?,
        last,
    })
}

/// The file that the images know by the end of its path; else one by exactly
/// that path.
fn in_file<T: Target>(session: &Session<'_, T>, file: &str, line: NonZeroU32) -> SourceLocation {
    let known = session.modules.iter().find_map(|module| {
        let image = &module.image;
        let near = image
            .line_with_code(file, line.get())
            .or_else(|| image.line_with_code(file, 1))?;
        let at = *image.addresses_of_line(file, near).first()?;
        let frames = image.source_frames(CodeAddr::Exact(at));
        let mut files = frames.into_iter().filter_map(|frame| frame.location);
        // Of the inline chain the one that is in that file.
        files
            .find(|location| ends_with(location.file.path.raw(), file))
            .map(|location| location.file)
    });
    SourceLocation {
        file: known.unwrap_or_else(|| SourcePath {
            compilation_directory: None,
            path: file.into(),
        }),
        line: Some(line),
        column: None,
    }
}

fn ends_with(path: &str, file: &str) -> bool {
    path.strip_suffix(file)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('/') || file.starts_with('/'))
}

/// For the first address of a function the place of its declaration, else the
/// line of the code.
fn of_address<T: Target>(session: &Session<'_, T>, at: VirtAddr) -> Option<SourceLocation> {
    let (module, link) = session.modules.find(at)?;
    let function = module.image.function_at(link);
    let declared = function
        .filter(|function| function.entry == link)
        .and_then(|function| function.declaration)
        .filter(|declaration| declaration.line.is_some());
    declared.or_else(|| {
        let frames = module.image.source_frames(CodeAddr::Exact(link));
        frames.into_iter().next()?.location
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{ends_with, file_and_lines};

    #[test]
    fn places() {
        let check = |text: &str, expected: Option<(&str, u32, Option<u32>)>| {
            let got = file_and_lines(text);
            let got = got.map(|it| (it.file, it.first.get(), it.last.map(NonZeroU32::get)));
            assert_eq!(got, expected, "{text}");
        };
        check("src/book.rs:12", Some(("src/book.rs", 12, None)));
        check("book.rs:12,20", Some(("book.rs", 12, Some(20))));
        check("book.rs:12, 9", Some(("book.rs", 12, Some(9))));
        check("book.rs:12,", None);
        check("book.rs:0", None);
        check("book::insert", None);
        check("a::5", None);
        check("insert", None);
        check(":5", None);
        check("0x1000", None);
    }

    #[test]
    fn files_are_known_by_the_end_of_their_path() {
        assert!(ends_with("/a/src/book.rs", "book.rs"));
        assert!(ends_with("/a/src/book.rs", "src/book.rs"));
        assert!(ends_with("/a/src/book.rs", "/a/src/book.rs"));
        assert!(!ends_with("/a/src/handbook.rs", "book.rs"));
    }
}
