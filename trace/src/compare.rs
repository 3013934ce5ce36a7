//! Questions: comparisons, tests, and a choice by their answers.

use damo_graph::op::scalar;
use damo_graph::{Element, Float, Numeric};

use crate::into_tensor::IntoTensor;
use crate::tensor::Tensor;

macro_rules! comparisons {
    ($class:ident: $($(#[$doc:meta])* $name:ident $scalar:ident;)*) => {
        impl<'t, T: $class> Tensor<'t, T> { $(
            $(#[$doc])*
            ///
            /// Shapes broadcast: `[..], [..] -> [..]` of `bool`
            #[track_caller]
            #[inline]
            pub fn $name(self, other: impl IntoTensor<'t, T>) -> Tensor<'t, bool> {
                self.binary(&scalar::$scalar, other.into_tensor(self.tape))
            }
        )* }
    };
}

comparisons! { Numeric:
    /// Whether x is greater than another.
    gt GT;
    /// Whether x is greater than another or equal.
    ge GE;
    /// Whether x is less than another.
    lt LT;
    /// Whether x is less than another or equal.
    le LE;
}

comparisons! { Element:
    /// Whether x is the same number as another; NaN equals nothing.
    equal EQUAL;
    /// Whether x is not the same number as another.
    not_equal NOT_EQUAL;
}

impl<'t, T: Float> Tensor<'t, T> {
    /// Whether x is NaN.
    ///
    /// `x: [..] -> [..]` of `bool`
    #[track_caller]
    pub fn is_nan(self) -> Tensor<'t, bool> {
        self.unary(&scalar::IS_NAN)
    }

    /// Whether x is neither infinite nor NaN.
    ///
    /// `x: [..] -> [..]` of `bool`
    #[track_caller]
    pub fn is_finite(self) -> Tensor<'t, bool> {
        self.unary(&scalar::IS_FINITE)
    }
}

/// `yes` where the condition holds, else `no`, element by element; both may be numbers.
///
/// Shapes broadcast: `condition: [..] of bool, yes: [..], no: [..] -> [..]`. The gradient of the side that is not chosen is 0, even
/// where its derivative is infinite or NaN.
///
/// ```
/// use damo_trace::*;
/// let tape = Tape::new();
/// let x = tape.input_with("x", &ndarray::arr1(&[-4.0, 9.0]));
/// let y = select(x.gt(0.0), x.sqrt(), 0.0);
/// assert_eq!(y.value()?, ndarray::arr1(&[0.0, 3.0]).into_dyn());
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn select<'t, T: Element>(condition: Tensor<'t, bool>, yes: impl IntoTensor<'t, T>, no: impl IntoTensor<'t, T>) -> Tensor<'t, T> {
    let tape = condition.tape;
    let (yes, no) = (yes.into_tensor(tape), no.into_tensor(tape));
    if !(tape.is(yes.tape) && tape.is(no.tape)) {
        return tape.refuse_foreign("select", &[condition.handle(), yes.handle(), no.handle()]);
    }
    tape.pointwise(&scalar::SELECT, &[condition.index, yes.index, no.index])
}
