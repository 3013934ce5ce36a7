//! Convolution as a matrix product whose result is scattered: every element times every tap, added up where it belongs.
//!
//! It is what gradients of inputs want: a product with the zeros that padding and spreading put around and between is never computed.

#![expect(unsafe_code, reason = "threads write parts of one result")]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use smallvec::SmallVec;

use super::{Memory, Problem};
use crate::library::blend::Blend;
use crate::library::lanes::Multiply;
use crate::library::matmul::{self, blocks::Geometry};
use crate::library::multiplier::Multiplier;
use crate::library::workers::Workers;
use crate::pool::{self, Shared};
use crate::sliding::{Convolution, Slide};
use crate::view::{View, ViewMut};

/// At most so many products at a time, if a line has not more: they stay in the second cache.
const PRODUCTS: usize = 1 << 16;

/// How many lines of a plane are multiplied at a time.
fn lines_at_once(convolution: &Convolution) -> usize {
    let [_, lines, line] = convolution.slides.map(|slide| slide.length);
    let of_line = convolution.outputs() * convolution.taps() * line;
    (PRODUCTS / of_line.max(1)).clamp(1, lines.max(1))
}

/// How many elements of scratch it takes on so many threads: the filters in order; for each thread the products of some lines, and what they are
/// computed with.
pub(super) fn scratch<T: Multiply>(convolution: &Convolution, multiplier: Multiplier, threads: usize) -> usize {
    let rows = convolution.outputs() * convolution.taps();
    let line = convolution.slides[2].length;
    // The last lines of a plane may be fewer.
    for lines in [lines_at_once(convolution), convolution.slides[1].length % lines_at_once(convolution)] {
        multiplier.prepare(rows, lines * line);
    }
    packed(convolution) + threads * own::<T>(convolution, multiplier)
}

/// How many elements the filters of all groups take.
fn packed(convolution: &Convolution) -> usize {
    (convolution.groups * convolution.outputs() * convolution.taps() * convolution.channels()).next_multiple_of(LINE)
}

/// How many elements the products of some lines take.
fn products(convolution: &Convolution) -> usize {
    convolution.outputs() * convolution.taps() * lines_at_once(convolution) * convolution.slides[2].length
}

/// How many elements each thread has for itself.
fn own<T: Multiply>(convolution: &Convolution, multiplier: Multiplier) -> usize {
    let (rows, channels) = (convolution.outputs() * convolution.taps(), convolution.channels());
    let of_product = |lines: usize| {
        let elements = lines * convolution.slides[2].length;
        let right = [convolution.input.layout.strides[1], 1];
        let (left, out) = ([channels as isize, 1], [elements as isize, 1]);
        let geometry = Geometry { lengths: [rows, channels, elements], size: size_of::<T>(), left, right, out };
        matmul::scratch::<T>(&geometry, multiplier, 1)
    };
    let at_once = lines_at_once(convolution);
    let of_product = of_product(at_once).max(of_product(convolution.slides[1].length % at_once));
    products(convolution).next_multiple_of(LINE) + of_product.next_multiple_of(LINE)
}

/// So many elements fill a line of a cache.
const LINE: usize = 16;

/// So many multiplications are worth a thread.
const WORTH_A_THREAD: usize = 1 << 21;

pub(super) fn run<T: Multiply>(
    convolution: &Convolution,
    multiplier: Multiplier,
    memory: Memory<'_, T>,
    scratch: &mut [T],
    threads: usize,
    order: usize,
) -> Result<(), Problem> {
    let Memory { input, input_start, filter, filter_start, out } = memory;
    let (groups, windows) = (convolution.groups, convolution.windows());
    let (outputs, of_group) = (convolution.outputs(), convolution.outputs() * convolution.taps() * convolution.channels());
    let (packed, own) = scratch.split_at_mut(packed(convolution));
    for group in 0..groups {
        pack(convolution, group, filter, filter_start, &mut packed[group * of_group..][..of_group]);
    }
    let along: SmallVec<[Meeting; 16]> = (0..convolution.slides[2].taps).map(|tap| Meeting::of(&convolution.slides[2], tap)).collect();
    let scattering = Scattering { convolution, input, input_start, along: &along };
    let (packed, own_length, own, out) = (&*packed, self::own::<T>(convolution, multiplier), Shared(own.as_mut_ptr()), Shared(out.as_mut_ptr()));
    let work = convolution.batch() * groups * of_group * convolution.elements();
    let threads = threads.min(work / WORTH_A_THREAD).max(1);
    pool::try_share(threads, convolution.batch() * groups, order, |place, worker| {
        // SAFETY: the scratch has room for each worker, and this is this one's.
        let own = unsafe { std::slice::from_raw_parts_mut(own.get().wrapping_add(worker * own_length), own_length) };
        let (products, scratch) = own.split_at_mut(products(convolution).next_multiple_of(LINE));
        let mut workers = Workers { multiplier, threads: 1, order: 0, scratch };
        // SAFETY: the result has this group of this image, and no other thread has it.
        let out = unsafe { std::slice::from_raw_parts_mut(out.get().wrapping_add(place * outputs * windows), outputs * windows) };
        scattering.image([place / groups, place % groups], &packed[place % groups * of_group..][..of_group], products, &mut workers, out)
    })
}

/// A convolution that adds up products.
struct Scattering<'a, T> {
    convolution: &'a Convolution,
    input: &'a [T],
    input_start: isize,
    /// What each tap meets along the last axis.
    along: &'a [Meeting],
}

impl<T: Multiply> Scattering<'_, T> {
    /// A group of an image, with the group's filters.
    fn image(
        &self,
        [image, group]: [usize; 2],
        filters: &[T],
        products: &mut [T],
        workers: &mut Workers<'_, T>,
        out: &mut [T],
    ) -> Result<(), Problem> {
        let Convolution { slides, input, .. } = self.convolution;
        let (rows, channels) = (self.convolution.outputs() * self.convolution.taps(), self.convolution.channels());
        let [planes, lines, line] = slides.map(|slide| slide.length);
        let at_once = lines_at_once(self.convolution);
        let too_short = || Problem::new(damo_graph::ErrorKind::Execution, "the scratch of a convolution is too short");
        let left = View::rows_of(filters, rows, channels).ok_or_else(too_short)?;
        let first = self.input_start + image as isize * input.layout.strides[0] + (group * channels) as isize * input.layout.strides[1];
        out.fill(T::ZERO);
        for (plane, from) in (0..planes).flat_map(|plane| (0..lines).step_by(at_once).map(move |from| (plane, from))) {
            let to = (from + at_once).min(lines);
            let elements = (to - from) * line;
            // The spatial axes of the input are one, and its channels step evenly.
            let start = first as usize + (plane * lines + from) * line;
            let right = View::strided(self.input, start, [channels, elements], [input.layout.strides[1], 1]).ok_or_else(too_short)?;
            let products = &mut products[..rows * elements];
            let view = ViewMut::rows_of(products, rows, elements).ok_or_else(too_short)?;
            matmul::matmul(left, right, Blend::PLAIN, view, workers)?;
            let part = Part { slides, along: self.along, plane, lines: from..to };
            Arch::new().dispatch(AddUp { part: &part, products, out: &mut *out });
        }
        Ok(())
    }
}

/// Which elements a tap meets along an axis: element `e` in window `e·spread - start`, so that the windows are `spread` apart.
struct Meeting {
    /// The first element that is met.
    element: usize,
    /// How many are.
    count: usize,
    /// The window that meets the first.
    window: usize,
}

impl Meeting {
    fn of(slide: &Slide, tap: usize) -> Self {
        let start = slide.start(tap);
        let spread = slide.spread as isize;
        let element = usize::try_from(start).map_or(0, |start| start.div_ceil(slide.spread)).min(slide.length);
        let last = slide.count as isize - 1 + start;
        let end = if last < 0 { 0 } else { (last / spread + 1) as usize };
        let count = end.min(slide.length).saturating_sub(element);
        if count == 0 {
            return Meeting { element: 0, count: 0, window: 0 };
        }
        Meeting { element, count, window: (element as isize * spread - start) as usize }
    }
}

/// The window in which a tap meets an element, if there is one.
fn window(slide: &Slide, element: usize, tap: usize) -> Option<usize> {
    usize::try_from((element * slide.spread) as isize - slide.start(tap)).ok().filter(|&window| window < slide.count)
}

/// Some lines of a plane of an image.
struct Part<'a> {
    slides: &'a [Slide; 3],
    /// What each tap meets along the last axis.
    along: &'a [Meeting],
    plane: usize,
    lines: Range<usize>,
}

/// The products of all taps, which belong to windows.
struct AddUp<'a, T> {
    part: &'a Part<'a>,
    products: &'a [T],
    out: &'a mut [T],
}

impl<T: Multiply> WithSimd for AddUp<'_, T> {
    type Output = ();

    /// Adds them to the windows.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddUp { part, products, out } = self;
        let [planes, lines, line] = part.slides.map(|slide| slide.count);
        let [in_planes, downs, _] = part.slides.map(|slide| slide.taps);
        let of_plane = downs * part.along.len() * part.of_tap();
        if of_plane == 0 || planes * lines * line == 0 {
            return;
        }
        let mut products = products.chunks_exact(of_plane);
        for out in out.chunks_exact_mut(planes * lines * line) {
            for tap in 0..in_planes {
                let Some(products) = products.next() else { return };
                let Some(plane) = window(&part.slides[0], part.plane, tap) else { continue };
                let out = &mut out[plane * lines * line..][..lines * line];
                if part.slides[1].spread == 1 && part.slides[2].spread == 1 {
                    part.add_neighbours::<T, S>(simd, products, out);
                } else {
                    part.add_apart(products, out);
                }
            }
        }
    }
}

impl Part<'_> {
    /// How many products a tap has.
    fn of_tap(&self) -> usize {
        self.lines.len() * self.slides[2].length
    }

    /// Adds the products of a plane of taps to a plane of windows, whose elements are neighbours: those of all lines of taps before they go to
    /// memory.
    #[inline(always)]
    fn add_neighbours<T: Multiply, S: Simd>(&self, simd: S, products: &[T], out: &mut [T]) {
        let [_, downs, rights] = self.slides;
        let of_down = self.along.len() * self.of_tap();
        let lanes = size_of::<T::Lanes<S>>() / size_of::<T>();
        for (line, out) in out.chunks_exact_mut(rights.count).enumerate() {
            let mut met: SmallVec<[usize; 16]> = SmallVec::new();
            for tap in 0..downs.taps {
                let Some(place) = downs.element(line, tap).filter(|place| self.lines.contains(place)) else { continue };
                met.push(tap * of_down + (place - self.lines.start) * rights.length);
            }
            for (tap, right) in self.along.iter().enumerate() {
                let first = tap * self.of_tap() + right.element;
                let (whole, rest) = T::lanes_mut::<S>(&mut out[right.window..][..right.count]);
                for (vector, to) in whole.iter_mut().enumerate() {
                    let mut sum = *to;
                    for place in &met {
                        let (products, _) = T::lanes::<S>(&products[place + first + vector * lanes..][..lanes]);
                        sum = T::plus(simd, sum, products[0]);
                    }
                    *to = sum;
                }
                if !rest.is_empty() {
                    let mut sum = T::some(simd, rest);
                    for place in &met {
                        let products = &products[place + first + right.count - rest.len()..][..rest.len()];
                        sum = T::plus(simd, sum, T::some(simd, products));
                    }
                    T::write_some(simd, rest, sum);
                }
            }
        }
    }

    /// The same where elements are apart.
    #[inline(always)]
    fn add_apart<T: Multiply>(&self, products: &[T], out: &mut [T]) {
        let [_, downs, rights] = self.slides;
        let mut products = products.chunks_exact(self.of_tap());
        for tap in 0..downs.taps {
            for right in self.along {
                let Some(products) = products.next() else { return };
                for (row, products) in self.lines.clone().zip(products.chunks_exact(rights.length)) {
                    let Some(window) = window(downs, row, tap) else { continue };
                    let to = out[window * rights.count..][right.window..].iter_mut().step_by(rights.spread);
                    for (sum, &product) in to.zip(&products[right.element..right.element + right.count]) {
                        *sum += product;
                    }
                }
            }
        }
    }
}

/// The filters of a group as a matrix: `[outputs·taps, channels]`.
fn pack<T: Multiply>(convolution: &Convolution, group: usize, filter: &[T], start: isize, packed: &mut [T]) {
    let strides = &convolution.filter.layout.strides;
    let (outputs, channels) = (convolution.outputs(), convolution.channels());
    let mut packed = packed.chunks_exact_mut(channels.max(1));
    for output in 0..outputs {
        for plane in 0..convolution.slides[0].taps {
            for down in 0..convolution.slides[1].taps {
                for right in 0..convolution.slides[2].taps {
                    let indices = [group * outputs + output, 0, plane, down, right];
                    let first = indices.iter().zip(strides).fold(start, |place, (&index, stride)| place + index as isize * stride);
                    for (channel, to) in packed.next().into_iter().flatten().enumerate() {
                        *to = filter[(first + channel as isize * strides[1]) as usize];
                    }
                }
            }
        }
    }
}
