//! Names with what they are declared in before them, as GDB has them:
//! `file.c::name`, `function::name`.

use ukdbg_image::{CodeAddr, Function, LinkAddr, SourceLocation, Variable};
use ukdbg_inspect::{Memory, Module, Place};

use super::names::{Looked, Names};

/// Bytes of a function that are searched for blocks with statics.
const MOST_CODE: usize = 1 << 12;

impl<'data> Names<'_, 'data> {
    /// A global or function declared in a file.
    pub(super) fn in_scope(
        &self,
        name: &str,
        memory: &mut dyn Memory,
    ) -> Looked<Option<Place<'data>>> {
        let Some((file, name)) = name.rsplit_once("::") else {
            return Ok(None);
        };
        if !file.contains(['.', '/']) || file.contains(['<', ' ']) {
            return Ok(None);
        }
        let is_in = |place: &Option<SourceLocation>| {
            place
                .as_ref()
                .is_some_and(|place| ends_with(place.file.path.raw(), file))
        };
        for module in self.modules.iter() {
            let globals = module.image.globals_named(name);
            if let Some(variable) = globals.iter().find(|one| is_in(&one.declaration)) {
                let place = Place::of_variable(self.modules, module, None, variable, memory);
                return Ok(Some(place));
            }
            let functions = module.image.functions_named(name);
            let found = functions.iter().find(|one| is_in(&one.declaration));
            if let Some(at) = found.and_then(|found| module.run_address(found.entry)) {
                return Ok(Some(Place::pointer(None, None, at)));
            }
        }
        Ok(None)
    }

    /// A static of a C function, whose name says nothing of the function.
    pub(super) fn in_function(&self, name: &str, memory: &mut dyn Memory) -> Option<Place<'data>> {
        let (function, name) = name.rsplit_once("::")?;
        self.modules.iter().find_map(|module| {
            let functions = module.image.functions_named(function);
            let mut functions = functions.iter();
            let variable = functions.find_map(|function| static_of(module, function, name))?;
            let place = Place::of_variable(self.modules, module, None, &variable, memory);
            Some(place)
        })
    }
}

/// A static that a function or a block of it declares.
fn static_of<'data>(
    module: &Module<'data>,
    function: &Function,
    name: &str,
) -> Option<Variable<'data>> {
    let globals = module.image.globals_named(name);
    if globals.is_empty() {
        return None;
    }
    let code = function.ranges.iter();
    let mut code = code.flat_map(|range| range.start.0..range.end.0);
    let declared = code.by_ref().take(MOST_CODE).find_map(|at| {
        let at = CodeAddr::Exact(LinkAddr(at));
        // The function itself is outside of what was inlined into it.
        let level = module.image.source_frames(at).len().checked_sub(1)?;
        let mut variables = module.image.variables(at, level).into_iter();
        let found = variables.find(|variable| variable.name.raw() == name)?;
        found.declaration
    })?;
    let mut globals = globals.into_iter();
    globals.find(|global| global.declaration.as_ref() == Some(&declared))
}

/// Whether a path is that file's: whole components from its end.
fn ends_with(path: &str, file: &str) -> bool {
    let rest = path.strip_suffix(file);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}
