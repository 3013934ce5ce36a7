//! ln Σ exp, without overflow.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::stop_gradient::StopGradient;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, compensated, one, require, rows, scalar, special};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// ln Σ exp(x) along axes, which disappear: `x: [a, b], axis 1 -> [a]`. Floats.
///
/// Never overflows where the result does not. +∞ if an element is, −∞ if all are or there are none, NaN if an element is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogSumExp {
    /// The axes of the sum, in order, each once.
    pub axes: SmallVec<[usize; 4]>,
}

impl LogSumExp {
    pub(crate) const NAME: &'static str = "log_sum_exp";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(LogSumExp { axes: attributes.axes("axes")?.into() })
    }
}

/// The largest element m and ln Σ exp(x − m): the parts of ln Σ exp(x), which may differ much in size.
///
/// The largest is left out of the sum, so that small others are not lost beside its 1.
pub(super) fn parts(row: &[f64]) -> (f64, f64) {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, special::maximum);
    if !largest.is_finite() {
        return (largest, 0.0);
    }
    let place = row.iter().position(|&x| x == largest);
    let others = row.iter().enumerate().filter(|(index, _)| Some(*index) != place);
    (largest, compensated::sum(others.map(|(_, x)| (x - largest).exp())).ln_1p())
}

impl Primitive for LogSumExp {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with_list("axes", &self.axes)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        require::float(x.dtype)?;
        require::axes(&self.axes, x.rank())?;
        Ok(one(Type { dtype: x.dtype, dims: require::without(&x.dims, &self.axes) }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        let sums = rows::reduce(&x.to_reals(), &self.axes, |row| {
            let (largest, rest) = parts(row);
            Ok(largest + rest)
        })?;
        Ok(one(AnyArray::from_reals(x.dtype(), &sums)))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Tangent(self)
    }
}

impl Tangent for LogSumExp {
    /// Σ exp(x − y)·ẋ / Σ exp(x − y): the rounding of y, which may be large, cancels.
    ///
    /// Where y is −∞ the weights are 0; where it is +∞ an element that is +∞ weighs 1 and all others 0.
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], result: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let (&[x], &[Some(tangent)]) = (inputs, tangents) else { return Ok(None) };
        let dtype = graph.ty(x).dtype;
        let (zero, one) = (graph.number(dtype, 0.0)?, graph.number(dtype, 1.0)?);
        let nothing = graph.number(dtype, f64::NEG_INFINITY)?;
        let is_nothing = graph.apply(&scalar::EQUAL, &[result, nothing])?;
        let shift = graph.select(is_nothing, zero, result)?;
        // The quotient does not depend on the shift, and so its derivative does not either.
        let shift = graph.add(StopGradient, &[shift])?;
        let shift = graph.keep_axes(shift, &self.axes)?;
        // ∞ − ∞ would be NaN, and of equal numbers the difference is 0 anyway.
        let equal = graph.apply(&scalar::EQUAL, &[x, shift])?;
        let difference = graph.apply(&scalar::SUB, &[x, shift])?;
        let exponent = graph.select(equal, zero, difference)?;
        let powers = graph.apply(&scalar::EXP, &[exponent])?;
        let terms = graph.times(powers, tangent)?;
        let (terms, total) = (graph.sum(terms, &self.axes)?, graph.sum(powers, &self.axes)?);
        // Not about 1 where y is infinite.
        let is_finite = graph.apply(&scalar::IS_FINITE, &[result])?;
        let total = graph.select(is_finite, total, one)?;
        graph.apply(&scalar::DIV, &[terms, total]).map(Some)
    }

    fn cotangent(&self, _: &mut Graph, _: &[Value], _: Value, _: Value) -> Result<Option<Cotangents>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, arr0, arr1, arr2};
    use smallvec::smallvec;

    use super::super::linear_identity::{assert_tangent, tangent_at};
    use super::*;
    use crate::dtype::DType;
    use crate::error::ErrorKind;

    const INF: f64 = f64::INFINITY;

    fn of(x: impl Into<AnyArray>) -> Result<AnyArray, Problem> {
        LogSumExp { axes: smallvec![0] }.evaluate(&[&x.into()], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn it_does_not_overflow_and_keeps_small_terms() {
        let y = of(arr2(&[[1000.0, 0.0, 0.0], [1000.0, -50.0, -INF]])).unwrap();
        assert_eq!(y, AnyArray::from(arr1(&[1000.0 + std::f64::consts::LN_2, (-50f64).exp(), 0.0])));
    }

    #[test]
    fn infinities_and_nan() {
        let y = of(arr2(&[[-INF, INF, INF, f64::NAN], [-INF, -INF, 1.0, INF]])).unwrap().to_reals();
        assert_eq!(y.as_slice().unwrap()[..3], [-INF, INF, INF]);
        assert!(y[3].is_nan());
        assert_eq!(of(Array2::<f32>::zeros((0, 2))).unwrap(), AnyArray::from(arr1(&[f32::NEG_INFINITY; 2])));
        assert_eq!(of(arr1(&[3.5])).unwrap(), AnyArray::from(arr0(3.5)));
    }

    #[test]
    fn only_floats() {
        assert_eq!(of(arr1(&[1i32])).unwrap_err().kind, ErrorKind::DType);
        assert!(of(AnyArray::from(arr1(&[1.0f32])).cast(DType::C64)).unwrap_err().message.contains("complex"));
    }

    #[test]
    fn its_tangent_weighs_by_softmax() {
        let x = Array3::<f64>::from_shape_fn((2, 3, 2), |(i, j, k)| ((5 * i + 7 * j + 3 * k) % 11) as f64 / 4.0);
        assert_tangent(&LogSumExp { axes: smallvec![0, 2] }, &AnyArray::from(x));
        let direction = AnyArray::from(arr1(&[1.0, 10.0]));
        let at = |x: [f64; 2]| tangent_at(&LogSumExp { axes: smallvec![0] }, &AnyArray::from(arr1(&x)), &direction);
        assert_eq!(at([-INF, -INF]), AnyArray::from(arr0(0.0)));
        assert_eq!(at([INF, 1.0]), AnyArray::from(arr0(1.0)));
        assert_eq!(at([-INF, 1.0]), AnyArray::from(arr0(10.0)));
        assert_eq!(at([INF, INF]), AnyArray::from(arr0(11.0)));
    }

    #[test]
    fn its_weights_do_not_inherit_the_rounding_of_the_result() {
        let op = LogSumExp { axes: smallvec![0] };
        let weight = |x: [f64; 2], of: [f64; 2]| tangent_at(&op, &AnyArray::from(arr1(&x)), &AnyArray::from(arr1(&of))).to_reals()[[]];
        let (more, less) = (weight([-800.0, -805.0], [1.0, 0.0]), weight([-800.0, -805.0], [0.0, 1.0]));
        assert!((more - 0.993_307_149_075_715_2).abs() <= f64::EPSILON, "{more}");
        assert!((less / 0.006_692_850_924_284_855 - 1.0).abs() <= 2.0 * f64::EPSILON, "{less}");
    }
}
