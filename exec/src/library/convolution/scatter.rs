//! Convolution as a matrix product whose result is scattered: every element times every tap, added up where it belongs.
//!
//! It is what gradients of inputs want: a product with the zeros that padding and spreading put around and between is never computed.

use std::ops::Range;

use pulp::Arch;
use smallvec::SmallVec;

use super::{Memory, Problem};
use crate::library::blend::Blend;
use crate::library::lanes::Multiply;
use crate::library::matmul::{self, blocks::Geometry};
use crate::library::multiplier::Multiplier;
use crate::library::workers::Workers;
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

/// How many elements of scratch it takes: the filters in order, the products of some lines, and what they are computed with.
pub(super) fn scratch<T: Multiply>(convolution: &Convolution, multiplier: Multiplier) -> usize {
    let (rows, channels) = (convolution.outputs() * convolution.taps(), convolution.channels());
    let line = convolution.slides[2].length;
    let elements = lines_at_once(convolution) * line;
    let of_product = |elements: usize| {
        let right = [convolution.input.layout.strides[1], 1];
        let (left, out) = ([channels as isize, 1], [elements as isize, 1]);
        let geometry = Geometry { lengths: [rows, channels, elements], size: size_of::<T>(), left, right, out };
        matmul::scratch::<T>(&geometry, multiplier, 1)
    };
    // The last lines of a plane may be fewer.
    let fewer = convolution.slides[1].length % lines_at_once(convolution) * line;
    multiplier.prepare(rows, elements);
    multiplier.prepare(rows, fewer);
    rows * (channels + elements) + of_product(elements).max(of_product(fewer))
}

pub(super) fn run<T: Multiply>(convolution: &Convolution, multiplier: Multiplier, memory: Memory<'_, T>, scratch: &mut [T]) -> Result<(), Problem> {
    let Convolution { groups, slides, input, .. } = convolution;
    let Memory { input: elements_of_input, input_start, filter, filter_start, out: result } = memory;
    let (outputs, channels, taps, windows) = (convolution.outputs(), convolution.channels(), convolution.taps(), convolution.windows());
    let [planes, lines, line] = slides.map(|slide| slide.length);
    let (rows, at_once) = (outputs * taps, lines_at_once(convolution));
    let (packed, rest) = scratch.split_at_mut(rows * channels);
    let (products, scratch) = rest.split_at_mut(rows * at_once * line);
    let mut workers = Workers { multiplier, threads: 1, order: 0, scratch };
    let too_short = || Problem::new(damo_graph::ErrorKind::Execution, "the scratch of a convolution is too short");
    result.fill(T::ZERO);
    let along: SmallVec<[Meeting; 16]> = (0..slides[2].taps).map(|tap| Meeting::of(&slides[2], tap)).collect();
    for group in 0..*groups {
        pack(convolution, group, filter, filter_start, packed);
        let left = View::rows_of(packed, rows, channels).ok_or_else(too_short)?;
        for image in 0..convolution.batch() {
            let first = image as isize * input.layout.strides[0] + (group * channels) as isize * input.layout.strides[1];
            let first = (input_start + first) as usize;
            let place = (image * groups + group) * outputs * windows;
            let out = &mut result[place..place + outputs * windows];
            for (plane, from) in (0..planes).flat_map(|plane| (0..lines).step_by(at_once).map(move |from| (plane, from))) {
                let to = (from + at_once).min(lines);
                let elements = (to - from) * line;
                // The spatial axes of the input are one, and its channels step evenly.
                let start = first + (plane * lines + from) * line;
                let right = View::strided(elements_of_input, start, [channels, elements], [input.layout.strides[1], 1]).ok_or_else(too_short)?;
                let products = &mut products[..rows * elements];
                let view = ViewMut::rows_of(products, rows, elements).ok_or_else(too_short)?;
                matmul::matmul(left, right, Blend::PLAIN, view, &mut workers)?;
                let part = Part { slides, along: &along, plane, lines: from..to };
                Arch::new().dispatch(|| part.add_up(products, out));
            }
        }
    }
    Ok(())
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

impl Part<'_> {
    /// Adds the products of all taps to the windows that they belong to.
    #[inline(always)]
    fn add_up<T: Multiply>(&self, products: &[T], out: &mut [T]) {
        let [planes, lines, line] = self.slides.map(|slide| slide.count);
        let (length, spread) = (self.slides[2].length, self.slides[2].spread);
        let mut products = products.chunks_exact((self.lines.len() * length).max(1));
        for out in out.chunks_exact_mut(planes * lines * line) {
            for in_plane in (0..self.slides[0].taps).map(|tap| window(&self.slides[0], self.plane, tap)) {
                for down in 0..self.slides[1].taps {
                    for right in self.along {
                        let Some(products) = products.next() else { return };
                        let Some(plane) = in_plane else { continue };
                        for (row, products) in self.lines.clone().zip(products.chunks_exact(length)) {
                            let Some(window) = window(&self.slides[1], row, down) else { continue };
                            let to = &mut out[(plane * lines + window) * line + right.window..];
                            let products = &products[right.element..right.element + right.count];
                            if spread == 1 {
                                to[..right.count].iter_mut().zip(products).for_each(|(sum, &product)| *sum += product);
                            } else {
                                to.iter_mut().step_by(spread).zip(products).for_each(|(sum, &product)| *sum += product);
                            }
                        }
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
