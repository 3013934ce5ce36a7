//! Formulas written for numbers run on tensors: `fn f<R: Real>(x: R) -> R`.

use damo_graph::op::scalar::Scalar;
use damo_graph::{Float, Real};

use crate::into_tensor::IntoTensor;
use crate::record::Indices;
use crate::tensor::Tensor;

/// The same formula serves numbers and tensors.
///
/// ```
/// use damo_trace::*;
/// fn f<R: Real>(x: R) -> R {
///     (x.exp() * x + x.constant(2.0)).ln()
/// }
/// let tape = Tape::new();
/// let x = tape.input_with("x", &ndarray::arr1(&[0.5, 1.0]));
/// assert_eq!(f(x).value()?, ndarray::arr1(&[f(0.5), f(1.0)]).into_dyn());
/// # Ok::<(), Error>(())
/// ```
impl<'t, T: Float> Real for Tensor<'t, T> {
    type Mask = Tensor<'t, bool>;

    fn constant(self, value: f64) -> Self {
        T::from_f64(value).into_tensor(self.tape)
    }

    fn apply<const N: usize>(scalar: &'static Scalar, arguments: [Self; N]) -> Self {
        const { assert!(N > 0, "a function takes an argument") };
        let tape = arguments[0].tape;
        if arguments.iter().any(|argument| !tape.is(argument.tape)) {
            return tape.refuse_foreign(scalar.name, &arguments.map(Tensor::handle));
        }
        tape.pointwise(scalar, &arguments.map(Tensor::index).into_iter().collect::<Indices>())
    }

    fn compare(scalar: &'static Scalar, left: Self, right: Self) -> Tensor<'t, bool> {
        left.binary(scalar, right)
    }

    fn select(mask: Tensor<'t, bool>, yes: Self, no: Self) -> Self {
        crate::select(mask, yes, no)
    }
}
