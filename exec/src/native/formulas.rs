//! Functions of floats as formulas on lanes: which there are, and where they hold.

mod exponential;
mod hyperbolic;
mod logarithm;
mod parts;
mod trigonometric;

use damo_graph::op::scalar::{self, Scalar};

use super::lanes::Lanes;

/// A formula, and the largest size of an argument that it holds for, in `f32` and `f64`.
#[derive(Clone, Copy)]
pub(super) struct Formula<F> {
    pub compute: F,
    pub within: Option<[f64; 2]>,
}

macro_rules! formulas {
    (
        $($one:ident(x) => $of_one:path $(, within $narrow:literal, $wide:literal)?;)*
        $(; $($two:ident(x, y) => $of_two:path;)*)?
    ) => {
        /// The formula of a function of one number.
        pub(super) fn of_one<F: Lanes>(scalar: &'static Scalar) -> Option<Formula<fn(F) -> F>> {
            $(if scalar == &scalar::$one {
                let within: Option<[f64; 2]> = None;
                $(let within = within.or(Some([$narrow, $wide]));)?
                return Some(Formula { compute: $of_one, within });
            })*
            None
        }

        /// The formula of a function of two numbers.
        pub(super) fn of_two<F: Lanes>(scalar: &'static Scalar) -> Option<Formula<fn(F, F) -> F>> {
            $($(if scalar == &scalar::$two {
                return Some(Formula { compute: $of_two, within: None });
            })*)?
            let _ = scalar;
            None
        }
    };
}

formulas! {
    EXP(x) => exponential::exp;
    EXP2(x) => exponential::exp2;
    EXP_M1(x) => exponential::exp_m1;
    SIGMOID(x) => exponential::sigmoid;
    SOFTPLUS(x) => exponential::softplus;
    LN_1P(x) => logarithm::ln_1p;
    LN(x) => logarithm::ln;
    TANH(x) => hyperbolic::tanh;
    SIN(x) => trigonometric::sin, within 1.0e5, 1.0e9;
    COS(x) => trigonometric::cos, within 1.0e5, 1.0e9;
}
