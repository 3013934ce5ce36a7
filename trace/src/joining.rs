//! Several tensors in one: end to end, or on top of each other.

use damo_graph::op::concatenate::Concatenate;
use damo_graph::{Element, Problem};
use ndarray::Axis;

use crate::record::Indices;
use crate::tape::Tape;
use crate::tensor::Tensor;
use crate::tensors::Handles;

/// Tensors end to end along an axis; the other lengths must agree. For a list of unknown length see [`Tape::concatenate`].
///
/// `[a, n, b], [a, m, b], .. -> [a, n + m + .., b]`
///
/// ```
/// use damo_trace::*;
/// let tape = Tape::new();
/// let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f32>("y"));
/// assert_eq!(concatenate(ndarray::Axis(0), &[x, y]).dims()?.to_string(), "[x.0 + y.0]");
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn concatenate<'t, T: Element, const N: usize>(axis: Axis, tensors: &[Tensor<'t, T>; N]) -> Tensor<'t, T> {
    const { assert!(N > 0, "nothing cannot be concatenated") };
    tensors[0].tape.concatenate(axis, tensors)
}

/// Tensors of one shape on top of each other along a new axis. For a list of unknown length see [`Tape::stack`].
///
/// `[a, b], [a, b], .. (k of them) -> [k, a, b]` for axis 0
///
/// ```
/// use damo_trace::*;
/// let tape = Tape::new();
/// let (x, y) = (tape.input::<f32>("x", 3), tape.input::<f32>("y", 3));
/// assert_eq!(stack(ndarray::Axis(1), &[x, y]).dims()?.to_string(), "[3, 2]");
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn stack<'t, T: Element, const N: usize>(axis: Axis, tensors: &[Tensor<'t, T>; N]) -> Tensor<'t, T> {
    const { assert!(N > 0, "nothing cannot be stacked") };
    tensors[0].tape.stack(axis, tensors)
}

impl Tape {
    /// [`concatenate`] for a list whose length is not known to the compiler.
    ///
    /// # Errors
    ///
    /// Kept by the tape: [`ErrorKind::Shapes`](damo_graph::ErrorKind::Shapes) if the list is empty or other lengths differ.
    #[track_caller]
    pub fn concatenate<'t, T: Element>(&'t self, axis: Axis, tensors: &[Tensor<'t, T>]) -> Tensor<'t, T> {
        if tensors.is_empty() {
            return self.refuse("concatenate", &Problem::shapes("no tensors were given"), &[]);
        }
        if tensors.iter().any(|tensor| !self.is(tensor.tape)) {
            return self.refuse_foreign("concatenate", &tensors.iter().map(|tensor| tensor.handle()).collect::<Handles>());
        }
        self.structural(Concatenate { axis: axis.0 }, &tensors.iter().map(|tensor| tensor.index).collect::<Indices>())
    }

    /// [`stack`] for a list whose length is not known to the compiler.
    ///
    /// # Errors
    ///
    /// As for [`concatenate`](Tape::concatenate).
    #[track_caller]
    pub fn stack<'t, T: Element>(&'t self, axis: Axis, tensors: &[Tensor<'t, T>]) -> Tensor<'t, T> {
        let _scope = self.composite("stack");
        let mut layers = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            layers.push(tensor.insert_axis(axis));
        }
        self.concatenate(axis, &layers)
    }
}
