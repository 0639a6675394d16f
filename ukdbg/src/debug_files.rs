//! The file that holds an image's debugging information, when the image was
//! stripped of it: where tools and distributions put it, and proof that it is
//! the image's (GDB manual, "Separate Debug Files"). Not here: files that the
//! user names, and opening any.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ukdbg_session::{DebugLink, Image};

/// Where distributions install them.
pub(crate) const SYSTEM_FOLDER: &str = "/usr/lib/debug";

/// A file that may be there, and how to know it is the right one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    pub(crate) proof: Proof,
}

/// What a file must have to be an image's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Proof {
    /// The image's build-id.
    BuildId,
    /// This CRC-32 (the one of zlib) over all of it.
    Checksum(u32),
}

impl Proof {
    /// Whether a file is the image's. Cheap for a build-id; a checksum reads
    /// the whole file.
    pub(crate) fn holds(self, image: &Image<'_>, debug: &Image<'_>, debug_bytes: &[u8]) -> bool {
        let same_build = match (image.build_id(), debug.build_id()) {
            (Some(ours), Some(theirs)) => Some(ours == theirs),
            _ => None,
        };
        match self {
            Self::BuildId => same_build == Some(true),
            Self::Checksum(expected) => {
                same_build.unwrap_or_else(|| crc32fast::hash(debug_bytes) == expected)
            }
        }
    }
}

/// Where the file of an image may be, in the order in which GDB looks. `folder`
/// is [`SYSTEM_FOLDER`].
pub(crate) fn candidates(image: &Path, parsed: &Image<'_>, folder: &Path) -> Vec<Candidate> {
    // The mirror of the file system below the folder needs the whole path.
    let image = std::fs::canonicalize(image).unwrap_or_else(|_| image.to_path_buf());
    places(&image, parsed.build_id(), parsed.debug_link(), folder)
}

fn places(
    image: &Path,
    build_id: Option<&[u8]>,
    link: Option<DebugLink<'_>>,
    folder: &Path,
) -> Vec<Candidate> {
    let beside = image.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    if let Some(below) = build_id.and_then(by_build_id) {
        for root in [folder, beside] {
            found.push(Candidate {
                path: root.join(&below),
                proof: Proof::BuildId,
            });
        }
    }
    if let Some((name, proof)) = link.as_ref().and_then(linked_name) {
        let mirrored = beside.strip_prefix("/").unwrap_or(beside);
        let folders = [
            beside.to_path_buf(),
            beside.join(".debug"),
            folder.join(mirrored),
        ];
        found.extend(folders.into_iter().map(|folder| Candidate {
            path: folder.join(name),
            proof,
        }));
    }
    if build_id.is_some() {
        // As kernel builds name them that write no link.
        for ending in [".debug", ".dbg"] {
            let mut path = image.as_os_str().to_owned();
            path.push(ending);
            found.push(Candidate {
                path: path.into(),
                proof: Proof::BuildId,
            });
        }
    }
    found.retain(|candidate| candidate.path != image);
    found
}

/// The path of a build below such a folder.
pub(crate) fn by_build_id(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first()?;
    let name = format!("{}.debug", hexadecimal(rest));
    let folder = Path::new(".build-id").join(hexadecimal(&[*first]));
    (!rest.is_empty()).then(|| folder.join(name))
}

/// The name in a link, if it is one: an image does not choose folders.
fn linked_name<'data>(link: &DebugLink<'data>) -> Option<(&'data OsStr, Proof)> {
    let name = link.file_name;
    let is_name = !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/');
    is_name.then(|| (OsStr::from_bytes(name), Proof::Checksum(link.checksum)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(build_id: Option<&[u8]>, link: Option<&[u8]>, expected: &[&str]) {
        let link = link.map(|file_name| DebugLink {
            file_name,
            checksum: 7,
        });
        let found = places(
            Path::new("/srv/app/kernel"),
            build_id,
            link,
            Path::new("/usr/lib/debug"),
        );
        let found: Vec<String> = found
            .iter()
            .map(|candidate| format!("{:?} {}", candidate.proof, candidate.path.display()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn where_files_may_be() {
        check(
            Some(&[0xab, 0x01, 0xcd]),
            None,
            &[
                "BuildId /usr/lib/debug/.build-id/ab/01cd.debug",
                "BuildId /srv/app/.build-id/ab/01cd.debug",
                "BuildId /srv/app/kernel.debug",
                "BuildId /srv/app/kernel.dbg",
            ],
        );
        check(
            None,
            Some(b"kernel.sym"),
            &[
                "Checksum(7) /srv/app/kernel.sym",
                "Checksum(7) /srv/app/.debug/kernel.sym",
                "Checksum(7) /usr/lib/debug/srv/app/kernel.sym",
            ],
        );
    }

    #[test]
    fn what_names_no_file_leads_nowhere() {
        check(None, None, &[]);
        check(None, Some(b""), &[]);
        check(None, Some(b".."), &[]);
        check(None, Some(b"../../etc/shadow"), &[]);
        check(None, Some(b"/etc/shadow"), &[]);
    }

    /// An image that names itself is not its own debugging information.
    #[test]
    fn an_image_does_not_lead_to_itself() {
        check(
            None,
            Some(b"kernel"),
            &[
                "Checksum(7) /srv/app/.debug/kernel",
                "Checksum(7) /usr/lib/debug/srv/app/kernel",
            ],
        );
    }
}
