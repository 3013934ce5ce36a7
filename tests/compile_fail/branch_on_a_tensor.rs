//! A tensor is not a number yet: an `if` cannot look at it.

use damo::prelude::*;

fn main() {
    let tape = Tape::new();
    let x = tape.scalar::<f32>("x");
    if x > 0.0 {
        println!("positive");
    }
}
