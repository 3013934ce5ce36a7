//! What a rewriter must not do: formulas that well-known rewrites get wrong, with what they give as they are written.

#![expect(clippy::eq_op, reason = "formulas such as x − x are the point")]

use damo::Tensor;
use damo::prelude::*;

use super::row::{Program, program};
use crate::close::ulps_between;

/// How many ulps a number may be off.
const ULPS: u64 = 4;

/// A formula that some rewriter gets wrong.
#[derive(Clone, Copy, Debug)]
pub struct Trap {
    /// The rewrite that must not happen.
    pub rewrite: &'static str,
    /// The formula in words.
    pub spelling: &'static str,
    program: Program<f64>,
    /// Inputs, and the truth there.
    points: &'static [(&'static [f64], f64)],
}

macro_rules! traps {
    ($($rewrite:literal, $spelling:literal: [$($x:ident)*] $body:expr => $(($($at:expr),+) gives $truth:expr),+;)*) => {
        /// Every trap, in the order of the conformance list.
        pub const TRAPS: &[Trap] = &[$(Trap {
            rewrite: $rewrite,
            spelling: $spelling,
            program: program!(f64, [$($x)*] $body),
            points: &[$((&[$($at),+], $truth)),+],
        }),*];
    };
}

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

traps! {
    "arccosh(cosh x) → x", "acosh(cosh(x))": [x] x.cosh().acosh() => (-1.0) gives 1.0, (1.0) gives 1.0, (-INF) gives INF;
    "arcsin(sin x) → x", "asin(sin(x))": [x] x.sin().asin() => (3.0) gives 0.141_592_653_589_793_24;
    "arctan(tan x) → x", "atan(tan(x))": [x] x.tan().atan() => (3.0) gives -0.141_592_653_589_793_24;
    "tanh(arctanh x) → x", "tanh(atanh(x))": [x] x.atanh().tanh() => (2.0) gives NAN, (-2.0) gives NAN, (0.0) gives 0.0;
    "cosh(arccosh x) → x", "cosh(acosh(x))": [x] x.acosh().cosh() => (0.5) gives NAN, (-1.0) gives NAN, (1.0) gives 1.0;
    "sin(arcsin x) → x", "sin(asin(x))": [x] x.asin().sin() => (2.0) gives NAN;
    "sigmoid(logit p) → p", "sigmoid(logit(p))": [p] p.logit().sigmoid() => (2.0) gives NAN, (-0.5) gives NAN;
    "sigmoid(ln(p/(1 − p))) → p", "sigmoid(ln(p/(1 − p)))": [p] (p / (1.0 - p)).ln().sigmoid() => (2.0) gives NAN, (-0.5) gives NAN;
    "exp(ln x) → x", "exp(ln(x))": [x] x.ln().exp() => (-1.0) gives NAN, (0.0) gives 0.0, (INF) gives INF;
    "(√x)² → x", "sqrt(x).powi(2)": [x] x.sqrt().powi(2) => (-1.0) gives NAN, (-INF) gives NAN;

    "constants reassociated", "x·1e-200·1e-200": [x] x * 1e-200 * 1e-200 => (1e300) gives 1e-100;
    "constants reassociated", "x·1e200·1e200": [x] x * 1e200 * 1e200 => (1e-300) gives 1e100;
    "constants reassociated", "(x/1e-200)/1e-200": [x] x / 1e-200 / 1e-200 => (1e-300) gives 1e100;
    "constants reassociated", "(x + 1e308) + (y + 1e308)": [x y] (x + 1e308) + (y + 1e308) => (-1e308, -1e308) gives 0.0;

    "numbers moved about in a product", "s/(x·(−2))": [s x] s / (x * -2.0) => (2.0, 1.112_536_929_253_600_7e-308) gives -8.988_465_674_311_58e307;
    "numbers moved about in a product", "(2·x)/(4·y)": [x y] (2.0 * x) / (4.0 * y) => (2.0, 1.112_536_929_253_600_7e-308) gives 8.988_465_674_311_58e307;
    "x + x → 2·x in a longer sum", "(p + x) + x": [p x] (p + x) + x => (-1e308, 1e308) gives 1e308;
    "x + x → 2·x in a longer sum", "(p + x) + (q + x)": [p q x] (p + x) + (q + x) => (1e308, 1e308, -1e308) gives 0.0;
    "exp x·exp y → exp(x + y) in a longer product", "w·exp(x)·exp(y)": [w x y] w * x.exp() * y.exp() => (1e-100, 400.0, 400.0) gives 2.726_374_572_112_566_6e247, (0.0, 400.0, 400.0) gives 0.0;
    "exp x·exp y → exp(x + y) in a longer product", "(x·exp(y))·(x·exp(y))": [x y] (x * y.exp()) * (x * y.exp()) => (1e200, -800.0) gives 0.0;
    "a factor cancelled in a longer product", "x·y·w·z/x": [x y w z] x * y * w * z / x => (1e-300, 1e300, 1e300, 1e-300) gives 1e300;

    "aˣ·aʸ → a^(x+y)", "a.powf(x)·a.powf(y)": [a x y] a.powf(x) * a.powf(y) => (-1.0, 0.5, 0.5) gives NAN, (0.0, 1.0, -1.0) gives NAN;
    "x^−½ → 1/√x", "x.powf(−0.5)": [x] x.powf(-0.5) => (-INF) gives 0.0, (-1.0) gives NAN, (4.0) gives 0.5;
    "x^½ → √x", "x.powf(0.5)": [x] x.powf(0.5) => (-INF) gives INF, (-1.0) gives NAN, (4.0) gives 2.0;
    "sign(3/x) → sign x", "signum(3/x)": [x] (3.0 / x).signum() => (INF) gives 0.0, (-INF) gives 0.0, (-2.0) gives -1.0;
    "ln xʸ → y·ln x", "ln(x.powf(y))": [x y] x.powf(y).ln() => (-3.0, 2.0) gives 2.197_224_577_336_219_6, (-1.0, 4.0) gives 0.0;
    "ln x² → 2·ln x", "ln(x·x)": [x] (x * x).ln() => (-3.0) gives 2.197_224_577_336_219_6, (-1.0) gives 0.0;
    "ln(x·y) → ln x + ln y", "ln(x·y)": [x y] (x * y).ln() => (-2.0, -0.5) gives 0.0, (2.0, 0.5) gives 0.0;
    "√x² → x", "sqrt(x·x)": [x] (x * x).sqrt() => (-3.0) gives 3.0;

    "a constant near 1 taken for 1", "ln(1.000009 − sigmoid(x))": [x] (1.000_009 - x.sigmoid()).ln() => (0.0) gives -0.693_129_180_721_943_5;
    "a constant near 1 taken for 1", "ln(1 + 8.9e-16 − sigmoid(x))": [x] (1.000_000_000_000_000_9 - x.sigmoid()).ln() => (0.0) gives -0.693_147_180_559_943_5;
    "a constant near 1 taken for 1", "ln(0.9999999999999999 + x)": [x] (0.999_999_999_999_999_9 + x).ln() => (0.0) gives -1.110_223_024_625_156_7e-16;
    "a constant near 1 taken for 1", "ln(1.000009 + exp(x))": [x] (1.000_009 + x.exp()).ln() => (-800.0) gives 8.999_959_500_168_733e-6;
    "a constant near 1 taken for 1", "exp(x) − 1.000009": [x] x.exp() - 1.000_009 => (0.0) gives -8.999_999_999_925_734e-6;
    "a constant near 1 taken for 1", "1.000009/(1 + exp(−x))": [x] 1.000_009 / (1.0 + (-x).exp()) => (0.0) gives 0.500_004_5;

    "x/x → 1", "x/x": [x] x / x => (0.0) gives NAN, (INF) gives NAN, (NAN) gives NAN, (3.0) gives 1.0;
    "0·x → 0", "0·x": [x] 0.0 * x => (INF) gives NAN, (NAN) gives NAN, (3.0) gives 0.0;
    "0/x → 0", "0/x": [x] 0.0 / x => (0.0) gives NAN, (NAN) gives NAN, (3.0) gives 0.0;
    "x − x → 0", "x − x": [x] x - x => (INF) gives NAN, (NAN) gives NAN, (3.0) gives 0.0;
    "x + (−x) → 0", "x + (−x)": [x] x + (-x) => (INF) gives NAN, (NAN) gives NAN;
    "x·y/y → x", "x·y/y": [x y] x * y / y => (3.0, 0.0) gives NAN, (3.0, INF) gives NAN, (3.0, 2.0) gives 3.0;
    "(x·y)/x → y", "(x·y)/x": [x y] (x * y) / x => (1e200, 1e200) gives 1e200, (0.0, 3.0) gives NAN, (INF, 3.0) gives NAN;
    "(a + b) − b → a", "(a + b) − b": [a b] (a + b) - b => (1.0, INF) gives NAN, (NAN, 1.0) gives NAN;
    "max(x, y) → select(x > y, x, y)", "max(x, y)": [x y] x.max(y) => (NAN, 1.0) gives NAN, (1.0, NAN) gives NAN;
    "x == x → true", "select(x == x, 1, 0)": [x] select(x.equal(x), 1.0, 0.0) => (NAN) gives 0.0, (2.0) gives 1.0;
    "x < x → false, x ≥ x → true", "select(x ≥ x, 1, 0)": [x] select(x.ge(x), 1.0, 0.0) => (NAN) gives 0.0, (INF) gives 1.0;
    "x⁰ → 1, 1ˣ → 1", "x.powf(0) + 1.powf(x)": [x] x.powf(0.0) + x.tape().full((), 1.0).powf(x) => (NAN) gives 2.0, (INF) gives 2.0;
}

impl Trap {
    /// What its compiled program gives wrongly, in words.
    ///
    /// # Errors
    ///
    /// What compiling or calling refuses.
    pub fn spring(&self, config: &Config) -> damo::Result<Vec<String>> {
        let tape = Tape::new();
        let count = self.points.first().map_or(0, |(at, _)| at.len());
        let inputs: Vec<Tensor<'_, f64>> = (0..count).map(|place| tape.input::<f64>(&format!("x{place}"), ())).collect();
        let result = (self.program)(&inputs);
        let function = tape.function(inputs, result).freeze(config)?;
        let mut wrong = Vec::new();
        for &(at, truth) in self.points {
            let arrays: Vec<_> = at.iter().map(|&x| ndarray::arr0(x)).collect();
            let computed = function.call(arrays.iter().collect::<Vec<_>>())?.first().copied().unwrap_or(NAN);
            if ulps_between(computed, truth) > ULPS {
                wrong.push(format!("at {at:?} it is {computed:?} instead of {truth:?}"));
            }
        }
        Ok(wrong)
    }
}
