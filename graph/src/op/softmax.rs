//! exp normalised to sum 1.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, compensated, one, require, rows, scalar, special};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// exp(x) / Σ exp(x) along an axis: `x: [a, b] -> [a, b]`. Floats; never overflows.
///
/// NaN along an axis where an element is +∞ or NaN, or all are −∞.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Softmax {
    /// The axis along which it sums to 1.
    pub axis: usize,
}

impl Softmax {
    pub(crate) const NAME: &'static str = "softmax";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Softmax { axis: attributes.axis("axis")? })
    }

    /// y⊙(v − Σ y⊙v): its tangent, and since the matrix is symmetric its cotangent too.
    fn vary(&self, graph: &mut Graph, result: Value, by: Value) -> Result<Value> {
        let weighted = graph.times(result, by)?;
        let mean = graph.sum(weighted, &[self.axis])?;
        let mean = graph.keep_axes(mean, &[self.axis])?;
        let centred = graph.apply(&scalar::SUB, &[by, mean])?;
        graph.times(result, centred)
    }
}

fn of_row(row: &[f64]) -> Vec<f64> {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, special::maximum);
    let powers: Vec<f64> = row.iter().map(|x| (x - largest).exp()).collect();
    let sum = compensated::sum(powers.iter().copied());
    powers.into_iter().map(|power| power / sum).collect()
}

impl Primitive for Softmax {
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

impl Tangent for Softmax {
    fn tangent(&self, graph: &mut Graph, _: &[Value], result: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let &[Some(tangent)] = tangents else { return Ok(None) };
        self.vary(graph, result, tangent).map(Some)
    }

    fn cotangent(&self, graph: &mut Graph, _: &[Value], result: Value, cotangent: Value) -> Result<Option<Cotangents>> {
        Ok(Some(SmallVec::from_slice(&[Some(self.vary(graph, result, cotangent)?)])))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, arr1, arr2};

    use super::super::linear_identity::assert_tangent;
    use super::*;
    use crate::error::ErrorKind;

    fn of(axis: usize, x: impl Into<AnyArray>) -> Result<AnyArray, Problem> {
        Softmax { axis }.evaluate(&[&x.into()], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn it_sums_to_one_without_overflow() {
        let ln_3 = 3f64.ln();
        let y = of(1, arr2(&[[1000.0 + ln_3, 1000.0], [f64::NEG_INFINITY, -2000.0]])).unwrap().to_reals();
        assert!((&y - &arr2(&[[0.75, 0.25], [0.0, 1.0]])).iter().all(|error| error.abs() < 1e-13), "{y}");
        assert_eq!(of(0, arr2(&[[5.0f32, -3.0]])).unwrap(), AnyArray::from(arr2(&[[1.0f32, 1.0]])));
        assert_eq!(of(1, Array2::<f32>::zeros((2, 0))).unwrap().shape(), [2, 0]);
    }

    #[test]
    fn what_it_refuses() {
        assert_eq!(of(0, arr1(&[1i32])).unwrap_err().kind, ErrorKind::DType);
        assert_eq!(of(1, arr1(&[1.0])).unwrap_err().kind, ErrorKind::Axis);
    }

    #[test]
    fn its_tangent_and_cotangent() {
        let x = Array3::<f64>::from_shape_fn((2, 3, 2), |(i, j, k)| ((5 * i + 7 * j + 3 * k) % 11) as f64 / 4.0);
        assert_tangent(&Softmax { axis: 1 }, &AnyArray::from(x));
    }
}
