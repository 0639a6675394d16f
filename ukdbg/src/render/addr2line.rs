//! Places of addresses in the form of GNU addr2line, which scripts parse: no
//! colours, and `??` for what is not known. Discriminators are not shown.

use std::fmt::Write;

use ukdbg_session::{AddressLines, LinesView, SourceFrame};

use crate::escape::{escape, escape_str};

/// What is shown of each address.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LineStyle {
    /// The function.
    pub(crate) functions: bool,
    /// The functions it was inlined into.
    pub(crate) inlines: bool,
    /// Names as their authors wrote them.
    pub(crate) demangle: bool,
    /// The address itself.
    pub(crate) addresses: bool,
    /// Each place on one line.
    pub(crate) one_line: bool,
    /// Files without folders.
    pub(crate) base_names: bool,
}

/// The places, one after another.
pub(crate) fn address_lines(view: &LinesView, style: LineStyle) -> String {
    let mut out = String::new();
    for address in &view.addresses {
        one(&mut out, address, style);
    }
    out
}

fn one(out: &mut String, found: &AddressLines, style: LineStyle) {
    let end = if style.one_line { ": " } else { "\n" };
    if style.addresses {
        let _ = write!(out, "{:#018x}{end}", found.address.0);
    }
    if found.frames.is_empty() {
        let name = match (style.functions, style.one_line) {
            (false, _) => "",
            (true, true) => "?? ",
            (true, false) => "??\n",
        };
        let _ = writeln!(out, "{name}??:0");
        return;
    }
    let levels = if style.inlines { usize::MAX } else { 1 };
    for (level, frame) in found.frames.iter().take(levels).enumerate() {
        if level > 0 && style.one_line {
            out.push_str(" (inlined by) ");
        }
        if style.functions {
            let end = if style.one_line { " at " } else { "\n" };
            out.push_str(&function(frame, style));
            out.push_str(end);
        }
        out.push_str(&place(frame, style));
        out.push('\n');
    }
}

fn function(frame: &SourceFrame, style: LineStyle) -> String {
    frame.function.as_ref().map_or_else(
        || "??".to_owned(),
        |name| {
            escape(if style.demangle {
                &name.demangled
            } else {
                &name.linkage
            })
        },
    )
}

fn place(frame: &SourceFrame, style: LineStyle) -> String {
    let Some(location) = &frame.location else {
        return "??:?".to_owned();
    };
    let path = location.file.path.raw();
    let path = match path.rsplit_once('/') {
        Some((_, name)) if style.base_names => name,
        _ => path,
    };
    let path = escape_str(path);
    match location.line {
        Some(line) => format!("{path}:{line}"),
        None => format!("{path}:?"),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use ukdbg_session::inspect::VirtAddr;
    use ukdbg_session::{
        AddressLines, FunctionName, LinesView, SourceFrame, SourceLocation, SourcePath,
    };

    use super::{LineStyle, address_lines};

    fn frame(name: &str, line: u32, inlined: bool) -> SourceFrame {
        SourceFrame {
            function: Some(FunctionName {
                linkage: format!("_Z{name}").into(),
                demangled: name.into(),
            }),
            location: Some(SourceLocation {
                file: SourcePath {
                    compilation_directory: None,
                    path: "/src/a.c".into(),
                },
                line: NonZeroU32::new(line),
                column: None,
            }),
            inlined,
        }
    }

    #[track_caller]
    fn check(options: &str, frames: &[SourceFrame], expected: &str) {
        let has = |letter: char| options.contains(letter);
        let style = LineStyle {
            functions: has('f'),
            inlines: has('i'),
            demangle: has('C'),
            addresses: has('a'),
            one_line: has('p'),
            base_names: has('s'),
        };
        let view = LinesView {
            addresses: vec![AddressLines {
                address: VirtAddr(0x1000),
                frames: frames.to_vec(),
            }],
        };
        assert_eq!(address_lines(&view, style), expected, "-{options}");
    }

    #[test]
    fn every_option_as_gnu_has_it() {
        let frames = [frame("inner", 7, true), frame("outer", 0, false)];
        check("", &frames, "/src/a.c:7\n");
        check("s", &frames, "a.c:7\n");
        check("f", &frames, "_Zinner\n/src/a.c:7\n");
        check("fC", &frames, "inner\n/src/a.c:7\n");
        check("i", &frames, "/src/a.c:7\n/src/a.c:?\n");
        check("fis", &frames, "_Zinner\na.c:7\n_Zouter\na.c:?\n");
        check(
            "afipsC",
            &frames,
            "0x0000000000001000: inner at a.c:7\n (inlined by) outer at a.c:?\n",
        );
        check("a", &frames, "0x0000000000001000\n/src/a.c:7\n");
        let mut unplaced = frame("asm", 1, false);
        unplaced.location = None;
        check("f", &[unplaced], "_Zasm\n??:?\n");
        check("", &[], "??:0\n");
        check("f", &[], "??\n??:0\n");
        check("afp", &[], "0x0000000000001000: ?? ??:0\n");
    }
}
