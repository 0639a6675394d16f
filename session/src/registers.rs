//! Registers as they are shown, with what they point at.

use ukdbg_inspect::{
    FoundBy, Modules, Register, Registers, Target, VectorRegister, VectorRegisters, VirtAddr,
};

use crate::session::Session;
use crate::view::{RegisterValue, RegistersView, VectorValue, Wide, Word};
use crate::{RegisterSet, SessionError, names};

/// The registers of a frame, by its number as shown.
pub(crate) fn of_frame<T: Target>(
    session: &mut Session<'_, T>,
    frame: usize,
    set: RegisterSet,
) -> Result<RegistersView, SessionError> {
    let found = session.frame_of(Some(frame))?;
    let (frame, _) = found.ok_or(SessionError::NoRegisters)?;
    let mut view = view(&session.modules, &frame.registers);
    if set == RegisterSet::All {
        let vcpu = session.current_vcpu()?;
        view.system = Some(session.target.system_registers(vcpu)?);
        // A caller's are lost in the call.
        let known = match frame.found_by {
            FoundBy::Stop => session.target.vector_registers(),
            _ => VectorRegisters::default(),
        };
        view.vectors = VectorRegister::all()
            .map(|register| VectorValue {
                register: register.name(),
                bytes: register.size(),
                value: known.get(register).map(Wide),
            })
            .collect();
    }
    Ok(view)
}

/// Every register of a frame.
pub(crate) fn view(modules: &Modules<'_>, registers: &Registers) -> RegistersView {
    let registers = Register::ALL
        .into_iter()
        .map(|register| {
            let value = registers.get(register);
            RegisterValue {
                register,
                value: value.map(Word),
                points_at: value
                    .filter(|_| may_point(register))
                    .and_then(|value| names::symbol(modules, VirtAddr(value))),
            }
        })
        .collect();
    RegistersView {
        registers,
        vectors: Vec::new(),
        system: None,
    }
}

/// Flags, selectors and most control registers hold no addresses.
fn may_point(register: Register) -> bool {
    use Register::{Cr0, Cr4, Cr8, Cs, Ds, Efer, Es, Fs, Gs, Rflags, Ss};
    !matches!(
        register,
        Rflags | Cs | Ss | Ds | Es | Fs | Gs | Cr0 | Cr4 | Cr8 | Efer
    )
}
