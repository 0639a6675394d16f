//! Evaluation of DWARF expressions (DWARF 5 §2.5, §2.6): gimli's machine,
//! bounded, with its questions passed on to the caller.

use gimli::{
    AttributeValue, DebugAddrIndex, DieReference, EndianSlice, Evaluation, EvaluationResult,
    LittleEndian, Location, UnitOffset, Value, ValueType,
};

use super::call_sites::only_register;
use super::{Debug, Scope, Slice, Unit};
use crate::{
    DwarfRegister, Expression, ExpressionContext, ExpressionError, LinkAddr, ValueLocation,
};

/// Operations before an expression counts as endless.
const MOST_OPERATIONS: u32 = 10_000;

type Step<'a> = Result<EvaluationResult<Slice<'a>>, ExpressionError>;

struct Evaluator<'a, 'data> {
    debug: Option<&'a Debug<'data>>,
    unit: Option<std::sync::Arc<Unit<'data>>>,
    encoding: gimli::Encoding,
    frame_base: Option<&'a Expression<'a>>,
    context: &'a mut dyn ExpressionContext,
}

/// Evaluates an expression; `frame_base` answers `DW_OP_fbreg`.
pub(crate) fn evaluate<'a>(
    debug: Option<&'a Debug<'_>>,
    expression: &'a Expression<'a>,
    frame_base: Option<&'a Expression<'a>>,
    context: &mut dyn ExpressionContext,
) -> Result<ValueLocation, ExpressionError> {
    if expression.bytes.is_empty() {
        return Ok(ValueLocation::OptimizedOut);
    }
    let bytes = EndianSlice::new(expression.bytes, LittleEndian);
    let mut evaluation = Evaluation::new(bytes, expression.encoding);
    evaluation.set_max_iterations(MOST_OPERATIONS);
    // Rules for registers begin with the CFA (DWARF 5 §6.4.2.3); one for the
    // CFA itself is evaluated before there is any.
    if expression.unit.is_none()
        && let Some(cfa) = context.cfa()
    {
        evaluation.set_initial_value(cfa);
    }
    let unit = debug
        .zip(expression.unit)
        .and_then(|(debug, offset)| debug.unit(offset));
    let mut evaluator = Evaluator {
        debug,
        unit,
        encoding: expression.encoding,
        frame_base,
        context,
    };
    let mut step = evaluation.evaluate().map_err(unusable)?;
    while !matches!(step, EvaluationResult::Complete) {
        step = evaluator.resume(&mut evaluation, step)?;
    }
    location(evaluation.result())
}

impl<'a, 'data: 'a> Evaluator<'a, 'data> {
    /// Answers one question of the machine and lets it go on.
    fn resume(
        &mut self,
        evaluation: &mut Evaluation<Slice<'a>>,
        step: EvaluationResult<Slice<'a>>,
    ) -> Step<'a> {
        let next = match step {
            EvaluationResult::RequiresMemory {
                address,
                size,
                space: None,
                base_type,
            } => {
                let bytes = self.memory(address, size)?;
                evaluation.resume_with_memory(self.typed(bytes, base_type)?)
            }
            EvaluationResult::RequiresRegister {
                register,
                base_type,
            } => {
                let value = self.register(DwarfRegister(register.0))?;
                evaluation.resume_with_register(self.typed(value, base_type)?)
            }
            EvaluationResult::RequiresFrameBase => {
                evaluation.resume_with_frame_base(self.frame_base_address()?)
            }
            EvaluationResult::RequiresCallFrameCfa => {
                let cfa = self.context.cfa();
                let cfa = cfa.ok_or_else(|| unavailable("the canonical frame address"))?;
                evaluation.resume_with_call_frame_cfa(cfa)
            }
            EvaluationResult::RequiresRelocatedAddress(address) => {
                evaluation.resume_with_relocated_address(self.relocated(address)?)
            }
            EvaluationResult::RequiresIndexedAddress { index, relocate } => {
                evaluation.resume_with_indexed_address(self.indexed(index, relocate)?)
            }
            EvaluationResult::RequiresBaseType(offset) => {
                evaluation.resume_with_base_type(self.base_type(offset)?)
            }
            EvaluationResult::RequiresAtLocation(reference) => {
                evaluation.resume_with_at_location(self.called(reference)?)
            }
            EvaluationResult::RequiresEntryValue(expression) => {
                evaluation.resume_with_entry_value(Value::Generic(self.entry_value(expression)?))
            }
            other => return Err(refused(&other)),
        };
        next.map_err(unusable)
    }

    fn memory(&mut self, address: u64, size: u8) -> Result<u64, ExpressionError> {
        let bytes = self.context.memory(address, size);
        bytes.ok_or_else(|| unavailable(format!("memory at {address:#x}")))
    }

    fn register(&mut self, register: DwarfRegister) -> Result<u64, ExpressionError> {
        let value = self.context.register(register);
        value.ok_or_else(|| unavailable(format!("register {}", register.0)))
    }

    /// The value at the function's entry of what a register (DWARF 5 §2.5.1.7)
    /// held; of anything else no compiler of ours asks.
    fn entry_value(
        &mut self,
        expression: gimli::Expression<Slice<'a>>,
    ) -> Result<u64, ExpressionError> {
        let register = only_register(expression.0, self.encoding);
        let value = register.and_then(|register| self.context.entry_value(register));
        value.ok_or_else(|| unavailable("the value at the function's entry"))
    }

    fn relocated(&mut self, address: u64) -> Result<u64, ExpressionError> {
        let relocated = self.context.relocate(LinkAddr(address));
        relocated.ok_or_else(|| unavailable(format!("the run-time address of {address:#x}")))
    }

    fn scope(&self) -> Result<Scope<'_, 'data>, ExpressionError> {
        match (self.debug, self.unit.as_deref()) {
            (Some(debug), Some(unit)) => Ok(Scope { debug, unit }),
            _ => Err(ExpressionError::Unusable {
                what: "it refers to a unit, and has none".to_owned(),
            }),
        }
    }

    /// A frame base is an address, or a register that holds it.
    fn frame_base_address(&mut self) -> Result<u64, ExpressionError> {
        let expression = self
            .frame_base
            .ok_or_else(|| unavailable("the frame base"))?;
        match evaluate(self.debug, expression, None, self.context)? {
            ValueLocation::Memory(address) => Ok(address),
            ValueLocation::Register(register) => self.register(register),
            ValueLocation::Value(bytes) => {
                let bytes = bytes.first_chunk::<8>();
                let bytes = bytes.ok_or_else(|| unavailable("the frame base"))?;
                Ok(u64::from_le_bytes(*bytes))
            }
            ValueLocation::OptimizedOut | ValueLocation::Pieces(_) => {
                Err(unavailable("the frame base"))
            }
        }
    }

    fn indexed(
        &mut self,
        index: DebugAddrIndex<usize>,
        relocate: bool,
    ) -> Result<u64, ExpressionError> {
        let address = self.scope()?.gimli().address(index).map_err(unusable)?;
        if relocate {
            self.relocated(address)
        } else {
            Ok(address)
        }
    }

    fn base_type(&self, offset: UnitOffset) -> Result<ValueType, ExpressionError> {
        if offset.0 == 0 {
            return Ok(ValueType::Generic);
        }
        let scope = self.scope()?;
        let entry = scope.unit.dwarf.entry(offset).map_err(unusable)?;
        let ty = ValueType::from_entry(&entry).map_err(unusable)?;
        ty.ok_or_else(|| ExpressionError::Unusable {
            what: "a value of a type that is not a base type".to_owned(),
        })
    }

    fn typed(&self, value: u64, base_type: UnitOffset) -> Result<Value, ExpressionError> {
        let ty = self.base_type(base_type)?;
        if ty == ValueType::Generic {
            return Ok(Value::Generic(value));
        }
        let bytes = value.to_le_bytes();
        Value::parse(ty, EndianSlice::new(&bytes, LittleEndian)).map_err(unusable)
    }

    /// The location expression of an entry; empty when it has none (DWARF 5
    /// §2.5.1.5).
    fn called(&self, reference: DieReference<usize>) -> Result<Slice<'a>, ExpressionError> {
        let scope = self.scope()?;
        let value = match reference {
            DieReference::UnitRef(offset) => AttributeValue::UnitRef(offset),
            DieReference::DebugInfoRef(offset) => AttributeValue::DebugInfoRef(offset),
        };
        let location = scope.referenced(value).and_then(|referenced| {
            let unit = referenced.scope(scope).unit;
            let entry = unit.dwarf.entry(referenced.entry).ok()?;
            entry.attr_value(gimli::DW_AT_location)?.exprloc_value()
        });
        Ok(
            location.map_or(EndianSlice::new(&[], LittleEndian), |expression| {
                expression.0
            }),
        )
    }
}

/// What cannot be answered from one frame of one machine.
fn refused(step: &EvaluationResult<Slice<'_>>) -> ExpressionError {
    match step {
        EvaluationResult::RequiresTls(_) => unavailable("thread-local storage"),
        EvaluationResult::RequiresParameterRef(_) => unavailable("the caller's argument"),
        _ => ExpressionError::Unusable {
            what: "an operation of another architecture".to_owned(),
        },
    }
}

fn unavailable(what: impl Into<String>) -> ExpressionError {
    ExpressionError::Unavailable { what: what.into() }
}

fn unusable(error: gimli::Error) -> ExpressionError {
    match error {
        gimli::Error::TooManyIterations => ExpressionError::Endless {
            limit: MOST_OPERATIONS,
        },
        error => ExpressionError::Unusable {
            what: error.to_string(),
        },
    }
}

/// Our form of gimli's pieces.
fn location(pieces: Vec<gimli::Piece<Slice<'_>>>) -> Result<ValueLocation, ExpressionError> {
    if let [piece] = pieces.as_slice()
        && piece.size_in_bits.is_none()
    {
        return simple(&piece.location);
    }
    let parts = pieces.iter().map(|piece| {
        let bits = piece.size_in_bits.unwrap_or(0);
        if bits % 8 != 0 || piece.bit_offset.is_some_and(|offset| offset != 0) {
            return Err(ExpressionError::Unusable {
                what: "a piece that is not of whole bytes".to_owned(),
            });
        }
        // A part that has no value does not take the others along.
        let location = simple(&piece.location).unwrap_or(ValueLocation::OptimizedOut);
        Ok((location, bits / 8))
    });
    Ok(ValueLocation::Pieces(parts.collect::<Result<_, _>>()?))
}

fn simple(location: &Location<Slice<'_>>) -> Result<ValueLocation, ExpressionError> {
    Ok(match location {
        Location::Empty => ValueLocation::OptimizedOut,
        Location::Register { register } => ValueLocation::Register(DwarfRegister(register.0)),
        Location::Address { address } => ValueLocation::Memory(*address),
        Location::Value { value } => ValueLocation::Value(value_bytes(*value)),
        Location::Bytes { value } => ValueLocation::Value(value.slice().to_vec()),
        Location::ImplicitPointer { .. } => {
            return Err(unavailable("a pointer to a value that has no address"));
        }
    })
}

fn value_bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Generic(value) | Value::U64(value) => value.to_le_bytes().to_vec(),
        Value::I64(value) => value.to_le_bytes().to_vec(),
        Value::U32(value) => value.to_le_bytes().to_vec(),
        Value::I32(value) => value.to_le_bytes().to_vec(),
        Value::U16(value) => value.to_le_bytes().to_vec(),
        Value::I16(value) => value.to_le_bytes().to_vec(),
        Value::U8(value) => value.to_le_bytes().to_vec(),
        Value::I8(value) => value.to_le_bytes().to_vec(),
        Value::F32(value) => value.to_le_bytes().to_vec(),
        Value::F64(value) => value.to_le_bytes().to_vec(),
    }
}
