//! The images whose addresses are compared: a kernel of Linux, the sample
//! kernel, and a large program of Rust, which is ukdbg itself.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cargo::build_large_ukdbg;
use crate::{kernel, setup};

/// An image, and what it is called.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) image: PathBuf,
}

/// The built ukdbg, and every image.
///
/// # Errors
/// When something does not build.
pub(super) fn all(vmlinux: Option<PathBuf>) -> Result<(PathBuf, Vec<Subject>)> {
    let ukdbg = build_large_ukdbg()?;
    let vmlinux = vmlinux
        .or_else(setup::installed_vmlinux)
        .context("no kernel of Linux with DWARF is installed")?;
    let name = vmlinux.file_name().map_or_else(
        || "vmlinux".into(),
        |name| name.to_string_lossy().into_owned(),
    );
    let subjects = vec![
        Subject {
            name,
            image: vmlinux,
        },
        Subject {
            name: "the sample kernel (Rust, optimised)".to_owned(),
            image: kernel::build(None)?,
        },
        Subject {
            name: "ukdbg (Rust, optimised, full DWARF)".to_owned(),
            image: ukdbg.clone(),
        },
    ];
    Ok((ukdbg, subjects))
}
