//! Zeros everywhere but a regular range along each axis: the transpose of a slice.

use ndarray::{ArrayD, Dimension, IxDyn};
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::slice::{Range, Slice, one_range_per_axis};
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one, require};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::{Dims, Type};

/// Zeros of lengths `to` with `x` placed in them: element `i` of `x` is element `start + i·step` of the result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// One range per axis, as long as `x` is along that axis.
    pub ranges: SmallVec<[Range; 4]>,
    /// The lengths of the result.
    pub to: Dims,
}

impl Pad {
    pub(crate) const NAME: &'static str = "pad";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Pad { ranges: Range::parse_all(attributes)?, to: attributes.dims("to")? })
    }

    /// Where the elements of the result are in `x`, which is given as the places of its elements.
    fn pad(&self, x: &ArrayD<usize>, sizes: &Sizes) -> Result<ArrayD<usize>, Problem> {
        let shape = sizes.shape(&self.to)?;
        let places = self.ranges.iter().zip(&shape).enumerate().map(|(axis, (range, &length))| range.places(axis, length, sizes));
        let places: Vec<Vec<usize>> = places.collect::<Result<_, _>>()?;
        if !places.iter().map(Vec::len).eq(x.shape().iter().copied()) {
            return Err(Problem::shapes(format!("{:?} is not as long as the ranges in which it is placed", x.shape())));
        }
        let mut result = require::filled(&shape, NOWHERE)?;
        for (index, &element) in x.indexed_iter() {
            let place: Vec<usize> = places.iter().zip(index.slice()).map(|(places, &index)| places[index]).collect();
            result[IxDyn(&place)] = element;
        }
        Ok(result)
    }
}

/// The place of no element.
const NOWHERE: usize = usize::MAX;

impl Primitive for Pad {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with_list("ranges", &self.ranges).with("to", &self.to)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        one_range_per_axis(&self.ranges, x.rank())?;
        one_range_per_axis(&self.ranges, self.to.len())?;
        for (axis, range) in self.ranges.iter().enumerate() {
            if lengths.unify(&x.dims[axis], &range.length).is_none() {
                let message = format!("axis {axis} has length {}, and its place in the zeros has length {}", x.dims[axis], range.length);
                return Err(Problem::shapes(message));
            }
            range.demand_inside(axis, &self.to[axis], lengths)?;
        }
        Ok(one(Type { dtype: x.dtype, dims: self.to.clone() }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        x.rearranged(|places| self.pad(&places, sizes)).map(one)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for Pad {
    fn transpose(&self, graph: &mut Graph, _: &[Value], _: usize, cotangent: Value) -> Result<Value> {
        graph.add(Slice { ranges: self.ranges.clone() }, &[cotangent])
    }

    fn elements(&self) -> Elements {
        Elements::Move
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};
    use smallvec::smallvec;

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::error::ErrorKind;

    fn range(start: i64, step: i64, length: i64) -> Range {
        Range { start: start.into(), step, length: length.into() }
    }

    #[test]
    fn the_rest_is_zero() {
        let x = AnyArray::from(arr1(&[1, 2]));
        let pad = |range, to: i64| Pad { ranges: smallvec![range], to: [to].into_iter().collect() }.evaluate(&[&x], &Sizes::default());
        assert_eq!(pad(range(3, -2, 2), 5).unwrap()[0], AnyArray::from(arr1(&[0, 2, 0, 1, 0])));
        assert_eq!(pad(range(3, 2, 2), 5).unwrap_err().kind, ErrorKind::Axis);
        assert_eq!(pad(range(0, 1, 3), 5).unwrap_err().kind, ErrorKind::Shapes);
    }

    #[test]
    fn it_reads_back() {
        let pad = Pad { ranges: smallvec![range(0, 1, 2), range(1, 2, 3)], to: [2, 9].into_iter().collect() };
        assert_eq!(Pad::parse(&pad.attributes()).unwrap(), pad);
    }

    #[test]
    fn its_transpose_is_slicing() {
        let x = AnyArray::from(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        assert_transpose(Pad { ranges: smallvec![range(2, -1, 2), range(0, 2, 3)], to: [3, 6].into_iter().collect() }, &[x]);
    }
}
