//! Modules that do not lie where they were linked: when they are looked for,
//! with which hints, and what is believed.

use ukdbg_inspect::{
    Module, Placement, Register, Slide, SlideSearch, Target, VirtAddr, find_slide, read_available,
};

use crate::identity::{self, Identity};
use crate::session::Session;
use crate::tables;

/// A module that lies elsewhere than it was linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// How far it moved.
    pub slide: Slide,
}

/// Vectors of #DF and #PF.
const MET_BY_EVERY_KERNEL: [u8; 2] = [8, 14];

/// Words of the stack that are looked at for return addresses.
const STACK_WORDS: usize = 64;

impl<'data, T: Target> Session<'data, T> {
    /// The modules that lie elsewhere than they were linked, as far as known.
    pub fn moved(&self) -> Vec<Moved> {
        let moved = self.modules.iter().filter_map(|module| {
            Some(Moved {
                name: module.name.clone(),
                slide: module.slide()?,
            })
        });
        moved.collect()
    }

    /// One image more: another program in the machine. Where its code is not
    /// where it was linked it is looked for.
    pub fn add_module(&mut self, module: Module<'data>) {
        self.modules.push(module);
        self.shown = None;
        self.locate_modules();
    }

    /// Looks for the modules whose bytes are not where they should be, and
    /// when no module holds the program counter, for the one that does. A
    /// module is moved only where its code was found and verified; the slide
    /// of one that merely resembles the first is given back.
    pub(crate) fn locate_modules(&mut self) -> Option<Slide> {
        let pc = self.current_pc();
        let is_held = self.holds_current_pc();
        let mut hints = None;
        let mut resembling = None;
        let mut settled: Vec<Placement> = Vec::new();
        for index in 0..self.modules.iter().count() {
            let Some(module) = self.modules.iter().nth(index).cloned() else {
                break;
            };
            let fits = identity::fits(&mut self.target, &module, pc);
            if fits {
                settled.extend(&module.placements);
            }
            if fits && is_held {
                continue;
            }
            let hints = hints.get_or_insert_with(|| self.code_hints());
            // Of a module that is where it should be, only the code that runs
            // can have a second place.
            let hints = if fits {
                pc.as_slice()
            } else {
                hints.as_slice()
            };
            match self.find(&module, hints, &settled) {
                SlideSearch::Found { placements, .. } => {
                    settled.extend(self.place(index, &module, placements, pc));
                }
                SlideSearch::Unverified { slide } if index == 0 => resembling = Some(slide),
                SlideSearch::Unverified { .. } | SlideSearch::NotFound => {}
            }
        }
        resembling
    }

    /// Looks for a module first where no other was found: few hints are
    /// followed. Then everywhere, since its symbols may come in a file of their
    /// own.
    fn find(
        &mut self,
        module: &Module<'_>,
        hints: &[VirtAddr],
        settled: &[Placement],
    ) -> SlideSearch {
        let is_other = |hint: &VirtAddr| settled.iter().any(|other| other.holds(*hint));
        let (others, own): (Vec<_>, Vec<_>) = hints.iter().copied().partition(is_other);
        let known = module.slides();
        match find_slide(&mut self.target, &module.image, &own, &known) {
            SlideSearch::NotFound => find_slide(&mut self.target, &module.image, &others, &known),
            found => found,
        }
    }

    /// Moves a module, unless its build-id then says that it is another build.
    /// Gives back where it now is.
    fn place(
        &mut self,
        index: usize,
        module: &Module<'_>,
        placements: Vec<Placement>,
        pc: Option<VirtAddr>,
    ) -> Vec<Placement> {
        let moved = Module {
            name: module.name.clone(),
            image: std::sync::Arc::clone(&module.image),
            placements,
        };
        let identity = identity::compare(&mut self.target, &moved, pc);
        if matches!(identity, Identity::Different { .. }) {
            return Vec::new();
        }
        self.modules.place(index, moved.placements.clone());
        moved.placements
    }

    /// Whether a module holds the code that is executed; yes when nobody knows
    /// which that is.
    pub(crate) fn holds_current_pc(&mut self) -> bool {
        self.current_pc()
            .is_none_or(|pc| self.modules.find_executable(pc).is_some())
    }

    /// What may be addresses of code: the program counter, what handles
    /// exceptions (a kernel's code, whatever runs), and the words of the stack.
    fn code_hints(&mut self) -> Vec<VirtAddr> {
        let Ok(registers) = self.current_registers() else {
            return Vec::new();
        };
        let mut hints: Vec<VirtAddr> = registers.pc().into_iter().collect();
        hints.extend(self.exception_handlers());
        let Some(stack) = registers.get(Register::Rsp) else {
            return hints;
        };
        let mut bytes = [0; 8 * STACK_WORDS];
        let readable = read_available(&mut self.target, VirtAddr(stack), &mut bytes);
        let words = bytes[..readable].as_chunks::<8>().0;
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        // Small numbers and the addresses of the stack itself are no code.
        let is_code = |word: &u64| *word >= 0x1000 && word.abs_diff(stack) > 0x1000;
        hints.extend(words.filter(is_code).map(VirtAddr));
        hints
    }

    /// Where exceptions that every kernel handles lead to, as far as the
    /// machine tells.
    fn exception_handlers(&mut self) -> Vec<VirtAddr> {
        let tables = self.current_vcpu().and_then(|cpu| tables::read(self, cpu));
        let gates = tables.map_or_else(|_| Vec::new(), |tables| tables.idt);
        let gates = gates.iter().filter(|gate| gate.present);
        let gates = gates.filter(|gate| MET_BY_EVERY_KERNEL.contains(&gate.vector));
        gates.map(|gate| gate.handler).collect()
    }
}
