//! Sums of all, by row and by column, and a variance.

use damo::prelude::*;
use damo::{Config, Float};
use ndarray::Axis;

use super::Prepared;
use super::repeated::calling;
use crate::random::Random;

pub fn prepare<T: Float>(case: &str, _size: &str, config: &Config) -> Prepared {
    let mut random = Random::default();
    let tape = Tape::new();
    if case == "reduce_sumab" {
        let n = tape.dim("n");
        let (a, b) = (tape.input::<T>("a", (n,)), tape.input::<T>("b", (n,)));
        let function = tape.function((a, b), (a * b).sum()).freeze(config)?;
        let (first, second) = (random.uniform::<T>(&[10_000_000]), random.uniform::<T>(&[10_000_000]));
        return calling(function, move |function| function.call((&first, &second)));
    }
    let a = tape.matrix::<T>("a");
    let result = match case {
        "reduce_rows" => a.sum_axis(Axis(1)),
        "reduce_cols" => a.sum_axis(Axis(0)),
        "reduce_var" => a.var(),
        _ => return Ok(None),
    };
    let function = tape.function(a, result).freeze(config)?;
    let matrix = random.uniform::<T>(&[4096, 1024]);
    calling(function, move |function| function.call(&matrix))
}
