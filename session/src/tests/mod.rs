//! Sessions on machines made by hand: a real image that gcc compiles, memory
//! and registers as each test wants them.

mod backtraces;
mod faults;
mod identity;
pub(crate) mod machine;
mod requests;
mod run_control;
mod traces;

use machine::{Guest, guest};
