//! Formulas element by element, on two vectors: arithmetic (1 to 4), functions (5, 6), and GELU forward and backward.

use damo::prelude::*;
use damo::{Config, Float};

use super::Prepared;
use super::repeated::{calling, writing};
use crate::random::{Random, zeros};

/// The formulas `elemwise1` to `elemwise6`.
fn formula<'t, T: Float>(name: &str, a: Tensor<'t, T>, b: Tensor<'t, T>) -> Option<Tensor<'t, T>> {
    let (one, two, three) = (T::from_f64(1.0), T::from_f64(2.0), T::from_f64(3.0));
    Some(match name {
        "elemwise1" => a + a.powi(10),
        "elemwise2" => a.powi(2) + b.powi(2) + a * two * b,
        "elemwise3" => a * two + b * three,
        "elemwise4" => a * two + b.powi(10),
        "elemwise5" => a.sin().powi(2) + b.cos().powi(2),
        "elemwise6" => (a * b + one).tanh() * (-a).exp(),
        _ => return None,
    })
}

/// How long the vectors of a size such as `1e6` are.
fn length(size: &str) -> Option<usize> {
    size.parse::<f64>().ok().map(|length| length as usize)
}

pub fn prepare<T: Float>(case: &str, size: &str, config: &Config) -> Prepared {
    let Some(length) = length(size) else { return Ok(None) };
    if case == "gelu_fb" {
        return gelu::<T>(length, config);
    }
    let (name, is_written) = case.strip_suffix("_out").map_or((case, false), |name| (name, true));
    let tape = Tape::new();
    let n = tape.dim("n");
    let (a, b) = (tape.input::<T>("a", (n,)), tape.input::<T>("b", (n,)));
    let Some(result) = formula(name, a, b) else { return Ok(None) };
    let mut random = Random::default();
    let (first, second) = (random.uniform::<T>(&[length]), random.uniform::<T>(&[length]));
    if name == "elemwise1" {
        let function = tape.function(a, result).freeze(config)?;
        return if is_written {
            writing(function, zeros(&[length]), move |function, target| function.call_into(&first, target))
        } else {
            calling(function, move |function| function.call(&first))
        };
    }
    let function = tape.function((a, b), result).freeze(config)?;
    if is_written {
        writing(function, zeros(&[length]), move |function, target| function.call_into((&first, &second), target))
    } else {
        calling(function, move |function| function.call((&first, &second)))
    }
}

/// The exact GELU, x Φ(x), and its derivative times a given cotangent.
fn gelu<T: Float>(length: usize, config: &Config) -> Prepared {
    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, cotangent) = (tape.input::<T>("x", (n,)), tape.input::<T>("cotangent", (n,)));
    let half = T::from_f64(0.5);
    let y = x * half * ((x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf() + T::from_f64(1.0));
    let slope = y.vjp(x, cotangent);
    let function = tape.function((x, cotangent), [y, slope]).freeze(config)?;
    let mut random = Random::default();
    let (xs, cotangents) = (random.normal::<T>(&[length], 1.0), random.normal::<T>(&[length], 1.0));
    calling(function, move |function| function.call((&xs, &cotangents)))
}
