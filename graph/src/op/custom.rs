//! An op of the user's.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::{Derivative, Primitive, Types};
use crate::any_array::AnyArray;
use crate::error::Problem;
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// An op of the user's: whatever its [`Primitive`] says of it.
///
/// Two are equal if they are the same `Arc`: nobody can say whether two primitives compute the same.
#[derive(Clone, Debug)]
pub struct Custom(pub Arc<dyn Primitive>);

impl Custom {
    pub(crate) const NAME: &'static str = "custom";

    pub(crate) fn parse(_: &Attributes) -> Result<Self, Problem> {
        Err(malformed("an op of the user's cannot be read back from text: only the program that has it knows it")
            .advise("build the graph with the op instead"))
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        // The address alone: the same op may be reached through different method tables.
        std::ptr::addr_eq(Arc::as_ptr(&self.0), Arc::as_ptr(&other.0))
    }
}

impl Eq for Custom {}

impl Hash for Custom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

impl Primitive for Custom {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        self.0.infer(inputs, lengths)
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        self.0.evaluate(inputs, sizes)
    }

    fn derivative(&self) -> Derivative<'_> {
        self.0.derivative()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::stop_gradient::StopGradient;
    use super::*;

    #[test]
    fn the_same_op_is_one_and_another_is_not() {
        let (one, other) = (Custom(Arc::new(StopGradient)), Custom(Arc::new(StopGradient)));
        assert_eq!(one, one.clone());
        assert_ne!(one, other);
        let x = AnyArray::from(arr1(&[1.0]));
        assert_eq!(one.evaluate(&[&x], &Sizes::default()).unwrap()[0], x);
        assert!(Custom::parse(&one.attributes()).is_err());
    }
}
