//! The Euclidean norm, without overflow.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::compensated::Compensated;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, one, require, rows, scalar};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// √Σx² along axes, which disappear: `x: [a, b], axis 1 -> [a]`. Floats. Of no axes it is |x|.
///
/// Never over- or underflows where the result does not. 0 of no elements, +∞ if an element is infinite, otherwise NaN if one is NaN, as
/// [`f64::hypot`] has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Norm {
    /// The axes of the sum, in order, each once.
    pub axes: SmallVec<[usize; 4]>,
}

impl Norm {
    pub(crate) const NAME: &'static str = "norm";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Norm { axes: attributes.axes("axes")?.into() })
    }
}

/// Squares of numbers in this range, and sums of them, stay far from the ends of `f64`.
const SAFE: std::ops::Range<f64> = power_of_two(-400)..power_of_two(460);

/// 2 to a whole power, which is not subnormal.
const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The norm of numbers, to an ulp: by the largest of them all are brought into a range where squares are safe.
fn of_reals(row: &[f64]) -> f64 {
    if row.iter().any(|x| x.is_infinite()) {
        return f64::INFINITY;
    }
    let largest = row.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let scale = if largest == 0.0 || SAFE.contains(&largest) {
        1.0
    } else if largest < SAFE.start {
        power_of_two(600)
    } else {
        power_of_two(-600)
    };
    let mut sum = Compensated::default();
    for x in row {
        sum.add_product(x * scale, x * scale);
    }
    sum.value().sqrt() / scale
}

impl Primitive for Norm {
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
        let norms = rows::reduce(&x.to_reals(), &self.axes, |row| Ok(of_reals(row)))?;
        Ok(one(AnyArray::from_reals(x.dtype(), &norms)))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Tangent(self)
    }
}

impl Tangent for Norm {
    /// Σ x/‖x‖·ẋ, and 0 where the norm is. The division comes first: it brings numbers of any size to at most 1.
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], result: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let (&[x], &[Some(tangent)]) = (inputs, tangents) else { return Ok(None) };
        let dtype = graph.ty(x).dtype;
        let (zero, unit) = (graph.number(dtype, 0.0)?, graph.number(dtype, 1.0)?);
        let norm = graph.keep_axes(result, &self.axes)?;
        let is_zero = graph.apply(&scalar::EQUAL, &[norm, zero])?;
        // Nothing is divided by 0, so that derivatives of this have no infinite slope to multiply by 0.
        let divisor = graph.select(is_zero, unit, norm)?;
        let quotient = graph.apply(&scalar::DIV, &[x, divisor])?;
        let direction = graph.select(is_zero, zero, quotient)?;
        let terms = graph.times(direction, tangent)?;
        graph.sum(terms, &self.axes).map(Some)
    }

    fn cotangent(&self, _: &mut Graph, _: &[Value], _: Value, _: Value) -> Result<Option<Cotangents>> {
        // The transpose of the tangent is one pass over x that keeps nothing.
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
        Norm { axes: smallvec![0] }.evaluate(&[&x.into()], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn numbers_of_any_size() {
        for scale in [1.0, 1e-200, 1e200, 3e307, 1e-310] {
            let y = of(arr1(&[3.0 * scale, -4.0 * scale])).unwrap().to_reals()[[]];
            assert!((y / (5.0 * scale) - 1.0).abs() < 1e-13, "{scale}: {y}");
        }
        assert_eq!(of(arr1(&[3e-200, 4e-200])).unwrap(), AnyArray::from(arr0(5e-200)));
        assert_eq!(of(arr1(&[5e-324, 0.0])).unwrap(), AnyArray::from(arr0(5e-324)));
        assert_eq!(of(arr1(&[f64::MAX, f64::MAX])).unwrap(), AnyArray::from(arr0(INF)));
        assert_eq!(of(arr1(&[3e38f32, 0.0])).unwrap(), AnyArray::from(arr0(3e38f32)));
        assert_eq!(of(arr1(&[half::f16::from_f32(300.0), half::f16::from_f32(-400.0)])).unwrap(), AnyArray::from(arr0(half::f16::from_f32(500.0))));
    }

    #[test]
    fn nothing_infinities_and_nan() {
        let y = of(arr2(&[[INF, f64::NAN, 1.0], [f64::NAN, 2.0, -INF]])).unwrap().to_reals();
        assert!(y[0] == INF && y[1].is_nan() && y[2] == INF);
        assert_eq!(of(Array2::<f32>::zeros((0, 2))).unwrap(), AnyArray::from(arr1(&[0.0f32; 2])));
        assert_eq!(of(arr1(&[0.0, -0.0])).unwrap(), AnyArray::from(arr0(0.0)));
        let sizes = Norm { axes: smallvec![] }.evaluate(&[&AnyArray::from(arr1(&[-2.0, 3.0]))], &Sizes::default()).unwrap();
        assert_eq!(sizes[0], AnyArray::from(arr1(&[2.0, 3.0])));
    }

    #[test]
    fn only_floats() {
        assert_eq!(of(arr1(&[1i32])).unwrap_err().kind, ErrorKind::DType);
        assert!(of(AnyArray::from(arr1(&[1.0f32])).cast(DType::C64)).unwrap_err().message.contains("complex"));
    }

    /// Rows `a, a + b, a + 2b, …` of that length, and their norms, correctly rounded; computed with mpmath at 50 digits.
    const NORMS: &[(usize, f64, f64, f64)] = &[
        (2, 1.0, 0.3, 1.640_121_946_685_672_5),
        (3, 1e-170, 1.7e-170, 5.258_326_730_053_962_6e-170),
        (3, 1e308, -7e307, 1.118_033_988_749_895e308),
        (7, -3.3, 1.1, 5.820_652_884_342_1),
        (100, 0.1, 0.01, 6.613_244_287_034_919),
        (1000, -7.7, 0.0123, 122.593_189_920_974),
        (1000, 1e-200, 1e-202, 2.104_123_332_887_119_4e-198),
        (1000, 2e305, -3e302, 3.164_650_849_619_907e306),
        (4096, 1.0, 0.0, 64.0),
        (10, 4e-320, 3e-321, 1.713_47e-319),
        (333, 1e150, 2e148, 8.628_693_991_560_948e151),
        (64, 1e-130, 3e-122, 8.764_108_626_214_99e-120),
    ];

    #[test]
    fn norms_are_accurate_to_an_ulp() {
        for &(length, start, step, expected) in NORMS {
            let row: Vec<f64> = (0..length).map(|k| step.mul_add(k as f64, start)).collect();
            let found = of_reals(&row);
            assert!(found.to_bits().abs_diff(expected.to_bits()) <= 1, "{length} {start} {step}: {found:e} is not {expected:e}");
        }
    }

    #[test]
    fn its_tangent_is_the_direction() {
        let x = Array3::<f64>::from_shape_fn((2, 3, 2), |(i, j, k)| ((5 * i + 7 * j + 3 * k) % 11) as f64 / 4.0 - 1.3);
        assert_tangent(&Norm { axes: smallvec![0, 2] }, &AnyArray::from(x.clone()));
        assert_tangent(&Norm { axes: smallvec![] }, &AnyArray::from(x));
        let (left, right) = (AnyArray::from(arr1(&[1.0, 0.0])), AnyArray::from(arr1(&[0.0, 1.0])));
        let slopes = |x: [f64; 2]| [&left, &right].map(|direction| tangent_at(&Norm { axes: smallvec![0] }, &AnyArray::from(arr1(&x)), direction));
        let numbers = |x: f64, y: f64| [x, y].map(|x| AnyArray::from(arr0(x)));
        assert_eq!(slopes([3e-200, 4e-200]), numbers(0.6, 0.8));
        let huge = 2f64.powi(1000);
        assert_eq!(slopes([3.0 * huge, -4.0 * huge]), numbers(0.6, -0.8));
        assert_eq!(slopes([0.0, 0.0]), numbers(0.0, 0.0));
    }
}
