//! The functions of the table as words of a formula: `ln(1.0 + x)` over anything [`Real`], which is how rules are written.

use crate::op::scalar;
use crate::real::Real;

macro_rules! functions {
    (unary { $($(#[$unary_doc:meta])* $unary:ident $unary_scalar:ident;)* }
     binary { $($(#[$binary_doc:meta])* $binary:ident $binary_scalar:ident;)* }) => {
        $($(#[$unary_doc])* #[must_use] #[track_caller] pub fn $unary<R: Real>(x: R) -> R { R::apply(&scalar::$unary_scalar, [x]) })*
        $($(#[$binary_doc])* #[must_use] #[track_caller] pub fn $binary<R: Real>(x: R, y: R) -> R { R::apply(&scalar::$binary_scalar, [x, y]) })*

        #[cfg(test)]
        const WORDS: &[(&str, &scalar::Scalar)] = &[$((stringify!($unary), &scalar::$unary_scalar),)* $((stringify!($binary), &scalar::$binary_scalar),)*];
    };
}

functions! {
    unary {
        /// 1/x
        recip RECIP;
        /// ln(1 + eˣ), without overflow.
        softplus SOFTPLUS;
        /// 1/(1 + e⁻ˣ)
        sigmoid SIGMOID;
        /// tanh x
        tanh TANH;
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
        /// 1/cosh² x
        sech2 SECH2;
        /// Inverse hyperbolic sine.
        asinh ASINH;
        /// Inverse hyperbolic cosine.
        acosh ACOSH;
        /// Inverse hyperbolic tangent.
        atanh ATANH;
        /// The error function.
        erf ERF;
        /// 1 − erf x, accurate for large x.
        erfc ERFC;
        /// The inverse of the error function.
        erf_inv ERF_INV;
        /// ln(1 − eˣ), for x ≤ 0.
        log_1m_exp LOG_1M_EXP;
        /// ln(p / (1 − p))
        logit LOGIT;
        /// ln cosh x, without overflow.
        log_cosh LOG_COSH;
        /// ln erfc x, where erfc vanishes too.
        log_erfc LOG_ERFC;
        /// The logarithm of [`ndtr`], where that vanishes too.
        log_ndtr LOG_NDTR;
        /// ln(1 + 1/x), for x ≥ 0.
        ln_1p_recip LN_1P_RECIP;
        /// x − ln(1 + x), accurate near 0.
        x_minus_ln_1p X_MINUS_LN_1P;
        /// e^(x²)·erfc x
        erfcx ERFCX;
        /// sin x / x, and 1 at 0.
        sinc SINC;
        /// (sin x − x·cos x) / x², and 0 at 0.
        spherical_j1 SPHERICAL_J1;
        /// The probability that a standard normal variable is at most x.
        ndtr NDTR;
        /// The inverse of [`ndtr`].
        ndtri NDTRI;
        /// ln |Γ(x)|
        lgamma LGAMMA;
        /// The derivative of ln Γ.
        digamma DIGAMMA;
        /// The modified Bessel function of the first kind, order 0.
        bessel_i0 BESSEL_I0;
        /// The modified Bessel function of the first kind, order 1.
        bessel_i1 BESSEL_I1;
        /// √x
        sqrt SQRT;
        /// ∛x
        cbrt CBRT;
        /// |x|
        abs ABS;
        /// −1, 0 or 1 by sign.
        signum SIGNUM;
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
    }
    binary {
        /// x to the power y.
        pow POW;
        /// √(x² + y²), without overflow.
        hypot HYPOT;
        /// The angle of the point (y, x), in radians.
        atan2 ATAN2;
        /// The remainder of x / y.
        rem REM;
        /// x · ln y, and 0 where x is 0.
        xlogy XLOGY;
        /// x · ln(1 + y), and 0 where x is 0.
        xlog1py XLOG1PY;
        /// ln(eˣ + eʸ), without overflow.
        log_add_exp LOG_ADD_EXP;
        /// ln(eˣ − eʸ), without overflow, for x ≥ y.
        log_sub_exp LOG_SUB_EXP;
        /// log₂(2ˣ + 2ʸ), without overflow.
        log_add_exp2 LOG_ADD_EXP2;
        /// The derivative of digamma, taken x times, at y.
        polygamma POLYGAMMA;
        /// The derivative of erfcx, taken x times, at y.
        erfcx_derivative ERFCX_DERIVATIVE;
        /// |x| with the sign of y.
        copysign COPYSIGN;
        /// The larger; NaN if either is.
        max MAX;
        /// The smaller; NaN if either is.
        min MIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::scalar::Signature;

    #[test]
    fn every_function_of_the_table_is_a_word() {
        for scalar in scalar::ALL {
            let is_operator = ["add", "sub", "mul", "div", "neg", "mul_add"].contains(&scalar.name);
            let is_function = matches!(scalar.signature, Signature::Same(_)) && scalar.real.is_some() && !is_operator;
            let words: Vec<&str> = WORDS.iter().filter(|(_, named)| named == scalar).map(|(word, _)| *word).collect();
            assert_eq!(words, if is_function { vec![scalar.name] } else { vec![] });
        }
        assert_eq!(ln(exp(1.5)), 1.5);
    }
}
