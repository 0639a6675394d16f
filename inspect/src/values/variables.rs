//! The variables of a frame, by the inlined function they belong to.

use serde::Serialize;
use ukdbg_image::{
    CodeAddr, ExpressionError, LinkAddr, Untrusted, ValueLocation, Variable, VariableKind,
    VariableLocation,
};

use super::entry_values::Entered;
use super::read::Reader;
use super::storage::Storage;
use super::{Missing, Value, ValueLimits};
use crate::modules::{Module, Modules};
use crate::unwind::{Frame, FrameContext};
use crate::{Memory, Registers, VirtAddr};

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
    let context = Context {
        modules,
        module,
        registers: &frame.registers,
        cfa: frame.cfa,
        frame: Some(frame),
        limits,
    };
    let variables = module.image.variables(link, inline_level);
    variables
        .into_iter()
        .filter(wanted)
        .map(|variable| NamedValue {
            value: read(&context, memory, &variable),
            name: variable.name,
            kind: variable.kind,
        })
        .collect()
}

/// What the places of variables depend on.
pub(super) struct Context<'a, 'data> {
    pub(super) modules: &'a Modules<'data>,
    pub(super) module: &'a Module<'data>,
    pub(super) registers: &'a Registers,
    pub(super) cfa: Option<VirtAddr>,
    /// The frame itself; none for statics.
    pub(super) frame: Option<&'a Frame>,
    pub(super) limits: ValueLimits,
}

/// What a variable holds.
pub(super) fn read<'data>(
    context: &Context<'_, 'data>,
    memory: &mut dyn Memory,
    variable: &Variable<'data>,
) -> Value {
    let location = match locate(context, memory, variable) {
        Ok(location) => location,
        Err(error) => return Missing::from(error).into(),
    };
    let storage = Storage::of(&location, context.frame, memory);
    let mut reader = Reader {
        modules: context.modules,
        image: &context.module.image,
        memory,
        limits: context.limits,
        left: context.limits.values,
    };
    reader.value(variable.ty, &storage, 0)
}

impl From<ExpressionError> for Missing {
    fn from(error: ExpressionError) -> Self {
        match error {
            ExpressionError::Unavailable { what } => Self::Unavailable { lacks: what },
            _ => Self::Undescribed,
        }
    }
}

/// Where a variable is in a frame.
pub(super) fn locate<'data>(
    context: &Context<'_, 'data>,
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
            let mut frame = FrameContext {
                registers: context.registers,
                cfa: context.cfa,
                module: context.module,
                memory,
                entered: context
                    .frame
                    .map(|frame| Entered::new(context.modules, frame)),
            };
            context
                .module
                .image
                .evaluate(location, frame_base.as_ref(), &mut frame)
        }
    }
}
