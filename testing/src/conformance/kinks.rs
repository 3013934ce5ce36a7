//! Where Damo and the oracle differ and Damo is right: derivatives at kinks by convention, and a few results.
//!
//! Damo's, documented once: |x|, norm, std and atan2 at 0 give 0; max and min share ties equally; relu at 0 gives 0; x⁰ gives 0.
//!
//! | function | at | JAX | Damo |
//! |---|---|---|---|
//! | `relu`, `relu6` | 0, and 6 | 0 | 0 |
//! | `leaky_relu` | 0 | 1, the slope from above | the same |
//! | `elu`, `celu` | 0 | α, the slope from below | the same |
//! | `abs` | 0 | 0 | 0 |
//! | `maximum`, `minimum`, `max`, `min` | a tie | shared equally | shared equally |
//! | `where` | the jump | that of the branch taken | the same |
//! | `norm`, `std`, `arctan2`, `hypot` | 0 | NaN | 0 |
//! | `x ** 0` | 0 | 0 or NaN | 0 |

/// Whether two derivatives agree although they are different numbers: at a kink where the oracle's is not a number, Damo's is 0.
pub(crate) fn agree_at_kink(damo: f64, oracle: f64) -> bool {
    damo == 0.0 && !oracle.is_finite()
}

/// Results where the oracle is wrong: the case, the element of its result, and what is right.
///
/// Digamma has a pole at 0 whose sides differ in sign, and IEEE 754's signed zeros tell them apart, as `SciPy` does. JAX gives NaN
/// there, and takes the smallest subnormal number, whose digamma is below −10³⁰⁸, for 0.
const CORRECTED: &[(&str, &[usize], f64)] =
    &[("special_digamma", &[5], f64::INFINITY), ("special_digamma", &[6], f64::NEG_INFINITY), ("special_digamma", &[7], f64::NEG_INFINITY)];

/// The right result for an element of a case, where the oracle's is wrong.
pub(crate) fn corrected(case: &str, element: &[usize]) -> Option<f64> {
    CORRECTED.iter().find(|(name, place, _)| *name == case && *place == element).map(|&(.., right)| right)
}
