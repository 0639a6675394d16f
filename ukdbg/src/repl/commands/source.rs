//! Source text and instructions.

use ukdbg_session::view::SourceView;
use ukdbg_session::{Reply, Request};

use super::{Command, Does, Repeats, Takes};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::{self, CodeStyle, Style};
use crate::repl::list::{Listed, window};
use crate::repl::prompt::Prompt;
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 3] = [
    Command::new(
        "list",
        &["l"],
        "[PLACE | LINE | FIRST,LAST | -]",
        "Show source lines: around PLACE, or those that come next; `-` for those before.",
        "list main",
        Does::This(list),
    )
    .takes(Takes::Place)
    .repeats(Repeats::Bare),
    Command::new(
        "disassemble",
        &["disas"],
        "[/s] [/r] [FUNCTION | ADDRESS]",
        "Show the instructions of a function; /s with source lines, /r with their bytes.",
        "disassemble main",
        Does::This(disassemble),
    )
    .takes(Takes::Place),
    Command::new(
        "cfg",
        &[],
        "[FUNCTION | ADDRESS]",
        "Draw the control flow of a function.",
        "cfg main",
        Does::This(graph),
    )
    .takes(Takes::Place),
];

fn list(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let size = prompt.settings.list_size;
    let listed = prompt.listed.clone();
    let asked = words.some_rest();
    let (file, first, last) = match (asked, listed) {
        (None, Some(listed)) if listed.is_shown() => {
            let first = listed.last.saturating_add(1);
            (listed.file, first, first.saturating_add(size - 1))
        }
        (None, Some(listed)) => {
            let (first, last) = window(listed.first, size);
            (listed.file, first, last)
        }
        (Some("-"), Some(listed)) if listed.first <= 1 => {
            return Err(words.wrong(format_args!("{} begins there", listed.file.escape_debug())));
        }
        (Some("-"), Some(listed)) => {
            let first = listed.first.saturating_sub(size).max(1);
            (listed.file, first, listed.first - 1)
        }
        (asked, listed) => {
            let range = asked.and_then(|text| line_range(text, size));
            match (range, listed) {
                (Some((first, last)), Some(listed)) => (listed.file, first, last),
                (Some((first, last)), None) => {
                    let here = around(prompt, None)?;
                    (here.location.file.path.raw().to_owned(), first, last)
                }
                (None, _) => {
                    let mut view = around(prompt, asked.filter(|text| *text != "-"))?;
                    let line = view.location.line.map_or(1, std::num::NonZeroU32::get);
                    let (first, last) = window(line, size);
                    return show(prompt, &mut view, first, last);
                }
            }
        }
    };
    let mut view = ask(prompt, Some(format!("{file}:{first}")), last - first)?;
    if view.lines.is_empty() {
        return Err(Failure::text(
            Exit::Usage,
            format_args!("{} has no line {first}", file.escape_debug()),
        ));
    }
    for line in &mut view.lines {
        line.selected = false;
    }
    show(prompt, &mut view, first, last)
}

/// `12` or `12,20`.
fn line_range(text: &str, size: u32) -> Option<(u32, u32)> {
    match text.split_once(',') {
        None => Some(window(text.parse().ok()?, size)),
        Some((first, last)) => {
            let first: u32 = first.trim().parse().ok()?;
            let last = match last.trim() {
                "" => first.saturating_add(size - 1),
                last => last.parse().ok()?,
            };
            (first > 0 && first <= last).then_some((first, last))
        }
    }
}

fn around(prompt: &mut Prompt<'_>, place: Option<&str>) -> Result<SourceView, Failure> {
    let context = prompt.settings.list_size;
    let view = ask(prompt, place.map(ToOwned::to_owned), context)?;
    match view.lines.is_empty() {
        false => Ok(view),
        true => Err(Failure::text(
            Exit::Usage,
            format_args!(
                "no source for {}: the file is not here, or has no such line",
                render::location(&view.location)
            ),
        )
        .hint("leave, and say where the sources are: --source-map /build=/home/me/src")),
    }
}

fn ask(
    prompt: &mut Prompt<'_>,
    place: Option<String>,
    context: u32,
) -> Result<SourceView, Failure> {
    let request = Request::List {
        place,
        frame: prompt.selected(),
        context,
    };
    match prompt.ask(request)? {
        Reply::Source(view) => Ok(view),
        _ => Err(Failure::text(Exit::Defect, "a reply of another kind")),
    }
}

fn show(
    prompt: &mut Prompt<'_>,
    view: &mut SourceView,
    first: u32,
    last: u32,
) -> Result<(), Failure> {
    view.lines
        .retain(|line| (first..=last).contains(&line.number));
    let moved = prompt
        .listed
        .as_ref()
        .is_none_or(|listed| listed.file != view.location.file.path.raw());
    prompt.listed = Listed::shown(view);
    let reply = Reply::Source(view.clone());
    prompt.say(&reply, |prompt| {
        let styles = prompt.output.styles();
        let heading = match moved {
            true => format!(
                "{}\n",
                styles.paint(Style::Dim, render::location(&view.location))
            ),
            false => String::new(),
        };
        format!("{heading}{}", render::source(view, styles))
    })
}

fn disassemble(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let mut shown = CodeStyle {
        source: false,
        bytes: false,
    };
    while let Some(letters) = words.slash() {
        for letter in letters.chars() {
            match letter {
                's' | 'm' => shown.source = true,
                'r' => shown.bytes = true,
                _ => return Err(words.wrong("/s shows source lines, /r bytes")),
            }
        }
    }
    let reply = prompt.ask(Request::Code {
        expression: words.some_rest().map(ToOwned::to_owned),
        frame: prompt.selected(),
        syntax: prompt.settings.flavor,
    })?;
    prompt.say(&reply, |prompt| match &reply {
        Reply::Code(code) => render::code(code, shown, prompt.output.styles()),
        _ => String::new(),
    })
}

fn graph(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let code = prompt.ask(Request::Code {
        expression: words.some_rest().map(ToOwned::to_owned),
        frame: prompt.selected(),
        syntax: prompt.settings.flavor,
    })?;
    let Reply::Code(code) = code else {
        return Err(Failure::text(Exit::Defect, "a reply of another kind"));
    };
    let mut instructions = code.lines.iter().map(|line| &line.instruction);
    let executes = instructions.clone().find(|line| line.selected);
    let Some(at) = executes.or_else(|| instructions.next()) else {
        return Err(words.wrong("there are no instructions"));
    };
    let reply = prompt.ask(Request::Graph { at: at.address })?;
    prompt.say(&reply, |prompt| match &reply {
        Reply::Graph(graph) => render::graph(
            &graph.drawing().text(
                prompt.output.width(),
                ukdbg_session::cfg_viewer::Zoom::Instructions,
            ),
            prompt.output.styles(),
        ),
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::line_range;

    #[test]
    fn ranges_of_lines() {
        let check = |text: &str, expected| assert_eq!(line_range(text, 10), expected, "{text}");
        check("20", Some((15, 24)));
        check("5,9", Some((5, 9)));
        check("5,", Some((5, 14)));
        check("9,5", None);
        check("main", None);
        check("a.c:4", None);
    }
}
