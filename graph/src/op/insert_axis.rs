//! A new axis of length 1.

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

/// A new axis of length 1 at that place: `x: [a, b], axis 1 -> [a, 1, b]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InsertAxis {
    /// Its place in the result.
    pub axis: usize,
}

impl InsertAxis {
    pub(crate) const NAME: &'static str = "insert_axis";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(InsertAxis { axis: attributes.axis("axis")? })
    }
}

impl Primitive for InsertAxis {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("axis", self.axis)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        if self.axis > x.rank() {
            let message = format!("the new axis cannot be axis {} of {} axes: at most {}", self.axis, x.rank() + 1, x.rank());
            return Err(Problem::axis(message));
        }
        let mut dims = x.dims.to_vec();
        dims.insert(self.axis, Dim::from(1));
        Ok(one(Type::new(x.dtype, dims)))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        x.rearranged(|places| Ok(places.insert_axis(Axis(self.axis)))).map(one)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for InsertAxis {
    fn transpose(&self, graph: &mut Graph, _: &[Value], _: usize, cotangent: Value) -> Result<Value> {
        graph.remove_axis(cotangent, self.axis)
    }

    fn elements(&self) -> Elements {
        Elements::Move
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr0, arr1};

    use super::super::linear_identity::assert_transpose;
    use super::*;

    #[test]
    fn it_stands_where_asked() {
        let x = AnyArray::from(arr1(&[1.0, 2.0]));
        let shape = |axis| InsertAxis { axis }.evaluate(&[&x], &Sizes::default()).map(|y| y[0].shape().to_vec());
        assert_eq!(shape(0).unwrap(), [1, 2]);
        assert_eq!(shape(1).unwrap(), [2, 1]);
        assert_eq!(shape(2).unwrap_err().message, "the new axis cannot be axis 2 of 2 axes: at most 1");
        assert_transpose(InsertAxis { axis: 1 }, &[x]);
        assert_transpose(InsertAxis { axis: 0 }, &[AnyArray::from(arr0(3.0))]);
    }
}
