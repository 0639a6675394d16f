//! Library types that are told by their name and the names of their members,
//! and shown as what a developer thinks of them. A type of that name that is
//! built otherwise is shown as it is built.

use ukdbg_image::{BaseEncoding, Type, TypeKind, Untrusted};

use super::read::Reader;
use super::search::{Place, Refusal};
use super::storage::Storage;
use super::{Field, Value};

impl Reader<'_, '_> {
    /// The value of a type that is known; none for one that is not.
    pub(super) fn known(&mut self, ty: &Type, storage: &Storage, depth: usize) -> Option<Value> {
        let name = ty.name.as_ref().map_or("", Untrusted::raw);
        let place = || Place {
            ty: ty.clone(),
            storage: storage.clone(),
        };
        // Generic, so that a C structure of that name is not meant.
        let generic = !ty.parameters.is_empty();
        let result = match base_name(name) {
            "Vec" | "VecInner" | "ArrayVec" if generic => self.vector(&place(), depth),
            "String" | "StringInner" | "ArrayString" => self.string(&place()),
            "VecDeque" if generic => self.ring(&place(), depth),
            "LinkedList" if generic => self.list(&place(), depth),
            "HashMap" if generic => self.hash_map(&place(), depth),
            "HashSet" if generic => self.hash_set(&place(), depth),
            "BTreeMap" if generic => self.tree_map(&place(), depth),
            "BTreeSet" if generic => self.tree_set(&place(), depth),
            "Rc" | "Arc" if generic => self.counted(&place(), depth),
            "Weak" if generic => self.weak(&place()),
            "Cell" | "RefCell" if generic => self.cell(&place(), depth),
            "MaybeUninit" if generic => self.maybe(&place(), depth),
            "NonNull" | "Unique" | "Pin" | "NonZero" | "UnsafeCell" | "SyncUnsafeCell"
            | "BinaryHeap" | "MaybeDangling" | "Wrapping" | "Saturating"
                if generic =>
            {
                self.wrapped(&place(), depth)
            }
            name @ ("Range" | "RangeInclusive" | "RangeFrom" | "RangeTo" | "RangeToInclusive")
                if generic =>
            {
                self.range(name, &place(), depth)
            }
            "RangeFull" if ty.size == Some(0) => self.range("RangeFull", &place(), depth),
            "Duration" => self.duration(&place()),
            "CString" => self.c_text(&place()),
            name if name.starts_with("Atomic") => self.atomic(name, &place(), depth),
            _ => self.behind_fat_pointer(ty, storage, depth),
        };
        match result {
            Ok(value) => Some(value),
            Err(Refusal::Missing(why)) => Some(why.into()),
            Err(Refusal::Shape) => None,
        }
    }

    /// The value in a wrapper.
    fn wrapped(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let mut part = self.only_part(place).ok_or(Refusal::Shape)?;
        let niche = base_name(place.ty.name.as_ref().map_or("", Untrusted::raw)) == "NonZero";
        if niche {
            part = self.peel(part);
        }
        Ok(self.value_of(&part, depth))
    }

    fn value_of(&mut self, part: &Place, depth: usize) -> Value {
        self.value_in(&part.ty, &part.storage, depth)
    }

    /// An atomic number, boolean or pointer.
    fn atomic(&mut self, name: &str, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let inside = self.peel(place.clone());
        let is_boolean = name == "AtomicBool"
            || super::search::parameter(&place.ty, "T")
                .ok()
                .and_then(|id| self.resolve(id))
                .is_some_and(|ty| ty.kind == TypeKind::Base(BaseEncoding::Boolean));
        match inside.ty.kind {
            TypeKind::Base(_) if is_boolean => {
                let bits = inside.storage.number(1, self.memory)?;
                Ok(super::read::base(BaseEncoding::Boolean, bits, 1))
            }
            TypeKind::Base(_) | TypeKind::Pointer(_) => Ok(self.value_of(&inside, depth)),
            _ => Err(Refusal::Shape),
        }
    }

    /// `Cell<T>`, and `RefCell<T>` with how it is borrowed, if it is.
    fn cell(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let value = self.find(place, "value")?;
        if depth >= self.limits.depth {
            return Ok(Value::Elided);
        }
        let mut fields = vec![Field {
            name: Some(Untrusted::from("value")),
            value: self.value_of(&value, depth + 1),
        }];
        if let Ok(flag) = self.find(place, "borrow") {
            let flag = self.peel(flag);
            let bits = flag
                .storage
                .number(flag.ty.size.unwrap_or(0), self.memory)?;
            if bits != 0 {
                fields.push(Field {
                    name: Some(Untrusted::from("borrow")),
                    value: self.value_of(&flag, depth + 1),
                });
            }
        }
        Ok(Value::Structure {
            name: place.ty.name.clone(),
            fields,
            omitted: 0,
        })
    }

    /// `Weak<T>`, which is not followed: it mostly leads back.
    fn weak(&mut self, place: &Place) -> Result<Value, Refusal> {
        self.find(place, "ptr")?;
        Ok(Value::Structure {
            name: place.ty.name.clone(),
            fields: Vec::new(),
            omitted: 0,
        })
    }

    /// `MaybeUninit<T>`: what its bytes would be, if they were set.
    fn maybe(&mut self, place: &Place, depth: usize) -> Result<Value, Refusal> {
        let value = self.find(place, "value")?;
        let value = self.peel(value);
        if depth >= self.limits.depth {
            return Ok(Value::Elided);
        }
        Ok(Value::Structure {
            name: place.ty.name.clone(),
            fields: vec![Field {
                name: Some(Untrusted::from("__0")),
                value: self.value_of(&value, depth + 1),
            }],
            omitted: 0,
        })
    }
}

/// A type's name without its parameters.
pub(super) fn base_name(name: &str) -> &str {
    name.split('<').next().unwrap_or(name)
}
