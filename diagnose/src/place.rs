//! Where in the source to look: the innermost frame that its reader wrote,
//! rather than the library code it was reached through.

use std::num::NonZeroU32;

use ukdbg_image::{FunctionName, SourceLocation, SourcePath};

use crate::verdict::Place;

/// What a verdict needs to know of a frame of the backtrace as shown.
#[derive(Debug, Clone, Copy)]
pub struct FrameFacts<'a> {
    /// The function.
    pub function: Option<&'a FunctionName>,
    /// Where in the source.
    pub location: Option<&'a SourceLocation>,
}

/// The frame to name: the first with a line outside the standard library, else
/// the first with a name.
pub(crate) fn innermost(frames: &[FrameFacts<'_>]) -> Option<Place> {
    let own = frames.iter().position(|frame| {
        frame
            .location
            .is_some_and(|place| has_line(place) && !is_library(place))
    });
    let named = || {
        frames
            .iter()
            .position(|frame| frame.location.is_some_and(has_line))
            .or_else(|| frames.iter().position(|frame| frame.function.is_some()))
    };
    own.or_else(named).map(|index| place(frames, index))
}

/// Where a panic says it is: with the frame at that line, else with the
/// innermost one in that file (a statement of several lines), else without a
/// frame of its own. Without a word from the panic, where any fault would be.
pub(crate) fn of_panic(frames: &[FrameFacts<'_>], file: &str, line: u32) -> Option<Place> {
    if file.is_empty() {
        return innermost(frames);
    }
    let at_line = frames.iter().position(|frame| {
        in_file(frame, file).is_some_and(|place| place.line.is_some_and(|l| l.get() == line))
    });
    if let Some(index) = at_line {
        return Some(place(frames, index));
    }
    let said = SourceLocation {
        file: SourcePath {
            compilation_directory: None,
            path: file.into(),
        },
        line: NonZeroU32::new(line),
        column: None,
    };
    let near = frames
        .iter()
        .position(|frame| in_file(frame, file).is_some());
    Some(match near {
        Some(index) => {
            let near = place(frames, index);
            let file = near.location.as_ref().map(|place| place.file.clone());
            Place {
                location: Some(SourceLocation {
                    file: file.unwrap_or_else(|| said.file.clone()),
                    ..said
                }),
                ..near
            }
        }
        None => Place {
            frame: innermost(frames).map_or(0, |place| place.frame),
            function: None,
            location: Some(said),
        },
    })
}

fn in_file<'a>(frame: &FrameFacts<'a>, file: &str) -> Option<&'a SourceLocation> {
    let location = frame.location?;
    same_file(location.file.path.raw(), file).then_some(location)
}

fn place(frames: &[FrameFacts<'_>], index: usize) -> Place {
    let frame = &frames[index];
    Place {
        frame: index,
        function: frame.function.cloned(),
        location: frame.location.cloned(),
    }
}

fn has_line(place: &SourceLocation) -> bool {
    place.line.is_some()
}

/// Whether a place is in Rust's standard library: the toolchain's builders
/// record its files below `/rustc/HASH` (rustc's `remap-debuginfo`), and a
/// library built from source lies in the toolchain's `rustlib/src/rust`.
pub fn is_library(place: &SourceLocation) -> bool {
    let below = |text: &str| text.starts_with("/rustc/") || text.contains("/rustlib/src/rust/");
    let directory = place.file.compilation_directory.as_ref();
    let path = place.file.path.raw();
    below(path) || (!path.starts_with('/') && directory.is_some_and(|d| below(d.raw())))
}

/// Whether two paths name the same file, when one may be shorter: their last
/// components agree as far as the shorter one goes.
fn same_file(recorded: &str, claimed: &str) -> bool {
    let (long, short) = if recorded.len() >= claimed.len() {
        (recorded, claimed)
    } else {
        (claimed, recorded)
    };
    !short.is_empty()
        && long
            .strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use ukdbg_image::{FunctionName, SourceLocation, SourcePath};

    use super::{FrameFacts, innermost, of_panic, same_file};

    fn at(directory: &str, path: &str, line: u32) -> SourceLocation {
        SourceLocation {
            file: SourcePath {
                compilation_directory: Some(directory.into()),
                path: path.into(),
            },
            line: NonZeroU32::new(line),
            column: None,
        }
    }

    fn name(text: &str) -> FunctionName {
        FunctionName {
            linkage: text.into(),
            demangled: text.into(),
        }
    }

    #[test]
    fn library_frames_are_passed_over() {
        let library = at(
            "/rustc/59807616e",
            "/rustc/59807616e/library/core/src/ptr/mod.rs",
            9,
        );
        let relative = at("/rustc/59807616e", "library/core/src/slice/index.rs", 8);
        let own = at("/home/me/app", "/home/me/app/src/book.rs", 88);
        let names = [name("core::ptr::read"), name("get"), name("Book::insert")];
        let frames = [
            FrameFacts {
                function: Some(&names[0]),
                location: Some(&library),
            },
            FrameFacts {
                function: Some(&names[1]),
                location: Some(&relative),
            },
            FrameFacts {
                function: Some(&names[2]),
                location: Some(&own),
            },
        ];
        assert_eq!(innermost(&frames).map(|place| place.frame), Some(2));
        assert_eq!(innermost(&frames[..2]).map(|place| place.frame), Some(0));
        assert!(innermost(&[]).is_none());
    }

    #[test]
    fn a_frame_without_a_line_is_named_only_when_there_is_no_better() {
        let assembly = name("memcpy");
        let own = at("/app", "/app/main.c", 3);
        let frames = [
            FrameFacts {
                function: Some(&assembly),
                location: None,
            },
            FrameFacts {
                function: None,
                location: Some(&own),
            },
        ];
        assert_eq!(innermost(&frames).map(|place| place.frame), Some(1));
        assert_eq!(innermost(&frames[..1]).map(|place| place.frame), Some(0));
    }

    #[test]
    fn a_panic_is_where_it_says_it_is() {
        let handler = at("/app", "/app/runtime/panic.rs", 5);
        let own = at("/app", "/app/src/book.rs", 88);
        let frames = [
            FrameFacts {
                function: None,
                location: Some(&handler),
            },
            FrameFacts {
                function: None,
                location: Some(&own),
            },
        ];
        assert_eq!(
            of_panic(&frames, "src/book.rs", 88).map(|place| place.frame),
            Some(1)
        );
        let near = of_panic(&frames, "src/book.rs", 89).unwrap();
        assert_eq!(near.frame, 1);
        assert_eq!(
            near.location.and_then(|place| place.line),
            NonZeroU32::new(89)
        );
        let elsewhere = of_panic(&frames, "src/level.rs", 3).unwrap();
        assert_eq!(elsewhere.function, None, "no frame is in that file");
        let file = elsewhere.location.unwrap().file;
        assert_eq!(file.path.raw(), "src/level.rs");
        assert_eq!(of_panic(&frames, "", 0).map(|place| place.frame), Some(0));
    }

    #[test]
    fn files_agree_by_whole_components() {
        assert!(same_file("/app/src/book.rs", "src/book.rs"));
        assert!(same_file("src/book.rs", "/app/src/book.rs"));
        assert!(!same_file("/app/src/notebook.rs", "book.rs"));
        assert!(!same_file("/app/src/book.rs", ""));
        assert!(!same_file("/app/src/book.rs", "/book.rs"));
    }
}
