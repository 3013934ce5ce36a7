//! 0, 1, 2 … along an axis.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::{Derivative, Primitive, Types, arity, one, require};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::error::Problem;
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// The numbers from 0 up: `-> [length]`. In a narrow type integers wrap and floats round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Iota {
    /// How many.
    pub length: Dim,
    /// The element type of the result.
    pub dtype: DType,
}

impl Iota {
    pub(crate) const NAME: &'static str = "iota";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Iota { length: attributes.dim("length")?, dtype: attributes.dtype("dtype")? })
    }
}

impl Primitive for Iota {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("length", &self.length).with("dtype", self.dtype)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [] = arity(inputs)?;
        require::float_or_integer(self.dtype)?;
        if !lengths.at_least(&self.length, &Dim::from(0)) {
            return Err(Problem::axis(format!("the length {} is negative", self.length)));
        }
        Ok(one(Type::new(self.dtype, [&self.length])))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let mut numbers = require::filled(&[sizes.length(&self.length)?], 0i128)?;
        for (number, index) in numbers.iter_mut().zip(0..) {
            *number = index;
        }
        Ok(one(AnyArray::from_integers(self.dtype, &numbers)))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;

    #[test]
    fn it_counts_from_zero() {
        let iota = |length: i64, dtype| Iota { length: length.into(), dtype }.evaluate(&[], &Sizes::default());
        assert_eq!(iota(3, DType::F32).unwrap()[0], AnyArray::from(arr1(&[0f32, 1.0, 2.0])));
        assert_eq!(iota(0, DType::I64).unwrap()[0].shape(), [0]);
        assert!(iota(-1, DType::I64).is_err());
        assert!(iota(2, DType::Bool).is_err() && iota(i64::MAX, DType::I64).is_err());
    }
}
