//! The largest element of each window.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::max_pool_cotangent::MaxPoolCotangent;
use super::max_pool_tangent::MaxPoolTangent;
use super::windows::Windows;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, one, require, special};
use crate::any_array::AnyArray;
use crate::error::{ErrorKind, Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::number::Number;
use crate::sizes::Sizes;
use crate::types::Type;

/// The largest element of each window over the last axes: `x: [a, n, m] -> [a, windows along n, windows along m]`. Floats and integers.
///
/// NaN if one is in the window. Equal largest ones share the derivative.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MaxPool(pub Windows);

impl MaxPool {
    pub(crate) const NAME: &'static str = "max_pool";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Windows::parse(attributes).map(MaxPool)
    }
}

fn of_nothing() -> Problem {
    Problem::new(ErrorKind::Execution, "a window holds no element, and there is no largest of none")
        .advise("pad by less than the length of the window")
}

impl Primitive for MaxPool {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        require::float_or_integer(x.dtype)?;
        Ok(one(Type { dtype: x.dtype, dims: self.0.infer(x, lengths)? }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let types = require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        let numbers = x.numbers();
        let larger = |left: Number, right: Number| match (left, right) {
            (Number::Integer(left), Number::Integer(right)) => Number::Integer(left.max(right)),
            (left, right) => Number::Real(special::maximum(left.to_real(), right.to_real())),
        };
        let of_window = |places: &Vec<usize>| places.iter().map(|&place| numbers[place]).reduce(larger).ok_or_else(of_nothing);
        let largest = self.0.places(x.shape(), sizes)?.iter().map(of_window).collect::<Result<Vec<_>, _>>()?;
        let shape = sizes.shape(&types[0].dims)?;
        AnyArray::from_numbers(x.dtype(), &shape, largest).map(one).ok_or_else(|| Problem::shapes("the count of windows is off"))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Tangent(self)
    }
}

impl Tangent for MaxPool {
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let &[Some(tangent)] = tangents else { return Ok(None) };
        graph.add(MaxPoolTangent(self.0.clone()), &[inputs[0], tangent]).map(Some)
    }

    fn cotangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, cotangent: Value) -> Result<Option<Cotangents>> {
        let back = graph.add(MaxPoolCotangent(self.0.clone()), &[inputs[0], cotangent])?;
        Ok(Some(SmallVec::from_slice(&[Some(back)])))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use ndarray::{Array3, arr1, arr2};

    use super::super::linear_identity::{assert_cotangent_at, assert_tangent, tangent_at};
    use super::super::slice::Range;
    use super::*;

    /// Windows of these lengths, with a stride and a start for all axes.
    pub(in super::super) fn windows(begins: &[(i64, i64, i64)], lengths: &[usize]) -> Windows {
        let range = |&(start, step, length): &(i64, i64, i64)| Range { start: start.into(), step, length: length.into() };
        Windows { begins: begins.iter().map(range).collect(), lengths: lengths.into() }
    }

    fn of(windows: Windows, x: impl Into<AnyArray>) -> Result<AnyArray, Problem> {
        MaxPool(windows).evaluate(&[&x.into()], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn the_largest_of_each_window() {
        let x = arr2(&[[1.0f32, 5.0, 2.0, 0.0], [4.0, 3.0, -6.0, -1.0], [7.0, 8.0, 9.0, f32::NAN]]);
        assert_eq!(of(windows(&[(0, 1, 2), (0, 2, 2)], &[2, 2]), x.clone()).unwrap().to_reals()[[0, 0]], 5.0);
        let overlapping = of(windows(&[(-1, 1, 4)], &[2]), x).unwrap();
        assert_eq!(overlapping.to_reals().row_at(1), [4.0, 4.0, 3.0, -1.0]);
        assert!(overlapping.to_reals()[[2, 3]].is_nan());
        assert_eq!(of(windows(&[(0, 2, 2)], &[2]), arr1(&[-4i64, -3, i64::MAX, 7])).unwrap(), AnyArray::from(arr1(&[-3, i64::MAX])));
        assert_eq!(of(windows(&[(0, 2, 2)], &[2]), Array3::<f64>::zeros((0, 1, 4))).unwrap().shape(), [0, 1, 2]);
    }

    #[test]
    fn derivatives() {
        let x = Array3::<f64>::from_shape_fn((2, 4, 5), |(i, j, k)| ((7 * i + 11 * j + 5 * k) % 23) as f64 * 0.25);
        let x = AnyArray::from(&x + &Array3::from_shape_fn((2, 4, 5), |(i, j, k)| (i + 2 * j + 8 * k) as f64 * 0.02));
        for windows in [windows(&[(0, 2, 2), (0, 2, 2)], &[2, 2]), windows(&[(-1, 1, 4), (-1, 2, 3)], &[3, 2]), windows(&[(0, 3, 1)], &[4])] {
            assert_tangent(&MaxPool(windows), &x);
        }
    }

    #[test]
    fn ties_share() {
        let x = AnyArray::from(arr1(&[3.0, 3.0, 1.0, 2.0]));
        let pool = MaxPool(windows(&[(0, 2, 2)], &[2]));
        assert_eq!(tangent_at(&pool, &x, &AnyArray::from(arr1(&[1.0, 10.0, 100.0, 1000.0]))), AnyArray::from(arr1(&[5.5, 1000.0])));
        assert_cotangent_at(&pool, &x, &[1.0, 7.0], &[0.5, 0.5, 0.0, 7.0]);
    }

    #[test]
    fn it_reads_back() {
        let pool = MaxPool(windows(&[(-1, 2, 3), (0, 1, 4)], &[2, 3]));
        assert_eq!(pool.attributes().to_string(), "{begins=[-1 by 2; 3, 0 by 1; 4], lengths=[2, 3]}");
        assert_eq!(MaxPool::parse(&pool.attributes()).unwrap(), pool);
    }

    trait RowAt {
        fn row_at(&self, row: usize) -> Vec<f64>;
    }

    impl RowAt for ndarray::ArrayD<f64> {
        fn row_at(&self, row: usize) -> Vec<f64> {
            self.index_axis(ndarray::Axis(0), row).iter().copied().collect()
        }
    }
}
