//! What is found by its name, and the indexes of whole images that takes.

use serde::{Deserialize, Serialize};

use super::Image;
use crate::dwarf::Debug;
use crate::dwarf::globals::GlobalIndex;
use crate::index::{FunctionIndex, named_by_symbols};
use crate::kept_index::Origin;
use crate::{Function, IndexKind, LinkAddr, Variable, VirtualTable};

impl<'data> Image<'data> {
    /// Functions of that name: the linkage name, the demangled name, or its
    /// last path components (`insert`, `Book::insert`).
    pub fn functions_named(&self, name: &str) -> Vec<Function> {
        let copies = self.copies_named(name);
        if !copies.is_empty() {
            return copies;
        }
        let symbol = |entry| self.symbol_name(entry);
        self.kept.once(|| {
            // Reading it takes less time than sorting the symbol table.
            if let Some(index) = self.kept.load(|| self.origin(IndexKind::Functions)) {
                let _ = self.functions.set(index);
            }
        });
        if self.functions.get().is_none()
            && let Some(symbols) = self.symbols()
            && let Some(found) = named_by_symbols(name, self.debug(), symbols, &symbol)
        {
            return found;
        }
        self.function_index().named(name, self.debug(), &symbol)
    }

    /// What a linker's name for a copy or a part of a function means
    /// (`f.isra.0`, `f.cold`), which DWARF does not know. A part that is not
    /// the whole function is entered where the symbol is.
    fn copies_named(&self, name: &str) -> Vec<Function> {
        let symbols = self.symbols().filter(|_| name.contains('.'));
        let named = symbols.into_iter().flat_map(|symbols| {
            let code = symbols.code();
            code.filter(|symbol| symbol.name == name.as_bytes())
        });
        let functions = named.filter_map(|symbol| {
            let begins = |function: &Function| function.entry.0 == symbol.address;
            self.function_at(LinkAddr(symbol.address))
                .filter(begins)
                .or_else(|| self.symbol_function_at(symbol.address).filter(begins))
        });
        functions.collect()
    }

    /// Demangled names close to one that was not found, best first.
    pub fn near_names(&self, name: &str, most: usize) -> Vec<String> {
        self.function_index().near(name, most)
    }

    /// Every function with code, ascending by entry.
    pub fn functions(&self) -> Vec<Function> {
        self.function_index()
            .all(self.debug(), &|entry| self.symbol_name(entry))
    }

    /// Globals and statics of that name, by the rules of
    /// [`Image::functions_named`].
    pub fn globals_named(&self, name: &str) -> Vec<Variable<'data>> {
        self.debug().map_or_else(Vec::new, |debug| {
            let globals = self.global_index(debug);
            globals.named(name, debug)
        })
    }

    /// The table of a trait's functions that begins at an address: what the
    /// second half of a Rust `&dyn Trait` points to.
    pub fn virtual_table_at(&self, address: LinkAddr) -> Option<VirtualTable> {
        let debug = self.debug()?;
        let globals = self.global_index(debug);
        globals.virtual_table_at(address.0, debug)
    }

    fn function_index(&self) -> &FunctionIndex<'data> {
        self.functions.get_or_init(|| {
            let build = || FunctionIndex::new(self.debug(), self.symbols());
            self.kept_or(IndexKind::Functions, build)
        })
    }

    fn global_index(&self, debug: &Debug<'data>) -> &GlobalIndex<'data> {
        self.globals
            .get_or_init(|| self.kept_or(IndexKind::Globals, || GlobalIndex::new(debug)))
    }

    /// An index from the last run, or else a new one, which is kept.
    fn kept_or<Index: Serialize + Deserialize<'data>>(
        &self,
        kind: IndexKind,
        build: impl FnOnce() -> Index,
    ) -> Index {
        let kept = self.kept.load(|| self.origin(kind));
        kept.unwrap_or_else(|| {
            let index = build();
            // What is read of other files may be there one day and not the
            // next.
            if self.debug().is_none_or(Debug::stands_alone) {
                self.kept.save(|| self.origin(kind), &index);
            }
            index
        })
    }

    /// What an index of this image is of; none without a build-id.
    fn origin(&self, kind: IndexKind) -> Option<Origin<'data>> {
        let mut sections = crc32fast::Hasher::new();
        for file in self.files() {
            file.section_checksum(&mut sections);
        }
        Some(Origin {
            kind,
            build_id: self.build_id()?,
            sections: sections.finalize(),
        })
    }
}
