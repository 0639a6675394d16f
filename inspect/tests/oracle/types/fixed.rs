//! Collections without a heap, as libraries for kernels have them.

use std::mem::MaybeUninit;

pub struct Vec<T, const N: usize> {
    buffer: Storage<[MaybeUninit<T>; N]>,
    len: usize,
}

struct Storage<B: ?Sized> {
    buffer: B,
}

pub struct String<const N: usize> {
    vec: Vec<u8, N>,
}

pub struct ArrayVec<T, const N: usize> {
    xs: [MaybeUninit<T>; N],
    len: u32,
}

impl<T, const N: usize> Vec<T, N> {
    pub fn of(elements: impl IntoIterator<Item = T>, len: usize) -> Self {
        let mut buffer = [const { MaybeUninit::uninit() }; N];
        for (place, element) in buffer.iter_mut().zip(elements) {
            place.write(element);
        }
        Self { buffer: Storage { buffer }, len }
    }

    pub fn text(self) -> String<N>
    where
        Self: Into<Vec<u8, N>>,
    {
        String { vec: self.into() }
    }

    pub fn array(self) -> ArrayVec<T, N> {
        ArrayVec { xs: self.buffer.buffer, len: self.len as u32 }
    }
}
