//! Arguments of the commands that look at one thing in a machine, and what
//! makes them as short to type as in GDB.

use clap::Args;
use ukdbg_session::Extent;

/// What an endpoint is to these commands; part of their help.
const ENDPOINT: &str = "\
ENDPOINT comes first: the first argument is one when it begins with tcp: unix: serial: qmp: ram: \
core: or image:, or has the form HOST:PORT and more arguments follow. Without one: the session that \
`ukdbg run` has open, else tcp:127.0.0.1:1234. image:FILE is the ELF itself as a machine that does \
not run: statics, constants, code and source, no frames and no registers.";

const EXPRESSIONS: &str = "\
Expressions: variables of the frame, statics and functions by name or the end of their path \
(`Book::insert`, <Book as Store>::insert, file.c::name; other characters in quotes: 'a::<T>::X'), \
registers (rsp, $rax), numbers, .field .0 [index] [\"key\"] [from..to] first@count *pointer &place, \
x as u64, (u64)x, x as *const Order, (struct order *)x, sizeof(x), + - * / % << >> & | ^ ! ~ && || and \
comparison, with \"text\" and enumerators too. A field or an element of a pointer is \
that of what it points to. Several words are one expression.";

/// The frame that is meant.
#[derive(Args, Debug)]
struct FrameArguments {
    /// The frame, by its number in the backtrace; the innermost unless given
    #[arg(long, short, value_name = "N")]
    frame: Option<usize>,
}

/// An expression, in a machine and a frame.
#[derive(Args, Debug)]
pub(crate) struct ExpressionArguments {
    /// The machine, when the first argument is one, and the expression
    #[arg(
        value_name = "[ENDPOINT] EXPR",
        required = true,
        allow_negative_numbers = true
    )]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    frame: FrameArguments,
}

impl ExpressionArguments {
    /// The frame, when one was given.
    pub(crate) fn frame(&self) -> Option<usize> {
        self.frame.frame
    }
}

/// A place in the code, in a machine; the frame's own unless given.
#[derive(Args, Debug)]
pub(crate) struct PlaceArguments {
    /// The machine, when the first argument is one, and the place: a function,
    /// an address in one, or an expression; the frame's own unless given
    #[arg(value_name = "[ENDPOINT] [PLACE]")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    frame: FrameArguments,
}

impl PlaceArguments {
    /// The frame, when one was given.
    pub(crate) fn frame(&self) -> Option<usize> {
        self.frame.frame
    }
}

/// A frame of a machine.
#[derive(Args, Debug)]
pub(crate) struct FrameOfArguments {
    #[command(flatten)]
    pub(crate) endpoint: super::EndpointArguments,
    #[command(flatten)]
    frame: FrameArguments,
}

impl FrameOfArguments {
    /// The frame, when one was given.
    pub(crate) fn frame(&self) -> Option<usize> {
        self.frame.frame
    }
}

/// How much of a value is shown.
#[derive(Args, Debug)]
pub(crate) struct ExtentArguments {
    /// Levels of structures and followed pointers that are shown
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Elements that are shown of each array, collection or text
    #[arg(long, value_name = "N")]
    elements: Option<usize>,
}

impl ExtentArguments {
    pub(crate) fn wanted(&self) -> Extent {
        Extent {
            depth: self.depth,
            elements: self.elements,
        }
    }
}

/// Print the value of an expression
#[derive(Args, Debug)]
#[command(
    visible_alias = "p",
    override_usage = "ukdbg print [OPTIONS] [ENDPOINT] EXPR...\n       ukdbg print/FORMAT [OPTIONS] [ENDPOINT] EXPR...",
    after_help = format!("Example: ukdbg print/x core:dump.elf \"order.price + 1\"\n\n{EXPRESSIONS}"),
    after_long_help = format!("Example: ukdbg print/x core:dump.elf \"order.price + 1\"\n\n{EXPRESSIONS}\n\n{ENDPOINT}")
)]
pub(crate) struct PrintArguments {
    #[command(flatten)]
    pub(crate) what: ExpressionArguments,
    /// How numbers are written: x d u o t a c f, as in `print/x`
    #[arg(long, value_name = "LETTER")]
    pub(crate) format: Option<String>,
    #[command(flatten)]
    pub(crate) extent: ExtentArguments,
    /// Print the type before the value
    #[arg(long = "type", short = 't')]
    pub(crate) with_type: bool,
}

/// Show memory, unit by unit
///
/// `x/16gx rsp` shows 16 units of 8 bytes in hexadecimal. The expression is a
/// number or a pointer, or is in memory. Letters: x d u o t a c f write
/// numbers, s text, i instructions; b h w g are 1, 2, 4 and 8 bytes. Without
/// letters: one unit of 4 bytes in hexadecimal.
#[derive(Args, Debug)]
#[command(
    visible_alias = "examine",
    override_usage = "ukdbg x/[COUNT][SIZE][LETTER] [OPTIONS] [ENDPOINT] EXPR...\n       ukdbg x [OPTIONS] [ENDPOINT] EXPR...",
    after_help = format!("Example: ukdbg x/16gx rsp\n\n{EXPRESSIONS}"),
    after_long_help = format!("Example: ukdbg x/16gx rsp\n\n{EXPRESSIONS}\n\n{ENDPOINT}")
)]
pub(crate) struct ExamineArguments {
    #[command(flatten)]
    pub(crate) what: ExpressionArguments,
    /// How many units
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) count: Option<u32>,
    /// Letters as after the slash of `x/16gx`
    #[arg(long, value_name = "LETTERS")]
    pub(crate) format: Option<String>,
}

/// Tell what an address is: symbol, stack, heap block, table, page
///
/// The expression is a number or a pointer, or is in memory. The entry of each
/// level of the page tables is shown, and around a hole the nearest pages.
#[derive(Args, Debug)]
#[command(
    override_usage = "ukdbg whois [OPTIONS] [ENDPOINT] ADDRESS|EXPR...",
    after_help = format!("Example: ukdbg whois unix:gdb.sock \"&order.remaining\"\n\n{EXPRESSIONS}"),
    after_long_help = format!("Example: ukdbg whois unix:gdb.sock \"&order.remaining\"\n\n{EXPRESSIONS}\n\n{ENDPOINT}")
)]
pub(crate) struct WhoisArguments {
    #[command(flatten)]
    pub(crate) what: ExpressionArguments,
}

/// Print the arguments and locals of a frame
#[derive(Args, Debug)]
#[command(after_help = "Example: ukdbg locals core:dump.elf --frame 3")]
pub(crate) struct LocalsArguments {
    #[command(flatten)]
    pub(crate) of: FrameOfArguments,
    /// Of every frame
    #[arg(long, conflicts_with = "frame")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) extent: ExtentArguments,
}

/// Print the registers of a frame
#[derive(Args, Debug)]
#[command(
    visible_alias = "registers",
    after_help = "Example: ukdbg regs unix:gdb.sock --all"
)]
pub(crate) struct RegistersArguments {
    #[command(flatten)]
    pub(crate) of: FrameOfArguments,
    /// Segment, control and descriptor-table registers too
    #[arg(long)]
    pub(crate) all: bool,
}

/// Decode the descriptor tables of a CPU: GDT, IDT, TSS
///
/// Where each vector leads, on which interrupt stack, and where the stacks of
/// the task state are. QEMU tells where the tables are, through its stub or
/// its monitor, and so does a core that it wrote.
#[derive(Args, Debug)]
#[command(visible_aliases = ["idt", "gdt"], after_help = "Example: ukdbg tables --cpu 1")]
pub(crate) struct TablesArguments {
    #[command(flatten)]
    pub(crate) endpoint: super::EndpointArguments,
    /// The CPU, by its number in `bt --all`; the one that stopped unless given
    #[arg(long, value_name = "N")]
    pub(crate) cpu: Option<u32>,
}

/// Disassemble a function
///
/// Every part of it, also those that the compiler put elsewhere as cold.
#[derive(Args, Debug)]
#[command(
    visible_alias = "disassemble",
    override_usage = "ukdbg disas [OPTIONS] [ENDPOINT] [FUNCTION|ADDRESS]\n       ukdbg disas/[s][r] [OPTIONS] [ENDPOINT] [FUNCTION|ADDRESS]",
    after_help = "Example: ukdbg disas/s image:kernel.elf Book::insert",
    after_long_help = format!("Example: ukdbg disas/s image:kernel.elf Book::insert\n\n{ENDPOINT}")
)]
pub(crate) struct DisassembleArguments {
    #[command(flatten)]
    pub(crate) what: PlaceArguments,
    /// Show the source lines between the instructions, as `disas/s` does
    #[arg(long, short)]
    pub(crate) source: bool,
    /// AT&T syntax
    #[arg(long)]
    pub(crate) att: bool,
    /// Show the bytes of each instruction, as `disas/r` does
    #[arg(long, short)]
    pub(crate) bytes: bool,
}

/// Show source lines
#[derive(Args, Debug)]
#[command(
    visible_alias = "l",
    override_usage = "ukdbg list [OPTIONS] [ENDPOINT] [FUNCTION|FILE:LINE|FILE:FIRST,LAST|ADDRESS]",
    after_help = "Example: ukdbg list image:kernel.elf book.rs:10,20",
    after_long_help = format!("Example: ukdbg list image:kernel.elf book.rs:10,20\n\n{ENDPOINT}")
)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) what: PlaceArguments,
    /// Lines before and after
    #[arg(long, short = 'c', value_name = "N", default_value_t = 5)]
    pub(crate) context: u32,
}

/// The command line with `x/16gx` and `print/x` taken apart into a command and
/// a word that begins with a slash.
pub(crate) fn expanded(
    arguments: impl Iterator<Item = std::ffi::OsString>,
) -> Vec<std::ffi::OsString> {
    let mut expanded: Vec<std::ffi::OsString> = Vec::new();
    let mut command_seen = false;
    let mut value_follows = true; // The program's own name.
    for argument in arguments {
        let text = argument.to_str().unwrap_or_default().to_owned();
        let is_command = !command_seen && !value_follows && !text.starts_with('-');
        value_follows = matches!(&*text, "--image" | "--symbols" | "--source-map" | "--color");
        command_seen |= is_command;
        match text.split_once('/') {
            Some((
                command @ ("x" | "examine" | "p" | "print" | "disas" | "disassemble"),
                format,
            )) if is_command => {
                expanded.extend([command.into(), format!("/{format}").into()]);
            }
            _ => expanded.push(argument),
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::expanded;

    #[test]
    fn slashes_behind_commands() {
        let check = |typed: &str, expected: &str| {
            let got = expanded(typed.split(' ').map(Into::into));
            let got: Vec<_> = got.iter().map(|word| word.to_str().unwrap()).collect();
            assert_eq!(got.join(" "), expected);
        };
        check("ukdbg x/16gx rsp", "ukdbg x /16gx rsp");
        check("ukdbg --json p/x a/2", "ukdbg --json p /x a/2");
        check("ukdbg --image x/4 x/2 a", "ukdbg --image x/4 x /2 a");
        check("ukdbg disas/rs main", "ukdbg disas /rs main");
        check("ukdbg print x/4", "ukdbg print x/4");
        check("ukdbg cfg x/kernel main", "ukdbg cfg x/kernel main");
        check("x/ukdbg run", "x/ukdbg run");
    }
}
