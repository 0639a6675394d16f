use std::collections::HashMap;

use super::{Command, Does, all, distance, find};

#[track_caller]
fn name_of(line: &str) -> String {
    match find(line) {
        Ok((command, _)) => command.name.to_owned(),
        Err(failure) => failure.told_once(),
    }
}

#[test]
fn gdbs_abbreviations_mean_what_they_mean_there() {
    for (line, expected) in [
        ("b main", "break"),
        ("br main", "break"),
        ("tb main", "tbreak"),
        ("c", "continue"),
        ("cont", "continue"),
        ("fg", "continue"),
        ("s", "step"),
        ("n 3", "next"),
        ("si", "stepi"),
        ("ni", "nexti"),
        ("fin", "finish"),
        ("u", "until"),
        ("unt", "until"),
        ("adv 12", "advance"),
        ("j 12", "jump"),
        ("k", "kill"),
        ("p x", "print"),
        ("p/x x", "print"),
        ("p$rip", "print"),
        ("inspect x", "print"),
        ("x/8gx $rsp", "x"),
        ("bt 5", "backtrace"),
        ("where", "backtrace"),
        ("ba", "backtrace"),
        ("f 2", "frame"),
        ("l main", "list"),
        ("d 1", "delete"),
        ("dis 1", "disable"),
        ("disa 1", "disable"),
        ("disas main", "disassemble"),
        ("disp x", "display"),
        ("und 1", "undisplay"),
        ("h b", "help"),
        ("i b", "breakpoints"),
        ("i r rip", "registers"),
        ("info reg rip", "registers"),
        ("inf loc", "locals"),
        ("i th", "threads"),
        ("info watchpoints", "breakpoints"),
        ("t 1", "thread"),
        ("cond 1 x", "condition"),
        ("wat x", "watch"),
        ("rw x", "rwatch"),
        ("aw x", "awatch"),
        ("set var x = 5", "variable"),
        ("set $rax = 5", ""),
        ("set x = 5", ""),
        ("set listsize 3", "listsize"),
        ("gcore f", "dump"),
        ("!ls", "shell"),
        ("so f", "source"),
        ("q", "quit"),
    ] {
        assert_eq!(name_of(line), expected, "{line}");
    }
}

#[test]
fn what_is_no_command_is_pointed_at() {
    let failure = find("  brek main").map(|_| ()).unwrap_err();
    let told = failure.told_once();
    assert_eq!(
        told.lines().collect::<Vec<_>>(),
        [
            "there is no command `brek`",
            "      brek main",
            "      ^^^^"
        ]
    );
    assert!(failure.hint.is_some_and(|hint| hint.contains("break")));
    let failure = find("info zork").map(|_| ()).unwrap_err();
    assert!(failure.told_once().ends_with("\n         ^^^^"));
    let failure = find("co 1").map(|_| ()).unwrap_err();
    let hint = failure.hint.unwrap();
    assert!(
        hint.contains("continue") && hint.contains("commands"),
        "{hint}"
    );
    let failure = find("run").map(|_| ()).unwrap_err();
    assert!(failure.hint.is_some_and(|hint| hint.contains("continue")));
    assert!(find("=5").is_err());
}

/// Every command and every part of one, with its line's beginning.
fn each(visit: &mut dyn FnMut(&'static Command, String)) {
    fn below(
        command: &'static Command,
        before: &str,
        visit: &mut dyn FnMut(&'static Command, String),
    ) {
        let name = format!("{before}{}", command.name);
        visit(command, name.clone());
        for part in command.parts() {
            below(part, &format!("{name} "), visit);
        }
    }
    for command in all() {
        below(command, "", visit);
    }
}

#[test]
fn names_are_used_once_and_every_command_has_help() {
    let mut seen = HashMap::new();
    for command in all() {
        for name in command.aliases.iter().chain([&command.name]) {
            let before = seen.insert(*name, command.name);
            assert_eq!(before, None, "{name}");
        }
    }
    each(&mut |command, name| {
        assert!(!command.help.is_empty(), "{name}");
        assert!(!command.example.is_empty(), "{name}");
        let (found, _) = find(command.example).unwrap_or_else(|error| panic!("{error:?}"));
        let is_part = command.parts().iter().any(|part| std::ptr::eq(part, found));
        assert!(std::ptr::eq(found, command) || is_part, "{name}");
        if let Does::OneOf(parts) = command.does {
            assert!(!parts.is_empty(), "{name}");
        }
    });
}

#[test]
fn letters_that_differ() {
    for (a, b, expected) in [
        ("", "", 0),
        ("brek", "break", 1),
        ("step", "stop", 1),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
    ] {
        assert_eq!(distance(a, b), expected, "{a} {b}");
    }
}
