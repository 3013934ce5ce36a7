//! Nor can it look at the result of a comparison of tensors.

use damo::prelude::*;

fn main() {
    let tape = Tape::new();
    let x = tape.scalar::<f32>("x");
    if x.gt(0.0) {
        println!("positive");
    }
}
