//! The filters of a convolution as its kernels read them: side by side, term after term, tile after tile, block after block.

use damo_graph::Problem;

use super::depth::{AXES, Block};
use super::{Convolution, Direct, Multiply, Tiles, Vectors};
use crate::library::matmul::pack::pack;
use crate::pool;
use crate::view::View;

/// Filters that are used no more often are read where they are, if their terms step evenly.
pub const FEW_USES: usize = 8;

/// From term to term of a filter along each axis.
pub fn steps(convolution: &Convolution) -> [isize; AXES] {
    let strides = &convolution.filter.layout.strides;
    [strides[1], strides[2], strides[3], strides[4]]
}

impl<T: Multiply> Direct<'_, T> {
    /// How many filters stand side by side, the last filled up with zeros.
    fn width(&self) -> usize {
        let outputs = self.convolution.outputs();
        if self.cut.vectors == Vectors::Windows { outputs } else { outputs.next_multiple_of(2 * self.cut.lanes) }
    }

    /// Packs the filters of all groups, block by block.
    pub fn pack_filters(&self, threads: usize, order: usize) -> Result<(), Problem> {
        if self.cut.reads_filters || self.cut.division.is_some() {
            return Ok(());
        }
        let groups = self.convolution.groups;
        let blocks = self.cut.depth.blocks().count();
        pool::try_share(if blocks * groups > 1 { threads } else { 1 }, blocks * groups, order, |range, _| {
            let group = range / blocks;
            self.cut.depth.blocks().skip(range % blocks).take(1).try_for_each(|block| self.pack_block(group, &block))
        })
    }

    fn pack_block(&self, group: usize, block: &Block) -> Result<(), Problem> {
        let outputs = self.convolution.outputs();
        let tiles = if self.cut.vectors == Vectors::Windows {
            Tiles::of(outputs, self.cut.height)
        } else {
            Tiles { count: outputs.div_ceil(2 * self.cut.lanes), height: 2 * self.cut.lanes, taller: 0 }
        };
        for [first, width, count] in tiles.alike() {
            for tile in 0..count {
                let first = first + tile * width;
                // SAFETY: the scratch has room for all blocks, and no other thread has this one.
                let to = unsafe { std::slice::from_raw_parts_mut(self.packed(group, block, first).cast_mut(), width * block.depth) };
                self.pack_tile(group, block, first, width.min(outputs - first), width, to)?;
            }
        }
        Ok(())
    }

    /// Packs so many filters from one on for a block, with room for `width` side by side.
    pub(super) fn pack_tile(&self, group: usize, block: &Block, first: usize, filters: usize, width: usize, to: &mut [T]) -> Result<(), Problem> {
        let (steps, stride) = (steps(self.convolution), self.convolution.filter.layout.strides[0]);
        let row = self.filter_start + (group * self.convolution.outputs() + first) as isize * stride;
        let (run, step, starts) = self.cut.depth.runs(block, steps);
        for (start, to) in starts.zip(to.chunks_mut((run * width).max(1))) {
            let place = (0..AXES).map(|axis| start[axis] as isize * steps[axis]).sum::<isize>();
            let from = View::strided(self.filter, (row + place) as usize, [run, filters], [step, stride]);
            let from = from.ok_or_else(|| Problem::new(damo_graph::ErrorKind::Execution, "a filter is not all inside its memory"))?;
            pack(from, width, to);
        }
        Ok(())
    }

    /// Where the filters from one on are packed for a block.
    pub fn packed(&self, group: usize, block: &Block, first: usize) -> *const T {
        let width = self.width();
        let place = (group * self.cut.depth.terms() + block.before) * width + first * block.depth;
        self.packed.get().wrapping_add(place).cast_const()
    }

    /// Where the filters from one on are for a block, from one to the next, and from term to term: packed so many side by side, or as they lie.
    pub fn filters(&self, group: usize, block: &Block, first: usize, side_by_side: usize) -> (*const T, isize, isize) {
        if !self.cut.reads_filters {
            return (self.packed(group, block, first), 1, side_by_side as isize);
        }
        let (steps, stride) = (steps(self.convolution), self.convolution.filter.layout.strides[0]);
        let place = (0..AXES).map(|axis| block.start[axis] as isize * steps[axis]).sum::<isize>();
        let row = self.filter_start + (group * self.convolution.outputs() + first) as isize * stride;
        (self.filter.as_ptr().wrapping_offset(row + place), stride, self.cut.depth.runs(block, steps).1)
    }
}
