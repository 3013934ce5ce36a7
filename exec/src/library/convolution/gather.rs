//! Convolution as a matrix product whose right side is gathered as it is needed: windows become columns, a few at a time.
//!
//! The packing that a matrix product does anyway reads the image itself, so that no array of all windows is ever made (Chetlur et al. 2014,
//! "cuDNN: Efficient Primitives for Deep Learning", section 3).

use pulp::{Simd, WithSimd};
use smallvec::SmallVec;

use super::tile::{self, ROWS, VECTORS};
use super::{Memory, Problem};
use crate::library::lanes::Multiply;
use crate::sliding::{Convolution, Slide};

/// So many products are summed before the sums go to memory: the columns then stay in the second cache.
const DEPTH: usize = 512;

/// The most bytes of a vector.
const WIDEST: usize = 64;

/// The most columns at once.
const fn widest<T>() -> usize {
    VECTORS * WIDEST / size_of::<T>()
}

/// How many elements of scratch it takes: packed filters, columns and a tile of sums.
pub(super) fn scratch<T>(convolution: &Convolution) -> usize {
    let depth = (convolution.channels() * convolution.taps()).min(DEPTH);
    depth * (convolution.outputs() + widest::<T>()) + ROWS * widest::<T>()
}

/// A convolution for one instruction set.
pub(super) struct Gather<'a, T> {
    pub convolution: &'a Convolution,
    pub memory: Memory<'a, T>,
    pub scratch: &'a mut [T],
}

/// Neighbouring columns that are windows of one line of an image.
#[derive(Clone, Copy)]
struct Run {
    /// The first column, and how many.
    column: usize,
    length: usize,
    /// Which image, and its first window.
    image: usize,
    windows: [usize; 3],
}

/// The runs that so many columns from `start` on are made of.
fn runs(slides: &[Slide; 3], start: usize, width: usize) -> SmallVec<[Run; 16]> {
    let [planes, lines, line] = slides.map(|slide| slide.count);
    let mut runs = SmallVec::new();
    let mut column = 0;
    while column < width {
        let place = start + column;
        let windows = [place / line / lines % planes, place / line % lines, place % line];
        let length = (line - windows[2]).min(width - column);
        runs.push(Run { column, length, image: place / line / lines / planes, windows });
        column += length;
    }
    runs
}

impl<T: Multiply> WithSimd for Gather<'_, T> {
    type Output = Result<(), Problem>;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> Result<(), Problem> {
        let (lanes, [rows, vectors]) = (size_of::<T::Lanes<S>>() / size_of::<T>(), tile::size::<T, S>());
        let Convolution { groups, .. } = *self.convolution;
        let (outputs, channels) = (self.convolution.outputs(), self.convolution.channels());
        let (depth, columns) = (channels * self.convolution.taps(), self.convolution.batch() * self.convolution.windows());
        let at_once = lanes * vectors;
        for group in 0..groups {
            // Without products the sums are 0 all the same.
            for from in (0..depth.max(1)).step_by(DEPTH) {
                let to = (from + DEPTH).min(depth);
                self.pack_filters(group, from, to, rows);
                for start in (0..columns).step_by(at_once) {
                    let width = at_once.min(columns - start);
                    let runs = runs(&self.convolution.slides, start, width);
                    let vectors = width.div_ceil(lanes);
                    self.pack_columns(group, from, to, &runs, vectors * lanes);
                    for output in (0..outputs).step_by(rows) {
                        let rows = rows.min(outputs - output);
                        let (packed, rest) = self.scratch.split_at_mut((to - from) * outputs);
                        let (gathered, tile) = rest.split_at_mut((to - from) * widest::<T>());
                        let packed = &packed[output * (to - from)..][..rows * (to - from)];
                        let (gathered, tile) = (&gathered[..(to - from) * vectors * lanes], &mut tile[..rows * vectors * lanes]);
                        tile::multiply(simd, packed, rows, gathered, vectors, tile);
                        let first = group * outputs + output;
                        for (row, sums) in tile.chunks_exact(vectors * lanes).enumerate() {
                            store(self.convolution, &mut self.memory, first + row, &runs, sums, from > 0);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Writes the sums of a filter where they belong, or adds them to what is there.
#[inline(always)]
fn store<T: Multiply>(convolution: &Convolution, memory: &mut Memory<'_, T>, output: usize, runs: &[Run], sums: &[T], adds: bool) {
    let [_, lines, line] = convolution.slides.map(|slide| slide.count);
    let (outputs, windows) = (convolution.groups * convolution.outputs(), convolution.windows());
    for run in runs {
        let place = (run.image * outputs + output) * windows + (run.windows[0] * lines + run.windows[1]) * line + run.windows[2];
        let (to, sums) = (&mut memory.out[place..place + run.length], &sums[run.column..run.column + run.length]);
        if adds {
            to.iter_mut().zip(sums).for_each(|(to, &sum)| *to += sum);
        } else {
            to.copy_from_slice(sums);
        }
    }
}

impl<T: Multiply> Gather<'_, T> {
    /// The filters of a group for the products from `from` to before `to`: for each product so many filters side by side.
    #[inline(always)]
    fn pack_filters(&mut self, group: usize, from: usize, to: usize, rows: usize) {
        let (outputs, taps) = (self.convolution.outputs(), self.convolution.taps());
        let strides = &self.convolution.filter.layout.strides;
        let [_, lines, line] = self.convolution.slides.map(|slide| slide.taps);
        for output in (0..outputs).step_by(rows) {
            let rows = rows.min(outputs - output);
            let packed = &mut self.scratch[output * (to - from)..][..rows * (to - from)];
            for row in 0..rows {
                let first = self.memory.filter_start + (group * outputs + output + row) as isize * strides[0];
                let mut place = from;
                // A line of taps at a time.
                while place < to {
                    let (channel, tap) = (place / taps, place % taps);
                    let [plane, down, right] = [tap / line / lines, tap / line % lines, tap % line];
                    let start = [(channel, 1), (plane, 2), (down, 3), (right, 4)]
                        .into_iter()
                        .fold(first, |start, (index, axis)| start + index as isize * strides[axis]);
                    let count = (line - right).min(to - place);
                    for step in 0..count {
                        let element = (start + step as isize * strides[4]) as usize;
                        packed[(place - from + step) * rows + row] = self.memory.filter[element];
                    }
                    place += count;
                }
            }
        }
    }

    /// The columns of these runs for the products from `from` to before `to`, each product a line of that width.
    #[inline(always)]
    fn pack_columns(&mut self, group: usize, from: usize, to: usize, runs: &[Run], width: usize) {
        let Convolution { slides, input, .. } = self.convolution;
        let (taps, channels) = (self.convolution.taps(), self.convolution.channels());
        let [_, lines, line] = slides.map(|slide| slide.taps);
        let strides = &input.layout.strides;
        let outputs = self.convolution.outputs();
        let gathered = &mut self.scratch[(to - from) * outputs..][..(to - from) * width];
        let mut place = from;
        while place < to {
            let (channel, tap) = (place / taps, place % taps);
            let [plane, down, right] = [tap / line / lines, tap / line % lines, tap % line];
            let count = (line - right).min(to - place);
            let rows = &mut gathered[(place - from) * width..][..count * width];
            for run in runs {
                let there = slides[0].element(run.windows[0], plane).zip(slides[1].element(run.windows[1], down));
                let Some((plane, down)) = there else {
                    rows.chunks_exact_mut(width).for_each(|row| row[run.column..run.column + run.length].fill(T::ZERO));
                    continue;
                };
                let start = [(run.image, 0), (group * channels + channel, 1), (plane, 2), (down, 3)]
                    .into_iter()
                    .fold(self.memory.input_start, |start, (index, axis)| start + index as isize * strides[axis]);
                for (row, tap) in rows.chunks_exact_mut(width).zip(right..) {
                    gather_line(self.memory.input, start, strides[4], &slides[2], run, tap, row);
                }
            }
            place += count;
        }
    }
}

/// So many elements are copied at once, where what stands behind does not matter.
const BLOCK: usize = 16;

/// The elements that a tap meets in the windows of a run, in their columns. What stands behind them in the row is written later.
#[inline(always)]
fn gather_line<T: Multiply>(input: &[T], start: isize, stride: isize, slide: &Slide, run: &Run, tap: usize, row: &mut [T]) {
    let first = run.windows[2];
    if slide.spread != 1 {
        for (step, to) in row[run.column..run.column + run.length].iter_mut().enumerate() {
            let element = slide.element(first + step, tap);
            *to = element.map_or(T::ZERO, |element| input[(start + element as isize * stride) as usize]);
        }
        return;
    }
    let inside = slide.inside(tap, first, first + run.length);
    let (low, high) = (inside.start - first, inside.end - first);
    let from = start + (slide.start(tap) + (inside.start * slide.stride) as isize) * stride;
    let steps = slide.stride as isize * stride;
    if low == 0 && high == run.length && steps == 1 && high <= BLOCK {
        let from = from as usize;
        if let (Some(to), Some(from)) = (row.get_mut(run.column..run.column + BLOCK), input.get(from..from + BLOCK)) {
            to.copy_from_slice(from);
            return;
        }
    }
    let to = &mut row[run.column..run.column + run.length];
    to[..low].fill(T::ZERO);
    to[high..].fill(T::ZERO);
    if low == high {
        return;
    }
    if steps == 1 {
        to[low..high].copy_from_slice(&input[from as usize..from as usize + high - low]);
    } else {
        for (step, to) in to[low..high].iter_mut().enumerate() {
            *to = input[(from + step as isize * steps) as usize];
        }
    }
}
