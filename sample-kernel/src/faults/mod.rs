//! Thirteen mistakes that kernels make, each committed in the middle of a trade.
//!
//! A file has one fault: what leads to it looks like a part of an engine, the
//! mistake is marked, and the operation that faults is in a function of that
//! file which is not inlined, so that a debugger has something to name. To add
//! one: a file with `commit`, a line in the table below, and a row in the
//! tests' table of what a report must say.
#![allow(
    unsafe_code,
    reason = "these are the mistakes that unsafe code can make"
)]

mod bad_fn_pointer;
mod bounds;
mod divide;
mod double_fault;
mod heap_corruption;
mod heap_overflow;
mod non_canonical;
mod null_field;
mod panic;
mod stack_overflow;
mod triple_fault;
mod use_after_free;
mod write_rodata;

use crate::engine::Trade;

macro_rules! faults {
    ($($variant:ident $name:literal $module:ident: $doc:literal;)*) => {
        /// A fault the kernel can commit.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Fault {
            $(#[doc = $doc] $variant,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Commits it.
            #[inline(never)]
            pub(crate) fn commit(self, trade: &Trade<'_>) {
                match self { $(Self::$variant => $module::commit(trade),)* }
            }
        }
    };
}

faults! {
    NullField "null-field" null_field: "Reads a field through a null reference.";
    HeapOverflow "heap-overflow" heap_overflow: "Writes past the end of a heap block.";
    HeapCorruption "heap-corruption" heap_corruption: "Overwrites a pointer that is followed much later.";
    UseAfterFree "use-after-free" use_after_free: "Reads a heap block that was released.";
    StackOverflow "stack-overflow" stack_overflow: "Recurses until the stack ends.";
    WriteRodata "write-rodata" write_rodata: "Writes to a constant.";
    BadFnPointer "bad-fn-pointer" bad_fn_pointer: "Calls data.";
    NonCanonical "non-canonical" non_canonical: "Reads through an address that cannot exist.";
    Divide "divide" divide: "Divides by zero.";
    Panic "panic" panic: "Panics.";
    Bounds "bounds" bounds: "Indexes past the end of an array.";
    DoubleFault "double-fault" double_fault: "Faults without a gate for the fault.";
    TripleFault "triple-fault" triple_fault: "Faults without any gate.";
}

impl Fault {
    /// The fault of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

/// A fault and its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Armed {
    /// Which.
    pub fault: Fault,
    /// Orders that are accepted before it; it comes with the first trade after.
    pub after: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_thirteen_with_names_of_their_own() {
        assert_eq!(Fault::ALL.len(), 13);
        for &fault in Fault::ALL {
            assert_eq!(Fault::named(fault.name()), Some(fault));
        }
        assert_eq!(Fault::named(""), None);
    }
}
