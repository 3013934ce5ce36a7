//! Hyperbolic functions.

use super::exponential::exp_in_range;
use super::parts::{constant, series};
use super::super::lanes::Lanes;

/// (tanh x − x)/x³ over x² on |x| ≤ 1; relative error of tanh: 2⁻²⁷·⁷ and 2⁻⁵⁵·⁸.
const TANH_NARROW: &[f64] =
    &[-3.333_329_6e-1, 1.333_234_6e-1, -5.387_982_7e-2, 2.148_655_2e-2, -7.945_718e-3, 2.300_925_8e-3, -3.582_849_2e-4];
const TANH_WIDE: &[f64] = &[
    -0.333_333_333_333_329_43,
    0.133_333_333_332_926_93,
    -0.053_968_253_953_371_01,
    0.021_869_488_259_058_34,
    -0.008_863_232_446_491_537,
    0.003_592_105_588_995_069_2,
    -0.001_455_721_314_381_167,
    0.000_589_618_809_870_136,
    -0.000_238_044_423_334_606_7,
    9.476_940_858_814_577e-5,
    -3.608_832_386_077_985e-5,
    1.234_284_403_070_653_5e-5,
    -3.420_532_980_595_983_3e-6,
    6.547_730_167_096_147e-7,
    -6.273_297_203_605_27e-8,
];

/// tanh x for all x, within 1 ulp: a polynomial up to 1, beyond it 1 − 2/(e²ˣ + 1).
pub(crate) fn tanh<F: Lanes>(x: F) -> F {
    let square = x * x;
    let size = x.abs();
    let near = (square * size).mul_add(series(square, TANH_NARROW, TANH_WIDE), size);
    let (fraction, power) = exp_in_range(constant(x, 20.0, 40.0).least(size + size));
    let far = x.number(1.0) - x.number(2.0) / fraction.mul_add(power, x.number(1.0));
    F::select(size.lt(x.number(1.0)), near, far).copysign(x)
}
