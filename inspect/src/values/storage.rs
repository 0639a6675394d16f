//! Where a value's bytes are: in memory, in registers, in parts of both, or
//! nowhere.

use ukdbg_image::{DwarfRegister, ValueLocation};

use super::Missing;
use crate::memory::read_exact;
use crate::unwind::{FoundBy, Frame};
use crate::{Memory, Register, VectorRegister, VirtAddr};

/// Bytes read for one scalar.
const MOST_BYTES: usize = 16;

/// The place of a value or of a part of it.
#[derive(Clone, Debug)]
pub(super) enum Storage {
    Memory(VirtAddr),
    /// Bytes that are known; none for a byte that is not.
    Bytes(Vec<Result<u8, Missing>>),
}

impl Storage {
    /// The storage of an evaluated location; without a frame no register is
    /// known.
    pub(super) fn of(
        location: &ValueLocation,
        frame: Option<&Frame>,
        memory: &mut dyn Memory,
    ) -> Self {
        /// Parts that together are larger than a few registers are not
        /// variables that a compiler made.
        const MOST_IN_PARTS: usize = 4096;
        match location {
            ValueLocation::Memory(address) => Self::Memory(VirtAddr(*address)),
            ValueLocation::Value(bytes) => Self::Bytes(bytes.iter().copied().map(Ok).collect()),
            ValueLocation::OptimizedOut => Self::Bytes(vec![Err(Missing::OptimizedOut)]),
            ValueLocation::Register(number) => {
                let bytes = frame.and_then(|frame| in_register(*number, frame, memory));
                let lacks = || register_name(*number);
                Self::Bytes(match bytes {
                    Some(bytes) => bytes.into_iter().map(Ok).collect(),
                    None => vec![Err(Missing::Unavailable { lacks: lacks() })],
                })
            }
            ValueLocation::Pieces(pieces) => {
                let mut bytes = Vec::new();
                for (piece, size) in pieces {
                    let size = usize::try_from(*size).unwrap_or(MOST_IN_PARTS);
                    let room = MOST_IN_PARTS - bytes.len();
                    let part = Self::of(piece, frame, memory);
                    bytes.extend(part.bytes(0, size.min(room), memory));
                }
                Self::Bytes(bytes)
            }
        }
    }

    /// Why nothing of the value is known, when that is so.
    pub(super) fn missing(&self) -> Option<Missing> {
        match self {
            Self::Memory(_) => None,
            Self::Bytes(bytes) if bytes.iter().all(Result::is_err) => {
                bytes.first().cloned().and_then(Result::err)
            }
            Self::Bytes(_) => None,
        }
    }

    /// The storage of what lies `offset` bytes on.
    pub(super) fn at(&self, offset: u64) -> Self {
        match self {
            Self::Memory(start) => Self::Memory(VirtAddr(start.0.wrapping_add(offset))),
            Self::Bytes(bytes) => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = bytes.get(offset..).filter(|rest| !rest.is_empty());
                // What is wholly missing is missing in all its parts; what a
                // compiler's parts do not cover has no place.
                Self::Bytes(match (rest, bytes.last()) {
                    (Some(rest), _) => rest.to_vec(),
                    (None, Some(Err(why))) => vec![Err(why.clone())],
                    (None, _) => vec![Err(Missing::OptimizedOut)],
                })
            }
        }
    }

    /// So many bytes from an offset on.
    pub(super) fn bytes(
        &self,
        offset: u64,
        size: usize,
        memory: &mut dyn Memory,
    ) -> Vec<Result<u8, Missing>> {
        match self.at(offset) {
            Self::Memory(at) => {
                let mut bytes = vec![0; size];
                match read_exact(memory, at, &mut bytes) {
                    Ok(()) => bytes.into_iter().map(Ok).collect(),
                    Err(_) => vec![Err(Missing::Unreadable { at }); size],
                }
            }
            Self::Bytes(mut bytes) => {
                let rest = match bytes.last() {
                    Some(Err(why)) => why.clone(),
                    _ => Missing::OptimizedOut,
                };
                bytes.resize(size, Err(rest));
                bytes
            }
        }
    }

    /// So many bytes, when all are known.
    pub(super) fn known_bytes(&self, size: usize, memory: &mut dyn Memory) -> Option<Vec<u8>> {
        let bytes = self.bytes(0, size, memory).into_iter();
        bytes.collect::<Result<_, _>>().ok()
    }

    /// A little-endian number of up to 16 bytes.
    pub(super) fn number(&self, size: u64, memory: &mut dyn Memory) -> Result<u128, Missing> {
        let size = usize::try_from(size)
            .ok()
            .filter(|&size| size <= MOST_BYTES)
            .ok_or(Missing::Undescribed)?;
        let mut number = [0; MOST_BYTES];
        for (to, from) in number.iter_mut().zip(self.bytes(0, size, memory)) {
            *to = from?;
        }
        Ok(u128::from_le_bytes(number))
    }
}

/// The bytes of a register. Only the innermost frame's vector registers are
/// the CPU's.
fn in_register(number: DwarfRegister, frame: &Frame, memory: &mut dyn Memory) -> Option<Vec<u8>> {
    if let Some(register) = Register::from_dwarf(number) {
        let value = frame.registers.get(register)?;
        return Some(value.to_le_bytes().to_vec());
    }
    let register = VectorRegister::from_dwarf(number)?;
    if frame.found_by != FoundBy::Stop {
        return None;
    }
    let value = memory.vector_registers().get(register)?;
    Some(value.to_le_bytes()[..register.size()].to_vec())
}

fn register_name(number: DwarfRegister) -> String {
    let name = Register::from_dwarf(number).map(Register::name);
    let name = name.or_else(|| VectorRegister::from_dwarf(number).map(VectorRegister::name));
    name.map_or_else(|| format!("register {}", number.0), str::to_owned)
}
