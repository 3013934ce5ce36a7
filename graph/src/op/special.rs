//! Meanings of pointwise functions that neither Rust nor `libm` has.

/// 1/√(2π)
pub const ONE_OVER_SQRT_TAU: f64 = 0.398_942_280_401_432_677_94;

/// `base` to the power of `exponent` on integers, wrapping. A negative exponent gives 0 unless the base is 1 or −1.
pub fn integer_power(base: i128, exponent: i128) -> i128 {
    match (base, exponent < 0) {
        (1, _) => 1,
        (-1, _) => if exponent % 2 == 0 { 1 } else { -1 },
        (_, true) => 0,
        (_, false) => {
            let (mut power, mut square, mut rest) = (1i128, base, exponent);
            while rest > 0 {
                if rest & 1 == 1 {
                    power = power.wrapping_mul(square);
                }
                square = square.wrapping_mul(square);
                rest >>= 1;
            }
            power
        }
    }
}

/// The larger, with +0 above −0; NaN if either is.
pub fn maximum(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == y {
        if x.is_sign_negative() { y } else { x }
    } else if x > y {
        x
    } else {
        y
    }
}

/// The smaller, with −0 below +0; NaN if either is.
pub fn minimum(x: f64, y: f64) -> f64 {
    -maximum(-x, -y)
}

/// ln(eˣ + eʸ)
pub fn log_add_exp(x: f64, y: f64) -> f64 {
    let (low, high) = (minimum(x, y), maximum(x, y));
    if high.is_infinite() { high } else { high + (low - high).exp().ln_1p() }
}

/// log₂(2ˣ + 2ʸ)
pub fn log_add_exp2(x: f64, y: f64) -> f64 {
    let (low, high) = (minimum(x, y), maximum(x, y));
    if high.is_infinite() { high } else { high + (low - high).exp2().ln_1p() * std::f64::consts::LOG2_E }
}

/// 1/(1 + e⁻ˣ)
pub fn sigmoid(x: f64) -> f64 {
    if x < 0.0 {
        let small = x.exp();
        small / (1.0 + small)
    } else {
        1.0 / (1.0 + (-x).exp())
    }
}

/// The inverse of the error function.
pub fn erf_inv(y: f64) -> f64 {
    if y.abs() >= 1.0 || y.is_nan() {
        return if y.abs() == 1.0 { y * f64::INFINITY } else { f64::NAN };
    }
    -ndtri((1.0 - y.abs()) / 2.0) * std::f64::consts::FRAC_1_SQRT_2 * if y < 0.0 { -1.0 } else { 1.0 }
}

/// The probability that a standard normal variable is at most x.
pub fn ndtr(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The inverse of [`ndtr`].
pub fn ndtri(p: f64) -> f64 {
    if p.is_nan() || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if p > 0.5 {
        return -ndtri(1.0 - p);
    }
    let t = (-2.0 * p.ln()).sqrt();
    let mut x = -(t - (2.30753 + 0.27061 * t) / (1.0 + t * (0.99229 + t * 0.04481)));
    for _ in 0..6 {
        let off = (ndtr(x) - p) / (ONE_OVER_SQRT_TAU * (-0.5 * x * x).exp());
        x -= off / (1.0 + 0.5 * x * off);
    }
    x
}

/// ln |Γ(x)|
pub fn lgamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The derivative of ln Γ.
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        if x == x.floor() {
            return f64::NAN;
        }
        let pi = std::f64::consts::PI;
        return digamma(1.0 - x) - pi / (pi * x).tan();
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square * (1.0 / 12.0 - square * (1.0 / 120.0 - square * (1.0 / 252.0 - square * (1.0 / 240.0 - square * (1.0 / 132.0 - square * 691.0 / 32760.0)))));
    sum + x.ln() - 0.5 / x - series
}

/// The derivative of [`digamma`], taken `order` times (a whole number).
pub fn polygamma(order: f64, x: f64) -> f64 {
    if order == 0.0 {
        return digamma(x);
    }
    if order < 0.0 || order != order.floor() || x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let power = order + 1.0;
    let (mut at, mut sum) = (x, 0.0);
    while at < 15.0 + order {
        sum += at.powf(-power);
        at += 1.0;
    }
    sum += at.powf(1.0 - power) / (power - 1.0) + 0.5 * at.powf(-power);
    let mut term = power * at.powf(-power - 1.0);
    for (step, ratio) in [1.0 / 12.0, -1.0 / 720.0, 1.0 / 30240.0, -1.0 / 1_209_600.0, 1.0 / 47_900_160.0].into_iter().enumerate() {
        sum += ratio * term;
        let done = 2.0 * step as f64;
        term *= (power + done + 1.0) * (power + done + 2.0) / (at * at);
    }
    let sign = if order % 2.0 == 0.0 { -1.0 } else { 1.0 };
    sign * (1..=order as u32).map(f64::from).product::<f64>() * sum
}

/// The modified Bessel function of the first kind, order 0.
pub fn bessel_i0(x: f64) -> f64 {
    bessel_i(0, x)
}

/// The modified Bessel function of the first kind, order 1.
pub fn bessel_i1(x: f64) -> f64 {
    bessel_i(1, x)
}

fn bessel_i(order: u32, x: f64) -> f64 {
    let half = 0.5 * x;
    let (mut term, mut sum, mut k) = (half.powi(order as i32), 0.0, 0.0);
    loop {
        sum += term;
        k += 1.0;
        term *= half * half / (k * (k + f64::from(order)));
        if term.abs() <= 1e-17 * sum.abs() || !sum.is_finite() {
            return sum;
        }
    }
}
