//! Changing a machine that stands still: values of variables and registers,
//! and where it goes on.

use ukdbg_inspect::{Register, Target, TargetError};

use super::{evaluation, place};
use crate::SessionError;
use crate::print;
use crate::session::Session;
use crate::view::{Cause, PrintView, StopView};

impl<T: Target> Session<'_, T> {
    /// Writes a number to a place, and shows what is there then.
    pub(crate) fn assign(
        &mut self,
        to: String,
        value: &str,
        frame: Option<usize>,
    ) -> Result<PrintView, SessionError> {
        let found = self.frame_of(frame)?;
        let within = found.as_ref().map(|(frame, level)| (frame, *level));
        let value = evaluation::place(self, within, value)?;
        let number = value.as_number(&mut self.target);
        let number = number.map_err(|error| SessionError::CannotAssign {
            place: to.clone(),
            why: error.to_string(),
        })?;
        match register(&to) {
            Some(register) if frame.unwrap_or(0) == 0 => {
                let value = u64::try_from(number.value & i128::from(u64::MAX));
                let value = value.map_err(|_| self.cannot_assign(&to, "it is out of range"))?;
                self.write_register(register, value)?;
            }
            Some(_) => {
                return Err(self.cannot_assign(&to, "a caller's registers are not in the machine"));
            }
            None => {
                let place = evaluation::place(self, within, &to)?;
                let at = place.address();
                let at = at.ok_or_else(|| self.cannot_assign(&to, "it is not in memory"))?;
                let size = place.size().and_then(|size| usize::try_from(size).ok());
                let size = size.filter(|size| (1..=16).contains(size));
                let size = size.ok_or_else(|| self.cannot_assign(&to, "it is no number"))?;
                if let Err(error) = place.as_number(&mut self.target) {
                    return Err(self.cannot_assign(&to, &error.to_string()));
                }
                let memory = self.target.write();
                let memory = memory.ok_or_else(|| not_writable("memory"))?;
                memory.write(at, &number.value.to_le_bytes()[..size])?;
            }
        }
        self.shown = None;
        print::print(self, to, frame, None, crate::Extent::default())
    }

    fn cannot_assign(&self, place: &str, why: &str) -> SessionError {
        SessionError::CannotAssign {
            place: place.to_owned(),
            why: why.to_owned(),
        }
    }

    fn write_register(&mut self, register: Register, value: u64) -> Result<(), SessionError> {
        let vcpu = self.current_vcpu()?;
        let registers = self.target.write_registers();
        let registers = registers.ok_or_else(|| not_writable("registers"))?;
        Ok(registers.write_register(vcpu, register, value)?)
    }

    /// Moves the selected CPU to a place, and says where it then stands.
    pub(crate) fn jump(&mut self, text: &str) -> Result<StopView, SessionError> {
        let locations = place::resolve(self, text, None)?;
        let [location] = locations.as_slice() else {
            return Err(SessionError::ManyPlaces {
                text: text.to_owned(),
                places: locations.len(),
            });
        };
        self.write_register(Register::Rip, location.address.0)?;
        self.shown = None;
        self.run.hidden = 0;
        let cpu = self.current_vcpu()?;
        // What stands there has not been come by yet.
        self.run.passed.remove(&cpu);
        let stop = ukdbg_inspect::Stop {
            vcpu: Some(cpu),
            reason: ukdbg_inspect::StopReason::Trap,
        };
        let view = StopView {
            stop,
            causes: vec![Cause::Arrived],
            cpu: Some(cpu),
            frame: self.frame_on(cpu, 0),
            new_frame: true,
        };
        self.run.last = Some(view.clone());
        Ok(view)
    }
}

fn not_writable(what: &str) -> TargetError {
    TargetError::Refused {
        peer: "this target".to_owned(),
        request: format!("a write to {what}"),
        answer: "its link has no way to do that".to_owned(),
    }
}

/// `$rax`, or a name that can be nothing else.
fn register(text: &str) -> Option<Register> {
    let name = text.trim().strip_prefix('$')?;
    let name = match name {
        "pc" => "rip",
        "sp" => "rsp",
        "fp" => "rbp",
        "eflags" => "rflags",
        name => name,
    };
    let mut all = Register::ALL.into_iter();
    all.find(|register| register.name() == name)
}
