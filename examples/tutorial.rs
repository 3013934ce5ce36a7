//! The first steps of Theano's tutorial: declare, build, compile, call; look at values on the way; differentiate.
//!
//! ```text
//! cargo run --example tutorial
//! ```

use damo::prelude::*;
use ndarray::{ArrayD, arr1, array};

fn main() -> damo::Result<()> {
    let config = Config::from_env()?;

    // a + a**10
    let tape = Tape::new();
    let a = tape.vector::<f64>("a"); // declare
    let b = a + a.powi(10); // build
    let f = tape.function(a, b).freeze(&config)?; // compile
    let result: ArrayD<f64> = f.call(&arr1(&[0.0, 1.0, 2.0]))?;
    println!("a + a**10 at [0, 1, 2]          {result}"); // [0, 2, 1026]

    // a**2 + b**2 + 2ab, the first exercise
    let tape = Tape::new();
    let (a, b) = (tape.vector::<f64>("a"), tape.vector::<f64>("b"));
    let f = tape.function((a, b), a.powi(2) + b.powi(2) + 2.0 * a * b).freeze(&config)?;
    let result: ArrayD<f64> = f.call((&arr1(&[1.0, 2.0]), &arr1(&[3.0, 4.0])))?;
    println!("a**2 + b**2 + 2ab               {result}"); // [16, 36]

    // Test values: an input with an example, so that every line can be looked at while it is written.
    let tape = Tape::new();
    let x = tape.input_with("x", &array![[1.0, 2.0], [3.0, 4.0]]);
    let w = tape.input_with("w", &array![0.5, -0.5]);
    let scores = x.dot(w);
    println!("x.w for the example values      {}", scores.value()?); // [-0.5, -0.5]

    // The derivative is a tensor too, and can be differentiated again.
    let tape = Tape::new();
    let x = tape.scalar::<f64>("x");
    let slope = x.powi(3).grad(x);
    let f = tape.function(x, (slope, slope.grad(x))).freeze(&config)?;
    let (slope, curvature): (ArrayD<f64>, ArrayD<f64>) = f.call(&ndarray::arr0(2.0))?;
    println!("slope, curvature of x**3 at 2   {slope}, {curvature}"); // 12 12
    Ok(())
}
