//! QEMU's arguments in a recording: what cannot be replayed is refused by
//! name, files that are booted are copied, and paths into the folder follow
//! it. Pure functions over words.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use ukdbg_gdb_bridge::{Accelerator, Launch};

use crate::exit::Exit;
use crate::failure::Failure;

/// Stands for the folder in words that are kept.
const FOLDER: &str = "@recording@/";

/// Options whose effect comes from outside and is not in QEMU's log.
const UNREPLAYABLE: [&str; 24] = [
    "drive",
    "blockdev",
    "cdrom",
    "hda",
    "hdb",
    "hdc",
    "hdd",
    "fda",
    "fdb",
    "pflash",
    "sd",
    "mtdblock",
    "netdev",
    "nic",
    "net",
    "fsdev",
    "virtfs",
    "usbdevice",
    "icount",
    "accel",
    "enable-kvm",
    "smp",
    "loadvm",
    "incoming",
];

/// Refuses what a replay would not repeat.
pub(super) fn refuse_unreplayable(launch: &Launch) -> Result<(), Failure> {
    let refused = |what: String, hint: &str| Failure::text(Exit::Usage, what).hint(hint);
    if launch.accelerator != Accelerator::Tcg {
        return Err(refused(
            "a recording is made by emulation: KVM cannot record".to_owned(),
            "leave --accel out",
        ));
    }
    if launch.cpus.get() > 1 {
        return Err(refused(
            "a recording has one CPU".to_owned(),
            "leave --smp out",
        ));
    }
    match launch.extra.iter().find_map(|word| unreplayable(word)) {
        None => Ok(()),
        Some(word) => Err(refused(
            format!("{word} cannot be recorded: what comes from there is not repeated"),
            "leave it out; a kernel, an initrd and devices without a disk or network can be recorded",
        )),
    }
}

fn unreplayable(word: &OsStr) -> Option<String> {
    let word = word.to_string_lossy();
    if word.contains("isa-debug-exit") {
        // It ends QEMU on the spot, which leaves a log without an end.
        return Some("isa-debug-exit".to_owned());
    }
    let name = option(&word)?;
    UNREPLAYABLE.contains(&name).then(|| format!("-{name}"))
}

fn option(word: &str) -> Option<&str> {
    word.strip_prefix("--").or_else(|| word.strip_prefix('-'))
}

/// A file that is booted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Boots {
    /// The option that names it, without its dash.
    pub(super) option: &'static str,
    pub(super) file: PathBuf,
    /// Which of the words is the file.
    pub(super) word: usize,
}

/// The files that the words boot.
pub(super) fn boots(words: &[OsString]) -> Vec<Boots> {
    let mut found = Vec::new();
    for (index, pair) in words.windows(2).enumerate() {
        let [name, file] = pair else { continue };
        let name = name.to_string_lossy();
        let known = ["kernel", "initrd", "bios", "dtb"];
        let option = known.into_iter().find(|known| option(&name) == Some(known));
        // A firmware by its bare name is QEMU's own.
        if let Some(option) = option.filter(|_| Path::new(file).is_file()) {
            found.push(Boots {
                option,
                file: file.into(),
                word: index + 1,
            });
        }
    }
    found
}

/// A word as it is kept.
pub(super) fn portable(word: &OsStr, folder: &Path) -> String {
    match Path::new(word).strip_prefix(folder) {
        Ok(rest) => format!("{FOLDER}{}", rest.display()),
        Err(_) => word.to_string_lossy().into_owned(),
    }
}

/// A word that was kept, for a folder that may have moved.
pub(super) fn local(word: &str, folder: &Path) -> OsString {
    match word.strip_prefix(FOLDER) {
        Some(rest) => folder.join(rest).into_os_string(),
        None => word.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_replayed() {
        let check = |words: &[&str], expected: Option<&str>| {
            let found = words.iter().find_map(|word| unreplayable(OsStr::new(word)));
            assert_eq!(found.as_deref(), expected, "{words:?}");
        };
        check(&["-kernel", "a"], None);
        check(&["-device", "virtio-rng-pci"], None);
        check(
            &["-device", "isa-debug-exit,iobase=0xf4"],
            Some("isa-debug-exit"),
        );
        check(&["-drive", "file=a"], Some("-drive"));
        check(&["--netdev", "user,id=n"], Some("-netdev"));
        check(&["-append", "net"], None);
    }

    #[test]
    fn words_follow_their_folder() {
        let folder = Path::new("/a/b");
        let kept = portable(OsStr::new("/a/b/kernel"), folder);
        assert_eq!(local(&kept, Path::new("/c")), "/c/kernel");
        assert_eq!(local(&portable(OsStr::new("-m"), folder), folder), "-m");
    }

    #[test]
    fn files_that_are_booted() {
        let here = std::env::current_exe().unwrap().into_os_string();
        let words = [
            "-bios".into(),
            "bios.bin".into(),
            "--kernel".into(),
            here.clone(),
        ];
        let expected = Boots {
            option: "kernel",
            file: here.into(),
            word: 3,
        };
        assert_eq!(boots(&words), [expected]);
    }
}
