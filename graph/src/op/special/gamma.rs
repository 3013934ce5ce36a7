//! The logarithm of the gamma function and its derivatives.
//!
//! Stirling's series and its derivatives, Abramowitz and Stegun 6.1.40, 6.3.18 and 6.4.11, reached by the recurrence; reflection,
//! 6.1.17 and 6.3.7. Next to their zeros they keep their digits because they are summed in about 106 bits.

use super::wide::Wide;

/// B₂ₖ/2k for k = 1, 2 …, with B the Bernoulli numbers: numerator and denominator.
const BERNOULLI: [(f64, f64); 15] = [
    (1.0, 12.0),
    (-1.0, 120.0),
    (1.0, 252.0),
    (-1.0, 240.0),
    (1.0, 132.0),
    (-691.0, 32_760.0),
    (1.0, 12.0),
    (-3_617.0, 8_160.0),
    (43_867.0, 14_364.0),
    (-174_611.0, 6_600.0),
    (77_683.0, 276.0),
    (-236_364_091.0, 65_520.0),
    (657_931.0, 12.0),
    (-3_392_780_147.0, 3_480.0),
    (1_723_168_255_201.0, 85_932.0),
];

/// From here on the series with these numbers has an error below 10⁻³².
const FAR: f64 = 20.0;

/// B₂ₖ/2k for k = 1, 2 ….
fn bernoulli() -> impl DoubleEndedIterator<Item = (f64, Wide)> {
    BERNOULLI.iter().enumerate().map(|(place, &(top, bottom))| ((2 * place + 2) as f64, Wide::from(top) / bottom))
}

/// ln |Γ(x)|; infinite at 0, −1, −2 ….
pub fn lgamma(x: f64) -> f64 {
    if x.is_nan() || x.is_infinite() {
        return x.abs();
    }
    if x <= 0.0 && x == x.floor() || x > 2.6e305 {
        return f64::INFINITY;
    }
    if x.abs() < 1e-20 {
        return -x.abs().ln();
    }
    if x > 1e17 {
        return x * (x.ln() - 1.0);
    }
    if (x - 1.0).abs() < 0.01 {
        return lgamma_near(x - 1.0, -EULER, 0.0);
    }
    if (x - 2.0).abs() < 0.01 {
        return lgamma_near(x - 2.0, 1.0 - EULER, 1.0);
    }
    if x > 0.0 {
        return wide_lgamma(Wide::from(x)).round();
    }
    if let Some(&zero) = LGAMMA_ZEROS.iter().find(|zero| (x - zero.high).abs() < 1e-12) {
        let z = (Wide::from(x) - zero).round();
        return z * (digamma(x) - 0.5 * z * polygamma(1.0, x));
    }
    let sine = Wide::from(x - x.round()).sin_pi();
    let sine = if sine.high < 0.0 { -sine } else { sine };
    ((Wide::PI / sine).ln() - wide_lgamma(Wide::ONE - Wide::from(x))).round()
}

/// The zeros of ln |Γ| whose neighbours need more than 106 bits. The others are so close to poles that the function is steep there.
const LGAMMA_ZEROS: [Wide; 4] = [
    Wide { high: -2.457_024_738_220_800_6, low: -3.707_561_081_551_326_6e-17 },
    Wide { high: -2.747_682_646_727_412_7, low: 9.055_340_329_338_315e-17 },
    Wide { high: -3.143_580_888_349_98, low: -2.181_817_985_233_171_4e-16 },
    Wide { high: -3.955_294_284_858_598, low: -1.999_428_391_746_348e-17 },
];

const EULER: f64 = 0.577_215_664_901_532_9;

/// Taylor's series of ln Γ at 1 or 2: Σ (ζ(k) − `less`)(−z)ᵏ/k, Abramowitz and Stegun 6.1.33.
fn lgamma_near(z: f64, slope: f64, less: f64) -> f64 {
    const ZETA: [f64; 8] = [
        0.644_934_066_848_226_4,
        0.202_056_903_159_594_3,
        0.082_323_233_711_138_19,
        0.036_927_755_143_369_93,
        0.017_343_061_984_449_14,
        0.008_349_277_381_922_827,
        0.004_077_356_197_944_34,
        0.002_008_392_826_082_214_4,
    ];
    let higher = ZETA.iter().enumerate().rev().fold(0.0, |sum, (place, zeta)| (zeta + 1.0 - less) / (place + 2) as f64 - z * sum);
    // Plus 0, because ln Γ(1) is 0 and not −0.
    z * z.mul_add(higher, slope) + 0.0
}

/// ln Γ(x) for x > 0.
fn wide_lgamma(x: Wide) -> Wide {
    let (mut far, mut product) = (x, Wide::ONE);
    while far.high < FAR {
        product = product * far;
        far = far + 1.0;
    }
    let square = far * far;
    let series = bernoulli().rev().fold(Wide::from(0.0), |sum, (double, ratio)| sum / square + ratio / (double - 1.0)) / far;
    let stirling = (far - 0.5) * far.ln() - far + Wide::TAU.ln().scaled(0.5) + series;
    if product == Wide::ONE { stirling } else { stirling - product.ln() }
}

/// The derivative of ln Γ; −∞ at +0, ∞ at −0, NaN at −1, −2 ….
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return -1.0 / x;
    }
    if x.is_nan() || x < 0.0 && x == x.floor() {
        return f64::NAN;
    }
    if x > 1e17 {
        return x.ln();
    }
    if x.abs() < 1e-20 {
        return -1.0 / x;
    }
    if (x - DIGAMMA_ROOT.high).abs() < 0.01 {
        return digamma_near_root(x);
    }
    if x > 0.0 {
        return wide_digamma(Wide::from(x)).round();
    }
    let fraction = Wide::from(x - x.round());
    let cotangent = fraction.cos_pi() / fraction.sin_pi();
    (wide_digamma(Wide::ONE - Wide::from(x)) - Wide::PI * cotangent).round()
}

/// The only positive zero of digamma.
const DIGAMMA_ROOT: Wide = Wide { high: 1.461_632_144_968_362_2, low: 9.549_995_429_965_697e-17 };

/// Taylor's series at the zero: ψ⁽ᵏ⁾/k! there for k = 1, 2 …, computed with mpmath at 60 digits.
const DIGAMMA_TAYLOR: [f64; 9] = [
    0.967_672_245_447_621_2,
    -0.442_763_168_983_592_1,
    0.258_499_760_955_651,
    -0.163_942_705_442_406_52,
    0.107_824_050_691_262_37,
    -0.072_199_561_256_454_71,
    0.048_804_288_164_143_11,
    -0.033_161_126_474_847_36,
    0.022_597_648_232_218_104,
];

fn digamma_near_root(x: f64) -> f64 {
    let z = (Wide::from(x) - DIGAMMA_ROOT).round();
    z * DIGAMMA_TAYLOR.iter().rev().fold(0.0, |sum, coefficient| z.mul_add(sum, *coefficient))
}

/// Digamma for x > 0.
fn wide_digamma(x: Wide) -> Wide {
    let (mut far, mut sum) = (x, Wide::from(0.0));
    while far.high < FAR {
        sum = sum + Wide::ONE / far;
        far = far + 1.0;
    }
    let square = far * far;
    let series = bernoulli().rev().fold(Wide::from(0.0), |sum, (_, ratio)| (sum + ratio) / square);
    far.ln() - Wide::from(0.5) / far - series - sum
}

/// The derivative of [`digamma`], taken `order` times; NaN unless the order is a whole number from 0 up.
pub fn polygamma(order: f64, x: f64) -> f64 {
    if order == 0.0 {
        return digamma(x);
    }
    if !(order > 0.0 && order == order.floor() && order < 1e15) || x.is_nan() || x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    let odd = order % 2.0 == 1.0;
    if x <= 0.0 && x == x.floor() {
        return match (odd, x == 0.0) {
            (true, _) => f64::INFINITY,
            (false, true) => -1.0 / x,
            (false, false) => f64::NAN,
        };
    }
    if x == f64::INFINITY {
        return if odd { 0.0 } else { -0.0 };
    }
    let power = order as u64 + 1;
    let (unit, ratio) = if x > 0.0 {
        (Wide::from(x), zeta_ratio(power, Wide::from(x), Wide::from(x)))
    } else {
        // Σ 1/(x + k)ˢ over the terms above zero, and over those below as the difference of two such sums.
        let above = Wide::from(x) - x.floor();
        let below = Wide::ONE - above;
        let unit = if above.high < below.high { above } else { below };
        let negative = zeta_ratio(power, below, unit) - zeta_ratio(power, Wide::ONE - Wide::from(x), unit);
        let positive = zeta_ratio(power, above, unit);
        (unit, if odd { positive + negative } else { positive - negative })
    };
    let size = times_factorial(order, unit, ratio);
    if odd { size } else { -size }
}

/// `unit`ˢ · Σ 1/(at + k)ˢ, the Hurwitz zeta function with `unit` ≤ `at` taken out so that nothing overflows.
///
/// Euler and Maclaurin's formula; Johansson 2015, "Rigorous high-precision computation of the Hurwitz zeta function".
fn zeta_ratio(power: u64, at: Wide, unit: Wide) -> Wide {
    let (mut at, mut sum) = (at, Wide::from(0.0));
    let s = power as f64;
    while at.high < FAR + s {
        let term = (unit / at).power(power);
        sum = sum + term;
        // What follows is at most a geometric series; nothing of it shows any more.
        if term.high * at.high <= 1e-22 * sum.high {
            return sum;
        }
        at = at + 1.0;
    }
    let (square, mut rising) = (at * at, Wide::from(s) / at);
    let mut tail = at / (s - 1.0) + 0.5;
    for (double, ratio) in bernoulli() {
        tail = tail + ratio * rising;
        // From s(s+1)…(s+2k−2)/(2k−1)! to the same with k + 1.
        rising = rising * (s + double - 1.0) * (s + double) / square / (double * (double + 1.0));
    }
    sum + (unit / at).power(power) * tail
}

/// `order`! / `unit`^(order + 1) · `ratio`, without overflow on the way.
fn times_factorial(order: f64, unit: Wide, ratio: Wide) -> f64 {
    let sign = ratio.high.signum();
    if order > 1000.0 {
        let size = if sign < 0.0 { -ratio } else { ratio };
        let logarithm = wide_lgamma(Wide::from(order) + 1.0) - unit.ln() * (order + 1.0) + size.ln();
        return sign * logarithm.exp().round();
    }
    // The size is that of the product times 2⁴⁰⁰ to the power `bigs`; what leaves ±64 of them does not come back.
    let big = 2f64.powi(400);
    let (mut product, mut bigs) = (ratio / unit, 0i32);
    for k in 1..=order as u32 {
        product = product * f64::from(k) / unit;
        if product.high.abs() > big {
            (product, bigs) = (product.scaled(1.0 / big), bigs + 1);
        } else if product.high.abs() < 1.0 / big {
            (product, bigs) = (product.scaled(big), bigs - 1);
        }
        if bigs.abs() == 64 {
            return sign * if bigs > 0 { f64::INFINITY } else { 0.0 };
        }
    }
    let factor = if bigs < 0 { 1.0 / big } else { big };
    (0..bigs.abs()).fold(product.round(), |result, _| result * factor)
}
