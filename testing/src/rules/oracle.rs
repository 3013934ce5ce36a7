//! The true value of a formula, with as many digits as it takes.

use damo_graph::Number;
use damo_graph::op::scalar::{ALL, Scalar, Signature};
use damo_graph::op::term::{Formula, Term};

use super::special::{self, Big, absolute, big, is_negative, is_zero, magnitude};

/// A true value.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// A number.
    Number(Big),
    /// Positive or negative infinity.
    Infinite {
        /// Whether it is −∞.
        is_negative: bool,
    },
    /// There is none.
    Undefined,
    /// A truth value.
    Holds(bool),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The function of that name is unknown.
    Unknown(&'static str),
    /// A number on the way is out of reach, or it takes too many digits.
    OutOfReach,
}

/// How many bits are tried, until two in a row agree.
const BITS: [usize; 6] = [160, 320, 640, 1280, 2560, 5120];

/// The same next to where a formula is not defined, for which it takes many at once.
const BITS_NEAR: [usize; 2] = [6000, 10_000];

/// How many bits two results must share.
const AGREED: isize = 80;

/// Exponentials of more than that are out of reach.
const FARTHEST: f64 = 16_777_216.0;

/// The error function beyond that is.
const FAR_TAIL: f64 = 40.0;

/// The true value of a formula at a point, if it can be told.
pub fn truth(term: Term, at: &[f64]) -> Result<Truth, Silence> {
    let exactly = |bits: usize| -> Vec<Truth> { at.iter().map(|&x| of_float(x, bits)).collect() };
    agreed(&BITS, |bits| value(term, &exactly(bits), bits))
}

/// The same at a point that is no point of floats: `at` gives it with that many bits.
pub fn truth_near(term: Term, at: impl Fn(usize) -> Vec<Truth>) -> Result<Truth, Silence> {
    agreed(&BITS_NEAR, |bits| value(term, &at(bits), bits))
}

fn agreed(all: &[usize], at: impl Fn(usize) -> Result<Truth, Silence>) -> Result<Truth, Silence> {
    let mut before = at(all[0])?;
    for &bits in &all[1..] {
        let now = at(bits)?;
        match (&before, &now) {
            // What is 0 may only have too few digits to be something else.
            (Truth::Number(_), Truth::Number(right)) if is_zero(right) => {}
            (Truth::Number(left), Truth::Number(right)) => {
                let difference = left - right;
                if is_zero(&difference) || magnitude(&difference) < magnitude(right) - AGREED {
                    return Ok(now);
                }
            }
            (Truth::Infinite { .. } | Truth::Undefined | Truth::Holds(_), _) if before == now && bits >= 2560 => return Ok(now),
            _ => {}
        }
        before = now;
    }
    match before {
        Truth::Number(ref number) if is_zero(number) => Ok(before),
        Truth::Number(_) => Err(Silence::OutOfReach),
        Truth::Infinite { .. } | Truth::Undefined | Truth::Holds(_) => Ok(before),
    }
}

/// A float as a true value.
pub fn of_float(x: f64, bits: usize) -> Truth {
    if x.is_nan() {
        Truth::Undefined
    } else if x.is_infinite() {
        Truth::Infinite { is_negative: x < 0.0 }
    } else {
        Truth::Number(big(x, bits))
    }
}

/// The nearest float.
pub fn to_float(truth: &Truth) -> f64 {
    match truth {
        Truth::Number(number) => number.to_f64().value(),
        Truth::Infinite { is_negative } => {
            if *is_negative {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            }
        }
        Truth::Undefined => f64::NAN,
        Truth::Holds(holds) => f64::from(*holds),
    }
}

/// How far a float is from the true number, in units in the last place of the true number.
pub fn ulps(float: f64, number: &Big) -> f64 {
    if !float.is_finite() {
        let overflows = !is_zero(number) && magnitude(number) >= 1024;
        return if overflows && (float < 0.0) == is_negative(number) { 0.0 } else { f64::INFINITY };
    }
    let difference = absolute(&(big(float, number.precision().max(64)) - number));
    if is_zero(&difference) {
        return 0.0;
    }
    let unit = if is_zero(number) { -1074 } else { magnitude(number).clamp(-1022, 1023) - 52 };
    // Split in two: the unit may be subnormal.
    let scaled = difference.to_f64().value() / 2f64.powi(unit as i32 / 2) / 2f64.powi(unit as i32 - unit as i32 / 2);
    if scaled == 0.0 { f64::from_bits(1) } else { scaled }
}

/// Numbers in formulas that stand for one that no float is.
fn famous(number: f64, bits: usize) -> Option<Big> {
    use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LN_10, LOG2_E, LOG10_E, PI, SQRT_2};
    let one = || big(1.0, bits);
    let (two, ten) = (|| big(2.0, bits), || big(10.0, bits));
    let size = number.abs();
    let exact = if size == FRAC_1_SQRT_2 {
        one() / two().sqrt()
    } else if size == SQRT_2 {
        two().sqrt()
    } else if size == PI {
        Big::pi(bits)
    } else if size == FRAC_2_SQRT_PI {
        two() / Big::pi(bits).sqrt()
    } else if size == LN_2 {
        two().ln()
    } else if size == LN_10 {
        ten().ln()
    } else if size == LOG2_E {
        one() / two().ln()
    } else if size == LOG10_E {
        one() / ten().ln()
    } else {
        return None;
    };
    Some(if number < 0.0 { -exact } else { exact })
}

fn value(term: Term, at: &[Truth], bits: usize) -> Result<Truth, Silence> {
    match term.formula() {
        Formula::Argument(index) => Ok(at.get(*index).cloned().unwrap_or(Truth::Undefined)),
        Formula::Result => Err(Silence::OutOfReach),
        Formula::Constant(number) => Ok(famous(*number, bits).map_or_else(|| of_float(*number, bits), Truth::Number)),
        Formula::Apply(scalar, terms) => {
            let arguments = terms.iter().map(|&term| value(term, at, bits)).collect::<Result<Vec<_>, _>>()?;
            apply(scalar, &arguments, bits)
        }
    }
}

fn apply(scalar: &'static Scalar, arguments: &[Truth], bits: usize) -> Result<Truth, Silence> {
    if !ALL.contains(&scalar) {
        return Err(Silence::Unknown(scalar.name));
    }
    if let (Signature::Select, [condition, yes, no]) = (scalar.signature, arguments) {
        return Ok(match condition {
            Truth::Holds(true) => yes.clone(),
            Truth::Holds(false) => no.clone(),
            Truth::Number(_) | Truth::Infinite { .. } | Truth::Undefined => Truth::Undefined,
        });
    }
    let numbers: Option<Vec<&Big>> =
        arguments.iter().map(|argument| if let Truth::Number(number) = argument { Some(number) } else { None }).collect();
    let Some(numbers) = numbers else { return by_meaning(scalar, arguments) };
    let found = match numbers[..] {
        [x] => unary(scalar.name, x, bits)?,
        [x, y] => binary(scalar.name, x, y, bits)?,
        [x, y, z] if scalar.name == "mul_add" => Some(Truth::Number(x * y + z)),
        _ => return Err(Silence::Unknown(scalar.name)),
    };
    found.map_or_else(|| by_meaning(scalar, arguments), Ok)
}

/// What the meaning says at poles and infinities, where that is no rounded number.
fn by_meaning(scalar: &'static Scalar, arguments: &[Truth]) -> Result<Truth, Silence> {
    let arguments: Vec<Number> = arguments
        .iter()
        .map(|argument| match argument {
            Truth::Holds(holds) => Number::Bool(*holds),
            Truth::Number(number) => Number::Real(beside(number)),
            Truth::Infinite { .. } | Truth::Undefined => Number::Real(to_float(argument)),
        })
        .collect();
    match scalar.evaluate(&arguments) {
        Some(Number::Bool(holds)) => Ok(Truth::Holds(holds)),
        Some(Number::Real(real)) if real == 0.0 || real.abs() == 1.0 || !real.is_finite() => Ok(of_float(real, BITS[0])),
        Some(Number::Real(_)) => Err(Silence::OutOfReach),
        Some(Number::Integer(_) | Number::Complex(..)) | None => Err(Silence::Unknown(scalar.name)),
    }
}

/// A finite float on the same side of every other float: what is beside a pole does not become it.
fn beside(number: &Big) -> f64 {
    let float = number.to_f64().value();
    if float.is_infinite() {
        return f64::MAX.copysign(float);
    }
    let exactly = big(float, 64);
    if *number > exactly {
        float.next_up()
    } else if *number < exactly {
        float.next_down()
    } else {
        float
    }
}

/// Whether a number is so far out that an exponential of it cannot be computed.
fn is_far(x: &Big) -> bool {
    x.to_f64().value().abs() > FARTHEST
}

/// A function of a number; `None` at its poles and outside of its domain.
fn unary(name: &'static str, x: &Big, bits: usize) -> Result<Option<Truth>, Silence> {
    let one = || big(1.0, bits);
    let (is_negative, is_zero) = (is_negative(x), is_zero(x));
    let needs = |holds: bool| if holds { Ok(()) } else { Err(Silence::OutOfReach) };
    let is_within_one = || absolute(x) < one();
    let value = match name {
        "neg" => -x.clone(),
        "abs" => absolute(x),
        "signum" if is_zero => x.clone(),
        "signum" => {
            if is_negative {
                -one()
            } else {
                one()
            }
        }
        "floor" => x.floor(),
        "ceil" => x.ceil(),
        "trunc" => x.trunc(),
        "round" => x.round(),
        "round_ties_even" => {
            let (low, half) = (x.floor(), big(0.5, bits));
            let is_odd = (&low * &half) != (&low * &half).floor();
            let difference = x - &low;
            if difference > half || (difference == half && is_odd) { low + one() } else { low }
        }
        "recip" if !is_zero => one() / x,
        "sqrt" if is_zero => x.clone(),
        "sqrt" if !is_negative => x.sqrt(),
        "cbrt" if is_zero => x.clone(),
        "cbrt" => x.nth_root(3),
        "is_nan" => return Ok(Some(Truth::Holds(false))),
        "is_finite" => return Ok(Some(Truth::Holds(true))),
        "ln" if !is_negative && !is_zero => x.ln(),
        "log2" if !is_negative && !is_zero => x.ln() / big(2.0, bits).ln(),
        "log10" if !is_negative && !is_zero => x.ln() / big(10.0, bits).ln(),
        "ln_1p" if is_zero => x.clone(),
        "ln_1p" if *x > -one() => x.ln_1p(),
        "ln_1p_recip" if !is_negative && !is_zero => (one() / x).ln_1p(),
        "x_minus_ln_1p" if is_zero => x.clone(),
        "x_minus_ln_1p" if *x > -one() => x - x.ln_1p(),
        "logit" if !is_negative && !is_zero && *x < one() => (x / (one() - x)).ln(),
        "sin" if is_zero => x.clone(),
        "sin" => x.sin(),
        "cos" => x.cos(),
        "tan" if is_zero => x.clone(),
        "tan" => x.tan(),
        "sinc" if is_zero => one(),
        "sinc" => x.sin() / x,
        "spherical_j1" if is_zero => x.clone(),
        "spherical_j1" => (x.sin() - x * x.cos()) / (x * x),
        "asin" if is_within_one() => x.asin(),
        "acos" if is_within_one() => x.acos(),
        "atan" => x.atan(),
        "asinh" | "erf" | "atanh" if is_zero => x.clone(),
        "asinh" => x.asinh(),
        "acosh" if *x > one() => x.acosh(),
        "acosh" if *x == one() => big(0.0, bits),
        "atanh" if is_within_one() => x.atanh(),
        "erf_inv" if is_within_one() => {
            let start = libm_start(&damo_graph::op::scalar::ERF_INV, x)?;
            let slope = |y: &Big| big(2.0, bits) / Big::pi(bits).sqrt() * (-(y * y)).exp();
            special::inverse(x, start, bits, |y| special::erf(y, bits), slope)
        }
        "ndtri" if !is_negative && !is_zero && *x < one() => {
            let start = libm_start(&damo_graph::op::scalar::NDTRI, x)?;
            let slope = |y: &Big| (-(y * y) / big(2.0, bits)).exp() / (Big::pi(bits) * big(2.0, bits)).sqrt();
            special::inverse(x, start, bits, |y| special::ndtr(y, bits), slope)
        }
        "digamma" | "lgamma" => {
            needs(x.to_f64().value().abs() < 1e6)?;
            if !is_zero && (!is_negative || *x != x.floor()) {
                if name == "digamma" { special::polygamma(0, x, bits) } else { special::lgamma(x, bits) }
            } else {
                return Ok(None);
            }
        }
        "bessel_i0" | "bessel_i1" => {
            needs(x.to_f64().value().abs() < 1e4)?;
            special::bessel_i(usize::from(name == "bessel_i1"), x, bits)
        }
        "erf" | "erfc" | "erfcx" | "ndtr" | "log_erfc" | "log_ndtr" => {
            needs(x.to_f64().value().abs() <= FAR_TAIL)?;
            match name {
                "erf" => special::erf(x, bits),
                "erfc" => special::erfc(x, bits),
                "erfcx" => special::erfc(x, bits) * (x * x).exp(),
                "ndtr" => special::ndtr(x, bits),
                "log_erfc" => special::erfc(x, bits).ln(),
                _ => special::ndtr(x, bits).ln(),
            }
        }
        "exp" | "exp2" | "exp_m1" | "sinh" | "cosh" | "tanh" | "sech2" | "log_cosh" | "sigmoid" | "softplus" | "log_1m_exp" => {
            needs(!is_far(x))?;
            match name {
                "exp_m1" | "sinh" | "tanh" | "log_cosh" if is_zero => x.clone(),
                "exp" => x.exp(),
                "exp2" => (x * big(2.0, bits).ln()).exp(),
                "exp_m1" => x.exp_m1(),
                "sinh" => x.sinh(),
                "cosh" => x.cosh(),
                "tanh" => x.tanh(),
                "sech2" => {
                    let cosh = x.cosh();
                    one() / (&cosh * &cosh)
                }
                "log_cosh" => x.cosh().ln(),
                "sigmoid" => one() / (one() + (-x.clone()).exp()),
                "softplus" => x.exp().ln_1p(),
                "log_1m_exp" if is_negative => (-x.exp_m1()).ln(),
                _ => return Ok(None),
            }
        }
        "recip" | "sqrt" | "ln" | "log2" | "log10" | "ln_1p" | "ln_1p_recip" | "x_minus_ln_1p" | "logit" | "asin" | "acos" | "acosh" | "atanh"
        | "erf_inv" | "ndtri" => return Ok(None),
        _ => return Err(Silence::Unknown(name)),
    };
    Ok(Some(Truth::Number(value)))
}

/// What the meaning gives, to start from.
fn libm_start(scalar: &'static Scalar, x: &Big) -> Result<f64, Silence> {
    let start = scalar.evaluate(&[Number::Real(x.to_f64().value())]).map_or(f64::NAN, Number::to_real);
    if start.is_finite() && start.abs() <= FAR_TAIL { Ok(start) } else { Err(Silence::OutOfReach) }
}

/// A function of two numbers; `None` at its poles and outside of its domain.
fn binary(name: &'static str, x: &Big, y: &Big, bits: usize) -> Result<Option<Truth>, Silence> {
    let holds = |holds: bool| Ok(Some(Truth::Holds(holds)));
    let (smaller, larger) = if x < y { (x, y) } else { (y, x) };
    let value = match name {
        "add" => x + y,
        "sub" => x - y,
        "mul" => x * y,
        "div" if !is_zero(y) => x / y,
        "max" => larger.clone(),
        "min" => smaller.clone(),
        "hypot" if is_zero(x) && is_zero(y) => absolute(x),
        "hypot" => (x * x + y * y).sqrt(),
        "copysign" => {
            if is_negative(y) || y.repr().is_neg_zero() {
                -absolute(x)
            } else {
                absolute(x)
            }
        }
        "gt" => return holds(x > y),
        "ge" => return holds(x >= y),
        "lt" => return holds(x < y),
        "le" => return holds(x <= y),
        "equal" => return holds(x == y),
        "not_equal" => return holds(x != y),
        "xlogy" | "xlog1py" | "pow" if is_zero(x) || is_zero(y) => return Ok(None),
        "xlogy" if !is_negative(y) => x * y.ln(),
        "xlog1py" if *y > -big(1.0, bits) => x * y.ln_1p(),
        "pow" => return power(x, y, bits),
        "atan2" if !is_zero(x) && !is_zero(y) => x.atan2(y),
        "rem" if !is_zero(y) => x - (x / y).trunc() * y,
        "log_add_exp" | "log_add_exp2" | "log_sub_exp" => {
            let base = if name == "log_add_exp2" { big(2.0, bits).ln() } else { big(1.0, bits) };
            let difference = (smaller - larger) * &base;
            if is_far(&difference) {
                return Err(Silence::OutOfReach);
            }
            if name == "log_sub_exp" {
                if x <= y {
                    return Ok(None);
                }
                x + (-difference.exp_m1()).ln()
            } else {
                larger + difference.exp().ln_1p() / base
            }
        }
        "polygamma" => {
            let order = x.to_f64().value();
            let far = y.to_f64().value().abs() > 1e6 || order > 20.0;
            if far {
                return Err(Silence::OutOfReach);
            }
            let is_pole = is_zero(y) || (is_negative(y) && *y == y.floor());
            if order < 0.0 || order.fract() != 0.0 || is_pole {
                return Ok(None);
            }
            special::polygamma(order as usize, y, bits)
        }
        "div" | "xlogy" | "xlog1py" | "rem" => return Ok(None),
        "atan2" => return Err(Silence::OutOfReach),
        _ => return Err(Silence::Unknown(name)),
    };
    Ok(Some(Truth::Number(value)))
}

/// xʸ, of numbers other than 0.
fn power(x: &Big, y: &Big, bits: usize) -> Result<Option<Truth>, Silence> {
    let is_whole = *y == y.floor();
    if is_negative(x) && !is_whole {
        return Ok(None);
    }
    let exponent = absolute(x).ln() * y;
    if is_far(&exponent) {
        return Err(Silence::OutOfReach);
    }
    let half = y / big(2.0, bits);
    let size = exponent.exp();
    Ok(Some(Truth::Number(if is_negative(x) && half != half.floor() { -size } else { size })))
}

#[cfg(test)]
mod tests {
    use super::super::points::Random;
    use super::*;
    use damo_graph::Real;
    use damo_graph::functions::{digamma, erfc, erfcx, lgamma, polygamma};
    use damo_graph::op::scalar::Interval;

    #[test]
    fn the_oracle_knows_every_function_and_agrees_with_its_meaning() {
        let mut random = Random::new();
        for &scalar in ALL {
            let (Some(_), Signature::Same(arity) | Signature::Test(arity)) = (scalar.real, scalar.signature) else { continue };
            let domain: Vec<Interval> =
                (0..arity).map(|k| Interval { low: scalar.domain[k].low.max(-8.0), high: scalar.domain[k].high.min(8.0) }).collect();
            let [x, y, z] = [0, 1, 2].map(Term::argument);
            let term = match arity {
                1 => Term::apply(scalar, [x]),
                2 => Term::apply(scalar, [x, y]),
                _ => Term::apply(scalar, [x, y, z]),
            };
            for _ in 0..24 {
                let mut at = random.within(&domain);
                if scalar.name == "polygamma" {
                    at[0] = at[0].round();
                }
                let arguments: Vec<Number> = at.iter().map(|&x| Number::Real(x)).collect();
                let meant = scalar.evaluate(&arguments).map_or(f64::NAN, Number::to_real);
                match truth(term, &at).unwrap() {
                    // Twice what the function states: this is about the oracle.
                    Truth::Number(number) => assert!(ulps(meant, &number) <= 2.0 * scalar.ulps + 1.0, "{} at {at:?}: {meant:?}", scalar.name),
                    other => assert!(meant.to_bits() == to_float(&other).to_bits() || meant.is_nan(), "{} at {at:?}: {other:?}", scalar.name),
                }
            }
        }
    }

    #[test]
    fn famous_values_have_many_digits() {
        let x = Term::argument(0);
        let near = |term: Term, at: f64, decimal: &str| {
            let Ok(Truth::Number(number)) = truth(term, &[at]) else { panic!("{term} at {at}") };
            let shown = number.to_decimal().value().with_precision(decimal.len() + 4).value().to_string();
            assert!(shown.starts_with(decimal), "{term} at {at}: {shown}");
        };
        // NIST DLMF 5.4.12, 5.15.3 and 5.4.6; erfc 1 (OEIS A099287).
        near(-digamma(x), 1.0, "0.57721566490153286060651209008240243");
        near(polygamma(1.0.into(), x), 1.0, "1.64493406684822643647241516664602518");
        near(lgamma(x), 0.5, "0.57236494292470008707171367567652935");
        near(erfc(x), 1.0, "0.15729920705028513065877936491739074");
        near(erfcx(x), 30.0, "0.01879588886141675");
    }
}
