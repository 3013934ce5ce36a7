//! The Euclidean norm of rows of `f32` as nests: squares are summed in `f64`, where none is too large or too small.

use damo_graph::op::reduce::Reduction;
use damo_graph::{DType, Node, NodeId, Problem};

use super::{Lowering, Place};
use crate::functions::{ABS, EQUAL, MUL, SELECT, SQRT};
use crate::nest::Nest;
use crate::step::Step;

impl Lowering<'_> {
    /// Norms along some axes. An infinite element makes one infinite, whatever the others are.
    pub(super) fn short_norm(&mut self, id: NodeId, node: &Node, input: &Place, axes: &[usize]) -> Result<Place, Problem> {
        let kept = self.shape(node)?;
        let sums = self.draft.temporary(DType::F64, &kept)?;
        let are_infinite = self.draft.temporary(DType::Bool, &kept)?;
        let mut nest = Nest::over(input.shape());
        let x = nest.load(input)?;
        let wide = nest.cast(x, DType::F64);
        let square = nest.apply(&MUL, &[wide, wide]);
        nest.accumulate(square, Reduction::Sum, axes, &sums);
        let (size, infinity) = (nest.apply(&ABS, &[x]), nest.number(f64::INFINITY, DType::F32));
        let is_infinite = nest.apply(&EQUAL, &[size, infinity]);
        nest.accumulate(is_infinite, Reduction::Any, axes, &are_infinite);
        self.draft.push(Step::Nest(nest), &[id]);

        let mut nest = Nest::over(&kept);
        let (sum, is_infinite) = (nest.load(&Place::View(sums))?, nest.load(&Place::View(are_infinite))?);
        let (root, infinity) = (nest.apply(&SQRT, &[sum]), nest.number(f64::INFINITY, DType::F64));
        let norm = nest.apply(&SELECT, &[is_infinite, infinity, root]);
        let norm = nest.cast(norm, DType::F32);
        self.stored(id, nest, norm, DType::F32)
    }
}
