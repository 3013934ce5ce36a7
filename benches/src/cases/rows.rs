//! What is computed row by row: softmax, log-sum-exp and layer normalisation.

use damo::prelude::*;
use damo::{Config, Float};
use ndarray::Axis;

use super::Prepared;
use super::repeated::calling;
use crate::random::Random;

pub fn prepare<T: Float>(case: &str, _size: &str, config: &Config) -> Prepared {
    let mut random = Random::default();
    let tape = Tape::new();
    let n = tape.dim("n");
    match case {
        "softmax" => {
            let x = tape.input::<T>("x", (n, 1000));
            let function = tape.function(x, x.softmax(Axis(1))).freeze(config)?;
            let xs = random.normal::<T>(&[128, 1000], 1.0);
            calling(function, move |function| function.call(&xs))
        }
        "logsumexp" => {
            let x = tape.input::<T>("x", (n, 1000));
            let function = tape.function(x, x.log_sum_exp(Axis(1))).freeze(config)?;
            let xs = random.normal::<T>(&[128, 1000], 1.0);
            calling(function, move |function| function.call(&xs))
        }
        "layernorm" => {
            let x = tape.input::<T>("x", (n, 768));
            let (scale, shift) = (tape.input::<T>("scale", (768,)), tape.input::<T>("shift", (768,)));
            let (mean, variance) = (x.mean_axis_keep(Axis(1)), x.var_axis_keep(Axis(1)));
            let normal = (x - mean) / (variance + T::from_f64(1e-5)).sqrt();
            let function = tape.function((x, scale, shift), normal * scale + shift).freeze(config)?;
            let xs = random.normal::<T>(&[512, 768], 1.0);
            let (scales, shifts) = (random.uniform::<T>(&[768]), random.normal::<T>(&[768], 1.0));
            calling(function, move |function| function.call((&xs, &scales, &shifts)))
        }
        _ => Ok(None),
    }
}
