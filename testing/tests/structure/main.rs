//! What the pipeline makes of small programs, as snapshots: the algebra, constants, shapes, indices, reductions and products of the
//! conformance list (its A, C, H, I, R and B rows).
//!
//! A snapshot says what happens today. After a change, `UPDATE_EXPECT=1 cargo test -p damo-testing --test structure` writes them anew,
//! and the difference shows every program that it changed. Every program is also run, as written and as optimised, on usual numbers,
//! infinities, zeros and NaN, of several, one and no elements, and rewritten again, after which nothing may be left to do.

#![allow(clippy::needless_raw_string_hashes, reason = "snapshots are written with them")]
#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]

mod algebra;
mod constants;
mod indices;
mod products;
mod reductions;
mod shapes;

use damo::prelude::*;
use damo::{AnyArray, DType, Dim, Graph, Policy, Type};
use damo_graph::Number;
use damo_passes::Settings;
use damo_passes::pipeline::optimise;
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
    let lines = programs.iter().map(|program @ Program { id, words, made }| {
        let became = match made(policy) {
            Ok(graphs) => {
                agree(policy, program, &graphs);
                formula(&graphs[1]).replace('\n', "\n    ")
            }
            Err(error) => format!("error: {}", error.to_string().lines().next().unwrap_or_default()),
        };
        format!("{id}  {words}\n    {became}\n")
    });
    let text: Vec<String> = lines.collect();
    expected.assert_eq(&text.concat());
}

/// What the inputs of a program are filled with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fill {
    /// Numbers without a pattern: of floats between 0.1 and 1.9, of integers between 0 and 3.
    Usual,
    /// The same, with infinities, zeros and NaN among the floats.
    Edges,
}

/// An input. All open lengths are `open`, or else a few, one for each letter.
fn filled(ty: &Type, seed: usize, fill: Fill, open: Option<i64>) -> AnyArray {
    let length = |dim: &Dim| {
        let of = |symbol: damo::Symbol| open.or_else(|| Some(4 + symbol.to_string().bytes().map(i64::from).sum::<i64>() % 5));
        dim.evaluate(&of).and_then(|length| usize::try_from(length).ok()).unwrap_or(0)
    };
    let shape: Vec<usize> = ty.dims.iter().map(length).collect();
    let numbers = (0..shape.iter().product()).map(|place| {
        let mixed = (place * 7 + seed * 5 + 3) * 11 % 37;
        match (fill, (mixed + 3) % 7) {
            _ if !ty.dtype.is_float() => Number::Integer((mixed % 4) as i128),
            (Fill::Edges, at @ 0..4) => Number::Real([0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN][at]),
            _ => Number::Real(0.1 + mixed as f64 / 20.0),
        }
    });
    AnyArray::from_numbers(ty.dtype, &shape, numbers).unwrap()
}

/// By their meaning, two graphs compute the same but for roundings, and the second has nothing left to rewrite.
fn agree(policy: Policy, program: &Program, graphs: &[Graph; 2]) {
    let words = format!("{} {}", program.id, program.words);
    let (again, _) = optimise(&graphs[1], &Settings { policy, ..Settings::default() }).unwrap();
    assert!(again == graphs[1], "{words} is rewritten again:\n{}\n{}", graphs[1].to_text(), again.to_text());
    // Empty, single and several elements; where the program demands more, that is an error as it should be.
    for (fill, open) in [(Fill::Usual, None), (Fill::Usual, Some(1)), (Fill::Usual, Some(0)), (Fill::Edges, None), (Fill::Edges, Some(0))] {
        if policy == Policy::Fast && fill == Fill::Edges {
            continue;
        }
        let [written, optimised] = graphs.each_ref().map(|graph| {
            let inputs = graph.inputs().iter().enumerate().map(|(seed, &input)| filled(graph.ty(input.into()), seed, fill, open));
            graph.evaluate(&inputs.collect::<Vec<_>>())
        });
        let Ok(written) = written else {
            assert!(open.is_some(), "{words} fails");
            continue;
        };
        same(program, fill, &written, &optimised.unwrap());
    }
}

/// Compares results.
fn same(Program { id, words, .. }: &Program, fill: Fill, written: &[AnyArray], optimised: &[AnyArray]) {
    assert_eq!(written.len(), optimised.len(), "{id} {words}");
    // Algebra gives a number where the formula has none, but a limit.
    let has_limits = id.starts_with('A');
    for (written, optimised) in written.iter().zip(optimised) {
        let epsilon = if written.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
        assert_eq!((written.dtype(), written.shape()), (optimised.dtype(), optimised.shape()), "{id} {words}");
        for (x, y) in written.to_reals().iter().zip(&optimised.to_reals()) {
            let agrees = x == y || x.is_nan() && (y.is_nan() || has_limits) || (x - y).abs() <= 64.0 * epsilon * x.abs();
            assert!(agrees, "{id} {words}, {fill:?}: {written:?} as written, {optimised:?} optimised");
        }
    }
}
