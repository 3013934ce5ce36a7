//! Arrays end to end along an axis.

use ndarray::Axis;
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::slice::{Range, Slice};
use super::{Derivative, Elements, Linear, Primitive, Types, one, require};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// Arrays end to end along an axis: `x: [a, b], y: [c, b], axis 0 -> [a + c, b]`, for one array or more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Concatenate {
    /// The axis along which they follow each other.
    pub axis: usize,
}

impl Concatenate {
    pub(crate) const NAME: &'static str = "concatenate";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Concatenate { axis: attributes.axis("axis")? })
    }
}

impl Primitive for Concatenate {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("axis", self.axis)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let Some((first, others)) = inputs.split_first() else {
            return Err(Problem::shapes("it takes at least one input").advise("give the arrays to join"));
        };
        require::axis(self.axis, first.rank())?;
        require::same_dtype(inputs)?;
        let mut dims = first.dims.to_vec();
        for (other, place) in others.iter().zip(1..) {
            if other.rank() != first.rank() {
                return Err(Problem::shapes(format!(
                    "input 0 has {} axes and input {place} has {}: all must have as many",
                    first.rank(),
                    other.rank()
                )));
            }
            for (axis, (have, length)) in dims.iter_mut().zip(other.dims.iter()).enumerate() {
                *have = if axis == self.axis {
                    have.clone() + length.clone()
                } else {
                    lengths.unify(have, length).ok_or_else(|| {
                        let message = format!("axis {axis} has length {have} in the inputs before input {place} and {length} in it");
                        Problem::shapes(message).advise(format!("only axis {}, along which they are joined, may differ", self.axis))
                    })?
                };
            }
        }
        Ok(one(Type::new(first.dtype, dims)))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let joined = AnyArray::rearranged_together(inputs, |places| {
            let views: Vec<_> = places.iter().map(|places| places.view()).collect();
            ndarray::concatenate(Axis(self.axis), &views)
        });
        joined.map(one).map_err(|error| Problem::shapes(error.to_string()))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for Concatenate {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        let before = inputs[..wrt].iter().fold(Dim::from(0), |sum, &input| sum + graph.ty(input).dims[self.axis].clone());
        let mut ranges: SmallVec<[Range; 4]> = graph.ty(inputs[wrt]).dims.iter().map(Range::whole).collect();
        ranges[self.axis].start = before;
        graph.add(Slice { ranges }, &[cotangent])
    }

    fn elements(&self) -> Elements {
        Elements::Move
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr2};

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::dtype::DType;
    use crate::symbol::Symbol;

    #[test]
    fn arrays_follow_each_other() {
        let (x, y, empty) = (arr2(&[[1.0], [2.0]]), arr2(&[[3.0, 4.0], [5.0, 6.0]]), Array2::<f64>::zeros((2, 0)));
        let [x, y, empty] = [x, y, empty].map(AnyArray::from);
        let joined = Concatenate { axis: 1 }.evaluate(&[&x, &empty, &y], &Sizes::default()).unwrap();
        assert_eq!(joined[0], AnyArray::from(arr2(&[[1.0, 3.0, 4.0], [2.0, 5.0, 6.0]])));
        assert_eq!(Concatenate { axis: 0 }.evaluate(&[&empty], &Sizes::default()).unwrap()[0], empty);
        assert_transpose(Concatenate { axis: 1 }, &[x, empty, y]);
    }

    #[test]
    fn lengths_add_up_along_the_axis_and_agree_elsewhere() {
        let (n, m, k) = (Symbol::new("n"), Symbol::new("m"), Symbol::new("k"));
        let mut lengths = Lengths::default();
        let (x, y) = (Type::new(DType::F32, [n, k]), Type::new(DType::F32, [Dim::from(m), Dim::from(3)]));
        assert_eq!(Concatenate { axis: 0 }.infer(&[&x, &y], &mut lengths).unwrap()[0].to_string(), "f32[m + n, 3]");
        let four = Type::new(DType::F32, [2, 4]);
        let problem = Concatenate { axis: 0 }.infer(&[&y, &four], &mut lengths).unwrap_err();
        assert_eq!(problem.message, "axis 1 has length 3 in the inputs before input 1 and 4 in it");
        assert!(Concatenate { axis: 0 }.infer(&[], &mut lengths).is_err());
        assert!(Concatenate { axis: 0 }.infer(&[&y, &y.with_dtype(DType::F64)], &mut lengths).is_err());
    }
}
