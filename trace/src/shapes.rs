//! The same elements under other lengths, or with the axes in another order.

use damo_graph::Element;
use damo_graph::op::broadcast::Broadcast;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::remove_axis::RemoveAxis;
use damo_graph::op::reshape::Reshape;
use damo_graph::op::transpose::Transpose;
use damo_graph::types::IntoDims;
use ndarray::Axis;
use smallvec::SmallVec;

use crate::tensor::Tensor;

impl<T: Element> Tensor<'_, T> {
    /// A new axis of length 1 at this place.
    ///
    /// `x: [a, b] -> [a, 1, b]`
    #[track_caller]
    pub fn insert_axis(self, axis: Axis) -> Self {
        self.tape.structural(InsertAxis { axis: axis.0 }, &[self.index])
    }

    /// Without an axis of length 1. For an axis of another length see [`index_axis`](Tensor::index_axis).
    ///
    /// `x: [a, 1, b] -> [a, b]`
    #[track_caller]
    pub fn remove_axis(self, axis: Axis) -> Self {
        self.tape.structural(RemoveAxis { axis: axis.0 }, &[self.index])
    }

    /// Stretched to these lengths, aligned at the last axis; only a length known to be 1 stretches.
    ///
    /// `x: [.., 1, ..] -> dims`
    #[track_caller]
    pub fn broadcast(self, dims: impl IntoDims) -> Self {
        self.tape.structural(Broadcast { to: dims.into_dims() }, &[self.index])
    }

    /// The same elements in row-major order under other lengths. The count must be the same.
    ///
    /// `x: [..] -> dims`
    #[track_caller]
    pub fn reshape(self, dims: impl IntoDims) -> Self {
        self.tape.structural(Reshape { to: dims.into_dims() }, &[self.index])
    }

    /// All elements in row-major order.
    ///
    /// `x: [a, b] -> [a*b]`
    #[track_caller]
    pub fn flatten(self) -> Self {
        match self.known_type() {
            Some(ty) => self.reshape([ty.dims.count()]),
            None => self.tape.poison(),
        }
    }

    /// The axes in another order: axis `k` of the result is axis `order[k]` of x.
    ///
    /// `x: [a, b, c] -> [c, a, b]` for `[2, 0, 1]`
    #[track_caller]
    pub fn permuted_axes(self, order: impl AsRef<[usize]>) -> Self {
        let _scope = self.tape.composite("permuted_axes");
        self.tape.structural(Transpose { order: order.as_ref().into() }, &[self.index])
    }

    /// The axes in reverse order: the transpose of a matrix.
    ///
    /// `x: [a, b] -> [b, a]`
    #[track_caller]
    pub fn t(self) -> Self {
        match self.known_type().map(|ty| ty.rank()) {
            Some(0 | 1) => self,
            Some(rank) => self.permuted_axes((0..rank).rev().collect::<SmallVec<[usize; 4]>>()),
            None => self.tape.poison(),
        }
    }

    /// With two axes in each other's place.
    ///
    /// `x: [a, b, c] -> [c, b, a]` for 0 and 2
    #[track_caller]
    pub fn swap_axes(self, a: usize, b: usize) -> Self {
        match self.with_axes("swap_axes", &[a, b]) {
            Some(ty) => {
                let mut order: SmallVec<[usize; 4]> = (0..ty.rank()).collect();
                order.swap(a, b);
                self.permuted_axes(order)
            }
            None => self.tape.poison(),
        }
    }
}
