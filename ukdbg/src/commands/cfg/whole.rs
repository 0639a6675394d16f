//! `ukdbg cfg IMAGE --all`: the graphs of all functions of an image, as lines
//! on standard output or as a file for each in a folder.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use ukdbg_session::cfg_viewer::{Cfg, Marks, Program, Zoom};
use ukdbg_session::{GraphView, Image};

use super::map_use;
use crate::arguments::{CfgArguments, CfgFormat};
use crate::escape::escape_str;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::output::Output;
use crate::render;

/// The longest part of a function's name in a file's name.
const LONGEST_NAME: usize = 80;

/// Prints or writes all graphs.
pub(super) fn run(image: &Image<'_>, options: &CfgArguments, output: &mut Output) -> Outcome {
    let program = Program::new(image, map_use(options));
    let bar = ProgressBar::new(program.function_count() as u64).with_style(
        ProgressStyle::with_template("{bar:30} {pos} of {len} functions, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let written = match (&options.output, options.format) {
        (None, CfgFormat::Jsonl) => lines(&program, &bar, io::stdout().lock()),
        (Some(folder), CfgFormat::Jsonl) => lines_file(&program, &bar, folder),
        (Some(folder), format) => files(&program, image, format, folder, &bar),
        (None, _) => {
            return Err(Failure::text(
                Exit::Usage,
                format_args!("so many graphs do not fit on standard output"),
            )
            .hint("-o DIR for a file for each, or --format jsonl for a line for each"));
        }
    };
    bar.finish_and_clear();
    let count = written?;
    if let Some(folder) = &options.output {
        let folder = escape_str(&folder.display().to_string());
        output.note(&format!("{count} functions in {folder}"));
    }
    Ok(Exit::Fine)
}

/// A line for each function.
fn lines(program: &Program<'_, '_>, bar: &ProgressBar, out: impl Write) -> Result<u64, Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut count = 0;
    let line = |cfg: Cfg| {
        let mut line = Vec::with_capacity(4096);
        let written = serde_json::to_writer(&mut line, &cfg.line());
        line.push(b'\n');
        written.map(|()| line)
    };
    program.for_all(line, |lines| {
        count += lines.len() as u64;
        for line in lines {
            out.write_all(&line.map_err(io::Error::from)?)?;
        }
        bar.set_position(count);
        Ok::<_, Failure>(())
    })?;
    out.flush()?;
    Ok(count)
}

fn lines_file(program: &Program<'_, '_>, bar: &ProgressBar, folder: &Path) -> Result<u64, Failure> {
    let path = folder.join("functions.jsonl");
    let file = fs::create_dir_all(folder).and_then(|()| fs::File::create(&path));
    lines(
        program,
        bar,
        file.map_err(|error| unwritten(&path, &error))?,
    )
}

/// A file for each function.
fn files(
    program: &Program<'_, '_>,
    image: &Image<'_>,
    format: CfgFormat,
    folder: &Path,
    bar: &ProgressBar,
) -> Result<u64, Failure> {
    fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    let write = |cfg: Cfg| -> Result<(), (PathBuf, io::Error)> {
        let path = folder.join(file_name(&cfg, format));
        let text = text(GraphView::of_graph(image, cfg, Marks::default()), format);
        bar.inc(1);
        text.and_then(|text| fs::write(&path, text))
            .map_err(|error| (path, error))
    };
    let mut count = 0;
    program.for_all(write, |written| {
        count += written.len() as u64;
        let failed = written.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |(path, error)| Err(unwritten(&path, &error)))
    })?;
    Ok(count)
}

fn text(graph: GraphView, format: CfgFormat) -> io::Result<String> {
    Ok(match format {
        CfgFormat::Dot => graph.drawing().dot(),
        CfgFormat::Text => {
            let lines = graph.drawing().text(100, Zoom::Instructions);
            render::graph(&lines, render::Styles::PLAIN)
        }
        CfgFormat::Json | CfgFormat::Jsonl => {
            crate::output::document_text(GraphView::SCHEMA, &graph)?
        }
    })
}

/// The address, so that no two are the same, and of the name what every file
/// system takes.
fn file_name(cfg: &Cfg, format: CfgFormat) -> String {
    let name = cfg.function.name.demangled.raw().chars();
    let name: String = name
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .take(LONGEST_NAME)
        .collect();
    let extension = match format {
        CfgFormat::Dot => "dot",
        CfgFormat::Text => "txt",
        CfgFormat::Json | CfgFormat::Jsonl => "json",
    };
    format!("{:x}-{name}.{extension}", cfg.function.entry.0)
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let path = escape_str(&path.display().to_string());
    Failure::text(Exit::Usage, format_args!("cannot write {path}: {error}"))
        .hint("-o with a folder that you can write to")
}
