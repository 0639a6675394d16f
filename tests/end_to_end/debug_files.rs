//! Stripped images whose debugging information is where tools leave it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ukdbg_tests::{BuiltGuest, GuestShape, SymbolFile, Tool, Ukdbg, available};

/// A guest whose symbols are in a file that the user does not name.
struct Stripped {
    guest: BuiltGuest,
    symbols: PathBuf,
}

fn stripped(optimization: &'static str) -> Option<Stripped> {
    if !available(&[Tool::Gcc]) {
        return None;
    }
    let shape = GuestShape {
        optimization,
        symbols: SymbolFile::Beside,
        ..GuestShape::default()
    };
    let guest = shape.build();
    let symbols = guest.symbols.clone().expect("they are beside");
    Some(Stripped { guest, symbols })
}

impl Stripped {
    fn objcopy(&self, argument: &str, file: &Path) {
        let done = Command::new("objcopy").args([argument]).arg(file).status();
        assert!(done.expect("objcopy is there").success(), "{argument}");
    }

    /// Lets the image name its symbol file.
    fn link(&self) {
        let argument = format!("--add-gnu-debuglink={}", self.symbols.display());
        self.objcopy(&argument, &self.guest.image);
    }

    /// Takes the build-id out of both files.
    fn without_build_id(&self) {
        for file in [&self.guest.image, &self.symbols] {
            self.objcopy("--remove-section=.note.gnu.build-id", file);
        }
    }

    /// Moves the symbol file.
    fn move_to(&self, name: &str) -> PathBuf {
        let to = self.guest.path(name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("room");
        fs::rename(&self.symbols, &to).expect("the same file system");
        to
    }

    /// Whether a function is known by its name, and what is said about files.
    fn ask(&self) -> (bool, String) {
        let finished = Ukdbg::new(["addr2line"])
            .and([&self.guest.image])
            .and(["submit", "-f"])
            .run();
        (finished.stdout.contains("orders.c"), finished.stderr)
    }

    #[track_caller]
    fn expect_used(&self, file: &Path) {
        let (known, said) = self.ask();
        assert!(known, "{said}");
        let note = format!("is read from {}", file.display());
        assert_eq!(said.matches(&note).count(), 1, "{said}");
    }

    #[track_caller]
    fn expect_refused(&self, file: &Path) {
        let (known, said) = self.ask();
        assert!(!known, "{said}");
        let note = format!("{} is not used", file.display());
        assert_eq!(said.matches(&note).count(), 1, "{said}");
    }
}

#[test]
fn named_and_beside_the_image() {
    let Some(stripped) = stripped("-O2") else {
        return;
    };
    stripped.link();
    stripped.expect_used(&stripped.symbols);
}

#[test]
fn named_and_in_the_folder_below() {
    let Some(stripped) = stripped("-O2") else {
        return;
    };
    stripped.link();
    let file = stripped.move_to(".debug/guest.dbg");
    stripped.expect_used(&file);
}

#[test]
fn known_by_the_checksum_alone() {
    let Some(stripped) = stripped("-O2") else {
        return;
    };
    stripped.without_build_id();
    stripped.link();
    stripped.expect_used(&stripped.symbols);
}

#[test]
fn known_by_the_build_id_alone() {
    let Some(stripped) = stripped("-O2") else {
        return;
    };
    let file = stripped.move_to("guest.img.debug");
    stripped.expect_used(&file);
}

#[test]
fn of_another_build() {
    let (Some(stripped), Some(other)) = (stripped("-O2"), stripped("-O0")) else {
        return;
    };
    stripped.link();
    fs::copy(&other.symbols, &stripped.symbols).expect("room");
    stripped.expect_refused(&stripped.symbols);
}

#[test]
fn changed_since_the_checksum_was_taken() {
    let Some(stripped) = stripped("-O2") else {
        return;
    };
    stripped.without_build_id();
    stripped.link();
    let mut bytes = fs::read(&stripped.symbols).expect("readable");
    *bytes.last_mut().expect("not empty") ^= 1;
    fs::write(&stripped.symbols, bytes).expect("room");
    stripped.expect_refused(&stripped.symbols);
}
