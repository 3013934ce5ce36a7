//! How the loops of a kernel are shared out in pieces: by the nest alone, so that bits do not depend on threads.

use std::ops::Range;

use smallvec::SmallVec;

use super::staging::Staging;
use crate::layout::Strides;
use crate::portable::axes::Axes;

/// A piece has about so many elements.
const PIECE: usize = 1 << 15;
/// So many columns are summed at once: their accumulators stay in the nearest cache, and rows are read as they lie in memory.
const COLUMNS: usize = 2048;
/// So many rows are summed at once at most.
const ROWS: usize = 64;
/// Columns are cut into as many parts at least, if there are so many elements.
const PARTS: usize = 4;
const LONG_COLUMNS: usize = 1 << 20;

/// The pieces of a kernel's loops.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    /// The loop over the elements of a row, if there is one, and its length.
    pub inner_axis: Option<usize>,
    pub inner: usize,
    /// The loop over rows.
    pub row_axis: Option<usize>,
    pub rows: usize,
    /// Whether rows are combined with each other.
    pub rows_are_reduced: bool,
    /// Whether the elements of a row belong to different results, though there are reductions.
    pub is_column: bool,
    /// Loops around, by kind: axis and length.
    kept: SmallVec<[(usize, usize); 4]>,
    reduced: SmallVec<[(usize, usize); 4]>,
    pub reduced_count: usize,
    kept_count: usize,
    /// Whether the loops around that are reduced make pieces of their own.
    pub splits_reduced: bool,
    pub inner_chunk: usize,
    inner_chunks: usize,
    pub row_block: usize,
    row_blocks: usize,
    /// Of how many pieces each result is.
    pub parts: usize,
}

/// A piece.
#[derive(Debug)]
pub(super) struct Share {
    pub kept: usize,
    pub reduced: usize,
    pub rows: Range<usize>,
    pub inner: Range<usize>,
    /// Which part of its results it is.
    pub part: usize,
}

/// The length of parts that are almost alike, of at most so many elements.
fn even(length: usize, most: usize) -> usize {
    length.div_ceil(length.div_ceil(most.max(1)).max(1)).max(1)
}

impl Shares {
    /// The pieces of these loops.
    pub fn of(axes: &Axes, reduces: bool) -> Shares {
        let rank = axes.axes.len();
        let (inner_axis, row_axis) = (rank.checked_sub(1), rank.checked_sub(2));
        let length = |axis: Option<usize>| axis.map_or(1, |axis| axes.axes[axis].length);
        let is_reduced = |axis: Option<usize>| axis.is_some_and(|axis| axes.axes[axis].reduced);
        let (inner, rows) = (length(inner_axis), length(row_axis));
        let is_column = reduces && !is_reduced(inner_axis);
        let rows_are_reduced = is_reduced(row_axis);
        let around = |reduced: bool| -> SmallVec<[(usize, usize); 4]> {
            (0..rank.saturating_sub(2)).filter(|&axis| axes.axes[axis].reduced == reduced).map(|axis| (axis, axes.axes[axis].length)).collect()
        };
        let (kept, reduced) = (around(false), around(true));
        let count = |loops: &SmallVec<[(usize, usize); 4]>| loops.iter().map(|around| around.1).product::<usize>();
        let (kept_count, reduced_count) = (count(&kept), count(&reduced));
        let inner_chunk = even(inner, if is_column { COLUMNS } else { PIECE }).next_multiple_of(64).min(inner.max(1));
        let inner_chunks = inner.div_ceil(inner_chunk).max(1);
        let row_block = if is_column {
            // Few wide columns are cut, so that there is something to share out.
            let pieces = kept_count * inner_chunks * if rows_are_reduced { reduced_count } else { 1 };
            if rows_are_reduced && reduced_count == 1 && pieces < PARTS && rows * inner >= LONG_COLUMNS { rows.div_ceil(PARTS) } else { rows }
        } else {
            let most = (PIECE / inner_chunk).max(1);
            even(rows, if reduces && !rows_are_reduced { most.min(ROWS) } else { most })
        };
        let row_blocks = rows.div_ceil(row_block.max(1)).max(1);
        let splits_reduced = reduces && !is_column;
        let parts = match (reduces, is_column, rows_are_reduced) {
            (false, ..) | (_, true, false) => 1,
            (_, true, true) => row_blocks,
            (_, false, true) => reduced_count * row_blocks * inner_chunks,
            (_, false, false) => reduced_count * inner_chunks,
        };
        Shares {
            inner_axis,
            inner,
            row_axis,
            rows,
            rows_are_reduced,
            is_column,
            kept,
            reduced,
            reduced_count,
            kept_count,
            splits_reduced,
            inner_chunk,
            inner_chunks,
            row_block,
            row_blocks,
            parts,
        }
    }

    /// Makes pieces of the parts that are copied, if any are.
    pub fn cut(&mut self, staging: Option<&Staging>) {
        let Some([rows, columns]) = staging.map(Staging::part) else { return };
        (self.row_block, self.inner_chunk) = (rows, columns);
        self.row_blocks = self.rows.div_ceil(rows).max(1);
        self.inner_chunks = self.inner.div_ceil(columns).max(1);
    }

    /// Lets pieces have as many rows as are worth one: nothing is kept for each.
    pub fn need_no_accumulators(&mut self) {
        self.row_block = even(self.rows, (PIECE / self.inner_chunk).max(1));
        self.row_blocks = self.rows.div_ceil(self.row_block).max(1);
    }

    /// Whether pieces have whole rows.
    pub fn has_whole_rows(&self) -> bool {
        self.inner_chunks == 1
    }

    /// How many pieces there are.
    pub fn pieces(&self) -> usize {
        self.kept_count * if self.splits_reduced { self.reduced_count } else { 1 } * self.row_blocks * self.inner_chunks
    }

    /// A piece.
    pub fn share(&self, piece: usize) -> Share {
        let (rest, inner) = (piece / self.inner_chunks, piece % self.inner_chunks);
        let (rest, block) = (rest / self.row_blocks, rest % self.row_blocks);
        let (kept, reduced) = if self.splits_reduced { (rest / self.reduced_count, rest % self.reduced_count) } else { (rest, 0) };
        let range = |index: usize, chunk: usize, length: usize| index * chunk..((index + 1) * chunk).min(length);
        let part = match (self.is_column, self.rows_are_reduced) {
            (true, true) => block,
            (true, false) => 0,
            (false, true) => (reduced * self.row_blocks + block) * self.inner_chunks + inner,
            (false, false) => reduced * self.inner_chunks + inner,
        };
        Share { kept, reduced, rows: range(block, self.row_block, self.rows), inner: range(inner, self.inner_chunk, self.inner), part }
    }

    /// How many results there are, of each reduction.
    pub fn results(&self) -> usize {
        self.kept_count * self.even_results()
    }

    /// How many results lie evenly: those of one index of the loops around.
    pub fn even_results(&self) -> usize {
        let rows = if self.rows_are_reduced { 1 } else { self.rows };
        if self.is_column { rows * self.inner } else { rows }
    }

    /// How many results a piece is part of.
    pub fn results_of(&self, share: &Share) -> usize {
        match (self.is_column, self.rows_are_reduced) {
            (true, _) => share.inner.len(),
            (false, true) => 1,
            (false, false) => share.rows.len(),
        }
    }

    /// The first result that a piece is part of.
    pub fn first_result(&self, share: &Share) -> usize {
        let first = match (self.is_column, self.rows_are_reduced) {
            (true, _) => share.inner.start,
            (false, true) => 0,
            (false, false) => share.rows.start,
        };
        share.kept * self.even_results() + first
    }

    /// Where a result is, by the steps of its access, and how far the next of its piece is from it.
    pub fn place_of_result(&self, result: usize, strides: &Strides) -> (isize, isize) {
        let (kept, within) = (result / self.even_results(), result % self.even_results());
        let axis = if self.is_column {
            self.inner_axis
        } else if self.rows_are_reduced {
            None
        } else {
            self.row_axis
        };
        let step = axis.map_or(0, |axis| strides[axis]);
        (self.place_of_kept(kept, strides) + step * within as isize, step)
    }

    /// How far an index of the loops around that are kept is from the first.
    pub fn place_of_kept(&self, index: usize, strides: &Strides) -> isize {
        place(&self.kept, index, strides)
    }

    /// How far an index of the loops around that are reduced is from the first.
    pub fn place_of_reduced(&self, index: usize, strides: &Strides) -> isize {
        place(&self.reduced, index, strides)
    }
}

fn place(loops: &[(usize, usize)], mut index: usize, strides: &Strides) -> isize {
    let mut place = 0;
    for &(axis, length) in loops.iter().rev() {
        place += (index % length) as isize * strides[axis];
        index /= length;
    }
    place
}
