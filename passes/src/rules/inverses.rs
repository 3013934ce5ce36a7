//! A function of its own inverse.

use damo_graph::Real;
use damo_graph::functions::{acosh, asinh, atanh, cosh, erf, erf_inv, exp_m1, ln_1p, logit, sigmoid, sinh, tanh};
use damo_graph::op::term::Term;

/// The value where x is at least that number, else NaN.
pub(super) fn from(x: Term, low: f64, value: Term) -> Term {
    Term::select(x.ge(Term::number(low)), value, Term::number(f64::NAN))
}

/// The value where x is at most that number, else NaN.
pub(super) fn up_to(x: Term, high: f64, value: Term) -> Term {
    Term::select(x.le(Term::number(high)), value, Term::number(f64::NAN))
}

/// The value where |x| is at most 1, else NaN.
fn within_one(x: Term) -> Term {
    Term::select(x.abs().le(Term::number(1.0)), x, Term::number(f64::NAN))
}

crate::rules! {
    /// Inverses.
    pub fn inverses {
        /// Only numbers of at least 1 are a cosine.
        cosh_of_inverse [x] cosh(acosh(x)) => from(x, 1.0, x), rounds(0.0), on(1.0, 10.0);
        /// The sine of its inverse.
        sinh_of_inverse [x] sinh(asinh(x)) => x, rounds(0.0);
        /// The sine overflows.
        inverse_of_sinh [x] asinh(sinh(x)) => x, extends(0.0), proof([1000.0], 1000.0);
        /// Only numbers from −1 to 1 are a tangent.
        tanh_of_inverse [x] tanh(atanh(x)) => within_one(x), rounds(0.0), on(-1.0, 1.0);
        /// The tangent rounds to 1.
        inverse_of_tanh [x] atanh(tanh(x)) => x, extends(0.0), proof([20.0], 20.0);
        /// Only numbers from 0 to 1 are a share.
        share_of_log_odds [p] sigmoid(logit(p)) => Term::select(p.ge(Term::number(0.0)), up_to(p, 1.0, p), Term::number(f64::NAN)), rounds(0.0), on(0.0, 1.0);
        /// Only numbers from −1 to 1 are values of the error function.
        erf_of_inverse [x] erf(erf_inv(x)) => within_one(x), rounds(0.0), on(-1.0, 1.0);
        /// The exponential overflows.
        log_1p_of_exp_m1 [x] ln_1p(exp_m1(x)) => x, extends(0.0), proof([1000.0], 1000.0);
    }
}
