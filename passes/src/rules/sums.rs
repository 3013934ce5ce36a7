//! Differences of nearly equal numbers, written so that they keep their digits.

use damo_graph::Value;
use damo_graph::functions::{cos, ln_1p, sin, sinc, sqrt, x_minus_ln_1p};

use crate::rewrite::Rewriter;

fn second_is_a_number_but_not_zero(rewriter: &mut Rewriter<'_>, values: &[Value]) -> bool {
    rewriter.uniform(values[1]).is_some_and(f64::is_normal)
}

crate::rules! {
    /// Differences.
    pub fn differences {
        /// The cosine is close to 1: 1 − cos x = 2 sin² (x / 2).
        one_minus_cos [x] 1.0 - cos(x) => 2.0 * (sin(0.5 * x) * sin(0.5 * x)), rounds(2.5), proof([1e-9], 5e-19);
        /// Two roots that are nearly equal: the difference of the squares over the sum.
        difference_of_roots [x, d] sqrt(x + d) - sqrt(x) => d / (sqrt(x + d) + sqrt(x)), extends(3.0), on_each([(0.0, 10.0), (0.5, 10.0)]), proof([1e20, 1.0], 5e-11), when(second_is_a_number_but_not_zero);
        /// Both are nearly x where x is small.
        x_minus_log_one_plus [x] x - ln_1p(x) => x_minus_ln_1p(x), extends(2.5), on(-0.9, 10.0), proof([1e-20], 5e-41);
        /// At 0 the limit is 1, and not NaN.
        sin_over_x [x] sin(x) / x => sinc(x), extends(1.5), proof([0.0], 1.0);
    }
}
