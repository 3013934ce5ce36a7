//! One formula for eager numbers and for tracing: the trait over `f32`, `f64`, terms and tensors.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::number::Number;
use crate::op::scalar::{self, Scalar};

macro_rules! real_trait {
    (unary { $($(#[$unary_doc:meta])* $unary:ident $unary_scalar:ident;)* }
     binary { $($(#[$binary_doc:meta])* $binary:ident $binary_scalar:ident;)* }
     compare { $($(#[$compare_doc:meta])* $compare:ident $compare_scalar:ident;)* }) => {
        /// A real number that a formula can be written over: `f32`, `f64`, a [`Term`](crate::op::term::Term) or a tensor that is traced.
        ///
        /// ```
        /// use damo_graph::Real;
        /// fn f<R: Real>(x: R) -> R { (x.exp() * x + x).ln() }
        /// assert_eq!(f(1.0f64), (1f64.exp() + 1.0).ln());
        /// ```
        ///
        /// Method names are those of `f64`. A number of the formula's own is `x.constant(0.5)`.
        pub trait Real:
            Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
        {
            /// The result of a comparison.
            type Mask: Copy;

            /// A number of the same kind as `self`, whose own value does not matter.
            #[must_use]
            #[track_caller]
            fn constant(self, value: f64) -> Self;

            /// A function of the table, applied to as many arguments as it takes.
            #[must_use]
            #[track_caller]
            fn apply<const N: usize>(scalar: &'static Scalar, arguments: [Self; N]) -> Self;

            /// A comparison of the table.
            #[track_caller]
            fn compare(scalar: &'static Scalar, left: Self, right: Self) -> Self::Mask;

            /// `yes` where the mask holds, else `no`.
            #[must_use]
            #[track_caller]
            fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

            $($(#[$unary_doc])* #[must_use] #[track_caller] fn $unary(self) -> Self { Self::apply(&scalar::$unary_scalar, [self]) })*
            $($(#[$binary_doc])* #[must_use] #[track_caller] fn $binary(self, other: Self) -> Self { Self::apply(&scalar::$binary_scalar, [self, other]) })*
            $($(#[$compare_doc])* #[track_caller] fn $compare(self, other: Self) -> Self::Mask { Self::compare(&scalar::$compare_scalar, self, other) })*

            /// `self` to a whole power.
            #[must_use]
            #[track_caller]
            fn powi(self, power: i32) -> Self {
                Self::apply(&scalar::POW, [self, self.constant(f64::from(power))])
            }

            /// `self · a + b`, rounded once.
            #[must_use]
            #[track_caller]
            fn mul_add(self, a: Self, b: Self) -> Self {
                Self::apply(&scalar::MUL_ADD, [self, a, b])
            }

            /// Limited to `low ..= high`.
            #[must_use]
            #[track_caller]
            fn clamp(self, low: Self, high: Self) -> Self {
                self.max(low).min(high)
            }
        }
    };
}

real_trait! {
    unary {
        /// eˣ
        exp EXP;
        /// 2ˣ
        exp2 EXP2;
        /// eˣ − 1, accurate near 0.
        exp_m1 EXP_M1;
        /// The natural logarithm.
        ln LN;
        /// ln(1 + x), accurate near 0.
        ln_1p LN_1P;
        /// The logarithm to base 2.
        log2 LOG2;
        /// The logarithm to base 10.
        log10 LOG10;
        /// √x
        sqrt SQRT;
        /// ∛x
        cbrt CBRT;
        /// 1/x
        recip RECIP;
        /// |x|
        abs ABS;
        /// −1, 0 or 1 by sign: 0 at 0, unlike [`f64::signum`].
        signum SIGNUM;
        /// Sine, of radians.
        sin SIN;
        /// Cosine, of radians.
        cos COS;
        /// Tangent, of radians.
        tan TAN;
        /// Arc sine, in radians.
        asin ASIN;
        /// Arc cosine, in radians.
        acos ACOS;
        /// Arc tangent, in radians.
        atan ATAN;
        /// Hyperbolic sine.
        sinh SINH;
        /// Hyperbolic cosine.
        cosh COSH;
        /// Hyperbolic tangent.
        tanh TANH;
        /// Inverse hyperbolic sine.
        asinh ASINH;
        /// Inverse hyperbolic cosine.
        acosh ACOSH;
        /// Inverse hyperbolic tangent.
        atanh ATANH;
        /// The largest whole number not above.
        floor FLOOR;
        /// The smallest whole number not below.
        ceil CEIL;
        /// The nearest whole number, halves away from zero.
        round ROUND;
        /// The nearest whole number, halves to even.
        round_ties_even ROUND_TIES_EVEN;
        /// The whole number towards zero.
        trunc TRUNC;
        /// 1/(1 + e⁻ˣ)
        sigmoid SIGMOID;
        /// ln(1 + eˣ), without overflow.
        softplus SOFTPLUS;
        /// The error function.
        erf ERF;
        /// 1 − erf x, accurate for large x.
        erfc ERFC;
        /// ln |Γ(x)|
        lgamma LGAMMA;
        /// The derivative of ln Γ.
        digamma DIGAMMA;
    }
    binary {
        /// `self` to the power of `other`.
        powf POW;
        /// The angle of the point (`other`, `self`), in radians.
        atan2 ATAN2;
        /// √(x² + y²), without overflow.
        hypot HYPOT;
        /// The larger; NaN if either is, unlike [`f64::max`].
        max MAX;
        /// The smaller; NaN if either is, unlike [`f64::min`].
        min MIN;
        /// `self` with the sign of `other`.
        copysign COPYSIGN;
    }
    compare {
        /// Greater than.
        gt GT;
        /// Greater than or equal.
        ge GE;
        /// Less than.
        lt LT;
        /// Less than or equal.
        le LE;
        /// The same number; NaN equals nothing.
        equal EQUAL;
        /// Not the same number.
        not_equal NOT_EQUAL;
    }
}

macro_rules! real_for_float {
    ($($float:ty),*) => { $(
        impl Real for $float {
            type Mask = bool;

            fn constant(self, value: f64) -> Self {
                value as $float
            }

            fn apply<const N: usize>(scalar: &'static Scalar, arguments: [Self; N]) -> Self {
                scalar.evaluate(&arguments.map(|x| Number::Real(x.into()))).map_or(<$float>::NAN, |number| number.to_real() as $float)
            }

            fn compare(scalar: &'static Scalar, left: Self, right: Self) -> bool {
                scalar.evaluate(&[Number::Real(left.into()), Number::Real(right.into())]).is_some_and(Number::to_bool)
            }

            fn select(mask: bool, yes: Self, no: Self) -> Self {
                if mask { yes } else { no }
            }
        }
    )* };
}
real_for_float!(f32, f64);
