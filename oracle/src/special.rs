//! Special functions of many digits, from their series.

use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;

/// A binary number of many digits.
pub type Big = FBig<HalfEven, 2>;

/// A number with that many bits to come.
pub fn big(number: f64, bits: usize) -> Big {
    Big::try_from(number).unwrap_or(Big::ZERO).with_precision(bits).value()
}

/// The same number with a number of digits, if it came without: as the exact result of a function, such as e⁰. No series ends that is to have
/// all digits of one.
pub fn limited(x: Big, bits: usize) -> Big {
    if x.precision() == 0 { x.with_precision(bits).value() } else { x }
}

/// Its exponential.
pub fn exp(x: &Big, bits: usize) -> Big {
    limited(x.exp(), bits)
}

/// Whether it is 0.
pub fn is_zero(x: &Big) -> bool {
    x.repr().is_pos_zero() || x.repr().is_neg_zero()
}

/// Whether it is less than 0.
pub fn is_negative(x: &Big) -> bool {
    *x < Big::ZERO
}

/// Its distance from 0.
pub fn absolute(x: &Big) -> Big {
    if is_negative(x) { -x.clone() } else { x.clone() }
}

/// ⌊log₂ |x|⌋, of a number other than 0.
pub fn magnitude(x: &Big) -> isize {
    x.repr().exponent() + x.repr().digits() as isize - 1
}

/// Whether a term no longer matters in a sum of that many bits.
fn vanishes(term: &Big, sum: &Big, bits: usize) -> bool {
    is_zero(term) || (!is_zero(sum) && magnitude(term) < magnitude(sum) - bits as isize)
}

/// 2/√π · e^(−x²) · Σ 2ᵏ x^(2k+1) / (2k+1)!!, whose terms have one sign; for |x| up to 40.
pub fn erf(x: &Big, bits: usize) -> Big {
    let square = x * x;
    let (mut term, mut sum) = (x.clone(), x.clone());
    let mut odd = 3.0;
    while !vanishes(&term, &sum, bits) {
        term = term * &square * big(2.0, bits) / big(odd, bits);
        sum += &term;
        odd += 2.0;
    }
    sum * big(2.0, bits) / Big::pi(bits).sqrt() * (-square).exp()
}

/// 1 − erf x, with as many more bits as the difference costs.
pub fn erfc(x: &Big, bits: usize) -> Big {
    let lost = if is_negative(x) { 0.0 } else { (x * x).to_f64().value() * std::f64::consts::LOG2_E };
    let bits = bits + lost as usize + 64;
    let x = x.clone().with_precision(bits).value();
    big(1.0, bits) - erf(&x, bits)
}

/// The probability that a standard normal variable is at most x.
pub fn ndtr(x: &Big, bits: usize) -> Big {
    erfc(&(-x.clone() / big(2.0, bits).sqrt()), bits) / big(2.0, bits)
}

/// e^(x²)·erfc x and its derivatives: f′ = 2x·f − 2/√π, and from there on f⁽ᵏ⁺¹⁾ = 2x·f⁽ᵏ⁾ + 2k·f⁽ᵏ⁻¹⁾.
pub fn erfcx_derivative(order: usize, x: &Big, bits: usize) -> Big {
    let double = |x: &Big| x * big(2.0, bits);
    let mut before = erfc(x, bits) * (x * x).exp();
    if order == 0 {
        return before;
    }
    let mut now = double(x) * &before - big(2.0, bits) / Big::pi(bits).sqrt();
    for k in 1..order {
        let next = double(x) * &now + big(2.0 * k as f64, bits) * &before;
        (before, now) = (now, next);
    }
    now
}

/// The root of `f(y) = target` near a start, where `slope` is the derivative of f (Newton).
pub fn inverse(target: &Big, start: f64, bits: usize, f: impl Fn(&Big) -> Big, slope: impl Fn(&Big) -> Big) -> Big {
    let mut y = big(start, bits);
    // Each step doubles the digits, beginning with those of an f64.
    for _ in 0..bits.ilog2() {
        let step = (f(&y) - target) / slope(&y);
        if is_zero(&step) {
            break;
        }
        y -= step;
    }
    y
}

/// The Bernoulli numbers B₂, B₄, …, from the tangent numbers (Brent and Harvey 2011, algorithm 1).
fn bernoulli(count: usize, bits: usize) -> Vec<Big> {
    let bits = bits + count * (usize::BITS - count.leading_zeros()) as usize * 4 + 64;
    let number = |number: usize| big(number as f64, bits);
    let mut tangents = vec![number(1); count];
    for k in 1..count {
        tangents[k] = &tangents[k - 1] * number(k);
    }
    for k in 1..count {
        for j in k..count {
            tangents[j] = &tangents[j - 1] * number(j - k) + &tangents[j] * number(j - k + 2);
        }
    }
    let mut power = number(1);
    let mut numbers = Vec::with_capacity(count);
    for (k, tangent) in tangents.into_iter().enumerate() {
        power *= number(4);
        let size = tangent * number(2 * (k + 1)) / (&power * (&power - number(1)));
        numbers.push(if k % 2 == 0 { size } else { -size });
    }
    numbers
}

/// How far an argument is moved up, so that Stirling's series gives that many bits; and how many terms it takes.
fn stirling(x: &Big, bits: usize) -> (usize, usize) {
    let far = bits as f64 / 4.0 + 8.0;
    ((far - x.to_f64().value()).max(0.0) as usize, bits / 5 + 8)
}

/// ln |Γ(x)|
pub fn lgamma(x: &Big, bits: usize) -> Big {
    let (steps, terms) = stirling(x, bits);
    let mut product = big(1.0, bits);
    for step in 0..steps {
        product *= x + big(step as f64, bits);
    }
    let x = x + big(steps as f64, bits);
    let half = big(0.5, bits);
    let mut sum = (&x - &half) * x.ln() - &x + half * (Big::pi(bits) * big(2.0, bits)).ln();
    let mut power = x.clone();
    for (k, number) in bernoulli(terms, bits).into_iter().enumerate() {
        let even = 2.0 * (k as f64 + 1.0);
        let term = number / (big(even * (even - 1.0), bits) * &power);
        if vanishes(&term, &sum, bits) {
            break;
        }
        sum += term;
        power = power * &x * &x;
    }
    sum - absolute(&product).ln()
}

/// The derivative of ln Γ, taken order + 1 times (NIST DLMF 5.15.8 and 5.11.2).
pub fn polygamma(order: usize, x: &Big, bits: usize) -> Big {
    let (steps, terms) = stirling(x, bits);
    let factorial = |n: usize| (1..=n).fold(big(1.0, bits), |product, k| product * big(k as f64, bits));
    let power = |x: &Big, n: usize| (0..n).fold(big(1.0, bits), |product, _| product * x);
    let mut shift = big(0.0, bits);
    for step in 0..steps {
        shift += big(1.0, bits) / power(&(x + big(step as f64, bits)), order + 1);
    }
    let x = x + big(steps as f64, bits);
    let half = factorial(order) / (big(2.0, bits) * power(&x, order + 1));
    let mut sum = if order == 0 { half - x.ln() } else { factorial(order - 1) / power(&x, order) + half };
    // (2k + order − 1)! / (2k)!, for k = 1.
    let mut ratio = factorial(order + 1) / big(2.0, bits);
    let mut inverse = big(1.0, bits) / power(&x, order + 2);
    for (k, number) in bernoulli(terms, bits).into_iter().enumerate() {
        let term = number * &ratio * &inverse;
        if vanishes(&term, &sum, bits) {
            break;
        }
        sum += term;
        let (even, order) = (2.0 * (k as f64 + 1.0), order as f64);
        ratio = ratio * big((even + order) * (even + order + 1.0), bits) / big((even + 1.0) * (even + 2.0), bits);
        inverse = inverse / &x / &x;
    }
    sum += factorial(order) * shift;
    if order.is_multiple_of(2) { -sum } else { sum }
}

/// The modified Bessel function of the first kind of order 0 or 1: Σ (x/2)^(2k+order) / (k! (k+order)!).
pub fn bessel_i(order: usize, x: &Big, bits: usize) -> Big {
    let half = x / big(2.0, bits);
    let square = &half * &half;
    let mut term = if order == 0 { big(1.0, bits) } else { half };
    let mut sum = term.clone();
    let mut k = 1;
    while !vanishes(&term, &sum, bits) {
        term = term * &square / big((k * (k + order)) as f64, bits);
        sum += &term;
        k += 1;
    }
    sum
}
