//! The operators: `+ - * / %` and negation on numbers, `& | ^ !` on truth values and integers; tensors and numbers on either side.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Rem, Sub};

use damo_graph::op::scalar;
use damo_graph::{Logical, Numeric, element};

use crate::into_tensor::IntoTensor;
use crate::tensor::Tensor;

/// One operator for tensor and tensor, tensor and number, number and tensor.
macro_rules! binary_operator {
    ($trait:ident $method:ident $scalar:ident on $class:ident: $($element:ident)*) => {
        impl<'t, T: $class> $trait for Tensor<'t, T> {
            type Output = Tensor<'t, T>;

            #[track_caller]
            #[inline]
            fn $method(self, other: Self) -> Tensor<'t, T> {
                self.binary(&scalar::$scalar, other)
            }
        }

        impl<'t, T: $class> $trait<T> for Tensor<'t, T> {
            type Output = Tensor<'t, T>;

            #[track_caller]
            #[inline]
            fn $method(self, other: T) -> Tensor<'t, T> {
                self.binary(&scalar::$scalar, other.into_tensor(self.tape))
            }
        }

        // Written out: the language forbids `impl<T> Add<Tensor<T>> for T`.
        $(impl<'t> $trait<Tensor<'t, element::$element>> for element::$element {
            type Output = Tensor<'t, element::$element>;

            #[track_caller]
            #[inline]
            fn $method(self, other: Tensor<'t, element::$element>) -> Tensor<'t, element::$element> {
                let left: Tensor<'t, element::$element> = self.into_tensor(other.tape);
                left.binary(&scalar::$scalar, other)
            }
        })*
    };
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $scalar:ident;)*) => {
        $(binary_operator!($trait $method $scalar on Numeric: F16 BF16 F32 F64 I8 I16 I32 I64 U8 U16 U32 U64);)*
    };
}
arithmetic! {
    Add add ADD;
    Sub sub SUB;
    Mul mul MUL;
    Div div DIV;
    Rem rem REM;
}

macro_rules! logic {
    ($($trait:ident $method:ident $scalar:ident;)*) => {
        $(binary_operator!($trait $method $scalar on Logical: Bool I8 I16 I32 I64 U8 U16 U32 U64);)*
    };
}
logic! {
    BitAnd bitand AND;
    BitOr bitor OR;
    BitXor bitxor XOR;
}

impl<'t, T: Numeric> Neg for Tensor<'t, T> {
    type Output = Tensor<'t, T>;

    #[track_caller]
    #[inline]
    fn neg(self) -> Tensor<'t, T> {
        self.unary(&scalar::NEG)
    }
}

impl<'t, T: Logical> Not for Tensor<'t, T> {
    type Output = Tensor<'t, T>;

    #[track_caller]
    #[inline]
    fn not(self) -> Tensor<'t, T> {
        self.unary(&scalar::NOT)
    }
}
