//! Who computes a product, on how many threads, and with what memory.

#![expect(unsafe_code, reason = "threads write parts of one result")]

use std::ops::Range;

use super::lanes::Multiply;
use super::multiplier::Multiplier;
use crate::pool;
use crate::view::ViewMut;

/// Starting a thread is worth so many elements that are read or written.
const WORTH_A_THREAD: usize = 1 << 16;

/// Each thread has so many parts to take up.
const PARTS: usize = 4;

/// Who computes a product, and with what.
#[derive(Debug)]
pub struct Workers<'a, T> {
    /// Who multiplies tiles.
    pub multiplier: Multiplier,
    /// On how many threads at most: the results do not depend on it.
    pub threads: usize,
    /// In which order threads take up their work: it must not matter.
    pub order: usize,
    /// Memory that nobody else uses meanwhile.
    pub scratch: &'a mut [T],
}

impl<T: Multiply> Workers<'_, T> {
    /// How many threads so much work is worth.
    pub fn threads_for(&self, elements: usize) -> usize {
        self.threads.min(elements / WORTH_A_THREAD).max(1)
    }

    /// Lets threads compute a result in parts along its first axis, multiples of `unit` but for the last, for work on so many elements.
    pub fn share<const N: usize>(&self, out: ViewMut<'_, T, N>, unit: usize, elements: usize, work: impl Fn(Range<usize>, ViewMut<'_, T, N>) + Sync) {
        let Some(&length) = out.lengths().first() else { return };
        let (threads, units) = (self.threads_for(elements), length.div_ceil(unit.max(1)));
        if threads == 1 && self.order == 0 {
            return work(0..length, out);
        }
        let parts = units.min(threads * PARTS);
        pool::share(threads, parts, self.order, |part, _| {
            let [start, end] = [part, part + 1].map(|part| length.min(units * part / parts * unit));
            // SAFETY: parts are different elements, and each is computed once.
            work(start..end, unsafe { out.part(start, end) });
        });
    }
}
