//! The true value of a formula, with as many digits as it takes: what a computed number is judged by when two disagree.
//!
//! Functions are computed from their series in binary numbers of 160 bits and more, until two precisions agree.

// Nothing a user does panics.
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::todo, clippy::unimplemented, clippy::unreachable, clippy::unwrap_used))]

mod functions;
pub mod special;

use std::cmp::Ordering;

use damo_graph::Number;
use damo_graph::op::scalar::{ALL, Scalar, Signature};
use damo_graph::op::term::{Formula, Term};

use functions::{binary, unary};
use special::{Big, absolute, big, is_negative, is_zero, limited, magnitude};

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

/// The true value of a formula at a point, if it can be told.
///
/// # Errors
///
/// [`Silence`] where it cannot.
///
/// ```
/// use damo_graph::op::term::Term;
/// use damo_oracle::{Truth, to_float, truth};
/// let third: Term = Term::argument(0) / 3.0;
/// assert_eq!(to_float(&truth(third, &[1.0]).unwrap()), 1.0 / 3.0);
/// ```
pub fn truth(term: Term, at: &[f64]) -> Result<Truth, Silence> {
    let exactly = |bits: usize| -> Vec<Truth> { at.iter().map(|&x| of_float(x, bits)).collect() };
    settled(|bits| value(term, &exactly(bits), bits))
}

/// What a computation with so many bits gives, with more and more of them until two in a row agree.
///
/// # Errors
///
/// Those of the computation, and [`Silence::OutOfReach`] where no two agree.
pub fn settled(at: impl FnMut(usize) -> Result<Truth, Silence>) -> Result<Truth, Silence> {
    agreed(&BITS, at)
}

/// The same at a point that is no point of floats: `at` gives it with that many bits.
///
/// # Errors
///
/// [`Silence`] where it cannot be told.
pub fn truth_near(term: Term, at: impl Fn(usize) -> Vec<Truth>) -> Result<Truth, Silence> {
    agreed(&BITS_NEAR, |bits| value(term, &at(bits), bits))
}

fn agreed(all: &[usize], mut at: impl FnMut(usize) -> Result<Truth, Silence>) -> Result<Truth, Silence> {
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
        Truth::Number(number) => nearest(number),
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

/// The nearest float of a number.
///
/// The numbers' library calls all that is more than the largest float infinite, even what is nearest to it (IEEE 754-2019, section 4.3.1).
pub fn nearest(number: &Big) -> f64 {
    let float = number.to_f64().value();
    // Half a unit in the last place more than the largest: from there on it is infinite.
    let too_much = || Big::from_parts(((1u64 << 54) - 1).into(), 970);
    if float.is_infinite() && absolute(number) < too_much() { f64::MAX.copysign(float) } else { float }
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

/// A function of the table of true values, computed with so many bits.
///
/// # Errors
///
/// Where the function is not one of the table, or the result is out of reach.
pub fn apply(scalar: &'static Scalar, arguments: &[Truth], bits: usize) -> Result<Truth, Silence> {
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
    let limited_number = |argument: &Truth| if let Truth::Number(number) = argument { Some(limited(number.clone(), bits)) } else { None };
    let numbers: Option<Vec<Big>> = arguments.iter().map(limited_number).collect();
    let Some(numbers) = numbers else { return by_meaning(scalar, arguments) };
    let found = match &numbers[..] {
        [x] => unary(scalar.name, x, bits)?,
        [x, y] => binary(scalar.name, x, y, bits)?,
        [x, y, z] if scalar.name == "mul_add" => Some(Truth::Number(x * y + z)),
        _ => return Err(Silence::Unknown(scalar.name)),
    };
    // What is exact may come without a number of digits, as e⁰ does, and no series ends that is to have all of them.
    let with_digits = |truth| match truth {
        Truth::Number(number) => Truth::Number(limited(number, bits)),
        truth @ (Truth::Infinite { .. } | Truth::Undefined | Truth::Holds(_)) => truth,
    };
    found.map_or_else(|| by_meaning(scalar, arguments), Ok).map(with_digits)
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
    match number.cmp(&exactly) {
        Ordering::Greater => float.next_up(),
        Ordering::Less => float.next_down(),
        Ordering::Equal => float,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use damo_graph::functions::{digamma, erfc, erfcx, lgamma, polygamma};

    #[test]
    fn what_is_nearest_to_the_largest_number_is_that_number() {
        let at = |more: f64| to_float(&Truth::Number(big(f64::MAX, 2000) + big(more, 2000)));
        assert_eq!((at(0.0), at(1.25e232), at(9e291), at(-1.0)), (f64::MAX, f64::MAX, f64::MAX, f64::MAX));
        assert_eq!((at(2e292), -to_float(&Truth::Number(-big(f64::MAX, 2000) - big(1.0, 2000)))), (f64::INFINITY, f64::MAX));
    }

    #[test]
    fn every_function_answers_at_exact_and_extreme_numbers() {
        let least = f64::from_bits(1);
        let at: Vec<Truth> = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 30.0, -30.0, 1e-300, -1e-300, least, 720.0, -720.0, 1e7, -1e7, f64::MAX]
            .into_iter()
            .flat_map(|x| [of_float(x, 160), Truth::Number(Big::try_from(x).unwrap())])
            .chain([Truth::Number(big(1.0, 160) - big(1.0, 160)), Truth::Infinite { is_negative: true }, Truth::Undefined])
            .collect();
        let mut known = 0;
        for &scalar in ALL {
            for x in &at {
                known += usize::from(apply(scalar, std::slice::from_ref(x), 160).is_ok());
                for y in &at {
                    known += usize::from(apply(scalar, &[x.clone(), y.clone()], 160).is_ok());
                }
            }
        }
        assert!(known > 10_000, "{known}");
        // e⁰ is 1 with all its digits.
        let Ok(Truth::Number(number)) = apply(&damo_graph::op::scalar::SOFTPLUS, &[of_float(0.0, 160)], 160) else { panic!("softplus") };
        assert_eq!(number.to_f64().value(), std::f64::consts::LN_2);
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
