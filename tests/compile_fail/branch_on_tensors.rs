//! Two tensors cannot be compared by `>` either.

use damo::prelude::*;

fn main() {
    let tape = Tape::new();
    let (x, y) = (tape.scalar::<f32>("x"), tape.scalar::<f32>("y"));
    let _ = if x > y { x } else { y };
}
