//! Type units (DWARF 5 §3.1.4): types that many units share, found by their
//! signatures, wherever they are.

use std::sync::Arc;

use rayon::prelude::*;

use super::position::UnitSection;
use super::unit::Unit;
use super::{Debug, Scope};

impl<'data> Debug<'data> {
    /// The position of the type with a signature, as a unit of `from` means
    /// it: from its own file, the package or the image.
    pub(super) fn type_signed(&self, from: UnitSection, signature: u64) -> Option<usize> {
        let own = match from {
            UnitSection::Split(number) | UnitSection::SplitTypes(number) => {
                let sections = [UnitSection::Split(number), UnitSection::SplitTypes(number)];
                self.type_in(sections, signature)
            }
            _ => None,
        };
        let packaged = || self.packaged_type_position(signature);
        let image = [UnitSection::Info, UnitSection::Types];
        own.or_else(packaged)
            .or_else(|| self.type_in(image, signature))
    }

    fn type_in(&self, sections: [UnitSection; 2], signature: u64) -> Option<usize> {
        sections.into_iter().find_map(|section| {
            let entry = self.with_part(section, |part| {
                part.headers(section)
                    .signed(signature)
                    .map(|(_, entry)| entry)
            });
            section.position(entry?)
        })
    }

    /// Before DWARF 5 a package's type units are in a section of their own.
    fn packaged_type_position(&self, signature: u64) -> Option<usize> {
        let row = self.packaged_type(signature)?;
        let sections = [
            UnitSection::PackagedType(row),
            UnitSection::PackagedOldType(row),
        ];
        self.type_in(sections, signature)
    }

    /// Every answer of the units in which types may be described: all, and
    /// those that are only referred to.
    pub(crate) fn for_all_type_holders<T: Send>(
        &self,
        answer: impl Fn(Scope<'_, 'data>) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let mut found = self.for_all_units_once(&answer);
        // Packages and split units are known now.
        let others = self.type_unit_positions();
        let others = others.par_iter().map(|&position| {
            let unit: Option<Arc<Unit<'data>>> = self.unit_for_once(position);
            self.answer(unit, &answer)
        });
        let others: Vec<Vec<T>> = others.collect();
        found.extend(others.into_iter().flatten());
        found
    }

    fn type_unit_positions(&self) -> Vec<usize> {
        let mut sections = vec![UnitSection::Types, UnitSection::Supplementary];
        for number in self.split_numbers() {
            sections.extend([UnitSection::Split(number), UnitSection::SplitTypes(number)]);
        }
        for row in self.packaged_types() {
            sections.extend([
                UnitSection::PackagedType(row),
                UnitSection::PackagedOldType(row),
            ]);
        }
        let mut positions = Vec::new();
        for section in sections {
            self.with_part(section, |part| {
                let headers = part.headers(section);
                let position = |offset| section.position(offset);
                if section == UnitSection::Supplementary {
                    positions.extend(headers.offsets.iter().filter_map(|&at| position(at)));
                } else {
                    positions.extend(headers.type_units().filter_map(position));
                }
                Some(())
            });
        }
        positions
    }
}
