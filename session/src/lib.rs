//! What a user does to one machine.
//!
//! A [`Session`] owns a target and the images in it, and answers one typed
//! [`Request`] with one typed [`Reply`]. Batch commands, prompt, terminal
//! interface and editors are front ends over this interface; `--json` prints
//! the replies.
//!
//! Not here: opening sockets or files (sources come through [`SourceText`],
//! what the emulator logged comes as data), drawing, escaping.
#![forbid(unsafe_code)]

mod error;
mod reply;
mod request;
mod session;
mod source_text;
pub mod view;

pub use error::SessionError;
pub use reply::Reply;
pub use request::{Request, Scope};
pub use session::Session;
pub use source_text::{NoSources, SourceText};
pub use ukdbg_diagnose as diagnose;
pub use ukdbg_image::{
    CodeAddr, FunctionName, Image, ImageError, LinkAddr, SourceLocation, SourcePath, Untrusted,
};
pub use ukdbg_inspect as inspect;
