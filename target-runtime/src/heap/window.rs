//! Which pages of the guarded range are whose: pure bookkeeping. The cursor
//! only moves on and around, so a released page is not handed out again before
//! all others were, and a late access to it faults.

/// Pages of the guarded range.
pub(super) const PAGES: usize = 16 * 1024;
/// No block has the page.
const FREE: u16 = u16::MAX;

/// The pages' owners, by ledger index.
pub(super) struct Window {
    owner: [u16; PAGES],
    cursor: usize,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self {
            owner: [FREE; PAGES],
            cursor: 0,
        }
    }

    /// The first of `count` free pages with a free one behind them, after
    /// which the next search begins.
    pub(super) fn find(&mut self, count: usize) -> Option<usize> {
        let needed = count.checked_add(1).filter(|&needed| needed <= PAGES)?;
        let mut run = 0;
        let mut page = self.cursor;
        for _ in 0..2 * PAGES {
            if page == PAGES {
                (page, run) = (0, 0);
            }
            run = if self.owner[page] == FREE { run + 1 } else { 0 };
            page += 1;
            if run == needed {
                self.cursor = page % PAGES;
                return Some(page - needed);
            }
        }
        None
    }

    /// Gives pages to a block.
    pub(super) fn claim(&mut self, first: usize, count: usize, owner: u16) {
        self.owner[first..first + count].fill(owner);
    }

    /// Takes them back.
    pub(super) fn release(&mut self, first: usize, count: usize) {
        self.claim(first, count, FREE);
    }

    /// The ledger index of the block that has a page.
    pub(super) fn owner(&self, page: usize) -> Option<u16> {
        self.owner.get(page).copied().filter(|&owner| owner != FREE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_never_touch_and_released_pages_come_last() {
        let mut window = Window::new();
        let first = window.find(1).unwrap();
        window.claim(first, 1, 7);
        assert_eq!(
            (first, window.owner(0), window.owner(1)),
            (0, Some(7), None)
        );
        let second = window.find(2).unwrap();
        window.claim(second, 2, 8);
        assert_eq!(second, 2);
        window.release(first, 1);
        assert_eq!(window.find(1), Some(5));
    }

    #[test]
    fn the_search_goes_around_and_ends() {
        let mut window = Window::new();
        assert_eq!(window.find(PAGES - 1), Some(0));
        window.claim(0, PAGES - 1, 1);
        assert_eq!(window.find(1), None);
        window.release(10, 2);
        assert_eq!(window.find(1), Some(10));
        assert_eq!(window.find(2), None);
        assert_eq!(window.find(PAGES), None);
        assert_eq!(window.find(usize::MAX), None);
        assert_eq!(window.owner(PAGES), None);
    }
}
