//! Globals and statics by name. Not thread-local ones, whose address depends
//! on the thread.

use super::ValueLimits;
use super::variables::{Context, NamedValue, read};
use crate::modules::Modules;
use crate::{Memory, Registers};

/// Globals and statics of that name in all modules: the linkage name, the
/// demangled name or its last path components.
pub fn globals(
    modules: &Modules<'_>,
    name: &str,
    limits: ValueLimits,
    memory: &mut dyn Memory,
) -> Vec<NamedValue> {
    let registers = Registers::default();
    let mut values = Vec::new();
    for module in modules.iter() {
        let context = Context {
            modules,
            module,
            registers: &registers,
            cfa: None,
            frame: None,
            limits,
        };
        for variable in module.image.globals_named(name) {
            let value = read(&context, memory, &variable);
            values.push(NamedValue {
                name: variable.name,
                kind: variable.kind,
                value,
            });
        }
    }
    values
}
