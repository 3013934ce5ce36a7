//! Who computes a product, on how many threads, and with what memory.

use super::lanes::Multiply;
use super::multiplier::Multiplier;

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
    /// The same for a shorter time.
    pub const fn borrow(&mut self) -> Workers<'_, T> {
        Workers { multiplier: self.multiplier, threads: self.threads, order: self.order, scratch: self.scratch }
    }
}
