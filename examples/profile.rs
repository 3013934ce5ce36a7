//! Where the time of a program goes: profile mode on a training step of a small network.
//!
//! ```text
//! cargo run --release --example profile
//! ```

use std::path::Path;

use damo::prelude::*;
use damo::{Mode, Profile};
use ndarray::{Array1, Array2, Axis};

fn main() -> damo::Result<()> {
    let profile = measure(200)?;
    println!("{profile}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    for (name, text) in [("profile.json", profile.to_json()), ("profile.trace.json", profile.to_chrome_trace())] {
        match std::fs::write(folder.join(name), text) {
            Ok(()) => println!("written to {}", folder.join(name).display()),
            Err(error) => println!("{name} cannot be written: {error}"),
        }
    }
    Ok(())
}

/// The profile of so many training steps: 256 rows of 200 numbers, 300 hidden units, 10 classes.
pub fn measure(steps: usize) -> damo::Result<Profile> {
    let w1 = Shared::new("w1", small(200, 300));
    let b1 = Shared::new("b1", Array1::<f32>::zeros(300));
    let w2 = Shared::new("w2", small(300, 10));

    let tape = Tape::new();
    let n = tape.dim("n");
    let x = tape.input::<f32>("x", (n, 200));
    let y = tape.input::<f32>("y", (n, 10));
    let parameters = [tape.shared(&w1), tape.shared(&w2)];
    let [w1t, w2t] = parameters;
    let b1t = tape.shared(&b1);

    let hidden = (x.dot(w1t) + b1t).tanh();
    let scores = hidden.dot(w2t);
    let cost = -(y * scores.log_softmax(Axis(1))).sum_axis(Axis(1)).mean();
    let decay = 1e-4 * (w1t * w1t).sum();
    let [g1, g2] = (cost + decay).grad(parameters);

    let config = Config { mode: Mode::Profile, ..Config::from_env()? };
    let train = tape.function((x, y), cost).update(w1t, w1t - 0.1 * g1).update(w2t, w2t - 0.1 * g2).freeze(&config)?;
    let (xs, ys) = (small(256, 200), Array2::from_shape_fn((256, 10), |(row, column)| f32::from(u8::from(row % 10 == column))));
    for _ in 0..steps {
        train.call((&xs, &ys))?;
    }
    train.profile()
}

/// Small numbers of both signs.
fn small(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| 0.1 * ((i * 7 + j * 13) as f32).sin())
}
