//! A length as a number.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::{Derivative, Primitive, Types, arity, one, require};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::error::{ErrorKind, Problem};
use crate::lengths::Lengths;
use crate::number::Number;
use crate::sizes::Sizes;
use crate::types::Type;

/// A length as a number: `-> []`. The mean needs it.
///
/// It may be any expression over lengths, negative too, such as `n - 1` of an empty axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DimValue {
    /// The length.
    pub dim: Dim,
    /// The element type of the result.
    pub dtype: DType,
}

impl DimValue {
    pub(crate) const NAME: &'static str = "dim_value";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(DimValue { dim: attributes.dim("dim")?, dtype: attributes.dtype("dtype")? })
    }
}

impl Primitive for DimValue {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("dim", &self.dim).with("dtype", self.dtype)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [] = arity(inputs)?;
        require::float_or_integer(self.dtype)?;
        Ok(one(Type::scalar(self.dtype)))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let unknown = || Problem::new(ErrorKind::Execution, format!("the length `{}` is not known: no input has it", self.dim));
        let length = sizes.evaluate(&self.dim).ok_or_else(unknown)?;
        Ok(one(AnyArray::full(self.dtype, &[], Number::Integer(length.into()))))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbol::Symbol;

    #[test]
    fn it_is_the_length_of_the_call() {
        let n = Symbol::new("n");
        let op = DimValue { dim: n * 2 - 1, dtype: DType::F32 };
        let at = |length| op.evaluate(&[], &Sizes::from_pairs([(n, length)])).unwrap()[0].only();
        assert_eq!(at(3), Some(Number::Real(5.0)));
        assert_eq!(at(0), Some(Number::Real(-1.0)));
        assert!(op.evaluate(&[], &Sizes::default()).unwrap_err().message.contains("2*n - 1"));
    }
}
