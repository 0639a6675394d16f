//! A machine through QEMU's monitor alone: registers and memory out of its
//! texts. Slow, but it needs no stub.

use serde_json::json;
use ukdbg_inspect::{PhysAddr, Registers, TargetError, VcpuId, VirtAddr};

use crate::qmp::{Qmp, text};

/// Words asked for at once: 4 KiB, an answer of about 11 KB.
const WORDS: usize = 512;

pub(super) fn vcpus(qmp: &mut Qmp) -> Result<Vec<VcpuId>, TargetError> {
    let count = text::cpus(&qmp.monitor("info registers -a")?).len();
    Ok((0..count)
        .filter_map(|index| u32::try_from(index).ok())
        .map(VcpuId)
        .collect())
}

pub(super) fn registers(qmp: &mut Qmp, vcpu: VcpuId) -> Result<Registers, TargetError> {
    let cpus = text::cpus(&qmp.monitor("info registers -a")?);
    let index = usize::try_from(vcpu.0).ok();
    let cpu = index
        .and_then(|index| cpus.get(index))
        .ok_or(TargetError::NoVcpu(vcpu))?;
    Ok(cpu.registers)
}

/// Reads through a CPU's page tables; 0 if the first byte cannot be read.
pub(super) fn read_virtual(
    qmp: &mut Qmp,
    vcpu: Option<VcpuId>,
    at: VirtAddr,
    buf: &mut [u8],
) -> Result<usize, TargetError> {
    read(at.0, buf, |words, at| {
        let line = format!("x /{words}xg {at:#x}");
        let cpu = vcpu.map_or(0, |vcpu| vcpu.0);
        let arguments = json!({ "command-line": line, "cpu-index": cpu });
        let answer = qmp.execute("human-monitor-command", arguments)?;
        Ok(text::words(answer.as_str().unwrap_or_default()))
    })
}

/// Reads physical memory; 0 if the first byte cannot be read.
pub(super) fn read_physical(
    qmp: &mut Qmp,
    at: PhysAddr,
    buf: &mut [u8],
) -> Result<usize, TargetError> {
    read(at.0, buf, |words, at| {
        Ok(text::words(
            &qmp.monitor(&format!("xp /{words}xg {at:#x}"))?,
        ))
    })
}

fn read(
    at: u64,
    buf: &mut [u8],
    mut words: impl FnMut(usize, u64) -> Result<Vec<u64>, TargetError>,
) -> Result<usize, TargetError> {
    let mut done = 0;
    while done < buf.len() {
        let Some(here) = at.checked_add(done as u64) else {
            break;
        };
        let skip = (here % 8) as usize;
        // Not past a page's end: the monitor drops a whole line of words of
        // which one cannot be read.
        let to_edge = (4096 - here % 4096) as usize;
        let wanted = (buf.len() - done).min(to_edge);
        let count = (skip + wanted).div_ceil(8).min(WORDS);
        let bytes: Vec<u8> = words(count, here - skip as u64)?
            .into_iter()
            .take(count)
            .flat_map(u64::to_le_bytes)
            .collect();
        let got = bytes.len().saturating_sub(skip).min(wanted);
        if got == 0 {
            break;
        }
        buf[done..done + got].copy_from_slice(&bytes[skip..skip + got]);
        done += got;
    }
    Ok(done)
}
