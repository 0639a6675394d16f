//! Breakpoints, watchpoints, and what they do when they are reached.

use ukdbg_session::{
    BreakAt, BreakpointChange, Life, Means, NewBreakpoint, NewWatchpoint, Reply, Request,
    WatchAccess,
};

use super::{Command, Does, Takes, catching};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use crate::repl::input::{Line, Lines, Wanted};
use crate::repl::prompt::Prompt;
use crate::repl::words::{Words, condition};

pub(super) static COMMANDS: [Command; 16] = [
    Command::new(
        "break",
        &["b", "br", "brea"],
        "[PLACE] [if CONDITION]",
        "Stop where PLACE is reached: a function, FILE:LINE, a line, *ADDRESS.\n\
         Without PLACE, where the machine stands.",
        "break main",
        Does::This(|prompt, words| add(prompt, words, Means::Fitting, Life::Lasting)),
    )
    .takes(Takes::Place),
    Command::new(
        "tbreak",
        &["tb", "tbr"],
        "[PLACE] [if CONDITION]",
        "The same, for one stop.",
        "tbreak main",
        Does::This(|prompt, words| add(prompt, words, Means::Fitting, Life::Once)),
    )
    .takes(Takes::Place),
    Command::new(
        "hbreak",
        &["hb"],
        "[PLACE] [if CONDITION]",
        "The same by the processor's comparison: in read-only or unmapped code.",
        "hbreak main",
        Does::This(|prompt, words| add(prompt, words, Means::Hardware, Life::Lasting)),
    )
    .takes(Takes::Place),
    Command::new(
        "thbreak",
        &["thb"],
        "[PLACE] [if CONDITION]",
        "The same by the processor's comparison, for one stop.",
        "thbreak main",
        Does::This(|prompt, words| add(prompt, words, Means::Hardware, Life::Once)),
    )
    .takes(Takes::Place),
    Command::new(
        "rbreak",
        &["rb"],
        "REGEX",
        "Stop in every function whose name a regular expression matches.",
        "rbreak main$",
        Does::This(matching),
    ),
    Command::new(
        "watch",
        &[],
        "EXPR [if CONDITION]",
        "Stop when a write changes the value of EXPR.",
        "watch *(unsigned *)$rsp",
        Does::This(|prompt, words| watch(prompt, words, WatchAccess::Change)),
    )
    .takes(Takes::Value),
    Command::new(
        "rwatch",
        &["rw"],
        "EXPR [if CONDITION]",
        "Stop when EXPR is read.",
        "rwatch *(unsigned *)$rsp",
        Does::This(|prompt, words| watch(prompt, words, WatchAccess::Read)),
    )
    .takes(Takes::Value),
    Command::new(
        "awatch",
        &["aw"],
        "EXPR [if CONDITION]",
        "Stop when EXPR is read or written.",
        "awatch *(unsigned *)$rsp",
        Does::This(|prompt, words| watch(prompt, words, WatchAccess::Access)),
    )
    .takes(Takes::Value),
    Command::new(
        "catch",
        &[],
        "fault | panic | switch | event NAME",
        "Stop at what happens in every guest: a fault, a panic, a switch of tasks, an event.",
        "catch fault",
        Does::OneOf(&catching::COMMANDS),
    ),
    Command::new(
        "condition",
        &["cond"],
        "N [CONDITION]",
        "Stop at breakpoint N only where CONDITION is true; without one, always.",
        "condition 1 $rsp != 0",
        Does::This(set_condition),
    )
    .takes(Takes::Value),
    Command::new(
        "ignore",
        &[],
        "N COUNT",
        "Pass breakpoint N COUNT times.",
        "ignore 1 2",
        Does::This(ignore),
    ),
    Command::new(
        "enable",
        &["en"],
        "[N | N.LOCATION]...",
        "Let breakpoints stop the machine again.",
        "enable 1",
        Does::This(|prompt, words| {
            switch(prompt, words, |location| BreakpointChange::Enable {
                location,
            })
        }),
    ),
    Command::new(
        "disable",
        &["dis", "disa"],
        "[N | N.LOCATION]...",
        "Keep breakpoints from stopping the machine.",
        "disable 1",
        Does::This(|prompt, words| {
            switch(prompt, words, |location| BreakpointChange::Disable {
                location,
            })
        }),
    ),
    Command::new(
        "delete",
        &["d", "del"],
        "[N]...",
        "Delete breakpoints and watchpoints; without numbers, all.",
        "delete 1",
        Does::This(delete),
    ),
    Command::new(
        "logpoint",
        &["dprintf", "log"],
        "PLACE, MESSAGE",
        "Print MESSAGE where PLACE is reached, with the value of every {EXPR} in it, and go on.",
        "logpoint main, stack at {$rsp:x}",
        Does::This(log),
    )
    .takes(Takes::Place),
    Command::new(
        "commands",
        &["command"],
        "[N]",
        "Commands for breakpoint N (the newest without N), one a line up to `end`.\n\
         They are carried out when it stops the machine; `silent` first keeps the stop quiet.",
        "commands 1",
        Does::ThisWithLines(attach_commands),
    ),
];

fn add(
    prompt: &mut Prompt<'_>,
    words: &mut Words<'_>,
    means: Means,
    life: Life,
) -> Result<(), Failure> {
    let (place, condition) = condition(words.rest());
    let place = prompt.place(place);
    prompt.say_breakpoint(Request::Break(NewBreakpoint {
        at: BreakAt::Place(place),
        means,
        life,
        condition: condition.map(ToOwned::to_owned),
        log: None,
    }))
}

fn matching(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let pattern = words.needed("which functions")?.to_owned();
    prompt.say_breakpoint(Request::Break(NewBreakpoint {
        at: BreakAt::Matching(pattern),
        means: Means::Fitting,
        life: Life::Lasting,
        condition: None,
        log: None,
    }))
}

fn watch(
    prompt: &mut Prompt<'_>,
    words: &mut Words<'_>,
    access: WatchAccess,
) -> Result<(), Failure> {
    let (expression, condition) = condition(words.needed("what value")?);
    // GDB's way to say that the place is meant and not the name, which is what
    // is always meant here.
    let expression = expression.strip_prefix("-l ").unwrap_or(expression);
    let request = Request::Watch(NewWatchpoint {
        expression: expression.to_owned(),
        frame: prompt.selected(),
        access,
        condition: condition.map(ToOwned::to_owned),
        log: None,
    });
    prompt.say_breakpoint(request)
}

fn log(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let text = words.needed("where, and what")?;
    let (place, message) = text
        .split_once(',')
        .ok_or_else(|| words.wrong("a place, a comma and a message are needed"))?;
    let place = prompt.place(place.trim());
    let message = message.trim().trim_matches('"').to_owned();
    prompt.say_breakpoint(Request::Break(NewBreakpoint {
        log: Some(message),
        ..NewBreakpoint::at(place)
    }))
}

/// `N`, which must be there.
fn number(words: &mut Words<'_>) -> Result<u32, Failure> {
    let number = words.number("the number of a breakpoint")?;
    let number = number.ok_or_else(|| words.wrong("which breakpoint?"))?;
    u32::try_from(number).map_err(|_| words.wrong("there is no such breakpoint"))
}

fn change(prompt: &mut Prompt<'_>, number: u32, change: BreakpointChange) -> Result<(), Failure> {
    prompt.say_breakpoint(Request::ChangeBreakpoint { number, change })
}

fn set_condition(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let number = number(words)?;
    let condition = words.some_rest().map(ToOwned::to_owned);
    change(prompt, number, BreakpointChange::Condition(condition))
}

fn ignore(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let number = number(words)?;
    let count = words.number("a count")?;
    let count = count.ok_or_else(|| words.wrong("how often?"))?;
    words.end()?;
    change(prompt, number, BreakpointChange::Ignore(count))
}

fn switch(
    prompt: &mut Prompt<'_>,
    words: &mut Words<'_>,
    to: impl Fn(Option<usize>) -> BreakpointChange,
) -> Result<(), Failure> {
    let mut changed = false;
    while let Some(word) = words.word() {
        let (number, location) = match word.split_once('.') {
            None => (word, None),
            Some((number, location)) => (number, Some(location)),
        };
        let number = number.parse();
        let location = location.map(str::parse).transpose();
        let (Ok(number), Ok(location)) = (number, location) else {
            return Err(words.wrong("that is no number of a breakpoint or of its location"));
        };
        change(prompt, number, to(location))?;
        changed = true;
    }
    if changed {
        return Ok(());
    }
    let Reply::Breakpoints(view) = prompt.ask(Request::Breakpoints)? else {
        return Ok(());
    };
    for breakpoint in view.breakpoints {
        let number = breakpoint.number;
        let change = to(None);
        prompt.ask(Request::ChangeBreakpoint { number, change })?;
    }
    let all = prompt.ask(Request::Breakpoints)?;
    prompt.say_breakpoints(&all)
}

fn delete(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let mut numbers = Vec::new();
    while words.peek().is_some() {
        numbers.push(number(words)?);
    }
    if numbers.is_empty() {
        prompt.scripts.clear();
        prompt.ask(Request::DeleteBreakpoint { number: None })?;
    }
    for number in numbers {
        prompt.ask(Request::DeleteBreakpoint {
            number: Some(number),
        })?;
        prompt.scripts.remove(&number);
    }
    prompt.say_done()
}

fn attach_commands(
    prompt: &mut Prompt<'_>,
    words: &mut Words<'_>,
    lines: &mut dyn Lines,
) -> Result<(), Failure> {
    let asked = words.peek().is_some().then(|| number(words)).transpose()?;
    let Reply::Breakpoints(view) = prompt.ask(Request::Breakpoints)? else {
        return Ok(());
    };
    let known: Vec<u32> = view.breakpoints.iter().map(|one| one.number).collect();
    let number = match asked {
        Some(number) if known.contains(&number) => number,
        Some(number) => return Err(words.wrong(format_args!("there is no breakpoint {number}"))),
        None => *known
            .last()
            .ok_or_else(|| words.wrong("there is no breakpoint"))?,
    };
    let mut script = Vec::new();
    loop {
        match lines.next(prompt, Wanted::More)? {
            Line::Text(line) if line.trim() == "end" => break,
            Line::Text(line) => script.push(line.trim().to_owned()),
            Line::Cancelled => return Ok(()),
            Line::End => {
                return Err(Failure::text(
                    Exit::Usage,
                    "the commands of a breakpoint end with `end`",
                ));
            }
        }
    }
    prompt.scripts.insert(number, script);
    prompt.say_done()
}

impl Prompt<'_> {
    /// Says the breakpoint that comes of a request.
    pub(super) fn say_breakpoint(&mut self, request: Request) -> Result<(), Failure> {
        let reply = self.ask(request)?;
        self.say_breakpoints(&reply)
    }

    pub(super) fn say_breakpoints(&mut self, reply: &Reply) -> Result<(), Failure> {
        self.say(reply, |prompt| {
            let styles = prompt.output.styles();
            match reply {
                Reply::Breakpoint(view) => render::breakpoint(view, styles),
                Reply::Breakpoints(view) => render::breakpoints(view, styles),
                _ => String::new(),
            }
        })
    }
}
