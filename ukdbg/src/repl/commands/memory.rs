//! Memory, and what addresses are.

use ukdbg_session::view::MemoryView;
use ukdbg_session::{Format, Letter, Reply, Request};

use super::{Command, Does, Repeats, Takes};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use crate::repl::prompt::Prompt;
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 3] = [
    Command::new(
        "x",
        &["examine"],
        "[/COUNT SIZE LETTER] [EXPR]",
        "Show memory: `x/8gx $rsp` is 8 units of 8 bytes in hexadecimal.\n\
         Sizes are b h w g; letters x d u o t a c f, s for text, i for instructions.\n\
         Without EXPR, what comes next.",
        "x/4gx $rsp",
        Does::This(examine),
    )
    .takes(Takes::Value)
    .repeats(Repeats::Bare),
    Command::new(
        "whois",
        &[],
        "ADDRESS | EXPR",
        "Tell what an address is: symbol, section, stack, heap block, page.",
        "whois $rsp",
        Does::This(whois),
    )
    .takes(Takes::Value),
    Command::new(
        "tables",
        &[],
        "",
        "Show the descriptor tables of the selected CPU: segments, interrupt gates, task state.",
        "tables",
        Does::This(tables),
    ),
];

/// Where `x` goes on, and how.
#[derive(Debug, Clone)]
pub(crate) struct Examined {
    next: String,
    format: Format,
}

fn examine(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let asked = words.format()?;
    let before = prompt.examined.clone();
    let format = merged(asked, before.as_ref().map(|before| before.format));
    let expression = match (words.some_rest(), before) {
        (Some(expression), _) => expression.to_owned(),
        (None, Some(before)) => before.next,
        (None, None) => return Err(words.wrong("the memory at what address?")),
    };
    // Text and instructions say where they end by where the next one begins.
    let by_length = matches!(format.letter, Some(Letter::Instruction | Letter::Text));
    let count = format.count.unwrap_or(1);
    let request = Request::Examine {
        expression,
        frame: prompt.selected(),
        format: Format {
            count: Some(if by_length {
                count.saturating_add(1)
            } else {
                count
            }),
            ..format
        },
    };
    let Reply::Memory(mut view) = prompt.ask(request)? else {
        return Ok(());
    };
    let next = next(&mut view, format, by_length);
    prompt.examined = next.map(|next| Examined { next, format });
    let nothing = view.rows.is_empty().then_some(view.unreadable).flatten();
    let reply = Reply::Memory(view);
    prompt.say(&reply, |prompt| match &reply {
        Reply::Memory(memory) => render::memory(memory, prompt.output.styles()),
        _ => String::new(),
    })?;
    match nothing {
        None => Ok(()),
        Some(at) => Err(Failure::text(
            Exit::Unreachable,
            format_args!("there is no memory at {at} that can be read"),
        )),
    }
}

/// What is not said is as it was; the count is always one.
fn merged(asked: Option<Format>, before: Option<Format>) -> Format {
    let nothing = Format {
        count: None,
        size: None,
        letter: None,
    };
    let (asked, before) = (asked.unwrap_or(nothing), before.unwrap_or(nothing));
    Format {
        count: asked.count,
        size: asked.size.or(before.size),
        letter: asked.letter.or(before.letter),
    }
}

/// The address behind what was shown; the row that only told it is taken out.
fn next(view: &mut MemoryView, format: Format, by_length: bool) -> Option<String> {
    let count = format.count.unwrap_or(1) as usize;
    if by_length {
        let next = view.rows.get(count)?.address;
        view.rows.truncate(count);
        view.unreadable = None;
        return Some(next.to_string());
    }
    let first = view.rows.first()?.address;
    let size = match (format.letter, format.size) {
        (Some(Letter::Address), _) | (Some(Letter::Float), None) => 8,
        (_, Some(size)) => size.bytes(),
        (Some(Letter::Character), None) => 1,
        (_, None) => 4,
    };
    let bytes = u64::try_from(count).ok()?.checked_mul(size)?;
    Some(first.checked_add(bytes)?.to_string())
}

fn whois(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let expression = words.needed("what address")?.to_owned();
    let reply = prompt.ask(Request::Whois {
        expression,
        frame: prompt.selected(),
    })?;
    prompt.say(&reply, |prompt| match &reply {
        Reply::Whois(whois) => render::whois(whois, prompt.output.styles()),
        _ => String::new(),
    })
}

fn tables(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    words.end()?;
    let reply = prompt.ask(Request::Tables { vcpu: None })?;
    prompt.say(&reply, |prompt| match &reply {
        Reply::Tables(view) => render::tables(view, prompt.output.styles()),
        _ => String::new(),
    })
}
