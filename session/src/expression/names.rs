//! What a name stands for: a variable of the frame, a static, a register, a
//! function, a symbol, in that order.

use ukdbg_inspect::{
    Frame, Memory, Module, Modules, Place, PlaceType, Register, VirtAddr, short_type_name,
};

use super::error::ExpressionErrorKind;

/// How many near names are offered.
const NEAR_NAMES: usize = 5;

/// Where names are looked up.
pub(super) struct Names<'a, 'data> {
    pub(super) modules: &'a Modules<'data>,
    /// The frame and the level of its inline chain; none in a machine without
    /// registers.
    pub(super) frame: Option<(&'a Frame, usize)>,
}

pub(super) type Looked<T> = Result<T, ExpressionErrorKind>;

impl<'data> Names<'_, 'data> {
    /// The place a name stands for.
    pub(super) fn find(&self, name: &str, memory: &mut dyn Memory) -> Looked<Place<'data>> {
        // Every image is somebody's own crate.
        let name = name.strip_prefix("crate::").unwrap_or(name);
        if let Some(place) = self.in_scope(name, memory)? {
            return Ok(place);
        }
        if let Some(place) = self.local(name, memory) {
            return Ok(place);
        }
        if let Some(place) = self.global(name, memory)? {
            return Ok(place);
        }
        if let Some(place) = self.register(name)? {
            return Ok(place);
        }
        if let Some(place) = self.function(name)? {
            return Ok(place);
        }
        if let Some(place) = self.in_function(name, memory) {
            return Ok(place);
        }
        self.symbol(name)
            .ok_or_else(|| ExpressionErrorKind::UnknownName {
                name: name.to_owned(),
                near: self.near(name),
            })
    }

    /// A variable of the frame; of several the one declared last, which hides
    /// the others.
    fn local(&self, name: &str, memory: &mut dyn Memory) -> Option<Place<'data>> {
        let (frame, level) = self.frame?;
        let (module, link) = self.modules.find_code(frame.pc)?;
        let variables = module.image.variables(link, level);
        let variable = variables
            .iter()
            .rfind(|variable| variable.name.raw() == name)?;
        Some(Place::of_variable(
            self.modules,
            module,
            Some(frame),
            variable,
            memory,
        ))
    }

    fn global(&self, name: &str, memory: &mut dyn Memory) -> Looked<Option<Place<'data>>> {
        let mut found: Vec<(String, Place<'data>)> = Vec::new();
        for module in self.modules.iter() {
            for variable in module.image.globals_named(name) {
                let place = Place::of_variable(self.modules, module, None, &variable, memory);
                let known = |(_, known): &(String, Place<'_>)| known.address() == place.address();
                // Every unit that names a static describes it.
                if !found.iter().any(known) {
                    found.push((variable.name.raw().to_owned(), place));
                }
            }
        }
        let exact = found.iter().filter(|(full, _)| full == name).count();
        if exact == 1 {
            found.retain(|(full, _)| full == name);
        }
        match found.len() {
            0 | 1 => Ok(found.pop().map(|(_, place)| place)),
            _ => Err(ambiguous(
                name,
                found
                    .into_iter()
                    .filter_map(|(full, place)| Some((full, place.address()?))),
            )),
        }
    }

    /// `$rax`.
    pub(super) fn known_register(&self, name: &str) -> Looked<Place<'data>> {
        self.register(name)?
            .ok_or_else(|| ExpressionErrorKind::UnknownRegister {
                name: name.to_owned(),
            })
    }

    fn register(&self, name: &str) -> Looked<Option<Place<'data>>> {
        let Some((register, half)) = register_named(name) else {
            return Ok(None);
        };
        let (frame, _) = self.frame.ok_or(ExpressionErrorKind::NoRegisters)?;
        let value = match register {
            Register::Rip => Some(frame.pc.address().0),
            _ => frame.registers.get(register),
        };
        let value = value.ok_or_else(|| ExpressionErrorKind::RegisterUnavailable {
            name: name.to_owned(),
        })?;
        let pointer = matches!(register, Register::Rip | Register::Rsp | Register::Rbp);
        Ok(Some(if pointer && !half {
            Place::pointer(None, None, VirtAddr(value))
        } else {
            let mask = if half { u64::from(u32::MAX) } else { u64::MAX };
            let size = if half { 4 } else { 8 };
            Place::number(ukdbg_inspect::Number {
                value: i128::from(value & mask),
                encoding: ukdbg_image::BaseEncoding::Unsigned,
                size,
            })
        }))
    }

    fn function(&self, name: &str) -> Looked<Option<Place<'data>>> {
        let mut found: Vec<(String, VirtAddr)> = Vec::new();
        for module in self.modules.iter() {
            for function in module.image.functions_named(name) {
                let Some(at) = module.run_address(function.entry) else {
                    continue;
                };
                found.push((function.name.demangled.raw().to_owned(), at));
            }
        }
        let exact = found.iter().filter(|(full, _)| full == name).count();
        if exact == 1 {
            found.retain(|(full, _)| full == name);
        }
        // `<Type as Trait>::name` means that trait's.
        if name.contains(" as ") {
            let wanted = short_type_name(name);
            found.retain(|(full, _)| short_type_name(full) == wanted);
        }
        match found.as_slice() {
            [] => Ok(None),
            [(_, at)] => Ok(Some(Place::pointer(None, None, *at))),
            _ => Err(ambiguous(name, found.into_iter())),
        }
    }

    /// A symbol without a description: a place without a type.
    fn symbol(&self, name: &str) -> Option<Place<'data>> {
        let found = self.modules.iter().find_map(|module| {
            let symbol = module.image.symbol_named(name)?;
            let at = module.run_address(symbol.address);
            Some((module, at.unwrap_or(VirtAddr(symbol.address.0))))
        });
        let (module, at): (&Module<'data>, _) = found?;
        Some(Place::in_memory(
            Some(module.clone()),
            PlaceType::Unknown,
            at,
        ))
    }

    fn near(&self, name: &str) -> Vec<String> {
        let mut near = Vec::new();
        if let Some((frame, level)) = self.frame
            && let Some((module, link)) = self.modules.find_code(frame.pc)
        {
            let variables = module.image.variables(link, level);
            near.extend(
                variables
                    .iter()
                    .map(|variable| variable.name.raw().to_owned())
                    .filter(|known| is_near(known, name)),
            );
        }
        for module in self.modules.iter() {
            near.extend(module.image.near_names(name, NEAR_NAMES));
        }
        near.dedup();
        near.truncate(NEAR_NAMES);
        near
    }
}

fn ambiguous(name: &str, found: impl Iterator<Item = (String, VirtAddr)>) -> ExpressionErrorKind {
    ExpressionErrorKind::Ambiguous {
        name: name.to_owned(),
        candidates: found.collect(),
    }
}

/// One of the two is the other with letters added, left out or swapped.
fn is_near(known: &str, typed: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.to_lowercase().chars().collect();
        letters.sort_unstable();
        letters
    };
    let (a, b) = (sorted(known), sorted(typed));
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let common = short.iter().filter(|letter| long.contains(letter)).count();
    long.len() - short.len() <= 2 && common + 1 >= short.len() && short.len() > 1
}

/// A register and whether its lower half is meant.
fn register_named(name: &str) -> Option<(Register, bool)> {
    let full = |name: &str| {
        Register::ALL
            .into_iter()
            .find(|register| register.name() == name)
    };
    let alias = match name {
        "pc" => "rip",
        "sp" => "rsp",
        "fp" => "rbp",
        "eflags" => "rflags",
        _ => name,
    };
    if let Some(register) = full(alias) {
        return Some((register, false));
    }
    let whole = match name.strip_prefix('e') {
        Some(rest) => format!("r{rest}"),
        None => name
            .strip_suffix('d')
            .filter(|rest| rest.starts_with('r'))?
            .to_owned(),
    };
    full(&whole)
        .filter(|register| (*register as u8) < Register::Rip as u8)
        .map(|register| (register, true))
}

#[cfg(test)]
mod tests {
    use ukdbg_inspect::Register;

    use super::{is_near, register_named};

    #[test]
    fn registers() {
        let check = |name: &str, expected: Option<(Register, bool)>| {
            assert_eq!(register_named(name), expected, "{name}");
        };
        check("rax", Some((Register::Rax, false)));
        check("pc", Some((Register::Rip, false)));
        check("sp", Some((Register::Rsp, false)));
        check("eax", Some((Register::Rax, true)));
        check("r8d", Some((Register::R8, true)));
        check("efer", Some((Register::Efer, false)));
        check("cr3", Some((Register::Cr3, false)));
        check("eip", None);
        check("order", None);
        check("", None);
        check("rd", None);
    }

    #[test]
    fn near_names_are_misspellings() {
        assert!(is_near("order", "oder"));
        assert!(is_near("order", "ordre"));
        assert!(!is_near("order", "price"));
        assert!(!is_near("x", "y"));
    }
}
