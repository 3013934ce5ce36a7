//! The logarithm of softmax.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::log_sum_exp::parts;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, one, require, rows, scalar};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// x − ln Σ exp(x) along an axis: `x: [a, b] -> [a, b]`. Floats; never overflows, and keeps its digits near 0.
///
/// NaN along an axis where an element is NaN, where the +∞ are, and where all elements are −∞.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogSoftmax {
    /// The axis along which the exponentials sum to 1.
    pub axis: usize,
}

impl LogSoftmax {
    pub(crate) const NAME: &'static str = "log_softmax";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(LogSoftmax { axis: attributes.axis("axis")? })
    }
}

fn of_row(row: &[f64]) -> Vec<f64> {
    let (largest, rest) = parts(row);
    row.iter().map(|x| (x - largest) - rest).collect()
}

impl Primitive for LogSoftmax {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("axis", self.axis)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        require::float(x.dtype)?;
        require::axis(self.axis, x.rank())?;
        Ok(one(x.clone()))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        Ok(one(AnyArray::from_reals(x.dtype(), &rows::map(&x.to_reals(), &[self.axis], of_row)?)))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Tangent(self)
    }
}

impl Tangent for LogSoftmax {
    /// ẋ − Σ exp(y)⊙ẋ
    fn tangent(&self, graph: &mut Graph, _: &[Value], result: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let &[Some(tangent)] = tangents else { return Ok(None) };
        let softmax = graph.apply(&scalar::EXP, &[result])?;
        let weighted = graph.times(softmax, tangent)?;
        let mean = graph.sum(weighted, &[self.axis])?;
        let mean = graph.keep_axes(mean, &[self.axis])?;
        graph.apply(&scalar::SUB, &[tangent, mean]).map(Some)
    }

    /// ȳ − exp(y)·Σ ȳ
    fn cotangent(&self, graph: &mut Graph, _: &[Value], result: Value, cotangent: Value) -> Result<Option<Cotangents>> {
        let softmax = graph.apply(&scalar::EXP, &[result])?;
        let sum = graph.sum(cotangent, &[self.axis])?;
        let sum = graph.keep_axes(sum, &[self.axis])?;
        let shared = graph.times(softmax, sum)?;
        Ok(Some(SmallVec::from_slice(&[Some(graph.apply(&scalar::SUB, &[cotangent, shared])?)])))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, arr1, arr2};

    use super::super::linear_identity::assert_tangent;
    use super::*;
    use crate::error::ErrorKind;

    fn of(axis: usize, x: impl Into<AnyArray>) -> Result<AnyArray, Problem> {
        LogSoftmax { axis }.evaluate(&[&x.into()], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn it_neither_overflows_nor_loses_digits() {
        let y = of(1, arr2(&[[1000.0, 950.0], [f64::NEG_INFINITY, 7.0]])).unwrap();
        assert_eq!(y, AnyArray::from(arr2(&[[-(-50f64).exp(), -50.0], [f64::NEG_INFINITY, 0.0]])));
        assert_eq!(of(0, arr1(&[5.0f32])).unwrap(), AnyArray::from(arr1(&[0.0f32])));
        assert_eq!(of(1, Array2::<f32>::zeros((2, 0))).unwrap().shape(), [2, 0]);
    }

    #[test]
    fn what_it_refuses() {
        assert_eq!(of(0, arr1(&[true])).unwrap_err().kind, ErrorKind::DType);
        assert_eq!(of(2, arr1(&[1.0])).unwrap_err().kind, ErrorKind::Axis);
    }

    #[test]
    fn its_tangent_and_cotangent() {
        let x = Array3::<f64>::from_shape_fn((2, 3, 2), |(i, j, k)| ((5 * i + 7 * j + 3 * k) % 11) as f64 / 4.0);
        assert_tangent(&LogSoftmax { axis: 1 }, &AnyArray::from(x));
    }
}
