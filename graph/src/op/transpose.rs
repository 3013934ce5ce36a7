//! Axes in another order.

use ndarray::IxDyn;
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one, require, rows};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// Axes in another order: axis `k` of the result is axis `order[k]` of `x`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transpose {
    /// The axes of `x` in their new order, each once.
    pub order: SmallVec<[usize; 4]>,
}

impl Transpose {
    pub(crate) const NAME: &'static str = "transpose";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(Transpose { order: attributes.axes("order")?.into() })
    }
}

impl Primitive for Transpose {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with_list("order", &self.order)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        let mut sorted = self.order.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..x.rank()) {
            let message = format!("the order {:?} must name each of the {} axes of {} once", self.order, x.rank(), x.dims);
            return Err(Problem::axis(message));
        }
        Ok(one(Type::new(x.dtype, self.order.iter().map(|&axis| &x.dims[axis]))))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        x.rearranged(|places| Ok(places.permuted_axes(IxDyn(&self.order)))).map(one)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for Transpose {
    fn transpose(&self, graph: &mut Graph, _: &[Value], _: usize, cotangent: Value) -> Result<Value> {
        graph.transpose(cotangent, &rows::inverse(&self.order))
    }

    fn elements(&self) -> Elements {
        Elements::Move
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, arr2};
    use smallvec::smallvec;

    use super::super::linear_identity::assert_transpose;
    use super::*;

    #[test]
    fn rows_become_columns() {
        let x = AnyArray::from(arr2(&[[1, 2, 3], [4, 5, 6]]));
        let turned = Transpose { order: smallvec![1, 0] }.evaluate(&[&x], &Sizes::default()).unwrap();
        assert_eq!(turned[0], AnyArray::from(arr2(&[[1, 4], [2, 5], [3, 6]])));
        for order in [&[0, 0][..], &[0], &[0, 2], &[0, 1, 2]] {
            assert!(Transpose { order: order.into() }.evaluate(&[&x], &Sizes::default()).is_err(), "{order:?}");
        }
    }

    #[test]
    fn its_transpose_is_the_inverse_order() {
        let x = AnyArray::from(Array3::<f64>::from_shape_fn((2, 3, 4), |(i, j, k)| (i + 5 * j + 7 * k) as f64));
        assert_transpose(Transpose { order: smallvec![2, 0, 1] }, &[x]);
    }
}
