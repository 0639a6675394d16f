//! Registers, memory and threads of the stopped guest.

use gdbstub::common::Tid;
use gdbstub::target::ext::base::multithread::{MultiThreadBase, MultiThreadResumeOps};
use gdbstub::target::ext::base::single_register_access::{
    SingleRegisterAccess, SingleRegisterAccessOps,
};
use gdbstub::target::ext::thread_extra_info::{ThreadExtraInfo, ThreadExtraInfoOps};
use gdbstub::target::{TargetError, TargetResult};

use super::{E2BIG, EFAULT, EINVAL, Guest, Never, StoppedGuest};
use crate::stub::framing::PACKET_SIZE;
use crate::stub::registers::{self, ClientRegisters, RegisterNumber};
use crate::stub::tasks;

impl<G: Guest> MultiThreadBase for StoppedGuest<G> {
    fn read_registers(
        &mut self,
        values: &mut ClientRegisters,
        thread: Tid,
    ) -> TargetResult<(), Self> {
        if thread == self.running() {
            *values = registers::read(&self.frame, &self.special);
            return Ok(());
        }
        let task = self.guest.task(tasks::number(thread));
        let suspended = task.and_then(|task| tasks::suspended(&task, &mut self.guest));
        let suspended = suspended.ok_or(TargetError::Errno(EINVAL))?;
        *values = registers::read_suspended(&suspended, &self.frame, &self.special);
        Ok(())
    }

    fn write_registers(&mut self, values: &ClientRegisters, thread: Tid) -> TargetResult<(), Self> {
        if thread != self.running() {
            return Err(TargetError::Errno(EINVAL));
        }
        registers::write(&mut self.frame, &self.special, values)
            .map_err(|_| TargetError::Errno(EINVAL))
    }

    fn read_addrs(&mut self, start: u64, bytes: &mut [u8], _: Tid) -> TargetResult<usize, Self> {
        // No packet can hold it, and gdbstub would go on to a second part even
        // if the first one ends early.
        if bytes.len() > PACKET_SIZE / 2 {
            return Err(TargetError::Errno(E2BIG));
        }
        let length = self.guest.read(start, bytes);
        // An empty reply would mean that memory cannot be read at all.
        if length == 0 && !bytes.is_empty() {
            return Err(TargetError::Errno(EFAULT));
        }
        self.breakpoints.hide(start, &mut bytes[..length]);
        Ok(length)
    }

    fn write_addrs(&mut self, start: u64, bytes: &[u8], _: Tid) -> TargetResult<(), Self> {
        if self.breakpoints.write(start, bytes, &mut self.guest) {
            Ok(())
        } else {
            Err(TargetError::Errno(EFAULT))
        }
    }

    /// The one that runs comes first: gdbstub takes the first for it.
    fn list_active_threads(&mut self, report: &mut dyn FnMut(Tid)) -> Result<(), Never> {
        let running = self.guest.current();
        report(tasks::thread(running));
        (0..self.guest.limit())
            .filter(|&number| number != running && self.guest.task(number).is_some())
            .for_each(|number| report(tasks::thread(number)));
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, Tid, Self>> {
        Some(self)
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }

    fn support_thread_extra_info(&mut self) -> Option<ThreadExtraInfoOps<'_, Self>> {
        Some(self)
    }
}

impl<G: Guest> SingleRegisterAccess<Tid> for StoppedGuest<G> {
    fn read_register(
        &mut self,
        thread: Tid,
        register: RegisterNumber,
        value: &mut [u8],
    ) -> TargetResult<usize, Self> {
        let mut values = ClientRegisters::default();
        self.read_registers(&mut values, thread)?;
        let known = values.get(&register, value);
        Ok(if known { value.len() } else { 0 })
    }

    fn write_register(
        &mut self,
        thread: Tid,
        register: RegisterNumber,
        value: &[u8],
    ) -> TargetResult<(), Self> {
        let mut values = ClientRegisters::default();
        self.read_registers(&mut values, thread)?;
        values
            .set(&register, value)
            .map_err(|()| TargetError::Errno(EINVAL))?;
        self.write_registers(&values, thread)
    }
}

impl<G: Guest> ThreadExtraInfo for StoppedGuest<G> {
    fn thread_extra_info(&self, thread: Tid, text: &mut [u8]) -> Result<usize, Never> {
        let task = self.guest.task(tasks::number(thread));
        let name = task.map_or([0; _], |task| task.name);
        let used = name
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(name.len());
        let used = used.min(text.len());
        text[..used].copy_from_slice(&name[..used]);
        Ok(used)
    }
}
