//! Panics: the guest's language says itself what happened and where.

use super::Draft;
use crate::place;
use crate::scene::Scene;
use crate::verdict::{Verdict, VerdictKind};

/// How the messages of Rust's bounds checks begin (core::slice::index and the
/// compiler's own checks).
const OUT_OF_BOUNDS: [&str; 5] = [
    "index out of bounds",
    "range end index",
    "range start index",
    "slice index starts at",
    "range start is out of bounds",
];

/// The verdict on a panic.
pub(crate) fn panic(scene: &Scene<'_>, message: &str, file: &str, line: u32) -> Verdict {
    let first_line = message
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let draft = if OUT_OF_BOUNDS
        .iter()
        .any(|start| first_line.starts_with(start))
    {
        Draft::certain(VerdictKind::IndexOutOfBounds, first_line)
    } else if first_line.is_empty() {
        Draft::certain(VerdictKind::Panic, "panic without a message")
    } else {
        Draft::certain(VerdictKind::Panic, format!("panic: {first_line}"))
    };
    draft.at(place::of_panic(scene.frames, file, line))
}
