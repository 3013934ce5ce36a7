//! What a call costs beside the work: x + 1 on one element, with one input and output, and with a hundred.

use damo::prelude::*;
use damo::{Config, Float};

use super::Prepared;
use super::repeated::calling;
use crate::random::Random;

pub fn prepare<T: Float>(case: &str, size: &str, config: &Config) -> Prepared {
    let mut random = Random::default();
    let one = T::from_f64(1.0);
    let tape = Tape::new();
    match (case, size) {
        ("dispatch", "1") => {
            let x = tape.vector::<T>("x");
            let function = tape.function(x, x + one).freeze(config)?;
            let array = random.uniform::<T>(&[1]);
            calling(function, move |function| function.call(&array))
        }
        ("dispatch", "100") => {
            let inputs: Vec<_> = (0..100).map(|place| tape.vector::<T>(&format!("x{place}"))).collect();
            let outputs: Vec<_> = inputs.iter().map(|&x| x + one).collect();
            let function = tape.function(inputs, outputs).freeze(config)?;
            let arrays: Vec<_> = (0..100).map(|_| random.uniform::<T>(&[1])).collect();
            calling(function, move |function| function.call(arrays.iter().collect::<Vec<_>>()))
        }
        _ => Ok(None),
    }
}
