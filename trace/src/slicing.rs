//! Parts of a tensor: ranges, single indices, rows picked by index; and zeros around it.

use damo_graph::op::pad::Pad;
use damo_graph::op::select_axis::SelectAxis;
use damo_graph::op::slice::{Range, Slice};
use damo_graph::{Dim, Dims, Element, Integer, Problem};
use ndarray::{Axis, SliceInfoElem};
use smallvec::SmallVec;

use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::tensors::Handle;

/// What can name rows: integers of a tensor (negative ones count from the end), or plain numbers.
pub trait IntoIndices<'t> {
    /// The indices as a tensor of integers.
    #[track_caller]
    fn into_indices(self, tape: &'t Tape) -> Handle<'t>;
}

impl<'t, I: Integer> IntoIndices<'t> for Tensor<'t, I> {
    fn into_indices(self, _: &'t Tape) -> Handle<'t> {
        self.handle()
    }
}

impl<'t> IntoIndices<'t> for &[usize] {
    fn into_indices(self, tape: &'t Tape) -> Handle<'t> {
        let indices: ndarray::Array1<i64> = self.iter().map(|&index| i64::try_from(index).unwrap_or(i64::MAX)).collect();
        tape.constant(indices).handle()
    }
}

impl<'t> IntoIndices<'t> for &Vec<usize> {
    fn into_indices(self, tape: &'t Tape) -> Handle<'t> {
        self.as_slice().into_indices(tape)
    }
}

impl<'t, const N: usize> IntoIndices<'t> for &[usize; N] {
    fn into_indices(self, tape: &'t Tape) -> Handle<'t> {
        self.as_slice().into_indices(tape)
    }
}

impl<'t, const N: usize> IntoIndices<'t> for [usize; N] {
    fn into_indices(self, tape: &'t Tape) -> Handle<'t> {
        self.as_slice().into_indices(tape)
    }
}

impl<'t, T: Element> Tensor<'t, T> {
    /// A part given by ndarray's `s![]`: ranges with steps, negative numbers that count from the end, single indices (whose axis
    /// disappears) and `NewAxis`. Axes that are not mentioned are taken whole.
    ///
    /// ```
    /// use damo_trace::*;
    /// use ndarray::{arr1, arr2, s};
    /// let tape = Tape::new();
    /// let x = tape.input_with("x", &arr2(&[[1, 2, 3], [4, 5, 6]]));
    /// assert_eq!(x.slice(s![1, ..;-1]).value()?, arr1(&[6, 5, 4]).into_dyn());
    /// assert_eq!(x.slice(s![.., 1..]).dims()?.to_string(), "[x.0, x.1 - 1]");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Kept by the tape: [`ErrorKind::Axis`](damo_graph::ErrorKind::Axis) for too many parts, or a part that is not inside a known
    /// length. Of an unknown length it becomes a requirement, checked at the start of a call.
    #[track_caller]
    pub fn slice(self, info: impl AsRef<[SliceInfoElem]>) -> Self {
        let _scope = self.tape.composite("slice");
        let Some(ty) = self.known_type() else { return self.tape.poison() };
        let parts = info.as_ref();
        let asked = parts.iter().filter(|part| !part.is_new_axis()).count();
        if asked > ty.rank() {
            return self.tape.refuse("slice", &Problem::axis(format!("{asked} parts were given, and there are {} axes", ty.rank())), &[self.index]);
        }
        let mut ranges: SmallVec<[Range; 4]> = SmallVec::new();
        let (mut indexed, mut inserted) = (Vec::new(), Vec::new());
        let mut place = 0;
        for part in parts {
            let axis = ranges.len();
            match *part {
                SliceInfoElem::Slice { start, end, step } => {
                    let Some(range) = range_of(&ty.dims[axis], start, end, step) else {
                        return self.tape.refuse("slice", &Problem::axis("the step is 0").advise("use another step"), &[self.index]);
                    };
                    ranges.push(range);
                    place += 1;
                }
                SliceInfoElem::Index(index) => {
                    ranges.push(Range { start: from_end(&ty.dims[axis], index), step: 1, length: 1.into() });
                    indexed.push(axis);
                }
                SliceInfoElem::NewAxis => {
                    inserted.push(place);
                    place += 1;
                }
            }
        }
        for dim in &ty.dims[ranges.len()..] {
            ranges.push(whole(dim));
        }
        let mut result = self.sliced(&ty.dims, ranges);
        for &axis in indexed.iter().rev() {
            result = result.remove_axis(Axis(axis));
        }
        for &axis in &inserted {
            result = result.insert_axis(Axis(axis));
        }
        result
    }

    /// A range along one axis, whose ends may be unknown lengths.
    ///
    /// `x: [a, n, b] -> [a, end - start, b]`
    ///
    /// ```
    /// use damo_trace::*;
    /// let tape = Tape::new();
    /// let n = Dim::from(tape.dim("n"));
    /// let x = tape.input::<f32>("x", [n.clone() * 2]);
    /// let left = x.slice_axis(ndarray::Axis(0), Dim::from(0)..n);
    /// assert_eq!(left.dims()?.to_string(), "[n]");
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn slice_axis<L: Into<Dim>>(self, axis: Axis, range: std::ops::Range<L>) -> Self {
        let _scope = self.tape.composite("slice_axis");
        let Some(ty) = self.with_axes("slice_axis", &[axis.0]) else { return self.tape.poison() };
        let (start, end) = (range.start.into(), range.end.into());
        let length = end - start.clone();
        self.sliced(&ty.dims, along(&ty.dims, axis.0, Range { start, step: 1, length }))
    }

    /// The part at one index of an axis, which disappears. A negative index counts from the end.
    ///
    /// `x: [a, n, b] -> [a, b]`
    #[track_caller]
    pub fn index_axis(self, axis: Axis, index: isize) -> Self {
        let _scope = self.tape.composite("index_axis");
        let Some(ty) = self.with_axes("index_axis", &[axis.0]) else { return self.tape.poison() };
        let range = Range { start: from_end(&ty.dims[axis.0], index), step: 1, length: 1.into() };
        self.sliced(&ty.dims, along(&ty.dims, axis.0, range)).remove_axis(axis)
    }

    /// The parts at several indices of an axis: a tensor of integers, of which negative ones count from the end, or plain numbers.
    ///
    /// `x: [a, n, b], indices: [i, j] -> [a, i, j, b]`
    ///
    /// ```
    /// use damo_trace::*;
    /// use ndarray::{Axis, arr1, arr2};
    /// let tape = Tape::new();
    /// let words = tape.input_with("words", &arr2(&[[0., 1.], [2., 3.], [4., 5.]]));
    /// let sentence = tape.input_with("sentence", &arr1(&[2i64, 0]));
    /// assert_eq!(words.select_axis(Axis(0), sentence).value()?, arr2(&[[4., 5.], [0., 1.]]).into_dyn());
    /// assert_eq!(words.select_axis(Axis(1), [1]).value()?, arr2(&[[1.], [3.], [5.]]).into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An index that is out of range is an error of the call.
    #[track_caller]
    pub fn select_axis(self, axis: Axis, indices: impl IntoIndices<'t>) -> Self {
        let indices = indices.into_indices(self.tape);
        if !self.tape.is(indices.tape()) {
            return self.tape.refuse_foreign("select_axis", &[self.handle(), indices]);
        }
        self.tape.structural(SelectAxis { axis: axis.0 }, &[self.index, indices.index()])
    }

    /// Zeros before and after it: a pair of counts for each axis.
    ///
    /// `x: [n, m] -> [a + n + b, c + m + d]` for `[(a, b), (c, d)]`
    #[track_caller]
    pub fn pad(self, widths: &[(usize, usize)]) -> Self {
        let Some(ty) = self.known_type() else { return self.tape.poison() };
        if widths.len() != ty.rank() {
            let problem = Problem::axis(format!("{} pairs of widths were given, and there are {} axes", widths.len(), ty.rank()));
            return self.tape.refuse("pad", &problem.advise("give a pair for each axis, `(0, 0)` where nothing is added"), &[self.index]);
        }
        let ranges = widths.iter().zip(&*ty.dims).map(|(&(before, _), dim)| Range { start: before.into(), step: 1, length: dim.clone() }).collect();
        let to = widths.iter().zip(&*ty.dims).map(|(&(before, after), dim)| Dim::from(before) + dim.clone() + Dim::from(after)).collect();
        self.tape.structural(Pad { ranges, to }, &[self.index])
    }

    /// Where there is anything to cut off, a slice.
    #[track_caller]
    fn sliced(self, dims: &Dims, ranges: SmallVec<[Range; 4]>) -> Self {
        if dims.iter().zip(&ranges).all(|(dim, range)| *range == whole(dim)) { self } else { self.tape.structural(Slice { ranges }, &[self.index]) }
    }
}

fn whole(dim: &Dim) -> Range {
    Range { start: 0.into(), step: 1, length: dim.clone() }
}

/// One range, with the other axes whole.
fn along(dims: &Dims, axis: usize, range: Range) -> SmallVec<[Range; 4]> {
    let mut ranges: SmallVec<[Range; 4]> = dims.iter().map(whole).collect();
    ranges[axis] = range;
    ranges
}

/// An index as a place from 0: negative ones count from the end.
fn from_end(dim: &Dim, index: isize) -> Dim {
    if index < 0 { dim.clone() + index as i64 } else { Dim::from(index as i64) }
}

/// What ndarray means by `start..end;step` of an axis: a negative step walks the same elements from the end.
fn range_of(dim: &Dim, start: isize, end: Option<isize>, step: isize) -> Option<Range> {
    let start = from_end(dim, start);
    let end = end.map_or_else(|| dim.clone(), |end| from_end(dim, end));
    let span = end.clone() - start.clone();
    // An end before the start is an empty range.
    let span = if span.known().is_some_and(|span| span < 0) { Dim::from(0) } else { span };
    let stride = i64::try_from(step.unsigned_abs()).ok().filter(|&stride| stride > 0)?;
    let length = (span + (stride - 1)).floor_div(&stride.into());
    let start = if step > 0 || length == Dim::from(0) { start } else { end - Dim::from(1) };
    Some(Range { start, step: step as i64, length })
}
