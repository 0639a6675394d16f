//! What a debugger asks of an image to step through its code and to stop in
//! it. Answers by asking the modules that know, as `image` does.

use crate::dwarf::Scope;
use crate::dwarf::names::describe;
use crate::index::copies_named;
use crate::{Image, LineRow, LinkAddr, ReturnType, TypeId};

impl Image<'_> {
    /// The row of the line table in force at an address.
    pub fn line_row(&self, address: LinkAddr) -> Option<LineRow> {
        let debug = self.debug()?;
        let unit = debug.unit_at(address.0)?;
        let scope = Scope { debug, unit: &unit };
        let (row, code, is_statement) = scope.lines().row_at(address.0)?;
        Some(LineRow {
            code: LinkAddr(code.start)..LinkAddr(code.end),
            location: row.location(scope)?,
            is_statement,
        })
    }

    /// How many calls, of those inlined at an address, begin right there,
    /// counted from the innermost.
    pub fn inlined_calls_entered(&self, address: LinkAddr) -> usize {
        let entered = self.debug().and_then(|debug| {
            let unit = debug.unit_at(address.0)?;
            let scope = Scope { debug, unit: &unit };
            let chain = scope.function_at(address.0)?.inlines(scope);
            let chain = chain.chain(address.0);
            Some(
                chain
                    .take_while(|call| call.entry() == Some(address.0))
                    .count(),
            )
        });
        entered.unwrap_or(0)
    }

    /// Where the code of functions of a name was copied into others, ascending.
    /// `name` as in [`Image::functions_named`].
    pub fn inlined_copies(&self, name: &str) -> Vec<LinkAddr> {
        let copies = self.debug().map(|debug| copies_named(name, debug));
        copies
            .unwrap_or_default()
            .into_iter()
            .map(LinkAddr)
            .collect()
    }

    /// What the function that holds an address returns.
    pub fn return_type(&self, address: LinkAddr) -> ReturnType {
        let described = self.debug().and_then(|debug| {
            let unit = debug.unit_at(address.0)?;
            let scope = Scope { debug, unit: &unit };
            let function = scope.function_at(address.0)?;
            Some(describe(scope, function.die).ty)
        });
        match described {
            None => ReturnType::Unknown,
            Some(None) => ReturnType::Nothing,
            Some(Some(ty)) => ReturnType::Type(TypeId(ty)),
        }
    }
}
