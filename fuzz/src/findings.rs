//! Cases that went wrong: each kept as a file with the command that repeats
//! it; those of one cause are told once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::subject::Kind;

/// Cases of one cause that are kept.
const MOST_OF_A_CAUSE: u64 = 3;

/// What was found.
pub(crate) struct Findings {
    folder: PathBuf,
    /// How often each cause was seen.
    causes: BTreeMap<String, u64>,
}

impl Findings {
    /// None yet; they will be kept in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            causes: BTreeMap::new(),
        }
    }

    /// Keeps a case. What to print of it, when its cause was not seen before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn add(
        &mut self,
        kind: Kind,
        name: &str,
        why: &str,
        bytes: &[u8],
    ) -> Result<Option<String>> {
        let seen = self.causes.entry(cause(kind, why)).or_default();
        *seen += 1;
        if *seen > MOST_OF_A_CAUSE {
            return Ok(None);
        }
        let first = *seen == 1;
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))?;
        let path = self.folder.join(format!("{}-{name}", kind.word()));
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(first.then(|| {
            let path = path.display();
            format!("{why}\n  repeat with: cargo xtask hostile --repeat {path}")
        }))
    }

    /// How many cases, and of how many causes.
    pub(crate) fn count(&self) -> (u64, usize) {
        (self.causes.values().sum(), self.causes.len())
    }
}

/// What tells causes apart: where a panic was, or the kind of the end, without
/// the numbers in it.
fn cause(kind: Kind, why: &str) -> String {
    let place = why.split('\n').next().unwrap_or_default();
    let place = if place.contains("panicked at") {
        place
    } else {
        why
    };
    let kept = place.split(':').take(3).collect::<Vec<_>>().join(":");
    if place.contains("panicked at") {
        format!("{kept} ({kind:?})")
    } else {
        let words: String = kept
            .chars()
            .filter(|found| !found.is_ascii_digit())
            .collect();
        format!("{words} ({kind:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cause_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut findings = Findings::new(&folder.path().join("findings"));
        let mut add = |name: &str, why: &str| {
            let told = findings.add(Kind::Image, name, why, b"case").unwrap();
            told.is_some()
        };
        assert!(add("1", "panicked at a.rs:1:2:\nindex 5"));
        assert!(!add("2", "panicked at a.rs:1:2:\nindex 7"));
        assert!(add("3", "panicked at a.rs:9:2:\nindex 7"));
        assert!(add("4", "took 2.1s of processor time"));
        assert!(!add("5", "took 3.4s of processor time"));
        assert!(!add("6", "took 4.4s of processor time"));
        assert!(!add("7", "took 5.4s of processor time"));
        assert_eq!(findings.count(), (7, 3));
        let kept = fs::read_dir(folder.path().join("findings")).unwrap();
        assert_eq!(kept.count(), 6);
    }
}
