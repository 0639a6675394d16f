//! A case: a seed file, damaged as its number says.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::anatomy::Anatomy;
use crate::mutate;
use crate::random::{Random, mixed};
use crate::subject::Kind;

/// A seed file as it is.
type Seed = (Vec<u8>, Anatomy);

/// The seed files of a kind, read when a case needs them.
pub(crate) struct Seeds {
    files: Vec<(PathBuf, OnceCell<Seed>)>,
}

impl Seeds {
    /// Those of a corpus, in the order of their names.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) fn of(corpus: &Path, kind: Kind) -> Result<Self> {
        let folder = corpus.join(kind.word());
        let mut paths = Vec::new();
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            paths.push(entry?.path());
        }
        ensure!(
            !paths.is_empty(),
            "{} holds no seed files",
            folder.display()
        );
        paths.sort();
        let files = paths
            .into_iter()
            .map(|path| (path, OnceCell::new()))
            .collect();
        Ok(Self { files })
    }

    /// The bytes of a case. The first cases are the seeds as they are.
    ///
    /// # Errors
    /// When the seed cannot be read.
    pub(crate) fn case(&self, seed: u64, number: u64) -> Result<Vec<u8>> {
        let mut random = Random::new(mixed(seed).wrapping_add(mixed(number)));
        let whole = usize::try_from(number)
            .ok()
            .filter(|number| *number < self.files.len());
        let index = whole.unwrap_or_else(|| random.below(self.files.len()));
        let (path, content) = &self.files[index];
        let (bytes, anatomy) = match content.get() {
            Some(content) => content,
            None => {
                let bytes =
                    fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                let anatomy = Anatomy::of(&bytes);
                content.get_or_init(|| (bytes, anatomy))
            }
        };
        Ok(match whole {
            Some(_) => bytes.clone(),
            None => mutate::damaged(bytes, anatomy, &mut random),
        })
    }
}
