//! The images in a machine, and where each segment of them lies: the only way
//! from run-time to link-time addresses.

use std::ops::Range;
use std::sync::Arc;

use ukdbg_image::{CodeAddr, Image, LinkAddr, SourceFrame};

use crate::{Slide, VirtAddr};

/// One image in a machine.
#[derive(Clone)]
pub struct Module<'data> {
    /// What to call it: the file's name.
    pub name: String,
    /// The image.
    pub image: Arc<Image<'data>>,
    /// Where its segments lie.
    pub placements: Vec<Placement>,
}

/// A range of link-time addresses that moved as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// First link-time address.
    pub link: LinkAddr,
    /// Where it is in the machine.
    pub at: VirtAddr,
    /// Bytes.
    pub size: u64,
}

/// Farther than code reaches relative to itself.
const FAR: u64 = 1 << 31;

impl Placement {
    /// Whether a run-time address is in it.
    pub fn holds(&self, at: VirtAddr) -> bool {
        self.link_address(at).is_some()
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.at.0 < other.at.0.saturating_add(other.size)
            && other.at.0 < self.at.0.saturating_add(self.size)
    }

    fn link_address(&self, at: VirtAddr) -> Option<LinkAddr> {
        let offset = at.offset_from(self.at)?;
        (offset < self.size).then(|| self.link.checked_add(offset))?
    }
}

/// Run-time addresses around one, of which the same is true as of it: they
/// are in one module, moved alike, and all can be executed, or none.
#[derive(Clone)]
pub(crate) struct Region<'a, 'data> {
    pub(crate) module: &'a Module<'data>,
    pub(crate) executable: bool,
    run: Range<VirtAddr>,
    link: LinkAddr,
    /// The image's bytes from the start of the region, as far as it has them.
    /// None of them where several modules may hold an address.
    bytes: &'data [u8],
}

impl<'a, 'data> Region<'a, 'data> {
    /// Whether it holds a run-time address.
    #[inline]
    pub(crate) fn contains(&self, at: VirtAddr) -> bool {
        self.run.contains(&at)
    }

    /// The bytes right before an address, where the image has them.
    #[inline]
    pub(crate) fn bytes_before<const SIZE: usize>(&self, at: VirtAddr) -> Option<&[u8; SIZE]> {
        let offset = usize::try_from(at.offset_from(self.run.start)?).ok()?;
        self.bytes.get(..offset)?.last_chunk()
    }

    /// The link-time address of a run-time one in the region.
    #[inline]
    pub(crate) fn link_address(&self, at: VirtAddr) -> Option<LinkAddr> {
        if !self.run.contains(&at) {
            return None;
        }
        self.link.checked_add(at.offset_from(self.run.start)?)
    }
}

impl<'data> Module<'data> {
    /// An image that lies where it was linked.
    pub fn unmoved(name: String, image: Arc<Image<'data>>) -> Self {
        let placements = image
            .segments()
            .iter()
            .filter_map(|segment| {
                Some(Placement {
                    link: segment.addresses.start,
                    at: VirtAddr(segment.addresses.start.0),
                    size: segment.addresses.end.offset_from(segment.addresses.start)?,
                })
            })
            .collect();
        Self {
            name,
            image,
            placements,
        }
    }

    /// The link-time address of a run-time one, if this module holds it.
    pub fn link_address(&self, at: VirtAddr) -> Option<LinkAddr> {
        self.placement(at)?.link_address(at)
    }

    /// How far it moved, if at all: by the first of its segments that did.
    pub fn slide(&self) -> Option<Slide> {
        let mut slides = self.slides().into_iter();
        slides.find(|slide| *slide != Slide::NONE)
    }

    /// The slides of its segments, each once.
    pub fn slides(&self) -> Vec<Slide> {
        let mut slides = Vec::new();
        for placement in &self.placements {
            let slide = Slide::between(placement.link, placement.at);
            if !slides.contains(&slide) {
                slides.push(slide);
            }
        }
        slides
    }

    /// Whether an address can be executed: by its section, and where no
    /// section holds it, by its segment.
    pub fn is_executable(&self, link: LinkAddr) -> bool {
        self.image.executable_around(link).0
    }

    /// Whether an address is in what an image links at 0, far from its code:
    /// the template of per-CPU data. Its addresses are offsets, and nothing
    /// is loaded there.
    pub fn is_template(&self, link: LinkAddr) -> bool {
        let segments = self.image.segments();
        let mut around = segments.iter();
        let around = around.find(|segment| segment.addresses.contains(&link));
        let is_at_0 = around
            .is_some_and(|segment| segment.addresses.start == LinkAddr(0) && !segment.executable);
        is_at_0
            && segments
                .iter()
                .all(|segment| !segment.executable || segment.addresses.start.0 >= FAR)
    }

    /// The placement that holds a run-time address.
    fn placement(&self, at: VirtAddr) -> Option<&Placement> {
        let mut placements = self.placements.iter();
        placements.find(|placement| placement.holds(at))
    }

    /// The run-time address of a link-time one, if it is in a placed segment.
    pub fn run_address(&self, link: LinkAddr) -> Option<VirtAddr> {
        self.placements.iter().find_map(|placement| {
            let offset = link.offset_from(placement.link)?;
            (offset < placement.size).then(|| placement.at.checked_add(offset))?
        })
    }
}

/// Every image of a machine.
#[derive(Clone, Default)]
pub struct Modules<'data> {
    modules: Vec<Module<'data>>,
}

impl<'data> Modules<'data> {
    /// Adds a module. Earlier ones win where two know equally much.
    pub fn push(&mut self, module: Module<'data>) {
        self.modules.push(module);
    }

    /// Puts a module where it was found to lie. An index without a module
    /// changes nothing.
    pub fn place(&mut self, index: usize, placements: Vec<Placement>) {
        if let Some(module) = self.modules.get_mut(index) {
            module.placements = placements;
        }
    }

    /// The modules, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Module<'data>> {
        self.modules.iter()
    }

    /// The module that holds an address, and the link-time address there. Of
    /// several (a boot wrapper around the real kernel) the one that knows
    /// most about the address.
    pub fn find(&self, at: VirtAddr) -> Option<(&Module<'data>, LinkAddr)> {
        let mut holders = self
            .modules
            .iter()
            .filter_map(|module| Some((module, module.link_address(at)?)));
        let first = holders.next()?;
        // Asking what a module knows costs an index; with one there is no
        // question.
        let Some(second) = holders.next() else {
            return Some(first);
        };
        [first, second]
            .into_iter()
            .chain(holders)
            .min_by_key(|(module, link)| {
                let unnamed = module.image.function_at(*link).is_none();
                (unnamed, module.image.debug_level())
            })
    }

    /// The region around an address. For one that several modules hold it is
    /// that address alone.
    pub(crate) fn region(&self, at: VirtAddr) -> Option<Region<'_, 'data>> {
        let (module, link) = self.find(at)?;
        let (executable, around) = module.image.executable_around(link);
        let alone = Region {
            module,
            executable,
            run: at..at.checked_add(1)?,
            link,
            bytes: &[],
        };
        let mut others = self.modules.iter().filter(|&it| !std::ptr::eq(it, module));
        let placement = module.placement(at)?;
        let nested = |other: &Module<'_>| other.placements.iter().any(|it| it.overlaps(placement));
        let overlapping = module.placements.iter().filter(|it| it.overlaps(placement));
        if others.any(nested) || overlapping.count() > 1 {
            return Some(alone);
        }
        let start = around.start.max(placement.link);
        let size = placement
            .size
            .saturating_sub(start.offset_from(placement.link)?);
        let end = around.end.min(LinkAddr(start.0.saturating_add(size)));
        let run = placement
            .at
            .checked_add(start.offset_from(placement.link)?)?;
        let size = end.offset_from(start)?;
        let bytes = module.image.bytes_at(start).unwrap_or_default();
        Some(Region {
            run: run..run.checked_add(size)?,
            link: start,
            bytes: &bytes[..bytes.len().min(usize::try_from(size).ok()?)],
            ..alone
        })
    }

    /// As [`Modules::find`], for an address that can be executed.
    pub fn find_executable(&self, at: VirtAddr) -> Option<(&Module<'data>, LinkAddr)> {
        let (module, link) = self.find(at)?;
        module.is_executable(link).then_some((module, link))
    }

    /// As [`Modules::find`], for a code address: a return address is looked
    /// up by the call before it.
    pub fn find_code(
        &self,
        at: CodeAddr<VirtAddr>,
    ) -> Option<(&Module<'data>, CodeAddr<LinkAddr>)> {
        let (module, link) = self.find(at.lookup())?;
        Some(match at {
            CodeAddr::Exact(_) => (module, CodeAddr::Exact(link)),
            CodeAddr::Return(_) => (module, CodeAddr::Return(link.checked_add(1)?)),
        })
    }

    /// The source places of one physical frame, innermost inlined function
    /// first. Empty when no image holds the address or knows a name for it.
    pub fn symbolize(&self, at: CodeAddr<VirtAddr>) -> Vec<SourceFrame> {
        self.find_code(at)
            .map_or_else(Vec::new, |(module, link)| module.image.source_frames(link))
    }

    /// [`Modules::symbolize`] of many addresses, in their order and in one go
    /// for each image.
    pub fn symbolize_all(&self, addresses: &[CodeAddr<VirtAddr>]) -> Vec<Vec<SourceFrame>> {
        let found: Vec<_> = addresses.iter().map(|&at| self.find_code(at)).collect();
        let mut frames = vec![Vec::new(); addresses.len()];
        for module in &self.modules {
            let (places, links): (Vec<usize>, Vec<_>) = found
                .iter()
                .enumerate()
                .filter_map(|(place, found)| Some((place, (*found)?)))
                .filter(|(_, (holder, _))| std::ptr::eq(*holder, module))
                .map(|(place, (_, link))| (place, link))
                .unzip();
            let answers = module.image.source_frames_of_all(&links);
            for (place, answer) in places.into_iter().zip(answers) {
                frames[place] = answer;
            }
        }
        frames
    }
}
