//! Steps in which windows slide over arrays: convolution and pooling.

use std::fmt;

use damo_graph::DType;

use crate::step::View;

/// So many spatial axes every such step has; those that an op lacks are in front, of length 1.
pub const AXES: usize = 3;

/// How windows lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slide {
    /// The length of the axis.
    pub length: usize,
    /// How many places a window has.
    pub taps: usize,
    /// How many windows.
    pub count: usize,
    /// Where the first window begins, before place 0 if it reaches over the edge.
    pub begin: isize,
    /// From one window to the next, 1 or more.
    pub stride: usize,
    /// From one tap to the next, 1 or more.
    pub dilation: usize,
    /// From one element of the input to the next, 1 or more, with zeros between them.
    pub spread: usize,
}

impl Slide {
    /// The only window of an axis that is not there.
    pub const NONE: Slide = Slide { length: 1, taps: 1, count: 1, begin: 0, stride: 1, dilation: 1, spread: 1 };

    /// Where a tap meets the first of its windows, as a place in the input spread apart.
    pub const fn start(&self, tap: usize) -> isize {
        self.begin + (tap * self.dilation) as isize
    }

    /// The element of the input that a tap meets in a window, if it is none of the zeros.
    pub fn element(&self, window: usize, tap: usize) -> Option<usize> {
        let place = usize::try_from(self.start(tap) + (window * self.stride) as isize).ok()?;
        if self.spread == 1 {
            return (place < self.length).then_some(place);
        }
        let is_there = place.is_multiple_of(self.spread) && place / self.spread < self.length;
        is_there.then_some(place / self.spread)
    }

    /// The windows from `first` to before `last` in which a tap meets an element, of an input that is not spread apart.
    pub fn inside(&self, tap: usize, first: usize, last: usize) -> std::ops::Range<usize> {
        let start = self.start(tap);
        let steps = |places: usize| if self.stride == 1 { places } else { places.div_ceil(self.stride) };
        let reach = |place: isize| usize::try_from(place - start).map_or(0, steps);
        let low = reach(0).clamp(first, last);
        low..reach(self.length as isize).clamp(low, last)
    }
}

/// Filters that slide over arrays, and sums of products at each place:
/// `x: [batch, groups·channels, n, n, n], filter: [groups·outputs, channels, k, k, k] -> out: [batch, groups·outputs, m, m, m]`.
///
/// The result overlaps no operand, and is in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// The element type of all three: `f32` or `f64`.
    pub dtype: DType,
    /// How the sums are computed.
    pub method: Method,
    /// Channels and outputs are divided into so many groups.
    pub groups: usize,
    /// How the filters slide along the spatial axes.
    pub slides: [Slide; AXES],
    /// What they slide over.
    pub input: View,
    /// The filters.
    pub filter: View,
    /// The result.
    pub out: View,
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Each sum by itself: windows are gathered as columns of a matrix that the filters are multiplied by.
    Gather,
    /// Each element of the input is multiplied by all taps, and the products are added up where they belong. Only without strides.
    Scatter,
}

impl Convolution {
    /// How many images.
    pub fn batch(&self) -> usize {
        self.input.layout.shape[0]
    }

    /// How many channels each group of the input has.
    pub fn channels(&self) -> usize {
        self.filter.layout.shape[1]
    }

    /// How many filters each group has.
    pub fn outputs(&self) -> usize {
        self.filter.layout.shape[0] / self.groups.max(1)
    }

    /// How many taps a filter has for each channel.
    pub fn taps(&self) -> usize {
        self.slides.iter().map(|slide| slide.taps).product()
    }

    /// How many windows an image has.
    pub fn windows(&self) -> usize {
        self.slides.iter().map(|slide| slide.count).product()
    }

    /// How many elements each channel of an image has.
    pub fn elements(&self) -> usize {
        self.slides.iter().map(|slide| slide.length).product()
    }

    /// The method that takes less work: scattering computes no products with the zeros around and between, but adds up in memory.
    ///
    /// Counted in products; to add one up costs as much as 8. Fewer than four filters leave the processor waiting for sums, and lines of windows
    /// leave an eighth of their vectors unused or so.
    pub fn method(&self) -> Method {
        let moves = self.slides.iter().any(|slide| slide.stride != 1);
        let product = |lengths: [usize; 3]| lengths.into_iter().fold(1, usize::saturating_mul);
        let products = product([self.windows(), self.channels(), self.outputs().max(4)]);
        let gather = products.saturating_add(products / 8);
        let scatter = product([self.elements(), self.outputs(), 8 + self.channels()]);
        if !moves && scatter < gather { Method::Scatter } else { Method::Gather }
    }
}

/// What becomes of the elements of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolFunction {
    /// The largest: `x: [rows, n, n, n] -> [rows, m, m, m]`; NaN if one is.
    Max,
    /// The mean of `given` where `x` is largest: `x, given: [rows, n, n, n] -> [rows, m, m, m]`.
    Tangent,
    /// `given` shared where `x` is largest: `x: [rows, n, n, n], given: [rows, m, m, m] -> [rows, n, n, n]`.
    Cotangent,
}

/// Windows that slide over the last axes of an array. All operands are in row-major order, and the result overlaps none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pooling {
    /// What becomes of a window.
    pub function: PoolFunction,
    /// The element type of all: `f32` or `f64`.
    pub dtype: DType,
    /// How many arrays the windows slide over.
    pub rows: usize,
    /// How the windows lie along the last axes.
    pub slides: [Slide; AXES],
    /// What the windows slide over.
    pub input: View,
    /// What is picked or shared where it is largest.
    pub given: Option<View>,
    /// The result.
    pub out: View,
}

impl Pooling {
    /// How many elements each of the arrays has.
    pub fn elements(&self) -> usize {
        self.slides.iter().map(|slide| slide.length).product()
    }

    /// How many windows each of them has.
    pub fn windows(&self) -> usize {
        self.slides.iter().map(|slide| slide.count).product()
    }
}

impl fmt::Display for Slide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} windows of {} from {} by {} over {}", self.count, self.taps, self.begin, self.stride, self.length)?;
        if self.dilation != 1 {
            write!(f, ", taps {} apart", self.dilation)?;
        }
        if self.spread != 1 {
            write!(f, ", elements {} apart", self.spread)?;
        }
        Ok(())
    }
}

fn write_slides(slides: &[Slide; AXES], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut separator = "";
    for slide in slides.iter().filter(|slide| **slide != Slide::NONE) {
        write!(f, "{separator}{slide}")?;
        separator = "; ";
    }
    Ok(())
}

impl fmt::Display for Convolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.method {
            Method::Gather => "gathering windows",
            Method::Scatter => "scattering products",
        };
        write!(f, "{} with {} in {} groups, {how}, to {}: ", self.input, self.filter, self.groups, self.out)?;
        write_slides(&self.slides, f)
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}", self.function, self.input)?;
        if let Some(given) = &self.given {
            write!(f, " with {given}")?;
        }
        write!(f, " to {}: ", self.out)?;
        write_slides(&self.slides, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_reach_over_the_edge() {
        let slide = Slide { length: 5, taps: 3, count: 4, begin: -2, stride: 2, dilation: 1, spread: 1 };
        let met = |tap| (0..4).map(|window| slide.element(window, tap)).collect::<Vec<_>>();
        assert_eq!((met(0), met(2)), (vec![None, Some(0), Some(2), Some(4)], vec![Some(0), Some(2), Some(4), None]));
        for tap in 0..3 {
            let there: Vec<usize> = (0..4).filter(|&window| slide.element(window, tap).is_some()).collect();
            assert_eq!(slide.inside(tap, 0, 4).collect::<Vec<_>>(), there);
            assert_eq!(slide.inside(tap, 1, 3).collect::<Vec<_>>(), there.into_iter().filter(|window| (1..3).contains(window)).collect::<Vec<_>>());
        }
        let outside = Slide { begin: 9, ..slide };
        assert!(outside.inside(0, 0, 4).is_empty());
        assert_eq!(Slide { spread: 2, ..slide }.element(3, 0), Some(2));
        assert_eq!(Slide { spread: 2, begin: -1, ..slide }.element(3, 0), None);
    }
}
