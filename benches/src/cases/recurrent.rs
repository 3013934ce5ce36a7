//! A recurrent network over 100 moments, unrolled: its cost and the gradients of its weights.

use damo::prelude::*;
use damo::{Config, Float};
use ndarray::Axis;

use super::Prepared;
use super::repeated::calling;
use crate::random::{Random, zeros};

/// Moments, sequences in the batch, units.
const SHAPE: [usize; 3] = [100, 32, 128];

pub fn prepare<T: Float>(case: &str, _size: &str, config: &Config) -> Prepared {
    if case != "rnn" {
        return Ok(None);
    }
    let [moments, batch, units] = SHAPE;
    let tape = Tape::new();
    let input = tape.input::<T>("wx", (units, units));
    let hidden = tape.input::<T>("wh", (units, units));
    let bias = tape.input::<T>("b", (units,));
    let x = tape.input::<T>("x", (moments, batch, units));
    let mut state = tape.zeros::<T>((batch, units));
    let mut states = Vec::new();
    for moment in 0..moments {
        state = (x.index_axis(Axis(0), moment as isize).dot(input) + state.dot(hidden) + bias).tanh();
        states.push(state);
    }
    let states = tape.stack(Axis(0), &states);
    let cost = (states * states).mean();
    let [gx, gh, gb] = cost.grad([input, hidden, bias]);
    let function = tape.function([input, hidden, bias, x], [cost, gx, gh, gb]).freeze(config)?;

    let mut random = Random::default();
    let (wx, wh) = (random.normal::<T>(&[units, units], 1.0 / 12.0), random.normal::<T>(&[units, units], 1.0 / 12.0));
    let (b, xs) = (zeros::<T>(&[units]), random.normal::<T>(&SHAPE, 1.0));
    calling(function, move |function| function.call([&wx, &wh, &b, &xs]))
}
