//! Scripts, and what they say and ask of the shell.

use std::process::Command as Process;

use super::{Command, Does, Takes};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::images;
use crate::repl::prompt::Prompt;
use crate::repl::script;
use crate::repl::words::Words;

pub(super) static COMMANDS: [Command; 4] = [
    Command::new(
        "source",
        &["so"],
        "FILE",
        "Carry out the commands in FILE, up to the first that fails.",
        "source my.ukdbg",
        Does::This(source),
    )
    .takes(Takes::File),
    Command::new(
        "add-symbol-file",
        &["symbol-file"],
        "FILE",
        "Take symbols from one more ELF: another program in the machine. It is found by its code.",
        "add-symbol-file app.elf",
        Does::This(add_symbols),
    )
    .takes(Takes::File),
    Command::new(
        "echo",
        &[],
        "TEXT",
        "Print TEXT; \\n is a newline.",
        "echo here\\n",
        Does::This(echo),
    ),
    Command::new(
        "shell",
        &["!"],
        "COMMAND",
        "Have a command carried out by the shell.",
        "shell true",
        Does::This(shell),
    ),
];

fn source(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let path = words.needed("which file")?;
    let lines = script::read(path.as_ref())?;
    prompt.carry_out_script(lines)
}

fn add_symbols(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let path = words.needed("which file")?;
    let loaded = images::load(Some(path.as_ref()), &[])?;
    for note in &loaded.notes {
        prompt.output.note(note);
    }
    for module in loaded.modules.iter() {
        prompt.guest.add_module(module.clone());
    }
    prompt.say_done()
}

fn echo(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let text = words.rest();
    let mut said = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => said.push('\n'),
                Some('t') => said.push('\t'),
                Some(other) => said.push(other),
                None => {}
            },
            letter => said.push(letter),
        }
    }
    prompt.say_text(&said)
}

fn shell(prompt: &mut Prompt<'_>, words: &mut Words<'_>) -> Result<(), Failure> {
    let line = words.needed("which command of the shell")?;
    let status = Process::new("/bin/sh").arg("-c").arg(line).status();
    let status = status.map_err(|error| {
        Failure::text(Exit::Usage, format_args!("cannot start a shell: {error}"))
    })?;
    match status.success() {
        true => prompt.say_done(),
        false => Err(Failure::text(
            Exit::Usage,
            format_args!("the shell's command failed: {status}"),
        )),
    }
}
