//! What can be written where a tensor is asked for.

use damo_graph::op::constant::Constant;
use damo_graph::{AnyArray, DType, Element, Number, element};
use ndarray::{ArrayBase, Data, Dimension};

use crate::record::{Indices, Recorded};
use crate::tape::Tape;
use crate::tensor::Tensor;

/// A tensor, or a number of its element type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for a tensor of `{T}`",
    label = "neither a tensor nor a number of `{T}`",
    note = "element types never mix by themselves: convert a tensor with `.cast::<{T}>()`"
)]
pub trait IntoTensor<'t, T> {
    /// It as a tensor of that tape. A tensor stays one of its own tape.
    #[track_caller]
    fn into_tensor(self, tape: &'t Tape) -> Tensor<'t, T>;
}

impl<'t, T: Element> IntoTensor<'t, T> for Tensor<'t, T> {
    #[inline]
    fn into_tensor(self, _: &'t Tape) -> Tensor<'t, T> {
        self
    }
}

impl<'t, T: Element> IntoTensor<'t, T> for T {
    #[inline]
    fn into_tensor(self, tape: &'t Tape) -> Tensor<'t, T> {
        let what = match self.to_number() {
            Number::Real(number) => Recorded::Real(T::DTYPE, number),
            number @ (Number::Bool(_) | Number::Integer(_) | Number::Complex(..)) => {
                Recorded::Structural(Box::new(Constant(AnyArray::full(T::DTYPE, &[], number)).into()))
            }
        };
        tape.tensor(what, Indices::new())
    }
}

/// Numbers that become part of the program: a single one, or an array of them.
///
/// ([`IntoTensor`] does not take arrays: the language forbids that beside numbers of any generic type.)
#[diagnostic::on_unimplemented(message = "`{Self}` is neither a number nor an array of `{T}`")]
pub trait IntoConstant<T> {
    /// It as an array.
    fn into_constant(self) -> AnyArray;
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoConstant<T> for &ArrayBase<S, D> {
    fn into_constant(self) -> AnyArray {
        AnyArray::from(self.as_standard_layout().into_owned())
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoConstant<T> for ArrayBase<S, D> {
    fn into_constant(self) -> AnyArray {
        (&self).into_constant()
    }
}

macro_rules! numbers {
    ($($element:ident)*) => {
        $(impl IntoConstant<element::$element> for element::$element {
            fn into_constant(self) -> AnyArray {
                AnyArray::full(DType::$element, &[], self.to_number())
            }
        })*
    };
}
numbers!(Bool I8 I16 I32 I64 U8 U16 U32 U64 F16 BF16 F32 F64 C64 C128);
