//! Sums of products: `dot` of vectors, matrices and batches of matrices, and any contraction.

use damo_graph::op::dot::{Dot, Pairs};
use damo_graph::{Dim, Dims, Numeric, Problem, Type};
use ndarray::Axis;

use crate::into_tensor::IntoTensor;
use crate::tensor::Tensor;

impl<'t, T: Numeric> Tensor<'t, T> {
    /// The product of vectors and matrices, by rank:
    ///
    /// | `x` | `y` | `x.dot(y)` |
    /// |---|---|---|
    /// | `[]` | any | `x * y`, and the same the other way round |
    /// | `[k]` | `[k]` | `[]`, the inner product |
    /// | `[n, k]` | `[k]` | `[n]` |
    /// | `[k]` | `[k, m]` | `[m]` |
    /// | `[n, k]` | `[k, m]` | `[n, m]` |
    /// | `[.., n, k]` | `[.., k, m]` | `[.., n, m]`: leading axes count batches and broadcast, aligned at the last |
    ///
    /// ```
    /// use damo_trace::*;
    /// use ndarray::{arr1, arr2};
    /// let tape = Tape::new();
    /// let (a, x) = (tape.input_with("a", &arr2(&[[1., 2.], [3., 4.]])), tape.input_with("x", &arr1(&[1., 10.])));
    /// assert_eq!(a.dot(x).value()?, arr1(&[21., 43.]).into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn dot(self, other: impl IntoTensor<'t, T>) -> Self {
        let other = other.into_tensor(self.tape);
        let _scope = self.tape.composite("dot");
        if !self.tape.is(other.tape) {
            return self.tape.refuse_foreign("dot", &[self.handle(), other.handle()]);
        }
        let (Some(left), Some(right)) = (self.known_type(), other.known_type()) else { return self.tape.poison() };
        let shared = |rank: usize| rank.saturating_sub(2);
        match (left.rank(), right.rank()) {
            (0, _) | (_, 0) => self * other,
            // Without batches on one side, the free axes of the other are in order already.
            (n, m @ (1 | 2)) => self.contracted(other, Pairs::new(), Pairs::from_slice(&[(n - 1, shared(m))])),
            (1, m) => self.contracted(other, Pairs::new(), Pairs::from_slice(&[(0, shared(m))])),
            (n, m) => self.batched(&left, other, &right, n.max(m) - 2),
        }
    }

    /// The product of batches of matrices, with that many axes of batches.
    #[track_caller]
    fn batched(self, left: &Type, other: Self, right: &Type, batches: usize) -> Self {
        let (left_batch, right_batch) = (&left.dims[..left.rank() - 2], &right.dims[..right.rank() - 2]);
        let together: Dims = (0..batches).map(|axis| wider(aligned(left_batch, batches, axis), aligned(right_batch, batches, axis))).collect();
        let x = self.with_batches(left, &together);
        let y = other.with_batches(right, &together);
        let pairs = (0..batches).map(|axis| (axis, axis)).collect();
        x.contracted(y, pairs, Pairs::from_slice(&[(batches + 1, batches)]))
    }

    /// Stretched over batches, unless the lengths are known to be the same or will be required to be.
    #[track_caller]
    fn with_batches(self, ty: &Type, batches: &Dims) -> Self {
        let own = &ty.dims[..ty.rank() - 2];
        let fits = own.len() == batches.len() && own.iter().zip(&**batches).all(|(own, together)| own == together || !own.is_one());
        if fits { self } else { self.broadcast(batches.iter().chain(&ty.dims[ty.rank() - 2..]).cloned().collect::<Dims>()) }
    }

    /// The sum of products over pairs of axes; the axes that are left stand in order, first those of x.
    ///
    /// `x: [a, k, b], y: [k, c] -> [a, b, c]` for `[Axis(1)]` and `[Axis(0)]`
    ///
    /// # Errors
    ///
    /// Kept by the tape: [`ErrorKind::Axis`](damo_graph::ErrorKind::Axis) if the lists differ in length or name an axis that is not
    /// there, [`ErrorKind::Shapes`](damo_graph::ErrorKind::Shapes) if the lengths of a pair differ.
    #[track_caller]
    pub fn contract(self, other: impl IntoTensor<'t, T>, left_axes: &[Axis], right_axes: &[Axis]) -> Self {
        let other = other.into_tensor(self.tape);
        let _scope = self.tape.composite("contract");
        if left_axes.len() != right_axes.len() {
            let problem = Problem::axis(format!("{} axes of the left and {} of the right cannot be paired", left_axes.len(), right_axes.len()));
            return self.tape.refuse("contract", &problem, &[self.index, other.index]);
        }
        let pairs = left_axes.iter().zip(right_axes).map(|(left, right)| (left.0, right.0)).collect();
        self.contracted(other, Pairs::new(), pairs)
    }

    /// Every product of an element of one vector and an element of another.
    ///
    /// `x: [n], y: [m] -> [n, m]`
    #[track_caller]
    pub fn outer(self, other: impl IntoTensor<'t, T>) -> Self {
        let other = other.into_tensor(self.tape);
        let _scope = self.tape.composite("outer");
        for vector in [self, other] {
            if let Some(ty) = vector.known_type()
                && ty.rank() != 1
            {
                return self.tape.refuse(
                    "outer",
                    &Problem::shapes(format!("it takes vectors, and one has {} axes", ty.rank())),
                    &[self.index, other.index],
                );
            }
        }
        self.insert_axis(Axis(1)) * other.insert_axis(Axis(0))
    }

    #[track_caller]
    fn contracted(self, other: Self, batch: Pairs, contract: Pairs) -> Self {
        if !self.tape.is(other.tape) {
            return self.tape.refuse_foreign("contract", &[self.handle(), other.handle()]);
        }
        self.tape.structural(Dot { batch, contract }, &[self.index, other.index])
    }
}

/// The length at a place counted over all batch axes; 1 where there is no such axis.
fn aligned(own: &[Dim], batches: usize, axis: usize) -> Dim {
    (axis + own.len()).checked_sub(batches).and_then(|place| own.get(place)).cloned().unwrap_or_else(|| Dim::from(1))
}

fn wider(left: Dim, right: Dim) -> Dim {
    if left.is_one() { right } else { left }
}
