//! A bounded queue between two tasks. Not between CPUs: nothing in it is
//! atomic.

use alloc::collections::VecDeque;
use core::cell::{Cell, RefCell};

use ukdbg_target_runtime::yield_now;

/// A queue that its writer closes at the end.
pub(crate) struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    capacity: usize,
    closed: Cell<bool>,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            items: RefCell::new(VecDeque::with_capacity(capacity)),
            capacity,
            closed: Cell::new(false),
        }
    }

    /// Adds an item; other tasks run while there is no room.
    pub(crate) fn push(&self, mut item: T) {
        while let Err(back) = self.try_push(item) {
            item = back;
            yield_now();
        }
    }

    /// Takes an item; other tasks run while there is none. `None` at the end.
    pub(crate) fn pop(&self) -> Option<T> {
        loop {
            let item = self.try_pop();
            if item.is_some() || self.closed.get() {
                return item;
            }
            yield_now();
        }
    }

    /// Says that nothing more will be pushed.
    pub(crate) fn close(&self) {
        self.closed.set(true);
    }

    fn try_push(&self, item: T) -> Result<(), T> {
        let mut items = self.items.borrow_mut();
        if items.len() == self.capacity {
            return Err(item);
        }
        items.push_back(item);
        Ok(())
    }

    fn try_pop(&self) -> Option<T> {
        self.items.borrow_mut().pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_in_turn_and_room_is_bounded() {
        let queue = Queue::new(2);
        assert_eq!(
            [queue.try_push(1), queue.try_push(2), queue.try_push(3)],
            [Ok(()), Ok(()), Err(3)]
        );
        assert_eq!([queue.pop(), queue.pop()], [Some(1), Some(2)]);
        queue.close();
        assert_eq!(queue.pop(), None);
    }
}
