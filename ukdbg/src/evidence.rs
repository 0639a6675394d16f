//! What was seen of a stop from outside, as it is kept in a core, so that a
//! report of the core says what a report of the machine did.

use serde::{Deserialize, Serialize};
use ukdbg_session::diagnose::EmulatorEvidence;

/// Name and version of the document.
const SCHEMA: &str = "ukdbg.evidence/1";

#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    schema: std::borrow::Cow<'a, str>,
    evidence: EmulatorEvidence,
}

/// The evidence as bytes.
pub(crate) fn keep(evidence: EmulatorEvidence) -> Vec<u8> {
    let kept = Kept {
        schema: SCHEMA.into(),
        evidence,
    };
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// The evidence that a core holds; none is no evidence. `None` if it is no
/// evidence that we can read.
pub(crate) fn kept(bytes: &[u8]) -> Option<EmulatorEvidence> {
    if bytes.is_empty() {
        return Some(EmulatorEvidence::default());
    }
    let kept: Kept<'_> = serde_json::from_slice(bytes).ok()?;
    (kept.schema == SCHEMA).then_some(kept.evidence)
}

#[cfg(test)]
mod tests {
    use ukdbg_session::diagnose::{DescriptorTable, Ending, LoggedException};
    use ukdbg_session::inspect::{Register, Registers, VirtAddr};

    use super::*;

    #[test]
    fn what_is_kept_is_found_again() {
        let mut registers = Registers::default();
        registers.set(Register::Rip, 0x10_0000);
        let evidence = EmulatorEvidence {
            exceptions: vec![LoggedException {
                vector: 14,
                error_code: 2,
                cr2: Some(VirtAddr(u64::MAX)),
                registers,
            }],
            ending: Ending::TripleFault,
            idt: Some(DescriptorTable {
                base: VirtAddr(0x1000),
                limit: 0xfff,
            }),
        };
        let again = kept(&keep(evidence.clone())).expect("it was just written");
        assert_eq!(again, evidence);
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        assert!(kept(b"").is_some());
        for bytes in [
            &b"\xff"[..],
            b"{}",
            br#"{"schema":"ukdbg.evidence/9","evidence":{}}"#,
        ] {
            assert!(kept(bytes).is_none());
        }
    }
}
