//! `ukdbg list [ENDPOINT] [FUNCTION|FILE:LINE|ADDRESS]`: source lines.

use ukdbg_session::view::SourceView;
use ukdbg_session::{Reply, Request};

use super::look;
use crate::arguments::{Global, ListArguments};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::render::{self, Style, Styles};

/// Prints them.
pub(crate) fn run(global: &Global, options: &ListArguments, output: &mut Output) -> Outcome {
    let words = look::words(&options.what.words);
    let request = Request::List {
        place: words.rest,
        frame: options.what.frame(),
        context: options.context,
    };
    let reply = look::ask(global, &words.endpoint, request, output)?;
    if let Reply::Source(view) = &reply
        && view.lines.is_empty()
        && !output.is_json()
    {
        return Err(not_found(view));
    }
    output.reply(&reply, |styles| match &reply {
        Reply::Source(view) => text(view, styles),
        _ => String::new(),
    })?;
    Ok(Exit::Fine)
}

fn text(view: &SourceView, styles: Styles) -> String {
    let place = styles.paint(Style::Dim, render::location(&view.location));
    format!("{place}\n{}", render::source(view, styles))
}

fn not_found(view: &SourceView) -> Failure {
    Failure::text(
        Exit::Usage,
        format_args!(
            "no source for {}: the file is not here",
            render::location(&view.location)
        ),
    )
    .hint("--source-map /build=/home/me/src")
}
