//! Dropping an axis of length 1.

use ndarray::Axis;
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one, require};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// The same elements without an axis of length 1: `x: [a, 1, b], axis 1 -> [a, b]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RemoveAxis {
    /// The axis to drop.
    pub axis: usize,
}

impl RemoveAxis {
    pub(crate) const NAME: &'static str = "remove_axis";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(RemoveAxis { axis: attributes.axis("axis")? })
    }
}

impl Primitive for RemoveAxis {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("axis", self.axis)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        require::axis(self.axis, x.rank())?;
        let length = &x.dims[self.axis];
        if lengths.unify(length, &Dim::from(1)).is_none() {
            let message = format!("axis {} of {} has length {length}, and only an axis of length 1 can be dropped", self.axis, x.dims);
            return Err(Problem::shapes(message).advise("pick one place along it with a slice, or reduce it"));
        }
        Ok(one(Type { dtype: x.dtype, dims: require::without(&x.dims, &[self.axis]) }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        x.rearranged(|places| Ok(places.index_axis_move(Axis(self.axis), 0))).map(one)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for RemoveAxis {
    fn transpose(&self, graph: &mut Graph, _: &[Value], _: usize, cotangent: Value) -> Result<Value> {
        graph.insert_axis(cotangent, self.axis)
    }

    fn elements(&self) -> Elements {
        Elements::Move
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, arr1};

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn only_an_axis_of_length_one_goes() {
        let x = AnyArray::from(Array3::<f64>::ones((2, 1, 3)));
        let shape = |axis| RemoveAxis { axis }.evaluate(&[&x], &Sizes::default()).map(|y| y[0].shape().to_vec());
        assert_eq!(shape(1).unwrap(), [2, 3]);
        assert_eq!(shape(0).unwrap_err().kind, ErrorKind::Shapes);
        assert_eq!(shape(3).unwrap_err().kind, ErrorKind::Axis);
        assert_transpose(RemoveAxis { axis: 1 }, &[x]);
        assert_transpose(RemoveAxis { axis: 0 }, &[AnyArray::from(arr1(&[5.0]))]);
    }
}
