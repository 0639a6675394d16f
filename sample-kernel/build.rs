//! Links the image for a guest: static, not relocatable, laid out by the
//! runtime's script. The rest of the flags are in `.cargo/config.toml`.

use std::env;
use std::path::Path;

fn main() {
    // A bare target's linker is called directly, another's through the C
    // compiler, whose own start files and libraries a guest has no use for.
    let bare = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "none");
    if !bare && env::var_os("CARGO_CFG_UKDBG_GUEST").is_none() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target-runtime/guest.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    let options = [
        format!("-T{}", script.display()),
        // A host finds the file of a running guest by it.
        "--build-id=sha1".into(),
        "--eh-frame-hdr".into(),
        "--no-dynamic-linker".into(),
        "-znorelro".into(),
        "-znoexecstack".into(),
        "-zmax-page-size=4096".into(),
    ];
    if !bare {
        for option in ["-nostartfiles", "-nostdlib", "-static", "-no-pie"] {
            println!("cargo::rustc-link-arg-bins={option}");
        }
    }
    for option in options {
        let prefix = if bare { "" } else { "-Wl," };
        println!("cargo::rustc-link-arg-bins={prefix}{option}");
    }
}
