//! The error function and its relatives, where they vanish or are close to 1.

use damo_graph::functions::{digamma, erf, erfc, erfcx, exp, ln, log_erfc, log_ndtr, ndtr, polygamma, recip};

const FRAC_1_SQRT_2: f64 = std::f64::consts::FRAC_1_SQRT_2;

crate::rules! {
    /// Tails.
    pub fn tails {
        /// The error function is close to 1.
        one_minus_erf [x] 1.0 - erf(x) => erfc(x), rounds(2.5), on(-5.0, 5.0), proof([10.0], 2.088_487_583_762_545e-45);
        /// The error function is close to −1.
        one_plus_erf [x] 1.0 + erf(x) => erfc(-x), rounds(2.5), on(-5.0, 5.0), proof([-10.0], 2.088_487_583_762_545e-45);
        /// Its complement is close to 1.
        one_minus_erfc [x] 1.0 - erfc(x) => erf(x), rounds(1.0), on(-5.0, 5.0), proof([1e-20], 1.128_379_167_095_512_6e-20);
        /// The tail vanishes; its logarithm does not.
        log_of_erfc [x] ln(erfc(x)) => log_erfc(x), extends(3.0), on(0.1, 10.0), proof([30.0], -903.974_117_110_643_9);
        /// The tail vanishes; its logarithm does not.
        log_of_ndtr [x] ln(ndtr(x)) => log_ndtr(x), extends(3.0), on(-10.0, 0.1), proof([-40.0], -804.608_442_013_753_8);
        /// Both vanish; their quotient does not.
        density_over_tail [x] exp(-(x * x)) / erfc(x) => recip(erfcx(x)), extends(4.0), on(-2.0, 5.0), proof([30.0], 53.203_123_692_263_86);
        /// The first of its derivatives is the function itself.
        polygamma_of_zero [x] polygamma(0.0.into(), x) => digamma(x), rounds(2.0), on(1.6, 10.0);
        /// The normal distribution as an error function.
        half_erfc [x] 0.5 * erfc(x * -FRAC_1_SQRT_2) => ndtr(x), rounds(2.0), on(-5.0, 5.0);
    }
}
