//! Registers as they are shown, with what they point at.

use ukdbg_inspect::{Modules, Register, Registers, VirtAddr};

use crate::names;
use crate::view::{RegisterValue, RegistersView, Word};

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
    RegistersView { registers }
}

/// Flags, selectors and most control registers hold no addresses.
fn may_point(register: Register) -> bool {
    use Register::{Cr0, Cr4, Cr8, Cs, Ds, Efer, Es, Fs, Gs, Rflags, Ss};
    !matches!(
        register,
        Rflags | Cs | Ss | Ds | Es | Fs | Gs | Cr0 | Cr4 | Cr8 | Efer
    )
}
