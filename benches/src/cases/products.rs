//! Products: matrix by matrix, matrix by vector, vector by vector.

use damo::prelude::*;
use damo::{Config, Float};

use super::Prepared;
use super::repeated::calling;
use crate::random::Random;

pub fn prepare<T: Float>(case: &str, size: &str, config: &Config) -> Prepared {
    let mut random = Random::default();
    let (left, right) = match case {
        "gemm" => {
            let Ok(n) = size.parse() else { return Ok(None) };
            (random.normal::<T>(&[n, n], 1.0), random.normal::<T>(&[n, n], 1.0))
        }
        "gemm_mlp" => (random.normal::<T>(&[60, 784], 1.0), random.normal::<T>(&[784, 500], 1.0)),
        "gemv" => (random.normal::<T>(&[4096, 4096], 1.0), random.normal::<T>(&[4096], 1.0)),
        "reduce_dot" => (random.uniform::<T>(&[10_000_000]), random.uniform::<T>(&[10_000_000])),
        _ => return Ok(None),
    };
    let tape = Tape::new();
    let (a, b) = (declare(&tape, "a", left.ndim()), declare(&tape, "b", right.ndim()));
    let function = tape.function((a, b), a.dot(b)).freeze(config)?;
    calling(function, move |function| function.call((&left, &right)))
}

/// A vector or a matrix of unknown lengths.
fn declare<'t, T: Float>(tape: &'t Tape, name: &str, rank: usize) -> Tensor<'t, T> {
    if rank == 1 { tape.vector(name) } else { tape.matrix(name) }
}
