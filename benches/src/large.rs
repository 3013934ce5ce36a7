//! Large programs: what a compiler takes for them shows whether its time grows with their size.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use damo::prelude::*;
use ndarray::{ArrayD, Dimension};

/// The units of each layer, and the length of each input of a chain.
const WIDTH: usize = 4;

/// A program on a tape that is ready to be frozen: what it takes and what it gives.
pub struct Large<'t> {
    inputs: Vec<Tensor<'t, f32>>,
    outputs: Vec<Tensor<'t, f32>>,
}

impl<'t> Large<'t> {
    /// A network of that many layers of tanh, its cost and all gradients: about nine nodes a layer.
    pub fn network(tape: &'t Tape, layers: usize) -> Self {
        let n = tape.dim("n");
        let x = tape.input::<f32>("x", (n, WIDTH));
        let mut inputs = vec![x];
        let mut hidden = x;
        for layer in 0..layers {
            let weights = tape.input::<f32>(&format!("w{layer}"), (WIDTH, WIDTH));
            let bias = tape.input::<f32>(&format!("b{layer}"), (WIDTH,));
            hidden = (hidden.dot(weights) + bias).tanh();
            inputs.extend([weights, bias]);
        }
        let cost = (hidden * hidden).mean();
        let mut outputs = cost.grad(inputs[1..].to_vec());
        outputs.insert(0, cost);
        Large { inputs, outputs }
    }

    /// That many ops, each on the one before.
    pub fn chain(tape: &'t Tape, ops: usize) -> Self {
        let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f32>("y"));
        let mut last = x;
        for place in 0..ops {
            last = match place % 6 {
                0 => last + y,
                1 => last.sin(),
                2 => last * 0.7,
                3 => last - x,
                4 => last.tanh(),
                _ => last * y,
            };
        }
        Large { inputs: vec![x, y], outputs: vec![last] }
    }

    /// Rewrites it and makes it ready to run.
    ///
    /// # Errors
    ///
    /// Those of freezing.
    pub fn freeze(&self) -> damo::Result<Function<Vec<f32>, Vec<f32>>> {
        self.inputs[0].tape().function(self.inputs.clone(), self.outputs.clone()).freeze(&Config::default())
    }

    /// Arrays for its inputs, with unknown lengths as short as the known ones.
    ///
    /// # Errors
    ///
    /// Those of the tape.
    pub fn arrays(&self) -> damo::Result<Vec<ArrayD<f32>>> {
        let array = |tensor: &Tensor<'t, f32>| {
            let shape: Vec<usize> = tensor.dims()?.iter().map(|length| length.known().map_or(WIDTH, |known| known as usize)).collect();
            Ok(ArrayD::from_shape_fn(shape, |index| 0.3 * (index.slice().iter().sum::<usize>() as f32).cos()))
        };
        self.inputs.iter().map(array).collect()
    }

    /// From the tape to the first results.
    ///
    /// # Errors
    ///
    /// Those of freezing and of the call.
    pub fn first_results(&self, arrays: &[ArrayD<f32>]) -> damo::Result<Function<Vec<f32>, Vec<f32>>> {
        let function = self.freeze()?;
        function.call(arrays.iter().collect::<Vec<_>>())?;
        Ok(function)
    }
}

/// The processor time that this thread has used: unlike the time of day, other programs do not add to it.
///
/// Where the system does not tell (`/proc/thread-self/schedstat`), the time since the first question.
pub fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.as_deref().and_then(|text| text.split_whitespace().next()).and_then(|first| first.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}
