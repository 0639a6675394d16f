//! The rules, one file for each family of faults. A rule reads the scene and
//! makes the verdict; it never guesses without saying so.

mod endings;
mod exceptions;
mod page_fault;
mod panics;
mod protection;
#[cfg(test)]
mod tests;
mod words;

use ukdbg_image::Untrusted;

use crate::place;
use crate::scene::{ExceptionFacts, Scene};
use crate::verdict::{Certainty, FailedAccess, Verdict, VerdictKind};

pub(crate) use endings::{ending, triple_fault};
pub(crate) use panics::panic;
pub use words::heap_block;

/// An exception, by its vector (SDM 3A table 6-1).
pub(crate) fn exception(scene: &mut Scene<'_>, facts: ExceptionFacts) -> Verdict {
    match facts.vector {
        0 => exceptions::divide_error(scene),
        6 => exceptions::invalid_instruction(scene),
        8 => exceptions::double_fault(scene, facts),
        12 | 13 => protection::protection(scene, facts),
        14 => page_fault::page_fault(scene, facts),
        _ => exceptions::other(scene, facts),
    }
}

/// A verdict under construction.
struct Draft {
    kind: VerdictKind,
    certainty: Certainty,
    sentence: String,
    access: Option<FailedAccess>,
    because: Vec<String>,
}

impl Draft {
    fn certain(kind: VerdictKind, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            certainty: Certainty::Certain,
            sentence: sentence.into(),
            access: None,
            because: Vec::new(),
        }
    }

    fn likely(kind: VerdictKind, sentence: impl Into<String>) -> Self {
        Self {
            certainty: Certainty::Likely,
            ..Self::certain(kind, sentence)
        }
    }

    fn access(mut self, access: FailedAccess) -> Self {
        self.access = Some(access);
        self
    }

    fn because(mut self, reason: impl Into<String>) -> Self {
        self.because.push(reason.into());
        self
    }

    /// Takes certainty back, for a reason.
    fn doubt(mut self, reason: impl Into<String>) -> Self {
        self.certainty = Certainty::Likely;
        self.because(reason)
    }

    /// The verdict, at the innermost frame that its reader wrote.
    fn finish(self, scene: &Scene<'_>) -> Verdict {
        let place = place::innermost(scene.frames);
        self.at(place)
    }

    fn at(self, place: Option<crate::verdict::Place>) -> Verdict {
        Verdict {
            kind: self.kind,
            certainty: self.certainty,
            sentence: Untrusted::from(self.sentence),
            access: self.access,
            place,
            because: self.because.into_iter().map(Untrusted::from).collect(),
        }
    }
}
