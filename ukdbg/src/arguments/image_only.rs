//! Arguments of the commands that need an image and no machine.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// List the symbols of an image: address, size, kind and name
#[derive(Args, Debug)]
#[command(
    visible_alias = "nm",
    after_help = "Example: ukdbg symbols kernel.elf '*::insert' --sort size"
)]
pub(crate) struct SymbolsArguments {
    /// The ELF image
    #[arg(value_name = "IMAGE")]
    pub(crate) file: PathBuf,
    /// Only names that contain this, or that it matches as a whole when it
    /// has `*` or `?` (`*::insert`)
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: Option<String>,
    /// The order: by address, by size (largest first), by name
    #[arg(long, short = 's', value_enum, default_value_t = SymbolSort::Address, value_name = "BY")]
    pub(crate) sort: SymbolSort,
    /// The same as `--sort size`
    #[arg(long, short = 'S', conflicts_with = "sort")]
    pub(crate) size_sort: bool,
    /// The other way round
    #[arg(long, short)]
    pub(crate) reverse: bool,
    /// Upper and lower case are the same
    #[arg(long, short)]
    pub(crate) ignore_case: bool,
    /// Only the first N
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Names as the linker knows them
    #[arg(long)]
    pub(crate) mangled: bool,
}

/// The order of symbols.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SymbolSort {
    /// Lowest address first
    #[value(alias = "addr")]
    Address,
    /// Largest first
    Size,
    /// By name
    Name,
}

/// Turn addresses into functions, files and lines
///
/// Answers like GNU addr2line: one line for each address, `??:0` where nothing
/// is known. Addresses are hexadecimal, with or without `0x`; a function's
/// name stands for its first address. Without any they are read from standard
/// input, one a line, and each is answered as soon as it is read.
#[derive(Args, Debug)]
#[command(after_help = "Example: ukdbg addr2line -fi kernel.elf 0x1012af 0x1014c0")]
pub(crate) struct Addr2lineArguments {
    /// The ELF image (none with -e)
    #[arg(value_name = "IMAGE", required_unless_present_any = ["executable", "image"])]
    pub(crate) file: Option<String>,
    /// Addresses, hexadecimal
    #[arg(value_name = "ADDR")]
    pub(crate) addresses: Vec<String>,
    /// The ELF image, for those who are used to it; every other argument is
    /// an address then
    #[arg(long = "exe", short = 'e', value_name = "IMAGE")]
    pub(crate) executable: Option<PathBuf>,
    /// Addresses are offsets in this section
    #[arg(long, short = 'j', value_name = "NAME")]
    pub(crate) section: Option<String>,
    /// Show function names
    #[arg(long, short)]
    pub(crate) functions: bool,
    /// Show the functions that the code was inlined into
    #[arg(long, short, visible_alias = "inlining")]
    pub(crate) inlines: bool,
    /// Demangle function names
    #[arg(long, short = 'C', num_args = 0..=1, require_equals = true, default_missing_value = "auto", value_name = "STYLE")]
    pub(crate) demangle: Option<String>,
    /// Show the address before its place
    #[arg(id = "show_addresses", long = "addresses", short = 'a')]
    pub(crate) show_addresses: bool,
    /// One line for each place
    #[arg(long, short)]
    pub(crate) pretty_print: bool,
    /// Show file names without their folders
    #[arg(long, short = 's')]
    pub(crate) basenames: bool,
}
