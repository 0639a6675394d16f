//! `ukdbg cfg IMAGE FUNCTION`: the control-flow graph of a function, from the
//! image alone. All functions of an image are `whole`'s.

mod whole;

use ukdbg_session::cfg_viewer::{Cfg, CompilerMap, Marks, Zoom};
use ukdbg_session::{Function, GraphView, Image, LinkAddr};

use crate::arguments::{CfgArguments, CfgFormat, Global, parse_address};
use crate::escape::escape;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::images;
use crate::output::Output;
use crate::render;

/// How many near names are offered for one that is not found.
const NEAR_NAMES: usize = 5;

/// Prints the graph.
pub(crate) fn run(global: &Global, options: &CfgArguments, output: &mut Output) -> Outcome {
    let loaded = images::load(Some(&options.file), &global.symbols)?;
    output.loaded(&loaded);
    let Some(name) = &options.function else {
        let image = loaded.modules.iter().next();
        let image = image.expect("the image itself is the first module");
        return whole::run(&image.image, options, output);
    };
    let (image, function) = loaded
        .modules
        .iter()
        .find_map(|module| Some((&module.image, find(&module.image, name)?)))
        .ok_or_else(|| not_found(&loaded, name))?;
    let function = one_of(function, name)?;
    let marks = Marks {
        current: options.at.map(LinkAddr),
        faulting: None,
    };
    let cfg = Cfg::recover_with(image, &function, map_use(options));
    if options.format == CfgFormat::Jsonl {
        let line = serde_json::to_string(&cfg.line()).map_err(std::io::Error::from)?;
        output.text(&format!("{line}\n"))?;
        return Ok(Exit::Fine);
    }
    let graph = GraphView::of_graph(image, cfg, marks);
    let format = if output.is_json() {
        CfgFormat::Json
    } else {
        options.format
    };
    print(&graph, format, output)?;
    Ok(Exit::Fine)
}

fn map_use(options: &CfgArguments) -> CompilerMap {
    match options.no_map {
        true => CompilerMap::Ignored,
        false => CompilerMap::Used,
    }
}

fn print(graph: &GraphView, format: CfgFormat, output: &mut Output) -> std::io::Result<()> {
    match format {
        CfgFormat::Json | CfgFormat::Jsonl => output.document(GraphView::SCHEMA, graph),
        CfgFormat::Dot => output.text(&graph.drawing().dot()),
        CfgFormat::Text => {
            let lines = graph.drawing().text(output.width(), Zoom::Instructions);
            output.text(&render::graph(&lines, output.styles()))
        }
    }
}

/// Functions of that name, or the one that holds that address; none when there
/// is none.
fn find(image: &Image<'_>, name: &str) -> Option<Vec<Function>> {
    let mut found = image.functions_named(name);
    if found.is_empty()
        && let Ok(address) = parse_address(name)
    {
        found.extend(image.function_at(LinkAddr(address)));
    }
    (!found.is_empty()).then_some(found)
}

/// The only one, or the only one of exactly that name.
fn one_of(mut found: Vec<Function>, name: &str) -> Result<Function, Failure> {
    let exact = |function: &Function| {
        function.name.demangled.raw() == name || function.name.linkage.raw() == name
    };
    if found.len() > 1 && found.iter().filter(|function| exact(function)).count() == 1 {
        found.retain(exact);
    }
    if let [_] = found.as_slice() {
        return Ok(found.remove(0));
    }
    let list: Vec<String> = found
        .iter()
        .map(|function| format!("{}  {}", function.entry, escape(&function.name.demangled)))
        .collect();
    Err(Failure::text(
        Exit::Usage,
        format_args!(
            "`{name}` names {} functions; say which by its address",
            found.len()
        ),
    )
    .hint(list.join("\n       ")))
}

fn not_found(loaded: &images::Loaded, name: &str) -> Failure {
    let near: Vec<String> = loaded
        .modules
        .iter()
        .flat_map(|module| module.image.near_names(name, NEAR_NAMES))
        .take(NEAR_NAMES)
        .collect();
    let failure = Failure::text(
        Exit::Usage,
        format_args!("no function `{name}` in the image"),
    );
    if near.is_empty() {
        return failure;
    }
    failure.hint(near.join("\n       "))
}
