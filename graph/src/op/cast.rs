//! Another element type.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one};
use crate::any_array::AnyArray;
use crate::dtype::{Class, DType};
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// The same numbers as elements of another type: `x: [..] -> [..]`.
///
/// Reals round to nearest even, integers wrap among themselves, reals become integers towards zero and saturate (NaN is 0), and
/// anything that is not 0 is true.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cast {
    /// The element type of the result.
    pub to: DType,
}

impl Cast {
    pub(crate) const NAME: &'static str = "cast";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Cast { to: attributes.dtype("to")? })
    }
}

impl Primitive for Cast {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("to", self.to)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        Ok(one(x.with_dtype(self.to)))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let [x] = arity(inputs)?;
        Ok(one(x.cast(self.to)))
    }

    fn derivative(&self) -> Derivative<'_> {
        match self.to.class() {
            Class::Float => Derivative::Linear(self),
            Class::Bool | Class::Signed | Class::Unsigned => Derivative::Zero,
            Class::Complex => Derivative::Undefined("derivatives do not flow through complex numbers yet"),
        }
    }
}

impl Linear for Cast {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        let dtype = graph.ty(inputs[wrt]).dtype;
        graph.cast(cotangent, dtype)
    }

    fn elements(&self) -> Elements {
        Elements::Stay
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::linear_identity::assert_transpose;
    use super::*;

    #[test]
    fn numbers_convert_as_rust_converts_them() {
        let x = AnyArray::from(arr1(&[-1.5f64, 300.0, f64::NAN]));
        let to = |to| Cast { to }.evaluate(&[&x], &Sizes::default()).unwrap().remove(0);
        assert_eq!(to(DType::U8), AnyArray::from(arr1(&[0u8, 255, 0])));
        assert_eq!(to(DType::Bool), AnyArray::from(arr1(&[true, true, true])));
        assert_eq!(to(DType::I32), AnyArray::from(arr1(&[-1, 300, 0])));
    }

    #[test]
    fn only_floats_carry_derivatives() {
        assert!(matches!(Cast { to: DType::I32 }.derivative(), Derivative::Zero));
        assert!(matches!(Cast { to: DType::C64 }.derivative(), Derivative::Undefined(_)));
        assert_transpose(Cast { to: DType::F64 }, &[AnyArray::from(arr1(&[1.0f32, 2.0]))]);
    }
}
