//! Registers in a document: a map from name to value, with what is known and
//! nothing else. Not how they are shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Register, Registers};

impl Serialize for Registers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            Register::ALL
                .into_iter()
                .filter_map(|register| Some((register.name(), self.get(register)?))),
        )
    }
}

/// Names that are not known, which a later version may have written, are
/// passed over.
impl<'de> Deserialize<'de> for Registers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<String, u64>::deserialize(deserializer)?;
        let mut registers = Self::default();
        for register in Register::ALL {
            if let Some(value) = values.get(register.name()) {
                registers.set(register, *value);
            }
        }
        Ok(registers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back() {
        let mut registers = Registers::default();
        registers.set(Register::Rip, u64::MAX);
        registers.set(Register::FsBase, 0);
        let text = serde_json::to_string(&registers).unwrap();
        assert_eq!(text, r#"{"rip":18446744073709551615,"fs_base":0}"#);
        assert_eq!(serde_json::from_str::<Registers>(&text).unwrap(), registers);
        let newer = r#"{"rip":1,"tomorrow":2}"#;
        let read: Registers = serde_json::from_str(newer).unwrap();
        assert_eq!(read.pc().map(|pc| pc.0), Some(1));
        assert!(serde_json::from_str::<Registers>(r#"{"rip":-1}"#).is_err());
    }
}
