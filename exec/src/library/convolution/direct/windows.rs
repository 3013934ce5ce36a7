//! Tiles whose vectors are neighbouring windows, and whose rows are filters.

use damo_graph::Problem;

use super::{Block, Direct, Multiply, Part, Tiles, bytes};
use crate::native::{Operands, Reading};

/// Windows of a line that are one vector.
#[derive(Clone, Copy)]
struct Vector {
    line: usize,
    window: usize,
    /// So many of its first elements are no windows of the line.
    shift: usize,
}

/// One vector or two of windows: where they are in the image, and from the first to the second there and in the result.
struct Pair {
    vectors: usize,
    start: isize,
    right_next: isize,
}

/// Where sums go, and from one vector to the second.
#[derive(Clone, Copy)]
struct Target<T> {
    first: *mut T,
    row: isize,
    next: isize,
}

impl<T: Multiply> Direct<'_, T> {
    /// Computes a part from an image's elements, of which that one is the first that the first window meets.
    pub(super) fn by_windows(&self, part: &Part, image: &[T], start: isize, sums: &mut [T]) -> Result<(), Problem> {
        let (lanes, windows, tiles) = (self.cut.lanes, self.convolution.slides[2].count, self.tiles());
        if tiles.count == 1 && self.cut.depth.is_one_block() && windows >= 2 * lanes {
            return part.lines.clone().try_for_each(|line| self.along_line(part, line, image, start, sums));
        }
        let per_line = windows.div_ceil(lanes);
        let count = part.lines.len() * per_line;
        for first in (0..count).step_by(2) {
            let of = |place: usize| {
                let (line, window) = (place / per_line, (place % per_line * lanes).min(windows.saturating_sub(lanes)));
                self.vector(image, start, line, window)
            };
            let vectors = [of(first), of((first + 1).min(count - 1))];
            self.pair(part, image, start, vectors, if first + 1 < count { 2 } else { 1 }, sums)?;
        }
        Ok(())
    }

    fn tiles(&self) -> Tiles {
        Tiles::of(self.convolution.outputs(), self.cut.height)
    }

    /// The vector that begins at a window. In an image that ends with it, it begins earlier.
    fn vector(&self, image: &[T], start: isize, line: usize, window: usize) -> Vector {
        let (lanes, windows) = (self.cut.lanes, self.convolution.slides[2].count);
        let at = start + line as isize * self.cut.lie.line;
        let ends = |reach: usize| at + (reach + lanes) as isize > image.len() as isize;
        let shift = if windows < lanes && self.cut.lie.reach(self.cut.depth.lengths).is_some_and(ends) { lanes - windows } else { 0 };
        Vector { line, window, shift }
    }

    /// The place of a vector in the image.
    fn of(&self, start: isize, vector: Vector) -> isize {
        start + vector.line as isize * self.cut.lie.line + vector.window as isize - vector.shift as isize
    }

    /// All windows of a line by filters that are one tile, whose sums are one block.
    fn along_line(&self, part: &Part, line: usize, image: &[T], start: isize, sums: &mut [T]) -> Result<(), Problem> {
        let (lanes, windows) = (self.cut.lanes, self.convolution.slides[2].count);
        let pairs = windows / (2 * lanes);
        let place = line - part.lines.start;
        let first = self.of(start, Vector { line: place, window: 0, shift: 0 });
        let target = Target { first: self.place(part, 0, line, 0), row: self.convolution.windows() as isize, next: lanes as isize };
        let outputs = self.convolution.outputs();
        for block in self.cut.depth.blocks() {
            let pair = Pair { vectors: 2, start: first, right_next: lanes as isize };
            self.run_tiles(part, image, &block, &pair, [0, outputs, pairs], true, target, None)?;
        }
        let rest = windows % (2 * lanes);
        if rest == 0 {
            return Ok(());
        }
        let vectors = rest.div_ceil(lanes);
        let vector = |number: usize| Vector { line: place, window: windows - (vectors - number) * lanes, shift: 0 };
        self.pair(part, image, start, [vector(0), vector(vectors - 1)], vectors, sums)
    }

    /// A vector or two by all filters.
    fn pair(&self, part: &Part, image: &[T], start: isize, vectors: [Vector; 2], count: usize, sums: &mut [T]) -> Result<(), Problem> {
        let (lanes, windows) = (self.cut.lanes, self.convolution.slides[2].count);
        let [first, second] = vectors.map(|vector| self.of(start, vector));
        let pair = Pair { vectors: count, start: first, right_next: second - first };
        let own = Target { first: sums.as_mut_ptr(), row: 2 * lanes as isize, next: lanes as isize };
        let [to, next] = vectors.map(|vector| self.place(part, 0, part.lines.start + vector.line, vector.window));
        let next = (next.addr() as isize - to.addr() as isize) / size_of::<T>() as isize;
        let result = Target { first: to, row: self.convolution.windows() as isize, next };
        let (is_whole, terms) = (windows >= lanes, self.cut.depth.terms());
        for block in self.cut.depth.blocks() {
            let is_last = block.before + block.depth == terms;
            let target = if is_last && is_whole { result } else { own };
            let added = (block.before > 0).then_some(own);
            for alike in self.tiles().alike() {
                self.run_tiles(part, image, &block, &pair, alike, false, target, added)?;
            }
        }
        if !is_whole {
            for (place, vector) in vectors.into_iter().enumerate().take(count) {
                for (output, sums) in sums.chunks_exact(2 * lanes).enumerate().take(self.convolution.outputs()) {
                    let to = self.place(part, output, part.lines.start + vector.line, 0);
                    // SAFETY: the result has this line of windows, and it is this part's alone.
                    let to = unsafe { std::slice::from_raw_parts_mut(to, windows) };
                    to.copy_from_slice(&sums[place * lanes + vector.shift..][..windows]);
                }
            }
        }
        Ok(())
    }

    /// Tiles of filters, or of windows if the filters are the same for all: from a filter on, how high, how many.
    #[expect(clippy::too_many_arguments, reason = "it is what a kernel is told")]
    fn run_tiles(
        &self,
        part: &Part,
        image: &[T],
        block: &Block,
        pair: &Pair,
        [first, height, tiles]: [usize; 3],
        is_along: bool,
        target: Target<T>,
        added: Option<Target<T>>,
    ) -> Result<(), Problem> {
        let (left, left_row, left_step) = self.filters(part.group, block, first, height);
        let (of_tile, of_windows) = (height as isize, 2 * self.cut.lanes as isize);
        let to_next = if self.cut.reads_filters { of_tile * left_row } else { of_tile * block.depth as isize };
        let row = first as isize;
        let mut operands = Operands {
            left: left.cast(),
            left_row: bytes::<T>(left_row),
            left_step: bytes::<T>(left_step),
            right: image.as_ptr().wrapping_offset(pair.start + self.start(block)).cast(),
            right_next: bytes::<T>(pair.right_next),
            places: self.places.as_ptr(),
            depth: block.depth,
            out: target.first.wrapping_offset(row * target.row).cast(),
            out_row: bytes::<T>(target.row),
            out_next: bytes::<T>(target.next),
            addend: added.map_or(std::ptr::null(), |added| added.first.wrapping_offset(row * added.row).cast_const().cast()),
            addend_row: added.map_or(0, |added| bytes::<T>(added.row)),
            addend_next: added.map_or(0, |added| bytes::<T>(added.next)),
            tiles,
            next: if is_along {
                [0, bytes::<T>(of_windows), 0, bytes::<T>(of_windows)]
            } else {
                [bytes::<T>(to_next), bytes::<T>(of_tile * target.row), added.map_or(0, |added| bytes::<T>(of_tile * added.row)), 0]
            },
            alpha: T::ONE.to_word(),
            beta: T::ONE.to_word(),
            ..Operands::default()
        };
        // SAFETY: filters are packed for all tiles, or lie as the view says; vectors of windows, and those of the result, are in the image's
        // elements ([`super::reads_inside`], [`super::Lie::laid_out`]) and in the part's results or sums, which are this thread's alone.
        unsafe { self.kernels.run_whole(Reading::ListedRight, height, pair.vectors, &mut operands) }
    }
}
