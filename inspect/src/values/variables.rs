//! The variables of a frame, by the inlined function they belong to.

use serde::Serialize;
use ukdbg_image::{
    CodeAddr, ExpressionError, LinkAddr, Untrusted, ValueLocation, Variable, VariableKind,
    VariableLocation,
};

use super::read::Reader;
use super::storage::Storage;
use super::{Missing, Value, ValueLimits};
use crate::Memory;
use crate::modules::{Module, Modules};
use crate::unwind::{Frame, FrameContext};

/// A variable and what it holds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct NamedValue {
    /// The variable's name.
    pub name: Untrusted,
    /// What it is to its function.
    pub kind: VariableKind,
    /// What it holds.
    pub value: Value,
}

/// Arguments and locals visible in a frame, at one level of its inline chain
/// (0 the innermost), in the order of their declarations.
pub fn variables<'data>(
    modules: &Modules<'data>,
    frame: &Frame,
    inline_level: usize,
    limits: ValueLimits,
    memory: &mut dyn Memory,
) -> Vec<NamedValue> {
    read_those(modules, frame, inline_level, limits, memory, |_| true)
}

/// As [`variables`], arguments only.
pub fn arguments<'data>(
    modules: &Modules<'data>,
    frame: &Frame,
    inline_level: usize,
    limits: ValueLimits,
    memory: &mut dyn Memory,
) -> Vec<NamedValue> {
    read_those(modules, frame, inline_level, limits, memory, |variable| {
        variable.kind == VariableKind::Argument
    })
}

fn read_those<'data>(
    modules: &Modules<'data>,
    frame: &Frame,
    inline_level: usize,
    limits: ValueLimits,
    memory: &mut dyn Memory,
    wanted: impl Fn(&Variable<'data>) -> bool,
) -> Vec<NamedValue> {
    let found: Option<(&Module<'data>, CodeAddr<LinkAddr>)> = modules.find_code(frame.pc);
    let Some((module, link)) = found else {
        return Vec::new();
    };
    let variables = module.image.variables(link, inline_level);
    variables
        .into_iter()
        .filter(wanted)
        .map(|variable| {
            let value = read(modules, module, frame, limits, memory, &variable);
            NamedValue {
                name: variable.name,
                kind: variable.kind,
                value,
            }
        })
        .collect()
}

fn read<'data>(
    modules: &Modules<'data>,
    module: &Module<'data>,
    frame: &Frame,
    limits: ValueLimits,
    memory: &mut dyn Memory,
    variable: &Variable<'data>,
) -> Value {
    let location = match locate(module, frame, memory, variable) {
        Ok(location) => location,
        Err(ExpressionError::Unavailable { .. }) => return Missing::Unavailable.into(),
        Err(_) => return Missing::Undescribed.into(),
    };
    let storage = Storage::of(&location, &frame.registers, memory);
    let mut reader = Reader {
        modules,
        image: &module.image,
        memory,
        limits,
        left: limits.values,
    };
    reader.value(variable.ty, &storage, 0)
}

fn locate<'data>(
    module: &Module<'data>,
    frame: &Frame,
    memory: &mut dyn Memory,
    variable: &Variable<'data>,
) -> Result<ValueLocation, ExpressionError> {
    match &variable.location {
        None => Ok(ValueLocation::OptimizedOut),
        Some(VariableLocation::Constant(bytes)) => Ok(ValueLocation::Value(bytes.clone())),
        Some(VariableLocation::Expression {
            location,
            frame_base,
        }) => {
            let mut context = FrameContext {
                registers: &frame.registers,
                cfa: frame.cfa,
                module,
                memory,
            };
            module
                .image
                .evaluate(location, frame_base.as_ref(), &mut context)
        }
    }
}
