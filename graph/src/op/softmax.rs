//! exp normalised to sum 1.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::shares::Shares;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, compensated, one, require, rows, special};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// exp(x) / Σ exp(x) along an axis: `x: [a, b] -> [a, b]`. Floats; never overflows.
///
/// Where one element is +∞ that is 1 and all others are 0. NaN along an axis where more than one is, one is NaN, or all are −∞.
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
        let centred = Shares::new(graph, result, self.axis)?.centred(graph, by)?;
        graph.times(result, centred)
    }
}

/// Whether one element is +∞ and no other is, nor NaN: then it has it all.
pub(super) fn has_one_infinity(row: &[f64]) -> bool {
    row.iter().filter(|&&x| x == f64::INFINITY).count() == 1 && !row.iter().any(|x| x.is_nan())
}

fn of_row(row: &[f64]) -> Vec<f64> {
    if has_one_infinity(row) {
        return row.iter().map(|&x| if x == f64::INFINITY { 1.0 } else { 0.0 }).collect();
    }
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

    use super::super::linear_identity::{assert_cotangent_at, assert_near_all, assert_tangent, tangent_at};
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

    #[test]
    fn infinities_and_nan() {
        const INF: f64 = f64::INFINITY;
        let y = of(1, arr2(&[[1.0, INF, -INF], [-INF, 1e300, -INF]])).unwrap();
        assert_eq!(y, AnyArray::from(arr2(&[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])));
        let y = of(1, arr2(&[[INF, INF, 1.0], [-INF, -INF, -INF], [f64::NAN, INF, 1.0]])).unwrap();
        assert!(y.to_reals().iter().all(|y| y.is_nan()));
    }

    #[test]
    fn its_derivative_keeps_its_digits_where_one_is_almost_all() {
        let x = AnyArray::from(arr1(&[40.0, 0.0]));
        let by = |v: [f64; 2]| tangent_at(&Softmax { axis: 0 }, &x, &AnyArray::from(arr1(&v)));
        // p₀·p₁
        let slope = 4.248_354_255_291_589e-18;
        assert_near_all(&by([1.0, 0.0]), &[slope, -slope]);
        assert_near_all(&by([0.0, 1.0]), &[-slope, slope]);
        assert_cotangent_at(&Softmax { axis: 0 }, &x, &[1.0, 0.0], &[slope, -slope]);
        // At a limit nothing moves.
        let infinite = AnyArray::from(arr1(&[f64::INFINITY, 0.0]));
        assert_eq!(tangent_at(&Softmax { axis: 0 }, &infinite, &AnyArray::from(arr1(&[1.0, 1.0]))).to_reals(), arr1(&[0.0, 0.0]).into_dyn());
    }
}
