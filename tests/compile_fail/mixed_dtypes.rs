//! Nothing is cast silently.

use damo::prelude::*;

fn main() {
    let tape = Tape::new();
    let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f64>("y"));
    let _ = x + y;
}
