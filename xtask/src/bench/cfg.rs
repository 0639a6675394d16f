//! The control-flow graph of one function, from a cold process.

use std::process::Command;

use anyhow::Result;

use super::measure::{Measured, alternate, version};
use super::{Built, Figure, Peer};

/// A function that every image of the sample kernel has.
const FUNCTION: &str = "sample_kernel::engine::book::Book::cross";

pub(super) fn figures(built: &Built) -> Result<Vec<Figure>> {
    let ours = || {
        let mut command = Command::new(&built.ukdbg);
        command
            .arg("cfg")
            .arg(&built.kernel)
            .args([FUNCTION, "--format", "dot"]);
        command
    };
    let objdump = || {
        let mut command = Command::new("objdump");
        command
            .args(["--demangle", &format!("--disassemble={FUNCTION}")])
            .arg(&built.kernel);
        command
    };
    let name = version("objdump");
    let figure = |ours: Measured, peer: Option<Measured>| Figure {
        area: "cfg",
        work: "graph of one function of the sample kernel (objdump: its text alone)".into(),
        ours: ours.seconds,
        peak_mib: ours.peak_mib,
        peer_name: name.clone().unwrap_or_else(|| "objdump".into()),
        peer: peer.map(|peer| Peer {
            seconds: peer.seconds,
            peak_mib: peer.peak_mib,
        }),
        target: 0.8,
    };
    if name.is_some() {
        let [ours, objdump] = alternate([&ours, &objdump], "cross")?;
        Ok(vec![figure(ours, Some(objdump))])
    } else {
        let [ours] = alternate([&ours], "cross")?;
        Ok(vec![figure(ours, None)])
    }
}
