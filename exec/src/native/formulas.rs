//! Functions of floats as formulas on lanes: which there are, and where they hold.

mod error_function;
mod exponential;
mod hyperbolic;
mod inverse_trigonometric;
mod log_exponential;
mod logarithm;
mod parts;
mod powers;
mod trigonometric;
pub(super) mod whole_power;

use super::lanes::Lanes;
use crate::functions::{self, Scalar};

/// A formula, and the largest size of an argument that it holds for, in `f32` and `f64`.
#[derive(Clone, Copy)]
pub(super) struct Formula<F> {
    pub compute: F,
    pub within: Option<[f64; 2]>,
}

macro_rules! formulas {
    (
        one { $($one:ident(x) => $of_one:path $(, within $narrow:literal, $wide:literal)?;)* }
        two { $($two:ident(x, y) => $of_two:path;)* }
        partly { $($partly:ident(x, y) => $of_part:path;)* }
    ) => {
        /// The formula of a function of one number.
        pub(super) fn of_one<F: Lanes>(scalar: &'static Scalar) -> Option<Formula<fn(F) -> F>> {
            $(if scalar == &functions::$one {
                let within: Option<[f64; 2]> = None;
                $(let within = within.or(Some([$narrow, $wide]));)?
                return Some(Formula { compute: $of_one, within });
            })*
            None
        }

        /// The formula of a function of two numbers.
        pub(super) fn of_two<F: Lanes>(scalar: &'static Scalar) -> Option<fn(F, F) -> F> {
            $(if scalar == &functions::$two {
                return Some($of_two);
            })*
            None
        }

        /// The formula of a function of two numbers that also says where it holds.
        pub(super) fn partly_of_two<F: Lanes>(scalar: &'static Scalar) -> Option<fn(F, F) -> (F, F::Mask)> {
            $(if scalar == &functions::$partly {
                return Some($of_part);
            })*
            None
        }
    };
}

formulas! {
    one {
        EXP(x) => exponential::exp;
        EXP2(x) => exponential::exp2;
        EXP_M1(x) => exponential::exp_m1;
        SIGMOID(x) => exponential::sigmoid;
        SOFTPLUS(x) => exponential::softplus;
        SECH2(x) => exponential::sech2;
        LN(x) => logarithm::ln;
        LOG2(x) => logarithm::log2;
        LOG10(x) => logarithm::log10;
        LN_1P(x) => logarithm::ln_1p;
        LN_1P_RECIP(x) => log_exponential::ln_1p_recip;
        X_MINUS_LN_1P(x) => log_exponential::x_minus_ln_1p;
        LOG_1M_EXP(x) => log_exponential::log_1m_exp;
        LOGIT(x) => log_exponential::logit;
        LOG_COSH(x) => log_exponential::log_cosh;
        SIN(x) => trigonometric::sin, within 1.0e5, 1.0e9;
        COS(x) => trigonometric::cos, within 1.0e5, 1.0e9;
        TAN(x) => trigonometric::tan, within 1.0e5, 1.0e9;
        SINC(x) => trigonometric::sinc, within 1.0e5, 1.0e9;
        ASIN(x) => inverse_trigonometric::asin;
        ACOS(x) => inverse_trigonometric::acos;
        ATAN(x) => inverse_trigonometric::atan;
        SINH(x) => hyperbolic::sinh;
        COSH(x) => hyperbolic::cosh;
        TANH(x) => hyperbolic::tanh;
        ASINH(x) => hyperbolic::asinh;
        ACOSH(x) => hyperbolic::acosh;
        ATANH(x) => hyperbolic::atanh;
        ERF(x) => error_function::erf;
        ERFC(x) => error_function::erfc;
        ERFCX(x) => error_function::erfcx;
        NDTR(x) => error_function::ndtr;
        LOG_NDTR(x) => error_function::log_ndtr;
        CBRT(x) => powers::cbrt;
    }
    two {
        EXP_BELOW(x, y) => exponential::exp_below;
        HYPOT(x, y) => powers::hypot;
        POW(x, y) => powers::pow;
        XLOGY(x, y) => logarithm::xlogy;
        XLOG1PY(x, y) => logarithm::xlog1py;
        ATAN2(x, y) => inverse_trigonometric::atan2;
    }
    partly {
        LOG_ADD_EXP(x, y) => log_exponential::log_add_exp;
        LOG_ADD_EXP2(x, y) => log_exponential::log_add_exp2;
    }
}
