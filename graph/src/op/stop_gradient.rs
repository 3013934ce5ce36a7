//! The identity that derivatives do not pass.

use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::{Derivative, Primitive, Types, arity, one};
use crate::any_array::AnyArray;
use crate::error::Problem;
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// The value itself, treated as a constant by derivatives: `x: [..] -> [..]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StopGradient;

impl StopGradient {
    pub(crate) const NAME: &'static str = "stop_gradient";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        match attributes.iter().next() {
            Some((name, _)) => Err(malformed(format!("it has no parameter `{name}`"))),
            None => Ok(StopGradient),
        }
    }
}

impl Primitive for StopGradient {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none()
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        Ok(one(x.clone()))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let [x] = arity(inputs)?;
        Ok(one(x.clone()))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_identity_and_has_no_derivative() {
        let x = AnyArray::from(ndarray::arr1(&[1.0f32, f32::NAN]));
        assert_eq!(StopGradient.evaluate(&[&x], &Sizes::default()).unwrap()[0], x);
        assert!(matches!(StopGradient.derivative(), Derivative::Zero));
    }
}
