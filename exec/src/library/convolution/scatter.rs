//! Convolution as a matrix product whose result is scattered: every element times every tap, added up where it belongs.
//!
//! It is what gradients of inputs want: a product with the zeros that padding and spreading put around and between is never computed.

use smallvec::SmallVec;

use super::{Memory, Problem};
use crate::library::blend::Blend;
use crate::library::lanes::Multiply;
use crate::library::matmul::matmul;
use crate::sliding::{Convolution, Slide};
use crate::view::{View, ViewMut};

/// How many elements of scratch it takes: the filters in order, and the products of one group of an image.
pub(super) fn scratch(convolution: &Convolution) -> usize {
    let rows = convolution.outputs() * convolution.taps();
    rows * (convolution.channels() + convolution.elements())
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
        Meeting { element, count, window: (element as isize * spread - start).max(0) as usize }
    }
}

pub(super) fn run<T: Multiply>(convolution: &Convolution, memory: Memory<'_, T>, scratch: &mut [T]) -> Result<(), Problem> {
    let Convolution { groups, slides, filter, input, .. } = convolution;
    let (outputs, channels, taps, elements) = (convolution.outputs(), convolution.channels(), convolution.taps(), convolution.elements());
    let (rows, windows) = (outputs * taps, convolution.windows());
    let (packed, products) = scratch.split_at_mut(rows * channels);
    let products = &mut products[..rows * elements];
    let too_short = || Problem::new(damo_graph::ErrorKind::Execution, "the scratch of a convolution is too short");
    memory.out.fill(T::ZERO);
    let meetings: [SmallVec<[Meeting; 8]>; 3] = slides.map(|slide| (0..slide.taps).map(|tap| Meeting::of(&slide, tap)).collect());
    for group in 0..*groups {
        pack(convolution, group, memory.filter, memory.filter_start, packed);
        let left = View::rows_of(packed, rows, channels).ok_or_else(too_short)?;
        for image in 0..convolution.batch() {
            let first = image as isize * input.layout.strides[0] + (group * channels) as isize * input.layout.strides[1];
            let first = (memory.input_start + first) as usize;
            // The spatial axes of the input are one, and its channels step evenly.
            let right = View::strided(memory.input, first, [channels, elements], [input.layout.strides[1], 1]).ok_or_else(too_short)?;
            let out = ViewMut::rows_of(products, rows, elements).ok_or_else(too_short)?;
            matmul(left, right, Blend::PLAIN, out);
            let place = (image * groups + group) * outputs * windows;
            let out = &mut memory.out[place..place + outputs * windows];
            pulp::Arch::new().dispatch(|| add_up(slides, &meetings, products, out));
        }
    }
    debug_assert_eq!(filter.layout.shape.len(), 5);
    Ok(())
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

/// Adds the products of all taps to the windows that they belong to.
#[inline(always)]
fn add_up<T: Multiply>(slides: &[Slide; 3], meetings: &[SmallVec<[Meeting; 8]>; 3], products: &[T], out: &mut [T]) {
    let [_, length_down, length_right] = slides.map(|slide| slide.length);
    let [planes, lines, line] = slides.map(|slide| slide.count);
    let elements = slides[0].length * length_down * length_right;
    let spreads = slides.map(|slide| slide.spread);
    let mut products = products.chunks_exact(elements.max(1));
    for out in out.chunks_exact_mut(planes * lines * line) {
        for plane in &meetings[0] {
            for down in &meetings[1] {
                for right in &meetings[2] {
                    let Some(products) = products.next() else { return };
                    for step in 0..plane.count * down.count {
                        let (at_plane, at_down) = (step / down.count, step % down.count);
                        let from = ((plane.element + at_plane) * length_down + down.element + at_down) * length_right + right.element;
                        let to = ((plane.window + at_plane * spreads[0]) * lines + down.window + at_down * spreads[1]) * line + right.window;
                        let products = &products[from..from + right.count];
                        if spreads[2] == 1 {
                            out[to..to + right.count].iter_mut().zip(products).for_each(|(sum, &product)| *sum += product);
                        } else {
                            out[to..].iter_mut().step_by(spreads[2]).zip(products).for_each(|(sum, &product)| *sum += product);
                        }
                    }
                }
            }
        }
    }
}
