//! The functions of the table on numbers of many digits.

use damo_graph::Number;
use damo_graph::op::scalar::{ERF_INV, NDTRI, Scalar};

use crate::special::{self, Big, absolute, big, is_negative, is_zero};
use crate::{Silence, Truth};

/// Exponentials of more than that are out of reach.
const FARTHEST: f64 = 16_777_216.0;

/// The error function beyond that is.
const FAR_TAIL: f64 = 40.0;

/// Whether a number is so far out that an exponential of it cannot be computed.
fn is_far(x: &Big) -> bool {
    x.to_f64().value().abs() > FARTHEST
}

/// Functions that are their argument where that is 0.
const ZERO_AT_ZERO: &[&str] = &[
    "signum",
    "sqrt",
    "cbrt",
    "ln_1p",
    "x_minus_ln_1p",
    "sin",
    "tan",
    "spherical_j1",
    "asinh",
    "atanh",
    "erf",
    "exp_m1",
    "sinh",
    "tanh",
    "log_cosh",
];

/// A function of a number; `None` at its poles and outside of its domain.
pub(crate) fn unary(name: &'static str, x: &Big, bits: usize) -> Result<Option<Truth>, Silence> {
    if is_zero(x) && ZERO_AT_ZERO.contains(&name) {
        return Ok(Some(Truth::Number(x.clone())));
    }
    let value = match name {
        "is_nan" => return Ok(Some(Truth::Holds(false))),
        "is_finite" => return Ok(Some(Truth::Holds(true))),
        "neg" | "abs" | "signum" | "floor" | "ceil" | "trunc" | "round" | "round_ties_even" => Some(rounded(name, x, bits)),
        "exp" | "exp2" | "exp_m1" | "sinh" | "cosh" | "tanh" | "sech2" | "log_cosh" | "sigmoid" | "softplus" | "log_1m_exp" => {
            exponential(name, x, bits)?
        }
        "erf" | "erfc" | "erfcx" | "ndtr" | "log_erfc" | "log_ndtr" | "erf_inv" | "ndtri" => tail(name, x, bits)?,
        "digamma" | "lgamma" | "bessel_i0" | "bessel_i1" => special_function(name, x, bits)?,
        _ => elementary(name, x, bits)?,
    };
    Ok(value.map(Truth::Number))
}

/// Signs and whole numbers.
fn rounded(name: &str, x: &Big, bits: usize) -> Big {
    let one = || big(1.0, bits);
    match name {
        "neg" => -x.clone(),
        "abs" => absolute(x),
        "signum" => {
            if is_negative(x) {
                -one()
            } else {
                one()
            }
        }
        "floor" => x.floor(),
        "ceil" => x.ceil(),
        "trunc" => x.trunc(),
        "round" => x.round(),
        _ => {
            let (low, half) = (x.floor(), big(0.5, bits));
            let is_odd = (&low * &half) != (&low * &half).floor();
            let difference = x - &low;
            if difference > half || (difference == half && is_odd) { low + one() } else { low }
        }
    }
}

/// Roots, logarithms, and functions of angles.
fn elementary(name: &'static str, x: &Big, bits: usize) -> Result<Option<Big>, Silence> {
    let one = || big(1.0, bits);
    let is_positive = !is_negative(x) && !is_zero(x);
    let (is_above, is_below) = (*x > -one(), *x < one());
    let (is_defined, value): (bool, fn(&Big, Big) -> Big) = match name {
        "recip" => (!is_zero(x), |x, one| one / x),
        "sqrt" => (is_positive, |x, _| x.sqrt()),
        "cbrt" => (true, |x, _| x.nth_root(3)),
        "ln" => (is_positive, |x, _| x.ln()),
        "log2" => (is_positive, |x, one| x.ln() / (&one + &one).ln()),
        "log10" => (is_positive, |x, one| x.ln() / (one * Big::from(10)).ln()),
        "ln_1p" => (is_above, |x, _| x.ln_1p()),
        "ln_1p_recip" => (is_positive, |x, one| (one / x).ln_1p()),
        "x_minus_ln_1p" => (is_above, |x, _| x - x.ln_1p()),
        "logit" => (is_positive && is_below, |x, one| (x / (one - x)).ln()),
        "sin" => (true, |x, _| x.sin()),
        "cos" => (true, |x, _| x.cos()),
        "tan" => (true, |x, _| x.tan()),
        "sinc" => (true, |x, one| if is_zero(x) { one } else { x.sin() / x }),
        "spherical_j1" => (true, |x, _| (x.sin() - x * x.cos()) / (x * x)),
        "asin" => (is_above && is_below, |x, _| x.asin()),
        "acos" => (is_above && is_below, |x, _| x.acos()),
        "atan" => (true, |x, _| x.atan()),
        "asinh" => (true, |x, _| x.asinh()),
        "acosh" => (*x > one(), |x, _| x.acosh()),
        "atanh" => (is_above && is_below, |x, _| x.atanh()),
        _ => return Err(Silence::Unknown(name)),
    };
    Ok(is_defined.then(|| value(x, one())))
}

/// Exponentials, and functions made of them.
fn exponential(name: &str, x: &Big, bits: usize) -> Result<Option<Big>, Silence> {
    if is_far(x) {
        return Err(Silence::OutOfReach);
    }
    let one = || big(1.0, bits);
    Ok(Some(match name {
        "exp" => special::exp(x, bits),
        "exp2" => special::exp(&(x * big(2.0, bits).ln()), bits),
        "exp_m1" => x.exp_m1(),
        "sinh" => x.sinh(),
        "cosh" => x.cosh(),
        "tanh" => x.tanh(),
        "sech2" => {
            let cosh = x.cosh();
            one() / (&cosh * &cosh)
        }
        "log_cosh" => x.cosh().ln(),
        "sigmoid" => one() / (one() + special::exp(&-x.clone(), bits)),
        "softplus" => special::exp(x, bits).ln_1p(),
        _ if is_negative(x) => (-x.exp_m1()).ln(),
        _ => return Ok(None),
    }))
}

/// The error function and its relatives.
fn tail(name: &str, x: &Big, bits: usize) -> Result<Option<Big>, Silence> {
    let is_within = |low: f64| *x > big(low, bits) && *x < big(1.0, bits);
    let two = || big(2.0, bits);
    if name == "erf_inv" && is_within(-1.0) {
        let slope = |y: &Big| two() / Big::pi(bits).sqrt() * (-(y * y)).exp();
        return Ok(Some(special::inverse(x, start(&ERF_INV, x)?, bits, |y| special::erf(y, bits), slope)));
    }
    if name == "ndtri" && is_within(0.0) {
        let slope = |y: &Big| (-(y * y) / two()).exp() / (Big::pi(bits) * two()).sqrt();
        return Ok(Some(special::inverse(x, start(&NDTRI, x)?, bits, |y| special::ndtr(y, bits), slope)));
    }
    if x.to_f64().value().abs() > FAR_TAIL {
        return Err(Silence::OutOfReach);
    }
    Ok(Some(match name {
        "erf" => special::erf(x, bits),
        "erfc" => special::erfc(x, bits),
        "erfcx" => special::erfcx_derivative(0, x, bits),
        "ndtr" => special::ndtr(x, bits),
        "log_erfc" => special::erfc(x, bits).ln(),
        "log_ndtr" => special::ndtr(x, bits).ln(),
        _ => return Ok(None),
    }))
}

/// What the meaning gives, to start from.
fn start(scalar: &'static Scalar, x: &Big) -> Result<f64, Silence> {
    let start = scalar.evaluate(&[Number::Real(x.to_f64().value())]).map_or(f64::NAN, Number::to_real);
    if start.is_finite() && start.abs() <= FAR_TAIL { Ok(start) } else { Err(Silence::OutOfReach) }
}

/// Gamma and Bessel functions.
fn special_function(name: &str, x: &Big, bits: usize) -> Result<Option<Big>, Silence> {
    let is_gamma = name == "digamma" || name == "lgamma";
    if x.to_f64().value().abs() > if is_gamma { 1e6 } else { 1e4 } {
        return Err(Silence::OutOfReach);
    }
    let is_pole = is_gamma && !(*x > Big::ZERO || *x != x.floor());
    Ok((!is_pole).then(|| match name {
        "digamma" => special::polygamma(0, x, bits),
        "lgamma" => special::lgamma(x, bits),
        _ => special::bessel_i(usize::from(name == "bessel_i1"), x, bits),
    }))
}

/// A function of two numbers; `None` at its poles and outside of its domain.
pub(crate) fn binary(name: &'static str, x: &Big, y: &Big, bits: usize) -> Result<Option<Truth>, Silence> {
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
            // Of equal numbers it is a zero without a number of digits.
            let difference = ((smaller - larger) * &base).with_precision(bits).value();
            if is_far(&difference) {
                return Err(Silence::OutOfReach);
            }
            if name == "log_sub_exp" {
                if x <= y {
                    return Ok(None);
                }
                x + (-difference.exp_m1()).ln()
            } else {
                larger + special::exp(&difference, bits).ln_1p() / base
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
        "erfcx_derivative" => {
            let order = x.to_f64().value();
            if y.to_f64().value().abs() > FAR_TAIL || order > 100.0 {
                return Err(Silence::OutOfReach);
            }
            if order < 0.0 || order.fract() != 0.0 {
                return Ok(None);
            }
            special::erfcx_derivative(order as usize, y, bits)
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
    let size = special::exp(&special::limited(exponent, bits), bits);
    Ok(Some(Truth::Number(if is_negative(x) && half != half.floor() { -size } else { size })))
}
