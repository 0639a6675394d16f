//! What would show more: this run again, in the terminal interface.

use std::path::{Path, PathBuf};

use crate::arguments::{Accelerator, Global, RunArguments};
use crate::render::{Commands, quote};

/// The commands that a report on this run offers.
pub(super) fn commands(global: &Global, options: &RunArguments, image: &Path) -> Commands {
    let again = match &options.record {
        Some(folder) => format!("ukdbg replay {}", quote(&folder.display().to_string())),
        None => command_line(global, options, image),
    };
    Commands {
        images: [image]
            .into_iter()
            .chain(global.symbols.iter().map(PathBuf::as_path))
            .map(|file| file.display().to_string())
            .collect(),
        trace: again.clone(),
        look: again,
    }
}

/// The same guest again: everything that makes it this one.
fn command_line(global: &Global, options: &RunArguments, image: &Path) -> String {
    let mut line = format!("ukdbg run {} --tui", quote(&image.display().to_string()));
    let mut add = |option: &str, value: &str| {
        line.push_str(&format!(" {option} {}", quote(value)));
    };
    for symbols in &global.symbols {
        add("--symbols", &symbols.display().to_string());
    }
    for mapping in &global.source_map {
        add("--source-map", mapping);
    }
    if let Some(append) = &options.append {
        add("--append", append);
    }
    if options.memory != RunArguments::MEMORY {
        add("--memory", &options.memory);
    }
    if options.smp != 1 {
        add("--smp", &options.smp.to_string());
    }
    if options.accel == Accelerator::Kvm {
        add("--accel", "kvm");
    }
    for (index, word) in options.qemu.iter().enumerate() {
        line.push_str(if index == 0 { " -- " } else { " " });
        line.push_str(&quote(word));
    }
    line
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::command_line;
    use crate::arguments::{Arguments, Command};

    fn check(typed: &[&str], expected: &str) {
        let arguments = Arguments::parse_from([&["ukdbg", "run", "k"], typed].concat());
        let Command::Run(options) = &arguments.command else {
            panic!("{typed:?} runs nothing");
        };
        let line = command_line(&arguments.global, options, "k".as_ref());
        assert_eq!(line, format!("ukdbg run k --tui{expected}"));
    }

    #[test]
    fn it_is_the_same_guest() {
        check(&[], "");
        check(&["--batch", "--timeout", "5s", "--memory", "64M"], "");
        check(
            &[
                "--append",
                "a b",
                "--symbols",
                "s",
                "--accel",
                "kvm",
                "--source-map",
                "/a=/b",
            ],
            " --symbols s --source-map /a=/b --append 'a b' --accel kvm",
        );
        check(
            &["--smp", "2", "--memory", "1G", "--", "-device", "x,y=z w"],
            " --memory 1G --smp 2 -- -device 'x,y=z w'",
        );
    }
}
