//! Stretching axes of length 1.

use ndarray::IxDyn;
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::{Dims, Type};

/// Stretches axes of length 1, aligned at the last axis: `x: [.., 1, ..] -> to`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broadcast {
    /// The lengths of the result.
    pub to: Dims,
}

impl Broadcast {
    pub(crate) const NAME: &'static str = "broadcast";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Broadcast { to: attributes.dims("to")? })
    }
}

impl Primitive for Broadcast {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("to", &self.to)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        if x.rank() > self.to.len() {
            return Err(Problem::shapes(format!("{} has more axes than {}, to which it should stretch", x.dims, self.to)));
        }
        let extra = self.to.len() - x.rank();
        for (axis, (from, to)) in x.dims.iter().zip(&self.to[extra..]).enumerate() {
            if !from.is_one() && lengths.unify(from, to).is_none() {
                return Err(Problem::shapes(format!("axis {axis} has length {from}, which does not stretch to {to}: only 1 does")));
            }
        }
        Ok(one(Type { dtype: x.dtype, dims: self.to.clone() }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let [x] = arity(inputs)?;
        let shape = sizes.shape(&self.to)?;
        let stretched = x.rearranged(|places| {
            let stretched = places.broadcast(IxDyn(&shape));
            Ok(stretched.ok_or_else(|| Problem::shapes(format!("{:?} does not stretch to {shape:?}", x.shape())))?.to_owned())
        })?;
        Ok(one(stretched))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for Broadcast {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        let dims = graph.ty(inputs[wrt]).dims.clone();
        graph.sum_to(cotangent, &dims)
    }

    fn elements(&self) -> Elements {
        Elements::Copy
    }
}
