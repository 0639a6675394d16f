//! Breakpoints and watchpoints, as `gdbstub` asks for them.

use gdbstub::target::TargetResult;
use gdbstub::target::ext::breakpoints::{
    Breakpoints, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps, SwBreakpoint,
    SwBreakpointOps, WatchKind,
};

use super::{Guest, StoppedGuest};
use crate::stub::watchpoints::Watched;

impl<G: Guest> Breakpoints for StoppedGuest<G> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl<G: Guest> SwBreakpoint for StoppedGuest<G> {
    fn add_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        Ok(self.breakpoints.insert(address, &mut self.guest).is_ok())
    }

    fn remove_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        // Removing is idempotent (RSP, "z packets").
        self.breakpoints.remove(address, &mut self.guest);
        Ok(true)
    }
}

impl<G: Guest> HwBreakpoint for StoppedGuest<G> {
    fn add_hw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        let allowed = !self.guest.is_debugger(address);
        Ok(allowed && self.watchpoints.insert(address, Watched::Execute))
    }

    fn remove_hw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        self.watchpoints.remove(address, Watched::Execute);
        Ok(true)
    }
}

fn watched(length: u64, kind: WatchKind) -> Watched {
    match kind {
        WatchKind::Write => Watched::Write(length),
        WatchKind::Read => Watched::Read(length),
        WatchKind::ReadWrite => Watched::Access(length),
    }
}

impl<G: Guest> HwWatchpoint for StoppedGuest<G> {
    fn add_hw_watchpoint(
        &mut self,
        address: u64,
        length: u64,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        Ok(self.watchpoints.insert(address, watched(length, kind)))
    }

    fn remove_hw_watchpoint(
        &mut self,
        address: u64,
        length: u64,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        self.watchpoints.remove(address, watched(length, kind));
        Ok(true)
    }
}
