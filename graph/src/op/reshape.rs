//! The same elements in row-major order under other lengths.

use ndarray::IxDyn;
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::{Dims, Type};

/// The same elements in row-major order under other lengths: `x: [..] -> to`, where both have as many elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reshape {
    /// The lengths of the result.
    pub to: Dims,
}

impl Reshape {
    pub(crate) const NAME: &'static str = "reshape";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Reshape { to: attributes.dims("to")? })
    }
}

impl Primitive for Reshape {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("to", &self.to)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        if let Some(negative) = self.to.iter().find(|dim| !lengths.at_least(dim, &Dim::from(0))) {
            return Err(Problem::shapes(format!("the length {negative} in {} is negative", self.to)));
        }
        let (have, wanted) = (x.dims.count(), self.to.count());
        if lengths.unify(&have, &wanted).is_none() {
            let message = format!("{} has {have} elements and {} has {wanted}: both must have as many", x.dims, self.to);
            return Err(Problem::shapes(message).advise("give lengths whose product is the same"));
        }
        Ok(one(Type { dtype: x.dtype, dims: self.to.clone() }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let [x] = arity(inputs)?;
        let shape = sizes.shape(&self.to)?;
        let reshaped = x.rearranged(|places| {
            places.into_shape_with_order(IxDyn(&shape)).map_err(|_| Problem::shapes(format!("{:?} has not as many elements as {shape:?}", x.shape())))
        })?;
        Ok(one(reshaped))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for Reshape {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        let dims = graph.ty(inputs[wrt]).dims.clone();
        graph.reshape(cotangent, &dims)
    }

    fn elements(&self) -> Elements {
        Elements::Move
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr1, arr2};

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::dtype::DType;
    use crate::symbol::Symbol;

    #[test]
    fn elements_keep_their_row_major_order() {
        let columns = AnyArray::from(arr2(&[[1, 4], [2, 5], [3, 6]]).reversed_axes());
        let to = |dims: &[i64]| Reshape { to: dims.iter().copied().collect() }.evaluate(&[&columns], &Sizes::default());
        assert_eq!(to(&[6]).unwrap()[0], AnyArray::from(arr1(&[1, 2, 3, 4, 5, 6])));
        assert!(to(&[5]).is_err() && to(&[i64::MAX, i64::MAX]).is_err());
        let empty = AnyArray::from(Array2::<f32>::zeros((0, 3)));
        assert_eq!(Reshape { to: [5, 0].into_iter().collect() }.evaluate(&[&empty], &Sizes::default()).unwrap()[0].shape(), [5, 0]);
    }

    #[test]
    fn counts_that_differ_are_refused_and_unknown_ones_demanded() {
        let n = Symbol::new("n");
        let mut lengths = Lengths::default();
        let x = Type::new(DType::F32, [Dim::from(n), Dim::from(4)]);
        let mut infer = |to: Dims| Reshape { to }.infer(&[&x], &mut lengths);
        assert!(infer([n * 2, Dim::from(2)].into_iter().collect()).is_ok());
        assert_eq!(
            infer([n * 4 + 1].into_iter().collect()).unwrap_err().message,
            "[n, 4] has 4*n elements and [4*n + 1] has 4*n + 1: both must have as many"
        );
        assert!(infer([Dim::from(2), Dim::from(6)].into_iter().collect()).is_ok());
        assert_eq!(lengths.requirements().iter().map(ToString::to_string).collect::<Vec<_>>(), ["4*n == 12"]);
    }

    #[test]
    fn its_transpose_is_reshaping_back() {
        assert_transpose(
            Reshape { to: [3, 2].into_iter().collect() },
            &[AnyArray::from(Array2::<f64>::from_shape_fn((2, 3), |(i, j)| (i + 2 * j) as f64))],
        );
    }
}
