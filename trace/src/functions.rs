//! The functions that work element by element, under the names of `f32` and `f64`.

use damo_graph::op::scalar;
use damo_graph::{Float, Integer, Numeric};

use crate::into_tensor::IntoTensor;
use crate::tensor::Tensor;

/// Methods of one argument: a line each, with the function of the table that they are.
macro_rules! unary_functions {
    ($class:ident: $($(#[$doc:meta])* $name:ident $scalar:ident;)*) => {
        impl<'t, T: $class> Tensor<'t, T> { $(
            $(#[$doc])*
            ///
            /// `x: [..] -> [..]`
            #[track_caller]
            #[inline]
            pub fn $name(self) -> Tensor<'t, T> {
                self.unary(&scalar::$scalar)
            }
        )* }
    };
}

/// Methods of two arguments, of which the second may be a number.
macro_rules! binary_functions {
    ($class:ident: $($(#[$doc:meta])* $name:ident($other:ident) $scalar:ident;)*) => {
        impl<'t, T: $class> Tensor<'t, T> { $(
            $(#[$doc])*
            ///
            /// Shapes broadcast: `[..], [..] -> [..]`
            #[track_caller]
            #[inline]
            pub fn $name(self, $other: impl IntoTensor<'t, T>) -> Tensor<'t, T> {
                self.binary(&scalar::$scalar, $other.into_tensor(self.tape))
            }
        )* }
    };
}

unary_functions! { Float:
    // Exponentials and logarithms.
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

    // Powers and roots.
    /// √x
    sqrt SQRT;
    /// ∛x
    cbrt CBRT;
    /// 1/x
    recip RECIP;

    // Trigonometry, in radians.
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

    // Rounding.
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

    // Special functions.
    /// ln(1 + eˣ), without overflow.
    softplus SOFTPLUS;
    /// 1/(1 + e⁻ˣ)
    sigmoid SIGMOID;
    /// The inverse of [`sigmoid`](Tensor::sigmoid): ln(x/(1 − x)), on 0 to 1.
    logit LOGIT;
    /// ln(1 − eˣ), for x up to 0.
    log_1m_exp LOG_1M_EXP;
    /// ln cosh x, without overflow.
    log_cosh LOG_COSH;
    /// sin(x)/x, and 1 at 0.
    sinc SINC;
    /// The error function.
    erf ERF;
    /// 1 − erf x, accurate for large x.
    erfc ERFC;
    /// e^(x²)·erfc x: erfc without its vanishing part.
    erfcx ERFCX;
    /// ln erfc x, where erfc vanishes too.
    log_erfc LOG_ERFC;
    /// The inverse of the error function, on −1 to 1.
    erf_inv ERF_INV;
    /// ln |Γ(x)|
    lgamma LGAMMA;
    /// The derivative of ln Γ.
    digamma DIGAMMA;
    /// The probability that a standard normal variable is at most x.
    ndtr NDTR;
    /// The logarithm of [`ndtr`](Tensor::ndtr), where that vanishes too.
    log_ndtr LOG_NDTR;
    /// The inverse of [`ndtr`](Tensor::ndtr), on 0 to 1.
    ndtri NDTRI;
    /// The modified Bessel function of the first kind, order 0.
    bessel_i0 BESSEL_I0;
    /// The modified Bessel function of the first kind, order 1.
    bessel_i1 BESSEL_I1;
}

unary_functions! { Numeric:
    /// |x|; its derivative at 0 is 0.
    abs ABS;
    /// −1, 0 or 1 by sign: 0 at 0, unlike [`f64::signum`].
    signum SIGNUM;
}

binary_functions! { Float:
    /// x to the power of another. The derivative of x⁰ is 0 everywhere.
    powf(power) POW;
    /// The angle of the point (`x`, `self`), in radians; its derivative at the origin is 0.
    atan2(x) ATAN2;
    /// √(x² + y²), without overflow; its derivative at the origin is 0.
    hypot(other) HYPOT;
    /// |x| with the sign of another.
    copysign(sign) COPYSIGN;
    /// x · ln y, and 0 where x is 0.
    xlogy(y) XLOGY;
    /// x · ln(1 + y), and 0 where x is 0.
    xlog1py(y) XLOG1PY;
    /// ln(eˣ + eʸ), without overflow.
    log_add_exp(other) LOG_ADD_EXP;
    /// ln(eˣ − eʸ), without overflow, where x is not below y; NaN where it is.
    log_sub_exp(other) LOG_SUB_EXP;
    /// log₂(2ˣ + 2ʸ), without overflow.
    log_add_exp2(other) LOG_ADD_EXP2;
}

binary_functions! { Numeric:
    /// The larger; NaN if either is, unlike [`f64::max`]. At ties the derivative is shared equally.
    max(other) MAX;
    /// The smaller; NaN if either is, unlike [`f64::min`]. At ties the derivative is shared equally.
    min(other) MIN;
}

binary_functions! { Integer:
    /// x to the power of another; wraps, and is 0 where the power is negative, except for 1 and −1.
    pow(power) POW;
}

impl<'t, T: Numeric> Tensor<'t, T> {
    /// x · a + b, rounded once.
    ///
    /// Shapes broadcast: `x: [..], a: [..], b: [..] -> [..]`
    #[track_caller]
    pub fn mul_add(self, a: impl IntoTensor<'t, T>, b: impl IntoTensor<'t, T>) -> Tensor<'t, T> {
        self.ternary(&scalar::MUL_ADD, a.into_tensor(self.tape), b.into_tensor(self.tape))
    }

    /// x limited to `low ..= high`; where these cross, `high`.
    ///
    /// Shapes broadcast: `x: [..], low: [..], high: [..] -> [..]`
    #[track_caller]
    pub fn clamp(self, low: impl IntoTensor<'t, T>, high: impl IntoTensor<'t, T>) -> Tensor<'t, T> {
        let _scope = self.tape.composite("clamp");
        self.max(low).min(high)
    }
}

impl<'t, T: Float> Tensor<'t, T> {
    /// x to a whole power. The derivative of x⁰ is 0 everywhere.
    ///
    /// `x: [..] -> [..]`
    #[track_caller]
    pub fn powi(self, power: i32) -> Tensor<'t, T> {
        self.powf(T::from_f64(power.into()))
    }

    /// The derivative of ln Γ, taken `order + 1` times: order 0 is [`digamma`](Tensor::digamma), 1 the trigamma function.
    ///
    /// `x: [..] -> [..]`, for x above 0.
    #[track_caller]
    pub fn polygamma(self, order: u32) -> Tensor<'t, T> {
        let order: Tensor<'t, T> = T::from_f64(order.into()).into_tensor(self.tape);
        order.binary(&scalar::POLYGAMMA, self)
    }

    /// The positive part: x where it is positive, else 0. Its derivative at 0 is 0, and NaN stays NaN.
    ///
    /// `x: [..] -> [..]`
    #[track_caller]
    pub fn relu(self) -> Tensor<'t, T> {
        let _scope = self.tape.composite("relu");
        crate::select(self.le(T::default()), T::default(), self)
    }

    /// ln(1/(1 + e⁻ˣ)), without underflow.
    ///
    /// `x: [..] -> [..]`
    #[track_caller]
    pub fn log_sigmoid(self) -> Tensor<'t, T> {
        let _scope = self.tape.composite("log_sigmoid");
        -(-self).softplus()
    }
}
