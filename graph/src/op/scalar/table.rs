//! Every pointwise function, one line each.

use super::IntegerMeaning::{Binary, Ternary, Unary};
use super::{Partials, RealMeaning, Scalar, Signature, binary, compare, logic, step, ternary, test, unary};
use crate::op::special;
use crate::op::term::Term;
use crate::real::Real;

/// Declares the functions and the list of them all, so that no test can miss one.
macro_rules! scalars {
    ($($(#[$doc:meta])* $name:ident = $scalar:expr;)*) => {
        $($(#[$doc])* pub static $name: Scalar = $scalar;)*

        /// Every function of the table, in its order.
        ///
        /// Order matters: a rewrite rule may replace a function only by functions further down.
        pub static ALL: &[&Scalar] = &[$(&$name),*];
    };
}

/// A constant in a formula.
fn c(value: f64) -> Term {
    Term::number(value)
}

/// 1 where the mask holds, ½ where `tie` does, else 0: how max and min share a tie.
fn share(mask: Term, tie: Term) -> Term {
    Term::select(tie, c(0.5), Term::select(mask, c(1.0), c(0.0)))
}

const INF: f64 = f64::INFINITY;
const LN_2: f64 = std::f64::consts::LN_2;
const LN_10: f64 = std::f64::consts::LN_10;
const TWO_OVER_SQRT_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI;
const FRAC_1_SQRT_2: f64 = std::f64::consts::FRAC_1_SQRT_2;
const SQRT_2_OVER_PI: f64 = 2.0 * special::ONE_OVER_SQRT_TAU;

scalars! {
    // name = constructor(name, meaning, partial derivatives, ulps, cost).domain

    // Powers, and special functions that rules take apart.
    /// x to the power y.
    POW = binary("pow", f64::powf, |x, y, z| [power_slope(x, y), Term::select(x.equal(c(0.0)), c(0.0), z * x.ln())], 1.5, 50)
        .on(0.0, INF).integers(Binary(special::integer_power));
    /// The derivative of digamma, taken x times (a whole number), at y.
    POLYGAMMA = binary("polygamma", special::polygamma, |x, y, _| [c(f64::NAN), Term::apply(&POLYGAMMA, [x + 1.0, y])], 1.5, 80)
        .on(0.0, INF).second_on(0.0, INF);
    /// The derivative of ln Γ.
    DIGAMMA = unary("digamma", special::digamma, |x, _| Term::apply(&POLYGAMMA, [c(1.0), x]), 2.0, 60);
    /// ln |Γ(x)|
    LGAMMA = unary("lgamma", special::lgamma, |x, _| x.digamma(), 1.5, 60);
    /// The modified Bessel function of the first kind, order 0.
    BESSEL_I0 = unary("bessel_i0", special::bessel_i0, |x, _| Term::apply(&BESSEL_I1, [x]), 1.5, 50);
    /// The modified Bessel function of the first kind, order 1.
    BESSEL_I1 = unary("bessel_i1", special::bessel_i1, |x, y| Term::apply(&BESSEL_I0, [x]) - Term::select(x.equal(c(0.0)), c(0.5), y / x), 1.5, 50);
    /// The inverse of [`NDTR`].
    NDTRI = unary("ndtri", special::ndtri, |_, y| (y * y * 0.5).exp() * (1.0 / special::ONE_OVER_SQRT_TAU), 2.0, 50).on(0.0, 1.0);
    /// The inverse of the error function.
    ERF_INV = unary("erf_inv", special::erf_inv, |_, y| (y * y).exp() * (1.0 / TWO_OVER_SQRT_PI), 1.5, 50).on(-1.0, 1.0);
    /// The remainder of x / y, with the sign of x; of integers 0 where y is 0.
    REM = binary("rem", |x, y| x % y, |x, y, z| [c(1.0), ((z - x) / y).round()], 0.0, 20)
        .integers(Binary(|x, y| x.checked_rem(y).unwrap_or(0)));
    /// The angle of the point (y, x), in radians; its derivative at the origin is 0.
    ATAN2 = binary("atan2", f64::atan2, |x, y, _| [over_square(y, x.hypot(y)), over_square(-x, x.hypot(y))], 1.5, 30);
    /// x · y + z, rounded once.
    MUL_ADD = ternary("mul_add", f64::mul_add, |x, y, _, _| [y, x, c(1.0)], 0.5, 1)
        .integers(Ternary(|x, y, z| x.wrapping_mul(y).wrapping_add(z)));

    // Logarithms.
    /// The logarithm to base 2.
    LOG2 = unary("log2", f64::log2, |x, _| 1.0 / (x * LN_2), 1.0, 20).on(0.0, INF);
    /// The logarithm to base 10.
    LOG10 = unary("log10", f64::log10, |x, _| 1.0 / (x * LN_10), 1.0, 20).on(0.0, INF);
    /// The natural logarithm.
    LN = unary("ln", f64::ln, |x, _| x.recip(), 1.0, 20).on(0.0, INF);
    /// ln(1 + x), accurate near 0.
    LN_1P = unary("ln_1p", f64::ln_1p, |x, _| 1.0 / (1.0 + x), 1.0, 22).on(-1.0, INF);
    /// log₂(2ˣ + 2ʸ), without overflow.
    LOG_ADD_EXP2 = binary("log_add_exp2", special::log_add_exp2, |x, y, _| [weight(x, y, LN_2), weight(y, x, LN_2)], 3.0, 45).commutative();
    /// ln(eˣ + eʸ), without overflow.
    LOG_ADD_EXP = binary("log_add_exp", special::log_add_exp, |x, y, _| [weight(x, y, 1.0), weight(y, x, 1.0)], 2.5, 45).commutative();
    /// ln(eˣ − eʸ), without overflow, for x ≥ y.
    LOG_SUB_EXP = binary("log_sub_exp", special::log_sub_exp, log_sub_exp_slopes, 3.0, 50);
    /// ln(1 + eˣ), without overflow.
    SOFTPLUS = unary("softplus", |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), |x, _| x.sigmoid(), 1.5, 42);
    /// ln(1 − eˣ), for x ≤ 0.
    LOG_1M_EXP = unary("log_1m_exp", special::log_1m_exp, |x, _| -1.0 / (-x).exp_m1(), 2.5, 45).on(-INF, 0.0);
    /// ln(p / (1 − p)), the inverse of sigmoid.
    LOGIT = unary("logit", special::logit, |x, _| 1.0 / (x * (1.0 - x)), 2.5, 45).on(0.0, 1.0);
    /// ln cosh x, without overflow.
    LOG_COSH = unary("log_cosh", special::log_cosh, |x, _| x.tanh(), 2.5, 50);
    /// ln erfc x, where erfc vanishes too.
    LOG_ERFC = unary("log_erfc", special::log_erfc, |x, _| -TWO_OVER_SQRT_PI / Term::apply(&ERFCX, [x]), 3.0, 60);
    /// The logarithm of [`NDTR`], where that vanishes too.
    LOG_NDTR = unary("log_ndtr", special::log_ndtr, |x, _| SQRT_2_OVER_PI / Term::apply(&ERFCX, [x * -FRAC_1_SQRT_2]), 3.0, 60);
    /// ln(1 + 1/x): the difference of the logarithms of x + 1 and x, for x ≥ 0.
    LN_1P_RECIP = unary("ln_1p_recip", |x| if x > 1.0 { x.recip().ln_1p() } else { x.ln_1p() - x.ln() }, |x, _| -1.0 / (x * (1.0 + x)), 2.0, 45).on(0.0, INF);
    /// x − ln(1 + x), accurate near 0.
    X_MINUS_LN_1P = unary("x_minus_ln_1p", special::x_minus_ln_1p, |x, _| x / (1.0 + x), 2.5, 45).on(-1.0, INF);

    // Trigonometry, in radians.
    /// Tangent.
    TAN = unary("tan", f64::tan, |_, y| 1.0 + y * y, 1.5, 25);
    /// Cosine.
    COS = unary("cos", f64::cos, |x, _| -x.sin(), 1.0, 20);
    /// Sine.
    SIN = unary("sin", f64::sin, |x, _| x.cos(), 1.0, 20);
    /// Arc sine.
    ASIN = unary("asin", f64::asin, |x, _| 1.0 / ((1.0 - x) * (1.0 + x)).sqrt(), 1.5, 25).on(-1.0, 1.0);
    /// Arc cosine.
    ACOS = unary("acos", f64::acos, |x, _| -1.0 / ((1.0 - x) * (1.0 + x)).sqrt(), 1.5, 25).on(-1.0, 1.0);
    /// Arc tangent.
    ATAN = unary("atan", f64::atan, |x, _| 1.0 / (1.0 + x * x), 1.0, 25);
    /// Inverse hyperbolic sine.
    ASINH = unary("asinh", libm::asinh, |x, _| 1.0 / x.hypot(c(1.0)), 1.5, 30);
    /// Inverse hyperbolic cosine.
    ACOSH = unary("acosh", special::acosh, |x, _| 1.0 / ((x - 1.0).sqrt() * (x + 1.0).sqrt()), 1.5, 30).on(1.0, INF);
    /// Inverse hyperbolic tangent.
    ATANH = unary("atanh", libm::atanh, |x, _| 1.0 / ((1.0 - x) * (1.0 + x)), 1.5, 30).on(-1.0, 1.0);

    // Roots.
    /// √x
    SQRT = unary("sqrt", f64::sqrt, |_, y| 0.5 / y, 0.5, 6).on(0.0, INF);
    /// ∛x
    CBRT = unary("cbrt", f64::cbrt, |_, y| 1.0 / (3.0 * (y * y)), 1.0, 25);
    /// √(x² + y²), without overflow; its derivative at the origin is 0.
    HYPOT = binary("hypot", f64::hypot, |x, y, z| [or_zero(z, x / z), or_zero(z, y / z)], 1.0, 12).commutative();

    // Products.
    /// x · y
    MUL = binary("mul", |x, y| x * y, |x, y, _| [y, x], 0.5, 1).commutative().integers(Binary(i128::wrapping_mul));
    /// x / y; of integers rounded towards zero, and 0 where y is 0.
    DIV = binary("div", |x, y| x / y, |_, y, z| [1.0 / y, -z / y], 0.5, 4)
        .integers(Binary(|x, y| x.checked_div(y).unwrap_or(0)));
    /// 1/x
    RECIP = unary("recip", |x| 1.0 / x, |_, y| -(y * y), 0.5, 4);
    /// x · ln y, and 0 where x is 0.
    XLOGY = binary("xlogy", |x, y| if x == 0.0 && !y.is_nan() { 0.0 } else { x * y.ln() }, |x, y, _| [y.ln(), or_zero(x, x / y)], 1.5, 22).second_on(0.0, INF);
    /// x · ln(1 + y), and 0 where x is 0.
    XLOG1PY = binary("xlog1py", |x, y| if x == 0.0 && !y.is_nan() { 0.0 } else { x * y.ln_1p() }, |x, y, _| [y.ln_1p(), or_zero(x, x / (1.0 + y))], 1.5, 22)
        .second_on(-1.0, INF);

    // Exponentials.
    /// 2ˣ
    EXP2 = unary("exp2", f64::exp2, |_, y| y * LN_2, 1.0, 20);
    /// eˣ
    EXP = unary("exp", f64::exp, |_, y| y, 1.0, 20);
    /// eˣ − 1, accurate near 0.
    EXP_M1 = unary("exp_m1", f64::exp_m1, |x, _| x.exp(), 1.0, 22);
    /// Hyperbolic cosine.
    COSH = unary("cosh", f64::cosh, |x, _| x.sinh(), 1.5, 25);
    /// Hyperbolic sine.
    SINH = unary("sinh", f64::sinh, |x, _| x.cosh(), 1.5, 25);
    /// tanh x
    TANH = unary("tanh", f64::tanh, |x, _| Term::apply(&SECH2, [x]), 1.5, 25);

    /// 1/cosh² x, the derivative of tanh.
    SECH2 = unary("sech2", special::sech2, |x, y| -2.0 * x.tanh() * y, 1.5, 30);

    // Sums.
    /// x − y
    SUB = binary("sub", |x, y| x - y, |_, _, _| [c(1.0), c(-1.0)], 0.5, 1).integers(Binary(i128::wrapping_sub));
    /// x + y
    ADD = binary("add", |x, y| x + y, |_, _, _| [c(1.0), c(1.0)], 0.5, 1).commutative().integers(Binary(i128::wrapping_add));

    // Tails and shares.
    /// 1/(1 + e⁻ˣ); its derivative keeps its digits in both tails.
    SIGMOID = unary("sigmoid", special::sigmoid, |x, y| y * (-x).sigmoid(), 1.5, 25);
    /// The probability that a standard normal variable is at most x.
    NDTR = unary("ndtr", special::ndtr, |x, _| (x * x * -0.5).exp() * special::ONE_OVER_SQRT_TAU, 2.0, 35).narrow(4.0);
    /// The error function.
    ERF = unary("erf", libm::erf, |x, _| (-(x * x)).exp() * TWO_OVER_SQRT_PI, 1.0, 30);
    /// 1 − erf x, accurate for large x.
    ERFC = unary("erfc", special::erfc, |x, _| (-(x * x)).exp() * -TWO_OVER_SQRT_PI, 1.5, 35).narrow(4.0);

    /// e^(x²)·erfc x: erfc without its vanishing part.
    ERFCX = unary("erfcx", special::erfcx, |x, _| Term::apply(&ERFCX_DERIVATIVE, [c(1.0), x]), 3.0, 60);
    /// The derivative of [`ERFCX`], taken x times (a whole number up to 100), at y.
    ERFCX_DERIVATIVE = binary("erfcx_derivative", special::erfcx_derivative, |x, y, _| [c(f64::NAN), Term::apply(&ERFCX_DERIVATIVE, [x + 1.0, y])], 3.0, 120)
        .on(0.0, INF);
    /// sin x / x, and 1 at 0.
    SINC = unary("sinc", special::sinc, |x, _| -Term::apply(&SPHERICAL_J1, [x]), 1.5, 25);
    /// (sin x − x·cos x) / x², and 0 at 0: the spherical Bessel function of order 1.
    SPHERICAL_J1 = unary("spherical_j1", special::spherical_j1,
        |x, y| Term::apply(&SINC, [x]) - Term::select(x.equal(c(0.0)), c(2.0 / 3.0), y * 2.0 / x), 3.0, 30);

    // Signs and rounding.
    /// |x| with the sign of y.
    COPYSIGN = binary("copysign", f64::copysign, |x, y, _| [x.signum() * c(1.0).copysign(y), c(0.0)], 0.0, 1);
    /// |x|; its derivative at 0 is 0.
    ABS = unary("abs", f64::abs, |x, _| x.signum(), 0.0, 1).integers(Unary(i128::wrapping_abs));
    /// −1, 0 or 1 by sign; 0 at 0, NaN at NaN.
    SIGNUM = step("signum", |x| if x == 0.0 || x.is_nan() { x } else { x.signum() }, 2).integers(Unary(i128::signum));
    /// The largest whole number not above.
    FLOOR = step("floor", f64::floor, 1);
    /// The smallest whole number not below.
    CEIL = step("ceil", f64::ceil, 1);
    /// The nearest whole number, halves away from zero.
    ROUND = step("round", f64::round, 2);
    /// The nearest whole number, halves to even.
    ROUND_TIES_EVEN = step("round_ties_even", f64::round_ties_even, 1);
    /// The whole number towards zero.
    TRUNC = step("trunc", f64::trunc, 1);

    // Choice.
    /// The larger; NaN if either is; at ties the derivative is shared equally.
    MAX = binary("max", special::maximum, |x, y, _| [share(x.gt(y), x.equal(y)), share(y.gt(x), x.equal(y))], 0.0, 1)
        .commutative().integers(Binary(i128::max)).booleans(Binary(i128::max));
    /// The smaller; NaN if either is; at ties the derivative is shared equally.
    MIN = binary("min", special::minimum, |x, y, _| [share(x.lt(y), x.equal(y)), share(y.lt(x), x.equal(y))], 0.0, 1)
        .commutative().integers(Binary(i128::min)).booleans(Binary(i128::min));

    // The sign.
    /// −x
    NEG = unary("neg", |x| -x, |_, _| c(-1.0), 0.0, 1).integers(Unary(i128::wrapping_neg));

    // Questions, and what to do with the answers.
    /// x > y
    GT = compare("gt", |x, y| x > y, |x, y| i128::from(x > y));
    /// x ≥ y
    GE = compare("ge", |x, y| x >= y, |x, y| i128::from(x >= y));
    /// x < y
    LT = compare("lt", |x, y| x < y, |x, y| i128::from(x < y));
    /// x ≤ y
    LE = compare("le", |x, y| x <= y, |x, y| i128::from(x <= y));
    /// x = y; NaN equals nothing.
    EQUAL = compare("equal", |x, y| x == y, |x, y| i128::from(x == y)).commutative();
    /// x ≠ y
    NOT_EQUAL = compare("not_equal", |x, y| x != y, |x, y| i128::from(x != y)).commutative();
    /// Whether x is NaN.
    IS_NAN = test("is_nan", f64::is_nan, 1);
    /// Whether x is neither infinite nor NaN.
    IS_FINITE = test("is_finite", f64::is_finite, 1);
    /// Both; of integers, bit by bit.
    AND = logic("and", |x, y| x & y);
    /// Either or both; of integers, bit by bit.
    OR = logic("or", |x, y| x | y);
    /// Either but not both; of integers, bit by bit.
    XOR = logic("xor", |x, y| x ^ y);
    /// Not; of integers, every bit.
    NOT = Scalar::new("not", Signature::Same(1), None, Partials::Zero(1), 0.0, 1).integers(Unary(|x| !x)).booleans(Unary(|x| 1 - x));
    /// y where the condition x holds, else z.
    SELECT = Scalar::new("select", Signature::Select, Some(RealMeaning::Ternary(|x, y, z| if x == 0.0 { z } else { y })),
        Partials::Ternary(|x, _, _, _| [c(0.0), Term::select(x, c(1.0), c(0.0)), Term::select(x, c(0.0), c(1.0))]), 0.0, 1);
}

/// y·x^(y−1), and 0 where y is 0 although the power is infinite there.
fn power_slope(x: Term, y: Term) -> Term {
    Term::select(y.equal(c(0.0)), c(0.0), y * x.powf(y - 1.0))
}

/// The value, or 0 where a size is 0: the subgradient at a kink, or the limit where the value is 0/0.
fn or_zero(size: Term, value: Term) -> Term {
    Term::select(size.equal(c(0.0)), c(0.0), value)
}

/// x / size², and 0 where the size is 0. In two steps, because the square may overflow or vanish where the quotient does not.
fn over_square(x: Term, size: Term) -> Term {
    or_zero(size, x / size / size)
}

/// The share of x in the logarithm of a sum of powers of x and y: equal where they are, even if both are infinite.
fn weight(x: Term, y: Term, scale: f64) -> Term {
    let difference = if scale == 1.0 { x - y } else { (x - y) * scale };
    Term::select(x.equal(y), c(0.5), difference.sigmoid())
}

/// eˣ/(eˣ − eʸ) and −eʸ/(eˣ − eʸ); 1 and 0 where eʸ is 0, even if eˣ is.
///
/// The sign in the first exponent makes the slope +∞ where x is y: it is that of 0 − 0 otherwise.
fn log_sub_exp_slopes(x: Term, y: Term, _: Term) -> [Term; 2] {
    let alone = y.equal(c(-INF));
    [Term::select(alone, c(1.0), -1.0 / (-(x - y)).exp_m1()), Term::select(alone, c(0.0), -1.0 / (x - y).exp_m1())]
}

#[cfg(test)]
mod tests {
    use super::super::Interval;
    use super::*;
    use crate::number::Number;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = ALL.iter().map(|scalar| scalar.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    /// Points well inside an interval, away from whole numbers and ties.
    fn points(Interval { low, high }: Interval) -> Vec<f64> {
        let (low, high) = (low.max(-3.0), high.min(4.0));
        (1..=9).map(|k| low + (high - low) * (f64::from(k) * 0.0987 + 0.0123)).collect()
    }

    #[test]
    fn partials_agree_with_differences() {
        for scalar in ALL {
            let Some(_) = scalar.real else { continue };
            let all: Vec<Vec<f64>> = (0..scalar.arity()).map(|k| points(scalar.domain[k])).collect();
            for place in 0..9 {
                let at: Vec<f64> = (0..scalar.arity()).map(|k| all[k][(place + 2 * k) % 9]).collect();
                // The order of a derivative is a whole number.
                let at = match scalar.name {
                    "polygamma" | "erfcx_derivative" => vec![at[0].round(), at[1]],
                    // The first argument is the larger.
                    "log_sub_exp" => vec![at[0].max(at[1]), at[0].min(at[1])],
                    _ => at,
                };
                let value = |at: &[f64]| scalar.evaluate(&at.iter().map(|&x| Number::Real(x)).collect::<Vec<_>>()).map(Number::to_real);
                for (k, partial) in scalar.partials().iter().enumerate() {
                    let given = partial.evaluate(&at, value(&at).unwrap());
                    let is_parameter = scalar.signature == Signature::Select || ["polygamma", "erfcx_derivative"].contains(&scalar.name);
                    if is_parameter && k == 0 {
                        continue;
                    }
                    let moved = |by: f64| {
                        let mut at = at.clone();
                        at[k] += by;
                        value(&at).unwrap()
                    };
                    // A central difference of fourth order: error about 1e-11 here.
                    let h = 2e-4;
                    let difference = (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
                    let scale = given.abs().max(value(&at).unwrap().abs()).max(1.0);
                    assert!((given - difference).abs() <= 1e-7 * scale, "{} d{k} at {at:?}: {given} vs {difference}", scalar.name);
                }
            }
        }
    }

    #[test]
    fn slopes_of_a_scaled_tail_keep_their_digits() {
        let slope = |x: f64| {
            let y = special::erfcx(x);
            -ERFCX.partials()[0].evaluate(&[x], y) / (y * y)
        };
        let of_inverse = [
            (3.0, 1.696_937_069_948_936_1),
            (4.5, 1.734_103_071_359_712_3),
            (7.0, 1.755_389_612_267_031),
            (10.0, 1.763_846_912_833_586),
            (30.0, 1.771_472_421_534_560_5),
        ];
        for (x, expected) in of_inverse {
            assert!((slope(x) - expected).abs() <= 3.0 * f64::EPSILON, "{x}: {}", slope(x));
        }
    }

    #[test]
    fn conventions_at_kinks_and_edges() {
        let inf = f64::INFINITY;
        let partials = |scalar: &Scalar, at: &[f64]| -> Vec<f64> {
            let value = scalar.evaluate(&at.iter().map(|&x| Number::Real(x)).collect::<Vec<_>>()).unwrap().to_real();
            scalar.partials().iter().map(|partial| partial.evaluate(at, value)).collect()
        };
        assert_eq!(partials(&ABS, &[0.0]), [0.0]);
        assert_eq!(partials(&HYPOT, &[0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(partials(&ATAN2, &[0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(partials(&ATAN2, &[0.0, 1e-200]), [1e200, 0.0]);
        assert_eq!(partials(&ATAN2, &[1e200, 0.0]), [0.0, -1e-200]);
        assert_eq!(partials(&MAX, &[2.0, 2.0]), [0.5, 0.5]);
        assert_eq!(partials(&MIN, &[1.0, 2.0]), [1.0, 0.0]);
        assert_eq!(partials(&POW, &[0.0, 0.0])[0], 0.0);
        assert_eq!(partials(&POW, &[0.0, 1.0]), [1.0, 0.0]);
        assert_eq!(partials(&POW, &[-3.0, 2.0])[0], -6.0);
        assert_eq!(partials(&XLOGY, &[0.0, 0.0])[1], 0.0);
        assert_eq!(partials(&XLOG1PY, &[0.0, -1.0])[1], 0.0);
        assert_eq!(partials(&LOG_ADD_EXP, &[-inf, -inf]), [0.5, 0.5]);
        assert_eq!(partials(&LOG_ADD_EXP, &[-inf, 1.0]), [0.0, 1.0]);
        assert_eq!(partials(&LOG_SUB_EXP, &[-inf, -inf]), [1.0, 0.0]);
        assert_eq!(partials(&LOG_SUB_EXP, &[-2.0, -inf]), [1.0, 0.0]);
        assert_eq!(partials(&LOG_SUB_EXP, &[inf, 3.0]), [1.0, 0.0]);
        assert_eq!(partials(&LOG_SUB_EXP, &[3.0, 3.0]), [inf, -inf]);
        assert_eq!(partials(&LOG_SUB_EXP, &[1000.0, 999.0]), [1.581_976_706_869_326_5, -0.581_976_706_869_326_4]);
        assert_eq!(partials(&REM, &[-7.5, 2.0]), [1.0, 3.0]);
        assert_eq!(partials(&BESSEL_I1, &[0.0]), [0.5]);
        assert_eq!(partials(&COPYSIGN, &[-2.0, -1.0]), [1.0, 0.0]);
    }
}
