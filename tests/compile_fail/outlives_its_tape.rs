//! A tensor cannot leave the scope of its tape.

use damo::prelude::*;

fn main() {
    let leaked = {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        x.exp()
    };
    let _ = leaked + 1.0;
}
