//! Arguments of the commands that look at one thing in a machine, and what
//! makes them as short to type as in GDB.

use clap::Args;

/// What an endpoint is to these commands; part of their help.
const ENDPOINT: &str = "\
ENDPOINT comes first: the first argument is one when it begins with tcp: unix: serial: qmp: ram:
core: or image:, or has the form HOST:PORT and more arguments follow. Without one: the session that
`ukdbg run` has open, else tcp:127.0.0.1:1234. image:FILE is the ELF itself as a machine that does
not run: statics, constants, code and source, no frames and no registers.";

const EXPRESSIONS: &str = "\
Expressions: variables of the frame, statics and functions by name or the end of their path
(`Book::insert`; other characters in quotes: 'a::<T>::X'), registers (rsp, $rax), numbers,
.field .0 [index] [from..to] first@count *pointer &place, x as u64, (u64)x, x as *const Order,
(struct order *)x, + - * / % << >> & | ^ ! ~ and comparison. A field or an element of a pointer is
that of what it points to. Several words are one expression.";

/// The frame that is meant.
#[derive(Args, Debug)]
pub(crate) struct FrameArguments {
    /// The frame, by its number in the backtrace; the innermost unless given
    #[arg(long, short, value_name = "N")]
    pub(crate) frame: Option<usize>,
}

/// Print the value of an expression
#[derive(Args, Debug)]
#[command(
    visible_alias = "p",
    override_usage = "ukdbg print [OPTIONS] [ENDPOINT] EXPR...\n       ukdbg print/FORMAT [OPTIONS] [ENDPOINT] EXPR...",
    after_help = EXPRESSIONS,
    after_long_help = format!("{EXPRESSIONS}\n\n{ENDPOINT}")
)]
pub(crate) struct PrintArguments {
    /// The machine, when the first argument is one, and the expression
    #[arg(
        value_name = "[ENDPOINT] EXPR",
        required = true,
        allow_negative_numbers = true
    )]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) frame: FrameArguments,
    /// How numbers are written: x d u o t a c f, as in `print/x`
    #[arg(long, value_name = "LETTER")]
    pub(crate) format: Option<String>,
    /// Print the type before the value
    #[arg(long = "type", short = 't')]
    pub(crate) with_type: bool,
}

/// Show memory, unit by unit
///
/// `x/16gx rsp` shows 16 units of 8 bytes in hexadecimal. Letters: x d u o t a
/// c f write numbers, s text, i instructions; b h w g are 1, 2, 4 and 8 bytes.
/// Without letters: one unit of 4 bytes in hexadecimal.
#[derive(Args, Debug)]
#[command(
    visible_alias = "examine",
    override_usage = "ukdbg x/[COUNT][SIZE][LETTER] [OPTIONS] [ENDPOINT] EXPR...\n       ukdbg x [OPTIONS] [ENDPOINT] EXPR...",
    after_help = EXPRESSIONS,
    after_long_help = format!("{EXPRESSIONS}\n\n{ENDPOINT}")
)]
pub(crate) struct ExamineArguments {
    /// The machine, when the first argument is one, and the address: an
    /// expression that is a number or a pointer, or is in memory
    #[arg(
        value_name = "[ENDPOINT] EXPR",
        required = true,
        allow_negative_numbers = true
    )]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) frame: FrameArguments,
    /// How many units
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) count: Option<u32>,
    /// Letters as after the slash of `x/16gx`
    #[arg(long, value_name = "LETTERS")]
    pub(crate) format: Option<String>,
}

/// Tell what an address is: symbol, section, stack, heap block, page
#[derive(Args, Debug)]
#[command(
    override_usage = "ukdbg whois [OPTIONS] [ENDPOINT] ADDRESS|EXPR...",
    after_help = EXPRESSIONS,
    after_long_help = format!("{EXPRESSIONS}\n\n{ENDPOINT}")
)]
pub(crate) struct WhoisArguments {
    /// The machine, when the first argument is one, and the address or an
    /// expression that has one
    #[arg(
        value_name = "[ENDPOINT] ADDRESS",
        required = true,
        allow_negative_numbers = true
    )]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) frame: FrameArguments,
}

/// Print the arguments and locals of a frame
#[derive(Args, Debug)]
pub(crate) struct LocalsArguments {
    #[command(flatten)]
    pub(crate) endpoint: super::EndpointArguments,
    #[command(flatten)]
    pub(crate) frame: FrameArguments,
    /// Of every frame
    #[arg(long, conflicts_with = "frame")]
    pub(crate) all: bool,
}

/// Print the registers of a frame
#[derive(Args, Debug)]
#[command(visible_alias = "registers")]
pub(crate) struct RegistersArguments {
    #[command(flatten)]
    pub(crate) endpoint: super::EndpointArguments,
    #[command(flatten)]
    pub(crate) frame: FrameArguments,
    /// Segment and control registers too
    #[arg(long)]
    pub(crate) all: bool,
}

/// Disassemble a function
#[derive(Args, Debug)]
#[command(
    visible_alias = "disassemble",
    override_usage = "ukdbg disas [OPTIONS] [ENDPOINT] [FUNCTION|ADDRESS]",
    after_long_help = ENDPOINT
)]
pub(crate) struct DisassembleArguments {
    /// The machine, when the first argument is one, and a function, an address
    /// in one, or an expression; the frame's own function unless given
    #[arg(value_name = "[ENDPOINT] [FUNCTION|ADDRESS]")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) frame: FrameArguments,
    /// Show the source lines between the instructions
    #[arg(long, short)]
    pub(crate) source: bool,
    /// AT&T syntax
    #[arg(long)]
    pub(crate) att: bool,
    /// Show the bytes of each instruction
    #[arg(long, short)]
    pub(crate) bytes: bool,
}

/// Show source lines
#[derive(Args, Debug)]
#[command(
    visible_alias = "l",
    override_usage = "ukdbg list [OPTIONS] [ENDPOINT] [FUNCTION|FILE:LINE|ADDRESS]",
    after_long_help = ENDPOINT
)]
pub(crate) struct ListArguments {
    /// The machine, when the first argument is one, and what to show; the
    /// frame's line unless given
    #[arg(value_name = "[ENDPOINT] [FUNCTION|FILE:LINE|ADDRESS]")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) frame: FrameArguments,
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
            Some((command @ ("x" | "examine" | "p" | "print"), format)) if is_command => {
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
        check("ukdbg print x/4", "ukdbg print x/4");
        check("ukdbg cfg x/kernel main", "ukdbg cfg x/kernel main");
        check("x/ukdbg run", "x/ukdbg run");
    }
}
