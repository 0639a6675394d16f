//! The command line as it is typed. Each command turns its part into checked
//! values; nothing here opens a file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod image_only;
mod look;
mod prompt;

pub(crate) use image_only::{Addr2lineArguments, SymbolSort, SymbolsArguments};
pub(crate) use look::{
    DisassembleArguments, ExamineArguments, ListArguments, LocalsArguments, PrintArguments,
    RegistersArguments, TablesArguments, WhoisArguments, expanded,
};
pub(crate) use prompt::PromptArguments;

const EXIT_CODES: &str = "\
Exit codes:
   0  done; for run: the guest ended by itself
   1  run: the guest faulted, panicked, reset itself or hung
   2  the command line cannot be used, or names a function that is not there
   3  a tool is missing, or the machine cannot be reached
   4  an image cannot be used
   5  the time limit passed
  70  a defect of ukdbg's own
 130  interrupted (Ctrl-C); 143 terminated: the guest is ended first

Endpoints (links to one machine are joined by +):
  tcp:HOST:PORT  unix:PATH  serial:PATH[@BAUD]  qmp:PATH  ram:FILE  core:FILE  image:FILE
Without one: the session that `ukdbg run` has open on this machine, else
tcp:127.0.0.1:1234, which is what QEMU's -s opens.";

/// Boots a unikernel, catches its fault and explains it; attaches to one that
/// runs.
#[derive(Parser, Debug)]
#[command(name = "ukdbg", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Options that every command takes.
#[derive(Args, Debug, Clone)]
pub(crate) struct Global {
    /// Print everything and never open the terminal interface
    #[arg(long, global = true)]
    pub(crate) batch: bool,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The ELF image that the guest runs
    #[arg(long, global = true, value_name = "ELF")]
    pub(crate) image: Option<PathBuf>,
    /// An ELF with symbols: the image's own, stripped apart, or another
    /// program in the same machine; a file (.dwo, .dwp) or a folder with what
    /// the image lacks (may be repeated)
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) symbols: Vec<PathBuf>,
    /// Look for sources recorded under FROM at TO (may be repeated)
    #[arg(long, global = true, value_name = "FROM=TO")]
    pub(crate) source_map: Vec<String>,
    /// When to use colours (NO_COLOR is respected)
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Run(RunArguments),
    Replay(ReplayArguments),
    Why(WhyArguments),
    Attach(AttachArguments),
    Bt(BacktraceArguments),
    Report(EndpointArguments),
    Dump(DumpArguments),
    Cfg(CfgArguments),
    Symbols(SymbolsArguments),
    Addr2line(Addr2lineArguments),
    Whois(WhoisArguments),
    Locals(LocalsArguments),
    Print(PrintArguments),
    X(ExamineArguments),
    Regs(RegistersArguments),
    Tables(TablesArguments),
    Disas(DisassembleArguments),
    List(ListArguments),
    /// Look at the guest's trace rings
    Trace {
        #[command(subcommand)]
        command: TraceCommand,
    },
    Completions(CompletionsArguments),
}

/// Boot an image, wait for its fault, and explain it
#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// The ELF image to boot (symbols only, when QEMU ARGS boot something
    /// themselves)
    #[arg(value_name = "IMAGE", required_unless_present = "image")]
    pub(crate) file: Option<PathBuf>,
    /// The guest's command line
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    pub(crate) append: Option<String>,
    /// Memory of the guest
    #[arg(long, value_name = "SIZE", default_value = Self::MEMORY)]
    pub(crate) memory: String,
    /// CPUs of the guest
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=255))]
    pub(crate) smp: u32,
    /// How QEMU executes the guest
    #[arg(long, value_enum, default_value_t = Accelerator::Tcg)]
    pub(crate) accel: Accelerator,
    /// End the guest after this long (`10s`, `2m`, `500ms`), with exit code 5;
    /// at the prompt: stop it when nothing did so for this long
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// Keep the machine as an ELF core when it faults, hangs or is out of time
    #[arg(long, value_name = "FILE", conflicts_with_all = PromptArguments::OPTIONS)]
    pub(crate) dump: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) prompt: PromptArguments,
    /// Record the whole machine into a new folder, for `ukdbg replay` and
    /// `ukdbg why`; emulation and one CPU only
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Open the terminal interface
    #[arg(long, conflicts_with_all = ["batch", "json"], conflicts_with_all = PromptArguments::OPTIONS)]
    pub(crate) tui: bool,
    /// Pass the guest's console through as it is, terminal escapes included
    #[arg(long)]
    pub(crate) raw_console: bool,
    /// Exit with the status the guest writes to isa-debug-exit
    #[arg(long)]
    pub(crate) guest_status: bool,
    /// Arguments for QEMU
    #[arg(last = true, value_name = "QEMU ARGS")]
    pub(crate) qemu: Vec<String>,
}

impl RunArguments {
    /// The guest's memory where nothing is said.
    pub(crate) const MEMORY: &str = "64M";
}

/// How QEMU executes the guest.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accelerator {
    /// Emulation: works everywhere
    Tcg,
    /// The host's processor, through /dev/kvm
    Kvm,
}

/// Open a recording of `run --record`, stopped where it ended
///
/// The terminal interface on a terminal, else the report. The recording stays
/// as it is.
#[derive(Args, Debug)]
pub(crate) struct ReplayArguments {
    /// The folder that was recorded to
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) prompt: PromptArguments,
}

/// Find what last wrote a value in a recording
///
/// Goes back from where the recording ended to the instruction that last
/// changed the value, and shows its source line, the backtrace of that moment,
/// and the value before and after.
#[derive(Args, Debug)]
pub(crate) struct WhyArguments {
    /// The folder that was recorded to
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The value: a variable, a field, `*pointer`, or an address
    #[arg(value_name = "EXPRESSION", required = true)]
    pub(crate) expression: Vec<String>,
    /// The frame that it is meant in, as the report counts them
    #[arg(long, value_name = "N")]
    pub(crate) frame: Option<usize>,
    /// Ask at an earlier moment, as an earlier answer named it
    #[arg(long, value_name = "MOMENT")]
    pub(crate) at: Option<u64>,
}

/// Open the terminal interface or the prompt on a machine that already runs
///
/// The machine is stopped while it is looked at and left as it was found.
#[derive(Args, Debug)]
pub(crate) struct AttachArguments {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArguments,
    #[command(flatten)]
    pub(crate) prompt: PromptArguments,
    /// At the prompt: stop the guest when nothing did so for this long
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,
}

/// Print a backtrace of a machine that already runs
#[derive(Args, Debug)]
#[command(after_help = "Example: ukdbg bt unix:gdb.sock --all --image kernel.elf")]
pub(crate) struct BacktraceArguments {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArguments,
    /// Every CPU and every task
    #[arg(long)]
    pub(crate) all: bool,
}

/// Write a machine that already runs down as an ELF core
///
/// All memory and every CPU, for ukdbg (core:FILE) and for GDB. Memory that is
/// zero takes no room on disk. The machine is left as it was found.
#[derive(Args, Debug)]
pub(crate) struct DumpArguments {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArguments,
    /// The core to write; one that is there is replaced
    #[arg(long, short, value_name = "FILE", default_value = "core")]
    pub(crate) output: PathBuf,
}

/// Explain the state of a machine that already runs
#[derive(Args, Debug)]
pub(crate) struct EndpointArguments {
    /// Where the machine is (see below)
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: Option<String>,
}

/// Print the control-flow graph of a function, or of all
#[derive(Args, Debug)]
pub(crate) struct CfgArguments {
    /// The ELF image
    #[arg(value_name = "IMAGE")]
    pub(crate) file: PathBuf,
    /// The function: a name, the end of a path (`Book::insert`), or an address
    #[arg(value_name = "FUNCTION", required_unless_present = "all")]
    pub(crate) function: Option<String>,
    /// Every function of the image
    #[arg(long, conflicts_with_all = ["function", "at"])]
    pub(crate) all: bool,
    /// With --all: the folder to write a file for each function to
    #[arg(short, long, value_name = "DIR", requires = "all")]
    pub(crate) output: Option<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value_t = CfgFormat::Text)]
    pub(crate) format: CfgFormat,
    /// Find everything in the code, even where the compiler left a map of its
    /// blocks and the sizes of its jump tables
    #[arg(long)]
    pub(crate) no_map: bool,
    /// Mark the block at an address
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub(crate) at: Option<u64>,
}

/// Form of a printed graph.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CfgFormat {
    /// For the terminal
    Text,
    /// For Graphviz
    Dot,
    /// Machine-readable
    Json,
    /// Machine-readable, a function a line (with --all)
    Jsonl,
}

#[derive(Subcommand, Debug)]
pub(crate) enum TraceCommand {
    List(TraceListArguments),
}

/// List the events in the guest's trace rings
#[derive(Args, Debug)]
pub(crate) struct TraceListArguments {
    #[command(flatten)]
    pub(crate) endpoint: EndpointArguments,
    /// Only the newest N events
    #[arg(long, value_name = "N")]
    pub(crate) last: Option<u64>,
}

/// Print a completion script for a shell
#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// A duration as users write it: `500ms`, `10s`, `2m`, or plain seconds.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is not a duration (try 10s, 2m or 500ms)"))?;
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("unknown unit `{unit}` (use ms, s, m or h)")),
    };
    let duration = Duration::try_from_secs_f64(number * scale).map_err(|e| e.to_string())?;
    if duration.is_zero() {
        return Err("a time limit of zero would end the guest before it starts".to_owned());
    }
    Ok(duration)
}

/// An address: hexadecimal with `0x`, else decimal.
pub(crate) fn parse_address(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(&digits.replace('_', ""), 16),
        None => text.parse(),
    };
    parsed.map_err(|e| format!("`{text}` is not an address: {e}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory;

    use super::{Arguments, parse_address, parse_duration};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations() {
        let check = |text: &str, expected: Option<u64>| {
            let got = parse_duration(text).ok();
            assert_eq!(got, expected.map(Duration::from_millis), "{text}");
        };
        check("10s", Some(10_000));
        check("2m", Some(120_000));
        check("500ms", Some(500));
        check("1.5", Some(1_500));
        check("0", None);
        check("-1s", None);
        check("10 parsecs", None);
        check("", None);
        check("1e30s", None);
    }

    #[test]
    fn addresses() {
        assert_eq!(parse_address("0x10_0000"), Ok(0x10_0000));
        assert_eq!(parse_address("42"), Ok(42));
        assert!(parse_address("0xzz").is_err());
    }
}
