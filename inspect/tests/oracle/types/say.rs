//! What a program says of its own variables at its next stop: `SAYS name = value`,
//! and `LAYS name = "value"` for those whose laid-out form is told too.

use std::hint::black_box;

// What a program without an operating system has to ask for.
pub use std::borrow::ToOwned;
pub use std::boxed::Box;
pub use std::string::{String, ToString};
pub use std::vec::Vec;

pub fn say(name: &str, value: String) {
    println!("SAYS {name} = {value}");
}

/// Variables whose text is that of `{:?}`.
macro_rules! says {
    ($($name:ident),* $(,)?) => { $(
        say(stringify!($name), format!("{:?}", $name));
        println!("LAYS {} = {:?}", stringify!($name), format!("{:#?}", $name));
    )* };
}

/// A variable whose text is another one.
macro_rules! says_as {
    ($name:ident, $($form:tt)*) => { say(stringify!($name), format!($($form)*)) };
}

macro_rules! keep {
    ($($name:ident),* $(,)?) => { $( black_box(&$name); )* };
}

/// Where the values are compared: those of the caller.
#[inline(never)]
pub fn stop() -> u64 {
    #[cfg(guest)]
    crate::guest::go_deeper();
    black_box(1)
}
