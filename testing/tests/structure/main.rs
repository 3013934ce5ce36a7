//! What the pipeline makes of small programs, as snapshots: the algebra, constants, shapes, indices, reductions and products of the
//! conformance list (its A, C, H, I, R and B rows).
//!
//! A snapshot says what happens today. After a change, `UPDATE_EXPECT=1 cargo test -p damo-testing --test structure` writes them anew,
//! and the difference shows every program that it changed.

#![allow(clippy::needless_raw_string_hashes, reason = "snapshots are written with them")]

mod algebra;
mod constants;
mod indices;
mod products;
mod reductions;
mod shapes;

use damo::prelude::*;
use damo::{AnyArray, DType, Dim, Graph, Policy, Type};
use damo_graph::Number;
use damo_testing::formula::formula;
use expect_test::Expect;

/// A small program: the row of the list, its words, and how its graph is made, as written and optimised under a policy.
struct Program {
    id: &'static str,
    words: &'static str,
    made: fn(Policy) -> damo::Result<[Graph; 2]>,
}

/// Programs, one a line: id, words, inputs with element types and lengths (`n` is open, `3` is known), and the outputs.
macro_rules! programs {
    ($($id:literal $words:literal: [$($x:ident: $element:ident[$($length:tt)*]),*] $outputs:expr;)*) => {
        &[$(crate::Program {
            id: $id,
            words: $words,
            made: |policy| {
                let tape = damo::Tape::new();
                $(let $x = tape.input::<$element>(stringify!($x), crate::lengths(&tape, &[$(stringify!($length)),*]));)*
                let outputs = $outputs;
                let config = damo::Config { policy, ..damo::Config::default() };
                let function = damo::Compile::function(&tape, ($($x,)*), outputs).freeze(&config)?;
                Ok([function.traced_graph().clone(), function.graph().clone()])
            },
        }),*]
    };
}
use programs;

fn lengths(tape: &Tape, words: &[&str]) -> Vec<Dim> {
    words.iter().map(|word| word.parse::<usize>().map_or_else(|_| Dim::from(tape.dim(word)), Dim::from)).collect()
}

/// Compares what the programs become under the default policy with the snapshot, and what they compute with what they are written as.
fn check(programs: &[Program], expected: &Expect) {
    check_under(Policy::Stable, programs, expected);
}

/// The same under a policy.
fn check_under(policy: Policy, programs: &[Program], expected: &Expect) {
    let lines = programs.iter().map(|Program { id, words, made }| {
        let became = match made(policy) {
            Ok([written, optimised]) => {
                agree(&written, &optimised, &format!("{id} {words}"));
                formula(&optimised).replace('\n', "\n    ")
            }
            Err(error) => format!("error: {}", error.to_string().lines().next().unwrap_or_default()),
        };
        format!("{id}  {words}\n    {became}\n")
    });
    let text: Vec<String> = lines.collect();
    expected.assert_eq(&text.concat());
}

/// Numbers without a pattern: of floats between 0.1 and 1.9, of integers between 0 and 3.
fn some(ty: &Type, seed: usize) -> AnyArray {
    let length = |dim: &Dim| {
        // One letter each.
        let of = |symbol: damo::Symbol| Some(4 + symbol.to_string().bytes().map(i64::from).sum::<i64>() % 5);
        dim.evaluate(&of).and_then(|length| usize::try_from(length).ok()).unwrap_or(0)
    };
    let shape: Vec<usize> = ty.dims.iter().map(length).collect();
    let numbers = (0..shape.iter().product()).map(|place| {
        let mixed = (place * 7 + seed * 5 + 3) * 11 % 37;
        if ty.dtype.is_float() { Number::Real(0.1 + mixed as f64 / 20.0) } else { Number::Integer((mixed % 4) as i128) }
    });
    AnyArray::from_numbers(ty.dtype, &shape, numbers).unwrap()
}

/// By their meaning, two graphs compute the same but for roundings.
fn agree(written: &Graph, optimised: &Graph, words: &str) {
    let inputs: Vec<AnyArray> = written.inputs().iter().enumerate().map(|(seed, &input)| some(written.ty(input.into()), seed)).collect();
    let (written, optimised) = (written.evaluate(&inputs).unwrap(), optimised.evaluate(&inputs).unwrap());
    assert_eq!(written.len(), optimised.len(), "{words}");
    for (written, optimised) in written.iter().zip(&optimised) {
        let epsilon = if written.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
        assert_eq!((written.dtype(), written.shape()), (optimised.dtype(), optimised.shape()), "{words}");
        for (x, y) in written.to_reals().iter().zip(&optimised.to_reals()) {
            let agrees = x == y || x.is_nan() && y.is_nan() || (x - y).abs() <= 64.0 * epsilon * x.abs();
            assert!(agrees, "{words}: {written:?} as written, {optimised:?} optimised");
        }
    }
}
