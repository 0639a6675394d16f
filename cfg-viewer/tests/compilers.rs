//! Graphs of what a real compiler makes of switches, at every level of
//! optimisation: no jump unresolved, no code unreached, no case missing.

use std::path::Path;
use std::process::Command;

use ukdbg_cfg_viewer::{Cfg, EdgeKind, EdgeTarget, Evidence};
use ukdbg_image::{Decompressed, Image};

/// Compiles the switches; none when there is no gcc.
fn compile(directory: &Path, options: &[&str]) -> Option<Vec<u8>> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/switches.c");
    let image = directory.join("image");
    let output = Command::new("gcc")
        .args(["-g", "-ffreestanding", "-nostdlib", "-fno-inline"])
        .args(options)
        .arg("-o")
        .arg(&image)
        .arg(source)
        .output()
        .ok()?;
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{options:?}: {message}");
    Some(std::fs::read(image).expect("gcc wrote its output"))
}

fn check(cfg: &Cfg, cases: u64, context: &str) {
    let unreached = cfg
        .blocks
        .iter()
        .filter(|block| block.evidence == Evidence::Unreached);
    assert_eq!(unreached.count(), 0, "{context}");
    let mut known = Vec::<u64>::new();
    for edge in &cfg.edges {
        assert!(
            !matches!(edge.to, EdgeTarget::Unresolved(_)),
            "{context}: {edge:?}"
        );
        if let EdgeKind::JumpTable { cases } = &edge.kind {
            known.extend(cases);
        }
    }
    known.sort_unstable();
    // The last case of a full mask may be what the others leave.
    let possible = [0..cases, 0..cases - 1].map(Vec::from_iter);
    assert!(possible.contains(&known), "{context}: {known:?}");
}

#[test]
fn every_switch_of_gcc_is_resolved() {
    let directory = tempfile::tempdir().unwrap();
    for level in ["-O0", "-O1", "-O2", "-O3", "-Os"] {
        for placement in [["-fPIE", "-static-pie"], ["-fno-pie", "-no-pie"]] {
            let options = [&[level][..], &placement].concat();
            let Some(data) = compile(directory.path(), &options) else {
                eprintln!("gcc is not installed: not checked");
                return;
            };
            let room = Decompressed::default();
            let image = Image::parse(&data, &room).unwrap();
            for (name, cases) in [("compared", 7), ("looped", 7), ("masked", 8)] {
                let function = &image.functions_named(name)[0];
                let context = format!("{name} {options:?}");
                check(&Cfg::recover(&image, function), cases, &context);
            }
        }
    }
}
