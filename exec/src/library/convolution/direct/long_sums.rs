//! Long sums of few windows, as gradients of filters are: their terms are divided among parts, so that each factor is read and packed once.

use std::ops::Range;

use damo_graph::Problem;

use super::outputs::Panel;
use super::{Convolution, Cut, Direct, LINE, Multiply, PART, Vectors};
use crate::pool::{self, Shared};

/// Sums of all windows are at most so many elements, of each part: they stay in the second-level cache.
const SUMS: usize = 1 << 16;

/// At most so many parts, whose sums are added up.
const PARTS: usize = 8;

/// How the terms of sums are divided: so many parts of so many blocks each, the last perhaps of fewer.
#[derive(Clone, Copy, Debug)]
pub struct Division {
    parts: usize,
    blocks: usize,
    /// How many elements the sums of a part take, and its packed filters.
    sums: usize,
    packed: usize,
}

impl Division {
    /// That of a convolution that is cut so; none where there are many windows, or what they meet is laid out anew.
    pub fn of(convolution: &Convolution, cut: &Cut) -> Option<Division> {
        let width = convolution.outputs().next_multiple_of(cut.lanes);
        let sums = convolution.batch() * convolution.windows() * width;
        let blocks = cut.depth.blocks().count();
        if cut.vectors != Vectors::Outputs || !cut.is_in_place || sums > SUMS || blocks < 2 {
            return None;
        }
        let work = convolution.batch() * convolution.windows() * convolution.outputs() * cut.depth.terms();
        let of_part = blocks.div_ceil((work / PART).clamp(1, PARTS));
        let [sums, packed] = [sums, width.min(2 * cut.lanes) * cut.depth.longest()].map(|elements| elements.next_multiple_of(LINE));
        Some(Division { parts: blocks.div_ceil(of_part), blocks: of_part, sums, packed })
    }

    /// How many elements the sums of all parts take.
    pub fn sums(&self, groups: usize) -> usize {
        groups * self.parts * self.sums
    }

    /// How many elements a thread packs.
    pub fn packed(&self) -> usize {
        self.packed
    }
}

impl<T: Multiply> Direct<'_, T> {
    /// Computes everything; `sums` has room for all parts, and each worker has a part of `packed`.
    pub(super) fn by_terms(&self, division: &Division, sums: &mut [T], packed: Shared<T>, threads: usize, order: usize) -> Result<(), Problem> {
        let Division { parts, sums: of_part, packed: own, .. } = *division;
        let to = Shared(sums.as_mut_ptr());
        let groups = self.convolution.groups;
        pool::try_share(threads, groups * parts, order, |range, worker| {
            // SAFETY: the scratch has room for the sums of each part, and this is this one's.
            let sums = unsafe { std::slice::from_raw_parts_mut(to.get().wrapping_add(range * of_part), of_part) };
            // SAFETY: the scratch has room for each worker, and this is this one's.
            let packed = unsafe { std::slice::from_raw_parts_mut(packed.get().wrapping_add(worker * own), own) };
            let first = range % parts * division.blocks;
            self.terms(range / parts, first..first + division.blocks, sums, packed)
        })?;
        for (group, sums) in sums.chunks_exact_mut(parts * of_part).enumerate().take(groups) {
            let (sums, others) = sums.split_at_mut(of_part);
            for part in others.chunks_exact(of_part) {
                sums.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part);
            }
            self.write(group, sums);
        }
        Ok(())
    }

    /// The sums of some blocks of terms, of all windows by all filters of a group: panel by panel, and in a panel image by image.
    fn terms(&self, group: usize, blocks: Range<usize>, sums: &mut [T], packed: &mut [T]) -> Result<(), Problem> {
        let (outputs, windows) = (self.convolution.outputs(), self.convolution.windows());
        let [_, downs, rights] = self.convolution.slides.map(|slide| slide.count);
        for (number, block) in self.cut.depth.blocks().enumerate().skip(blocks.start).take(blocks.len()) {
            for first in (0..outputs).step_by(2 * self.cut.lanes) {
                let filters = (outputs - first).min(2 * self.cut.lanes);
                let width = filters.next_multiple_of(self.cut.lanes);
                let packed = &mut packed[..width * block.depth];
                self.pack_tile(group, &block, first, filters, width, packed)?;
                let panel = Panel { packed: packed.as_ptr(), width, vectors: width / self.cut.lanes, adds: number > blocks.start };
                // Panels before this one are whole.
                let sums = &mut sums[first * self.convolution.batch() * windows..];
                for (line, sums) in sums.chunks_exact_mut(rights * width).enumerate().take(self.convolution.batch() * windows / rights) {
                    let [image, plane, down] = [line / downs / self.planes(), line / downs % self.planes(), line % downs];
                    self.panel(&panel, &block, self.input, self.first(image, group, plane, down), sums)?;
                }
            }
        }
        Ok(())
    }

    fn planes(&self) -> usize {
        self.convolution.slides[0].count
    }

    /// Writes the results of a group.
    fn write(&self, group: usize, sums: &[T]) {
        let (outputs, windows, batch) = (self.convolution.outputs(), self.convolution.windows(), self.convolution.batch());
        for first in (0..outputs).step_by(2 * self.cut.lanes) {
            let filters = (outputs - first).min(2 * self.cut.lanes);
            let width = filters.next_multiple_of(self.cut.lanes);
            let sums = &sums[first * batch * windows..];
            for (image, sums) in sums.chunks_exact(windows * width).enumerate().take(batch) {
                let place = ((image * self.convolution.groups + group) * outputs + first) * windows;
                // SAFETY: the result has these windows of these filters, and all parts are done.
                let to = unsafe { std::slice::from_raw_parts_mut(self.out.get().wrapping_add(place), filters * windows) };
                for (filter, to) in to.chunks_exact_mut(windows).enumerate() {
                    to.iter_mut().zip(sums.chunks_exact(width)).for_each(|(to, sums)| *to = sums[filter]);
                }
            }
        }
    }
}
