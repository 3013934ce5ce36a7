//! A regular range along each axis.

use std::fmt;

use ndarray::Axis;
use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::pad::Pad;
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::text::expression::parse_dim;
use crate::types::Type;

/// Places at equal distances along an axis: `start`, `start + step` and so on, `length` of them.
///
/// All of them lie inside the axis. A range of length 0 is empty and may start anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first place.
    pub start: Dim,
    /// The distance to the next place: not 0; negative walks backwards.
    pub step: i64,
    /// How many places.
    pub length: Dim,
}

impl Range {
    /// Every place of an axis of that length, in order.
    pub fn whole(length: impl Into<Dim>) -> Self {
        Range { start: Dim::from(0), step: 1, length: length.into() }
    }

    /// Reads what `Display` prints.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = || malformed(format!("`{text}` is not a range `start by step; length`"));
        let (walk, length) = text.split_once(';').ok_or_else(wrong)?;
        // A symbol may be named `by`, but not stand after the last one: a plain number does.
        let (start, step) = walk.rsplit_once(" by ").ok_or_else(wrong)?;
        Ok(Range { start: parse_dim(start.trim())?, step: step.trim().parse().map_err(|_| wrong())?, length: parse_dim(length.trim())? })
    }

    /// Reads a list of ranges.
    pub(super) fn parse_all(attributes: &Attributes) -> Result<SmallVec<[Range; 4]>, Problem> {
        attributes.list("ranges")?.into_iter().map(Range::parse).collect()
    }

    /// Demands that all places lie inside an axis of that length.
    pub(super) fn demand_inside(&self, axis: usize, of: &Dim, lengths: &mut Lengths) -> Result<(), Problem> {
        if self.step == 0 {
            return Err(Problem::axis(format!("the range along axis {axis} has step 0")).advise("a step is 1 or more, or negative to walk backwards"));
        }
        if self.length.known() == Some(0) {
            return Ok(());
        }
        let zero = Dim::from(0);
        let last = self.start.clone() + (self.length.clone() - 1) * Dim::from(self.step);
        let (low, high) = if self.step > 0 { (&self.start, &last) } else { (&last, &self.start) };
        if !lengths.at_least(&self.length, &zero) {
            return Err(Problem::axis(format!("the range along axis {axis} has the negative length {}", self.length)));
        }
        if !lengths.at_least(low, &zero) {
            return Err(Problem::axis(format!("the range along axis {axis} reaches down to {low}, before the first place 0")));
        }
        if !lengths.at_least(of, &(high.clone() + 1)) {
            let message =
                format!("the range along axis {axis} reaches up to {high}, and an axis of length {of} has the places 0 to {}", of.clone() - 1);
            return Err(Problem::axis(message));
        }
        Ok(())
    }

    /// Its places in an axis of that length, in a call of these sizes.
    pub(super) fn places(&self, axis: usize, of: usize, sizes: &Sizes) -> Result<Vec<usize>, Problem> {
        let length = sizes.length(&self.length)?;
        if length == 0 {
            return Ok(Vec::new());
        }
        let start =
            sizes.evaluate(&self.start).ok_or_else(|| Problem::shapes(format!("the start `{}` is not known: no input has it", self.start)))?;
        let here = Range { start: start.into(), step: self.step, length: length.into() };
        here.demand_inside(axis, &of.into(), &mut Lengths::default())?;
        let place = |index: usize| i128::from(start) + index as i128 * i128::from(self.step);
        Ok((0..length).map(|index| place(index) as usize).collect())
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}; {}", self.start, self.step, self.length)
    }
}

/// Refuses anything but one range per axis.
pub(super) fn one_range_per_axis(ranges: &[Range], rank: usize) -> Result<(), Problem> {
    if ranges.len() == rank {
        return Ok(());
    }
    Err(Problem::axis(format!("it has {} ranges for {rank} axes", ranges.len())).advise("give one range for each axis"))
}

/// A regular range along each axis: element `i` of the result is element `start + i·step` of `x`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// One range per axis.
    pub ranges: SmallVec<[Range; 4]>,
}

impl Slice {
    pub(crate) const NAME: &'static str = "slice";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Slice { ranges: Range::parse_all(attributes)? })
    }
}

impl Primitive for Slice {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with_list("ranges", &self.ranges)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        one_range_per_axis(&self.ranges, x.rank())?;
        for (axis, (range, length)) in self.ranges.iter().zip(x.dims.iter()).enumerate() {
            range.demand_inside(axis, length, lengths)?;
        }
        Ok(one(Type::new(x.dtype, self.ranges.iter().map(|range| &range.length))))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let [x] = arity(inputs)?;
        one_range_per_axis(&self.ranges, x.shape().len())?;
        let taken = x.rearranged(|mut taken| {
            for (axis, range) in self.ranges.iter().enumerate() {
                taken = taken.select(Axis(axis), &range.places(axis, x.shape()[axis], sizes)?);
            }
            Ok(taken)
        })?;
        Ok(one(taken))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for Slice {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        let to = graph.ty(inputs[wrt]).dims.clone();
        graph.add(Pad { ranges: self.ranges.clone(), to }, &[cotangent])
    }

    fn elements(&self) -> Elements {
        Elements::Move
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr1, arr2};

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::dtype::DType;
    use crate::symbol::Symbol;

    fn range(start: i64, step: i64, length: i64) -> Range {
        Range { start: start.into(), step, length: length.into() }
    }

    fn slice(ranges: &[Range]) -> Slice {
        Slice { ranges: ranges.into() }
    }

    #[test]
    fn elements_at_equal_distances() {
        let x = AnyArray::from(arr2(&[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]));
        let of = |ranges: &[Range]| slice(ranges).evaluate(&[&x], &Sizes::default()).map(|mut y| y.remove(0));
        assert_eq!(of(&[range(1, 1, 1), range(0, 2, 3)]).unwrap(), AnyArray::from(arr2(&[[5, 7, 9]])));
        assert_eq!(of(&[range(0, 1, 2), range(4, -3, 2)]).unwrap(), AnyArray::from(arr2(&[[4, 1], [9, 6]])));
        assert_eq!(of(&[range(9, 1, 0), range(0, 1, 5)]).unwrap().shape(), [0, 5]);
        for wrong in [range(0, 1, 6), range(-1, 1, 2), range(1, -1, 3), range(0, 0, 1), range(5, -1, 1)] {
            assert!(of(&[range(0, 1, 2), wrong.clone()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn unknown_lengths_are_demanded_to_hold_the_range() {
        let n = Symbol::new("n");
        let mut lengths = Lengths::default();
        let x = Type::new(DType::F32, [n]);
        let backwards = Range { start: n - 1, step: -1, length: n.into() };
        assert_eq!(slice(&[backwards]).infer(&[&x], &mut lengths).unwrap()[0].to_string(), "f32[n]");
        assert_eq!(slice(&[Range { start: 1.into(), step: 1, length: n - 1 }]).infer(&[&x], &mut lengths).unwrap()[0].to_string(), "f32[n - 1]");
        slice(&[range(0, 1, 3)]).infer(&[&x], &mut lengths).unwrap();
        assert_eq!(lengths.requirements().iter().map(ToString::to_string).collect::<Vec<_>>(), ["n - 1 >= 0", "n >= 3"]);
        let known = Type::new(DType::F32, [2]);
        let message = slice(&[range(0, 1, 3)]).infer(&[&known], &mut lengths).unwrap_err().message;
        assert_eq!(message, "the range along axis 0 reaches up to 2, and an axis of length 2 has the places 0 to 1");
    }

    #[test]
    fn ranges_read_back() {
        let by = Symbol::new("by");
        let ranges = slice(&[Range { start: by * 2 + by, step: -2, length: Dim::from(by).floor_div(&3.into()) }, range(0, 1, 4)]);
        assert_eq!(ranges.attributes().to_string(), "{ranges=[3*by by -2; floor(by, 3), 0 by 1; 4]}");
        assert_eq!(Slice::parse(&ranges.attributes()).unwrap(), ranges);
    }

    #[test]
    fn its_transpose_is_padding() {
        let x = AnyArray::from(Array2::<f64>::from_shape_fn((4, 5), |(i, j)| (i + 3 * j) as f64));
        assert_transpose(slice(&[range(3, -2, 2), range(1, 3, 2)]), &[x]);
        assert_transpose(slice(&[range(0, 1, 0)]), &[AnyArray::from(arr1(&[1.0, 2.0]))]);
    }
}
