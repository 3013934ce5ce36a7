//! Where the largest or smallest element is.

use std::fmt;

use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::{Derivative, Primitive, Types, arity, one, require, rows};
use crate::any_array::AnyArray;
use crate::dtype::DType;
use crate::error::{ErrorKind, Problem};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// Which element is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extreme {
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl fmt::Display for Extreme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Extreme::Max => "max",
            Extreme::Min => "min",
        })
    }
}

/// The index of the first extreme element along an axis, which disappears: `x: [a, b], axis 1 -> i64[a]`.
///
/// A NaN is more extreme than any number, as in NumPy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArgExtreme {
    /// Which element is looked for.
    pub extreme: Extreme,
    /// The axis along which.
    pub axis: usize,
}

impl ArgExtreme {
    pub(crate) const NAME: &'static str = "arg_extreme";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        let extreme = match attributes.get("extreme")? {
            "max" => Extreme::Max,
            "min" => Extreme::Min,
            other => return Err(malformed(format!("`{other}` is not an extreme: max or min"))),
        };
        Ok(ArgExtreme { extreme, axis: attributes.axis("axis")? })
    }

    /// The place of the first element that no earlier one is as extreme as.
    fn of_row<T: PartialOrd>(&self, row: &[T]) -> Result<i128, Problem> {
        // Only a NaN differs from itself.
        #[allow(clippy::eq_op, reason = "it asks for NaN, of integers too")]
        let is_nan = |x: &T| x != x;
        let mut elements = row.iter().enumerate();
        let Some(first) = elements.next() else {
            let message = format!("the place of the {} of no elements does not exist: the axis is empty", self.extreme);
            return Err(Problem::new(ErrorKind::Execution, message));
        };
        let (place, _) = elements.fold(first, |(place, best), (index, x)| {
            let beyond = match self.extreme {
                Extreme::Max => x > best,
                Extreme::Min => x < best,
            };
            if beyond || is_nan(x) && !is_nan(best) { (index, x) } else { (place, best) }
        });
        Ok(place as i128)
    }
}

impl Primitive for ArgExtreme {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("extreme", self.extreme).with("axis", self.axis)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        require::float_or_integer(x.dtype)?;
        require::axis(self.axis, x.rank())?;
        Ok(one(Type { dtype: DType::I64, dims: require::without(&x.dims, &[self.axis]) }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        let places = if x.dtype().is_float() {
            rows::reduce(&x.to_reals(), &[self.axis], |row| self.of_row(row))
        } else {
            rows::reduce(&x.to_integers(), &[self.axis], |row| self.of_row(row))
        };
        Ok(one(AnyArray::from_integers(DType::I64, &places?)))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr0, arr1, arr2};

    use super::*;

    fn of(extreme: Extreme, axis: usize, x: impl Into<AnyArray>) -> Result<AnyArray, Problem> {
        ArgExtreme { extreme, axis }.evaluate(&[&x.into()], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn the_first_of_equals_is_found() {
        let x = arr2(&[[1.0f32, 3.0, 3.0], [2.0, 0.0, 0.0]]);
        assert_eq!(of(Extreme::Max, 1, x.clone()).unwrap(), AnyArray::from(arr1(&[1i64, 0])));
        assert_eq!(of(Extreme::Min, 1, x.clone()).unwrap(), AnyArray::from(arr1(&[0i64, 1])));
        assert_eq!(of(Extreme::Max, 0, x).unwrap(), AnyArray::from(arr1(&[1i64, 0, 0])));
        assert_eq!(of(Extreme::Min, 0, arr1(&[-0.0f64, 0.0, -0.0])).unwrap(), AnyArray::from(arr0(0i64)));
        assert_eq!(of(Extreme::Max, 0, arr1(&[u64::MAX - 1, u64::MAX])).unwrap(), AnyArray::from(arr0(1i64)));
    }

    #[test]
    fn nan_wins() {
        for extreme in [Extreme::Max, Extreme::Min] {
            assert_eq!(of(extreme, 0, arr1(&[1.0, f64::NAN, 9.0, f64::NAN, -9.0])).unwrap(), AnyArray::from(arr0(1i64)));
        }
    }

    #[test]
    fn nothing_has_no_largest() {
        assert_eq!(of(Extreme::Max, 1, Array2::<f32>::zeros((2, 0))).unwrap_err().kind, ErrorKind::Execution);
        assert_eq!(of(Extreme::Max, 0, Array2::<f32>::zeros((2, 0))).unwrap().shape(), [0]);
        assert_eq!(of(Extreme::Max, 0, arr1(&[true])).unwrap_err().kind, ErrorKind::DType);
        assert_eq!(of(Extreme::Max, 1, arr1(&[1])).unwrap_err().kind, ErrorKind::Axis);
    }
}
