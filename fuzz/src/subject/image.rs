//! An image, asked everything: first the image alone, then a machine that
//! holds it.

use std::collections::BTreeSet;
use std::sync::Arc;

use ukdbg_session::cfg_viewer::{Marks, Zoom};
use ukdbg_session::{CodeAddr, Decompressed, Function, GraphView, Image, LinkAddr};

use super::stop;
use crate::random::Random;

/// How many addresses, functions and names are asked about: a sample of what a
/// large image has, all of a small one's kinds.
const ADDRESSES: usize = 12;
const GRAPHS: usize = 3;
/// The largest function that is drawn. Its text is as long as its code.
const LARGEST_DRAWN: u64 = 64 << 10;

/// Loads an image as ukdbg does, and asks.
pub(super) fn ask(bytes: &[u8]) {
    let room = Decompressed::default();
    let Ok(image) = Image::parse(bytes, &room) else {
        return;
    };
    let random = &mut Random::of_bytes(bytes);
    let functions = image.functions();
    ask_names(&image, &functions, random);
    let addresses = addresses(&image, &functions, random);
    ask_places(&image, &addresses);
    for _ in 0..GRAPHS {
        if let Some(function) = random.pick(&functions) {
            ask_graph(&image, function);
        }
    }
    if let Ok(joined) = Image::parse_with_companion(bytes, bytes, &room) {
        let _ = (
            image.is_companion(&joined),
            joined.source_frames(CodeAddr::Exact(image.entry())),
        );
    }
    stop::ask(Arc::new(image), &functions, random);
}

fn ask_names(image: &Image<'_>, functions: &[Function], random: &mut Random) {
    let _ = (
        image.class(),
        image.build_id(),
        image.debug_link(),
        image.debug_level(),
    );
    let _ = (
        image.sections(),
        image.notes(b"GNU\0", 3),
        image.near_names("order_fill", 3),
    );
    let symbols = image.symbol_table();
    for _ in 0..3 {
        let symbol = random.pick(&symbols).map(|symbol| &symbol.name);
        let function = random.pick(functions).map(|function| &function.name);
        for name in symbol.into_iter().chain(function) {
            let _ = image.functions_named(name.demangled.raw());
            let _ = image.symbol_named(name.linkage.raw());
            for variable in image.globals_named(name.demangled.raw()) {
                let _ = variable.ty.map(|ty| image.type_of(ty));
            }
        }
    }
    for name in ["Option", "order", "list_head", "u64"] {
        for found in image.types_named(name).into_iter().take(4) {
            let _ = image.type_of(found);
        }
    }
}

/// Where something may begin, end, or lie.
fn addresses(image: &Image<'_>, functions: &[Function], random: &mut Random) -> Vec<LinkAddr> {
    let mut addresses = vec![image.entry(), LinkAddr(0), LinkAddr(u64::MAX)];
    for _ in 0..ADDRESSES {
        if let Some(function) = random.pick(functions) {
            let inside = function.ranges.first().map_or(0, |range| {
                let size = range.end.0.saturating_sub(range.start.0);
                random.next() % size.max(1)
            });
            addresses.push(LinkAddr(function.entry.0.wrapping_add(inside)));
        }
        if let Some(segment) = random.pick(image.segments()) {
            let size = segment
                .addresses
                .end
                .0
                .saturating_sub(segment.addresses.start.0);
            let inside = random.next() % size.max(1);
            addresses.push(LinkAddr(segment.addresses.start.0.wrapping_add(inside)));
        }
    }
    addresses
}

fn ask_places(image: &Image<'_>, addresses: &[LinkAddr]) {
    let code: Vec<_> = addresses.iter().map(|at| CodeAddr::Return(*at)).collect();
    let chains = image.source_frames_of_all(&code);
    let mut lines = BTreeSet::new();
    for (at, chain) in addresses.iter().zip(&chains) {
        let _ = (
            image.symbol_at(*at),
            image.section_at(*at),
            image.executable_around(*at),
        );
        let _ = (image.unwind_row(*at), image.compilation_unit(*at));
        let _ = (
            image.source_frames(CodeAddr::Exact(*at)),
            image.virtual_table_at(*at),
        );
        if let Some(function) = image.function_at(*at) {
            image.after_prologue(&function);
        }
        for level in 0..=chain.len() {
            for variable in image.variables(CodeAddr::Exact(*at), level) {
                let _ = variable.ty.map(|ty| image.type_of(ty));
            }
        }
        let places = chain.iter().filter_map(|frame| frame.location.as_ref());
        lines.extend(
            places.filter_map(|place| Some((place.file.path.raw().to_owned(), place.line?))),
        );
    }
    for (file, line) in lines.iter().take(3) {
        let _ = image.addresses_of_line(file, line.get());
        let _ = image.line_with_code(file, line.get() + 1);
    }
}

fn ask_graph(image: &Image<'_>, function: &Function) {
    let size = |range: &std::ops::Range<LinkAddr>| range.end.0.saturating_sub(range.start.0);
    let size = function
        .ranges
        .iter()
        .map(size)
        .fold(0, u64::saturating_add);
    if size > LARGEST_DRAWN {
        return;
    }
    let graph = GraphView::of(image, function, Marks::default());
    let drawing = graph.drawing();
    drawing.dot();
    for zoom in [Zoom::Instructions, Zoom::Source, Zoom::Labels] {
        drawing.text(80, zoom);
    }
    let _ = serde_json::to_string(&graph);
}
