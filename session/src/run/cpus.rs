//! The CPUs of a machine, and which of them requests are about.

use ukdbg_inspect::{Target, TargetError, VcpuId};

use crate::SessionError;
use crate::session::Session;
use crate::view::{CpuView, CpusView};

impl<T: Target> Session<'_, T> {
    /// Every CPU and where it stands.
    pub(crate) fn cpus(&mut self) -> Result<CpusView, SessionError> {
        let selected = self.current_vcpu()?;
        let mut ids = self.target.vcpus()?;
        ids.sort_unstable();
        let mut cpus = Vec::new();
        for id in ids {
            let hidden = if id == selected { self.run.hidden } else { 0 };
            cpus.push(CpuView {
                id,
                selected: id == selected,
                frame: self.frame_on(id, hidden),
            });
        }
        // Memory is that of the CPU asked last.
        self.target.registers(selected)?;
        Ok(CpusView { cpus })
    }

    /// Makes requests be about a CPU.
    pub(crate) fn select_cpu(&mut self, cpu: VcpuId) -> Result<CpusView, SessionError> {
        if !self.target.vcpus()?.contains(&cpu) {
            return Err(TargetError::NoVcpu(cpu).into());
        }
        if self.current_vcpu()? != cpu {
            self.shown = None;
            self.run.hidden = 0;
        }
        self.stopped = Some(cpu);
        self.cpus()
    }
}
