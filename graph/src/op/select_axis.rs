//! Rows picked by index.

use ndarray::{ArrayD, Axis, IxDyn};
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::scatter_add::ScatterAdd;
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one, require};
use crate::any_array::AnyArray;
use crate::error::{ErrorKind, Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// Rows picked along an axis: `x: [a, n, b], indices: [i, j], axis 1 -> [a, i, j, b]`.
///
/// The indices are integers; negative ones count from the end. An index outside `-n .. n` fails when it is met.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SelectAxis {
    /// The axis along which rows are picked.
    pub axis: usize,
}

impl SelectAxis {
    pub(crate) const NAME: &'static str = "select_axis";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(SelectAxis { axis: attributes.axis("axis")? })
    }
}

/// The places that indices name in an axis of that length, in row-major order.
pub(super) fn places(indices: &AnyArray, length: usize) -> Result<Vec<usize>, Problem> {
    indices
        .to_integers()
        .iter()
        .map(|&index| {
            let place = if index < 0 { index + length as i128 } else { index };
            usize::try_from(place).ok().filter(|&place| place < length).ok_or_else(|| {
                let message = match length {
                    0 => format!("the index {index} is out of range: the axis is empty"),
                    _ => format!("the index {index} is out of range: an axis of length {length} has indices from -{length} to {}", length - 1),
                };
                Problem::new(ErrorKind::Execution, message)
            })
        })
        .collect()
}

impl Primitive for SelectAxis {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("axis", self.axis)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x, indices] = arity(inputs)?;
        require::axis(self.axis, x.rank())?;
        require::indices(indices.dtype)?;
        let dims = x.dims[..self.axis].iter().chain(indices.dims.iter()).chain(&x.dims[self.axis + 1..]);
        Ok(one(Type::new(x.dtype, dims)))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x, indices] = arity(inputs)?;
        let places = places(indices, x.shape()[self.axis])?;
        let shape = [&x.shape()[..self.axis], indices.shape(), &x.shape()[self.axis + 1..]].concat();
        let picked = x.rearranged(|all| {
            // Collected anew, because `select` may leave the elements in column-major order.
            let picked = all.select(Axis(self.axis), &places).iter().copied().collect();
            ArrayD::from_shape_vec(IxDyn(&shape), picked).map_err(|error| Problem::shapes(error.to_string()))
        })?;
        Ok(one(picked))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for SelectAxis {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        if wrt != 0 {
            // Indices do not vary.
            return graph.zeros_like(inputs[wrt]);
        }
        let length = graph.ty(inputs[0]).dims[self.axis].clone();
        graph.add(ScatterAdd { axis: self.axis, length }, &[cotangent, inputs[1]])
    }

    fn elements(&self) -> Elements {
        Elements::Copy
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, arr0, arr1, arr2};

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::dtype::DType;

    #[test]
    fn rows_are_picked_by_index() {
        let x = AnyArray::from(arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
        let pick = |axis, indices: &AnyArray| SelectAxis { axis }.evaluate(&[&x, indices], &Sizes::default()).map(|mut y| y.remove(0));
        assert_eq!(pick(0, &AnyArray::from(arr1(&[-1i64, 0]))).unwrap(), AnyArray::from(arr2(&[[5.0, 6.0], [1.0, 2.0]])));
        assert_eq!(pick(1, &AnyArray::from(arr0(1u8))).unwrap(), AnyArray::from(arr1(&[2.0, 4.0, 6.0])));
        assert_eq!(pick(1, &AnyArray::from(arr2(&[[0i32, 1, 1]]))).unwrap().shape(), [3, 1, 3]);
        assert_eq!(
            pick(1, &AnyArray::from(arr1(&[1i64, 0, 0]))).unwrap(),
            AnyArray::from(arr2(&[[2.0, 1.0, 1.0], [4.0, 3.0, 3.0], [6.0, 5.0, 5.0]]))
        );
        assert_eq!(pick(0, &AnyArray::from(Array2::<i32>::zeros((0, 4)))).unwrap().shape(), [0, 4, 2]);
        let problem = pick(0, &AnyArray::from(arr1(&[3i32]))).unwrap_err();
        assert_eq!(problem.message, "the index 3 is out of range: an axis of length 3 has indices from -3 to 2");
        assert_eq!(problem.kind, ErrorKind::Execution);
        assert_eq!(pick(0, &AnyArray::from(arr1(&[0.0]))).unwrap_err().kind, ErrorKind::DType);
    }

    #[test]
    fn indices_of_any_rank_take_the_place_of_the_axis() {
        let (x, indices) = (Type::new(DType::F32, [2, 3, 4]), Type::new(DType::I32, [5, 6]));
        let infer = |axis| SelectAxis { axis }.infer(&[&x, &indices], &mut Lengths::default());
        assert_eq!(infer(1).unwrap()[0].to_string(), "f32[2, 5, 6, 4]");
        assert_eq!(infer(3).unwrap_err().kind, ErrorKind::Axis);
    }

    #[test]
    fn its_transpose_adds_rows_up() {
        let x = AnyArray::from(Array3::<f64>::from_shape_fn((2, 3, 2), |(i, j, k)| (i + 3 * j + 5 * k) as f64));
        assert_transpose(SelectAxis { axis: 1 }, &[x.clone(), AnyArray::from(arr2(&[[0i32, 2], [-3, 2]]))]);
        assert_transpose(SelectAxis { axis: 2 }, &[x, AnyArray::from(arr0(1i64))]);
    }
}
