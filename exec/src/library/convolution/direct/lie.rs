//! How the part of an image that some windows meet lies in memory: where it is, or laid out anew with its padding.

use std::ops::Range;

use super::depth::AXES;
use crate::library::lanes::Multiply;
use crate::sliding::{Convolution, Slide};

/// Where the factors of a window are, counted in elements from that of its first tap.
#[derive(Clone, Copy, Debug)]
pub struct Lie {
    /// From channel to channel, and from tap to tap along planes and lines.
    taps: [isize; AXES - 1],
    /// From one place of a line to the next.
    unit: isize,
    /// Neighbouring taps of a line are so many places apart.
    dilation: usize,
    /// A line lies in so many parts, each of every so-many-th place, of that length.
    parts: usize,
    part: usize,
    /// So many lines are laid out one after the other.
    span: usize,
    /// From one line of windows to the next, and from one window to the next.
    pub line: isize,
    pub window: isize,
}

impl Lie {
    /// As the array lies, where neighbouring windows are neighbours, or so many places apart.
    pub fn in_place(convolution: &Convolution) -> Self {
        let strides = &convolution.input.layout.strides;
        let [planes, lines, line] = convolution.slides;
        let along = |slide: &Slide, axis: usize| slide.dilation as isize * strides[axis];
        Lie {
            taps: [strides[1], along(&planes, 2), along(&lines, 3)],
            unit: strides[4],
            dilation: line.dilation,
            parts: 1,
            part: 0,
            span: 0,
            line: lines.stride as isize * strides[3],
            window: line.stride as isize * strides[4],
        }
    }

    /// Laid out for so many lines of windows. If neighbouring windows are to be neighbours, `lanes` of them are there at least.
    pub fn laid_out(convolution: &Convolution, lines: usize, lanes: Option<usize>) -> Self {
        let [planes, down, line] = convolution.slides;
        let reach = line.taps.saturating_sub(1) * line.dilation;
        let (parts, part) = match lanes {
            Some(lanes) => (line.stride, line.count.max(lanes) + reach / line.stride),
            None => (1, (line.count.max(1) - 1) * line.stride + reach + 1),
        };
        let pitch = (parts * part) as isize;
        let span = span(&down, lines);
        let of_plane = span as isize * pitch;
        Lie {
            taps: [planes.taps as isize * of_plane, of_plane, down.dilation as isize * pitch],
            unit: 1,
            dilation: line.dilation,
            parts,
            part,
            span,
            line: down.stride as isize * pitch,
            window: if lanes.is_some() { 1 } else { line.stride as isize },
        }
    }

    /// How many elements are laid out.
    pub fn elements(&self, convolution: &Convolution) -> usize {
        convolution.channels() * convolution.slides[0].taps * self.span * self.parts * self.part
    }

    /// The place of a term.
    pub fn place(&self, [channel, plane, line, tap]: [usize; AXES]) -> isize {
        let at = tap * self.dilation;
        let along = if self.parts > 1 { (at % self.parts * self.part + at / self.parts) as isize } else { at as isize };
        channel as isize * self.taps[0] + plane as isize * self.taps[1] + line as isize * self.taps[2] + along * self.unit
    }

    /// The place of the last term, the farthest if no step leads back.
    pub fn reach(&self, lengths: [usize; AXES]) -> Option<usize> {
        let leads_on = self.taps.iter().chain([&self.unit, &self.line, &self.window]).all(|&step| step >= 0);
        let last = lengths.map(|length| length.saturating_sub(1));
        leads_on.then(|| self.place(last) as usize)
    }

    /// Lays out what some lines of windows, in a plane of them, meet of an image and group that begins at an element.
    pub fn lay_out<T: Multiply>(&self, convolution: &Convolution, input: &[T], first: isize, plane: usize, lines: Range<usize>, to: &mut [T]) {
        let [planes, down, line] = convolution.slides;
        let strides = &convolution.input.layout.strides;
        // Each tap of a plane has room for all lines of the longest part.
        let pitch = self.parts * self.part;
        let mut planes_of_rows = to.chunks_exact_mut((pitch * self.span).max(1));
        for channel in 0..convolution.channels() {
            for tap in 0..planes.taps {
                let in_plane = planes.element(plane, tap);
                let Some(rows) = planes_of_rows.next() else { return };
                for (place, row) in rows.chunks_exact_mut(pitch).enumerate().take(span(&down, lines.len())) {
                    let place = down.begin + (lines.start * down.stride + place) as isize;
                    let Some((in_plane, in_line)) = in_plane.zip(element(&down, place)) else {
                        row.fill(T::ZERO);
                        continue;
                    };
                    let start = first + channel as isize * strides[1] + in_plane as isize * strides[2] + in_line as isize * strides[3];
                    self.lay_line(&line, input, start, strides[4], row);
                }
            }
        }
    }

    fn lay_line<T: Multiply>(&self, slide: &Slide, input: &[T], start: isize, stride: isize, row: &mut [T]) {
        if self.parts == 1 && slide.spread == 1 && stride == 1 {
            // Before the line, in it, behind it.
            let low = slide.begin.min(0).unsigned_abs().min(row.len());
            let from = slide.begin.max(0).unsigned_abs();
            let count = slide.length.saturating_sub(from).min(row.len() - low);
            row[..low].fill(T::ZERO);
            if count > 0 {
                row[low..low + count].copy_from_slice(&input[(start + from as isize) as usize..][..count]);
            }
            row[low + count..].fill(T::ZERO);
            return;
        }
        for (part, row) in row.chunks_exact_mut(self.part).enumerate() {
            for (at, to) in row.iter_mut().enumerate() {
                let element = element(slide, slide.begin + (at * self.parts + part) as isize);
                *to = element.map_or(T::ZERO, |element| input[(start + element as isize * stride) as usize]);
            }
        }
    }
}

/// How many lines of an image some lines of windows reach over.
fn span(slide: &Slide, lines: usize) -> usize {
    lines.saturating_sub(1) * slide.stride + slide.taps.saturating_sub(1) * slide.dilation + 1
}

/// The element at a place, if it is there.
fn element(slide: &Slide, place: isize) -> Option<usize> {
    let place = usize::try_from(place).ok()?;
    (place.is_multiple_of(slide.spread) && place / slide.spread < slide.length).then_some(place / slide.spread)
}

/// Whether no window reaches over an edge or between the elements of an axis.
pub fn is_inside(slide: &Slide) -> bool {
    let last = slide.begin + (slide.count.saturating_sub(1) * slide.stride + slide.taps.saturating_sub(1) * slide.dilation) as isize;
    slide.spread == 1 && slide.begin >= 0 && last < slide.length as isize
}
