//! `ukdbg symbols IMAGE [PATTERN]`: what an image names.

use ukdbg_session::{Case, SymbolOrder, SymbolPattern, SymbolsView};

use crate::arguments::{Global, SymbolSort, SymbolsArguments};
use crate::escape::escape_str;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::images::{self, Loaded};
use crate::output::Output;
use crate::render;

/// How many near names are offered for one that is not found.
const NEAR_NAMES: usize = 5;

/// Prints them.
pub(crate) fn run(global: &Global, options: &SymbolsArguments, output: &mut Output) -> Outcome {
    let loaded = images::load_mapped(&options.file, &global.symbols)?;
    output.keep(&loaded);
    let pattern = options.pattern.as_deref().map(|text| {
        let case = if options.ignore_case {
            Case::Ignored
        } else {
            Case::Differs
        };
        SymbolPattern::new(text, case)
    });
    let mut view = SymbolsView {
        symbols: Vec::new(),
    };
    for module in loaded.modules.iter() {
        let found = SymbolsView::of(&module.image, pattern.as_ref(), order(options));
        view.symbols.extend(found.symbols);
    }
    if let (true, Some(pattern)) = (view.symbols.is_empty(), &options.pattern) {
        return Err(not_found(&loaded, pattern));
    }
    if options.reverse {
        view.symbols.reverse();
    }
    view.symbols.truncate(options.limit.unwrap_or(usize::MAX));
    if output.is_json() {
        output.document(SymbolsView::SCHEMA, &view)?;
    } else {
        output.text(&render::symbols(&view, options.mangled, output.styles()))?;
    }
    Ok(Exit::Fine)
}

fn order(options: &SymbolsArguments) -> SymbolOrder {
    match options.sort {
        _ if options.size_sort => SymbolOrder::Size,
        SymbolSort::Address => SymbolOrder::Address,
        SymbolSort::Size => SymbolOrder::Size,
        SymbolSort::Name => SymbolOrder::Name,
    }
}

fn not_found(loaded: &Loaded, pattern: &str) -> Failure {
    let mut near: Vec<String> = loaded
        .modules
        .iter()
        .flat_map(|module| module.image.near_names(pattern, NEAR_NAMES))
        .map(|name| escape_str(&name))
        .collect();
    near.truncate(NEAR_NAMES);
    let failure = Failure::text(
        Exit::Usage,
        format_args!("no symbol of the image matches `{pattern}`"),
    );
    if near.is_empty() {
        return failure.hint("a part of the name, or a pattern with * and ?");
    }
    failure.hint(near.join("\n       "))
}
