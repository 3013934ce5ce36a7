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
use damo::{Dim, Graph};
use damo_testing::formula::formula;
use expect_test::Expect;

/// A small program: the row of the list, its words, and how its optimised graph is made.
struct Program {
    id: &'static str,
    words: &'static str,
    optimised: fn() -> damo::Result<Graph>,
}

/// Programs, one a line: id, words, inputs with element types and lengths (`n` is open, `3` is known), and the outputs.
macro_rules! programs {
    ($($id:literal $words:literal: [$($x:ident: $element:ident[$($length:tt)*]),*] $outputs:expr;)*) => {
        &[$(crate::Program {
            id: $id,
            words: $words,
            optimised: || {
                let tape = damo::Tape::new();
                $(let $x = tape.input::<$element>(stringify!($x), crate::lengths(&tape, &[$(stringify!($length)),*]));)*
                let outputs = $outputs;
                let function = damo::Compile::function(&tape, ($($x,)*), outputs).freeze(&damo::Config::default())?;
                Ok(function.graph().clone())
            },
        }),*]
    };
}
use programs;

fn lengths(tape: &Tape, words: &[&str]) -> Vec<Dim> {
    words.iter().map(|word| word.parse::<usize>().map_or_else(|_| Dim::from(tape.dim(word)), Dim::from)).collect()
}

/// Compares what the programs become with the snapshot.
fn check(programs: &[Program], expected: &Expect) {
    let lines = programs.iter().map(|Program { id, words, optimised }| {
        let became = match optimised() {
            Ok(graph) => formula(&graph).replace('\n', "\n    "),
            Err(error) => format!("error: {}", error.to_string().lines().next().unwrap_or_default()),
        };
        format!("{id}  {words}\n    {became}\n")
    });
    let text: Vec<String> = lines.collect();
    expected.assert_eq(&text.concat());
}
