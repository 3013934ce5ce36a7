//! Convolution as a matrix product whose right side is gathered as it is needed: windows become columns, a few at a time.
//!
//! The packing that a matrix product does anyway reads the image itself, so that no array of all windows is ever made (Chetlur et al. 2014,
//! "cuDNN: Efficient Primitives for Deep Learning", section 3).

use pulp::{Simd, WithSimd};
use smallvec::SmallVec;

use super::{Memory, Problem};
use crate::library::lanes::Multiply;
use crate::library::tile::{self, ROWS, VECTORS};
use crate::sliding::{Convolution, Slide};

/// So many products are summed before the sums go to memory: the columns then stay in the first or second cache.
const DEPTH: usize = 256;

/// The most bytes of a vector.
const WIDEST: usize = 64;

/// The most columns at once.
const fn widest<T>() -> usize {
    VECTORS * WIDEST / size_of::<T>()
}

/// How many elements of scratch it takes: packed filters, columns and a tile of sums.
pub(super) fn scratch<T>(convolution: &Convolution) -> usize {
    let depth = (convolution.channels() * convolution.taps()).min(DEPTH);
    depth * (convolution.outputs() + widest::<T>()) + BLOCK + ROWS * widest::<T>()
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

/// Where the next columns begin: which image, and which window of it.
#[derive(Clone, Copy, Default)]
struct Cursor {
    image: usize,
    windows: [usize; 3],
}

impl Cursor {
    /// The runs that the next columns are made of, `width` of them.
    #[inline(always)]
    fn runs(&mut self, slides: &[Slide; 3], width: usize) -> SmallVec<[Run; WIDEST]> {
        let counts = slides.map(|slide| slide.count);
        let mut runs = SmallVec::new();
        let mut column = 0;
        while column < width {
            let length = (counts[2] - self.windows[2]).min(width - column);
            runs.push(Run { column, length, image: self.image, windows: self.windows });
            column += length;
            self.windows[2] += length;
            for axis in (0..3).rev() {
                if self.windows[axis] < counts[axis] {
                    break;
                }
                self.windows[axis] = 0;
                *if axis == 0 { &mut self.image } else { &mut self.windows[axis - 1] } += 1;
            }
        }
        runs
    }
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
                let mut cursor = Cursor::default();
                for start in (0..columns).step_by(at_once) {
                    let width = at_once.min(columns - start);
                    let runs = cursor.runs(&self.convolution.slides, width);
                    let vectors = width.div_ceil(lanes);
                    self.pack_columns(group, from, to, &runs, vectors * lanes);
                    for output in (0..outputs).step_by(rows) {
                        let rows = rows.min(outputs - output);
                        let (packed, rest) = self.scratch.split_at_mut((to - from) * outputs);
                        let (gathered, tile) = rest.split_at_mut((to - from) * widest::<T>() + BLOCK);
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
        let depth = (to - from) * self.convolution.outputs();
        let gathered = &mut self.scratch[depth..][..(to - from) * width + BLOCK];
        let mut place = from;
        while place < to {
            let (channel, tap) = (place / taps, place % taps);
            let [plane, down, right] = [tap / line / lines, tap / line % lines, tap % line];
            let count = (line - right).min(to - place);
            let sources: SmallVec<[Source; WIDEST]> = runs
                .iter()
                .map(|run| {
                    let there = slides[0].element(run.windows[0], plane).zip(slides[1].element(run.windows[1], down));
                    let Some((plane, down)) = there else { return Source::Nothing };
                    let start = [(run.image, 0), (group * channels + channel, 1), (plane, 2), (down, 3)]
                        .into_iter()
                        .fold(self.memory.input_start, |start, (index, axis)| start + index as isize * strides[axis]);
                    Source::of(&slides[2], run, right, count, start, strides[4], self.memory.input.len())
                })
                .collect();
            // A row after the other, and in it a run after the other: what is copied too much is written over later.
            for step in 0..count {
                let row = &mut gathered[(place - from + step) * width..];
                for (run, source) in runs.iter().zip(&sources) {
                    match *source {
                        Source::Nothing => row[run.column..run.column + run.length].fill(T::ZERO),
                        Source::Whole(first) => {
                            let first = first + step * slides[2].dilation;
                            for at in (0..run.length).step_by(BLOCK) {
                                let to = &mut row[run.column + at..][..BLOCK];
                                to.copy_from_slice(&self.memory.input[first + at..][..BLOCK]);
                            }
                        }
                        Source::Line(start) => gather_line(self.memory.input, start, strides[4], &slides[2], run, right + step, row),
                    }
                }
            }
            place += count;
        }
    }
}

/// So many elements are copied at once, where what stands behind does not matter.
const BLOCK: usize = 16;

/// Where the columns of a run come from, for neighbouring taps along a line.
#[derive(Clone, Copy)]
enum Source {
    /// All are zeros.
    Nothing,
    /// Neighbours, all of them there for each of the taps, and the first of them for the first tap.
    Whole(usize),
    /// Some of the line that begins there.
    Line(isize),
}

impl Source {
    /// Of `count` taps from `tap` on, in the line that begins at `start`.
    #[inline(always)]
    fn of(slide: &Slide, run: &Run, tap: usize, count: usize, start: isize, stride: isize, length: usize) -> Self {
        let (first, reach) = (slide.start(tap) + run.windows[2] as isize, (count - 1) * slide.dilation + run.length);
        let is_inside = slide.stride == 1 && slide.spread == 1 && stride == 1 && first >= 0 && first as usize + reach <= slide.length;
        let first = start + first;
        // Whole blocks are copied.
        if is_inside && first as usize + reach.next_multiple_of(BLOCK) + BLOCK <= length {
            Source::Whole(first as usize)
        } else {
            Source::Line(start)
        }
    }
}

/// The elements that a tap meets in the windows of a run, in their columns.
#[inline(always)]
fn gather_line<T: Multiply>(input: &[T], start: isize, stride: isize, slide: &Slide, run: &Run, tap: usize, row: &mut [T]) {
    let first = run.windows[2];
    let to = &mut row[run.column..run.column + run.length];
    if slide.spread != 1 {
        for (step, to) in to.iter_mut().enumerate() {
            let element = slide.element(first + step, tap);
            *to = element.map_or(T::ZERO, |element| input[(start + element as isize * stride) as usize]);
        }
        return;
    }
    let inside = slide.inside(tap, first, first + run.length);
    let (low, high) = (inside.start - first, inside.end - first);
    to[..low].fill(T::ZERO);
    to[high..].fill(T::ZERO);
    if low == high {
        return;
    }
    let from = start + (slide.start(tap) + (inside.start * slide.stride) as isize) * stride;
    let steps = slide.stride as isize * stride;
    if steps == 1 {
        to[low..high].copy_from_slice(&input[from as usize..][..high - low]);
    } else {
        for (step, to) in to[low..high].iter_mut().enumerate() {
            *to = input[(from + step as isize * steps) as usize];
        }
    }
}
