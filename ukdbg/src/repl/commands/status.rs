//! `info`: the command of which each part tells one thing.

use super::{Command, Does, Takes, info};

pub(super) static COMMANDS: [Command; 1] = [Command::new(
    "info",
    &["i", "inf"],
    "THING [ARGUMENTS]",
    "Tell how things stand: breakpoints, registers, locals, args, frame, threads, …",
    "info registers",
    Does::OneOf(&info::COMMANDS),
)
.takes(Takes::Command)];
