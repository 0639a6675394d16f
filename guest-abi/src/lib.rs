//! What guest and host agree on.
//!
//! Everything here is a layout: structures that a guest places in its memory
//! and a debugger reads from it, and bytes that a guest's build places in the
//! ELF. The guest fills the structures in; the host reads them by the offsets
//! of the same definitions and never trusts a value it finds there.
//!
//! The way in is a note in the ELF ([`note`]) that gives the address of the
//! [`RootBlock`]; the root block gives the address of all else. An image whose
//! notes are lost can still be understood by a scan for [`root::MAGIC`].
//!
//! All structures are `repr(C)`, little-endian, for 64-bit guests. This crate
//! depends on nothing and knows neither how a guest works nor how a host reads
//! it.
#![no_std]

pub mod event;
pub mod fault;
pub mod heap;
pub mod note;
pub mod ring;
pub mod root;
pub mod stack;

mod address;

pub use address::GuestAddress;
pub use fault::{FaultKind, FaultRecord, RegisterSet};
pub use heap::{BlockState, HeapBlock, HeapLedger};
pub use ring::{RingHeader, Slot};
pub use root::RootBlock;
pub use stack::{StackEntry, StackKind, StackTable};
