//! The logarithm of softmax.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::log_sum_exp::parts;
use super::shares::Shares;
use super::softmax::{Softmax, has_one_infinity};
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, one, require, rows};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// x − ln Σ exp(x) along an axis: `x: [a, b] -> [a, b]`. Floats; never overflows, and keeps its digits near 0.
///
/// Where one element is +∞ that is 0 and all others are −∞. NaN along an axis where more than one is, one is NaN, or all are −∞.
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

    /// The softmax itself: the power of the result has the digits of the result only.
    fn shares(&self, graph: &mut Graph, inputs: &[Value]) -> Result<Shares> {
        let softmax = graph.add(Softmax { axis: self.axis }, inputs)?;
        Shares::new(graph, softmax, self.axis)
    }
}

fn of_row(row: &[f64]) -> Vec<f64> {
    if has_one_infinity(row) {
        return row.iter().map(|&x| if x == f64::INFINITY { 0.0 } else { f64::NEG_INFINITY }).collect();
    }
    let (largest, rest) = parts(row);
    if largest == f64::INFINITY {
        return vec![f64::NAN; row.len()];
    }
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
    /// ẋ − Σ p⊙ẋ, where p is the softmax.
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let &[Some(tangent)] = tangents else { return Ok(None) };
        self.shares(graph, inputs)?.centred(graph, tangent).map(Some)
    }

    /// ȳ − p·Σ ȳ
    fn cotangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, cotangent: Value) -> Result<Option<Cotangents>> {
        let cotangent = self.shares(graph, inputs)?.spread(graph, cotangent)?;
        Ok(Some(SmallVec::from_slice(&[Some(cotangent)])))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, arr1, arr2};

    use super::super::linear_identity::{assert_cotangent_at, assert_near_all, assert_tangent, tangent_at};
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

    #[test]
    fn infinities_and_nan() {
        const INF: f64 = f64::INFINITY;
        let y = of(1, arr2(&[[1.0, INF, -INF], [-INF, 1e300, -INF]])).unwrap();
        assert_eq!(y, AnyArray::from(arr2(&[[-INF, 0.0, -INF], [-INF, 0.0, -INF]])));
        let y = of(1, arr2(&[[INF, INF, 1.0], [-INF, -INF, -INF], [f64::NAN, INF, 1.0]])).unwrap();
        assert!(y.to_reals().iter().all(|y| y.is_nan()));
    }

    #[test]
    fn its_derivative_keeps_its_digits_where_a_class_is_certain() {
        let op = LogSoftmax { axis: 0 };
        let x = AnyArray::from(arr1(&[40.0, 0.0, 0.0]));
        let p = 4.248_354_255_291_589e-18;
        assert_cotangent_at(&op, &x, &[1.0, 0.0, 0.0], &[2.0 * p, -p, -p]);
        assert_cotangent_at(&op, &x, &[0.0, 1.0, 0.0], &[-1.0, 1.0, -p]);
        let by = |v: [f64; 3]| tangent_at(&op, &x, &AnyArray::from(arr1(&v)));
        assert_near_all(&by([1.0, 0.0, 0.0]), &[2.0 * p, -1.0, -1.0]);
        assert_eq!(by([1.0, 1.0, 0.0]).to_reals()[0], p);
        assert_cotangent_at(&op, &AnyArray::from(arr1(&[1.0, f64::INFINITY])), &[1.0, 2.0], &[1.0, -1.0]);
    }
}
