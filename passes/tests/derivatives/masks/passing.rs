//! Masks through ops that move, copy, sum and multiply elements.

use crate::tangents::Cube;
use damo_graph::op::concatenate::Concatenate;
use damo_graph::op::custom::Custom;
use damo_graph::op::dot::Dot;
use damo_graph::op::log_sum_exp::LogSumExp;
use damo_graph::op::pad::Pad;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{self, Scalar};
use damo_graph::op::scatter_add::ScatterAdd;
use damo_graph::op::select_axis::SelectAxis;
use damo_graph::op::slice::{Range, Slice};
use damo_graph::types::IntoDims;
use damo_graph::{DType, Graph, Result, Value};
use ndarray::{arr1, arr2};
use smallvec::smallvec;
use std::sync::Arc;

use super::{NAN, above, case, check, guarded, literal, or, shaped};

/// A shape op.
type Shape = fn(&mut Graph, Value) -> Result<Value>;

/// A shape op between f(x) and the choice, and one between x and f.
fn between(
    f: &'static Scalar,
    before: impl Fn(&mut Graph, Value) -> Result<Value> + 'static,
    after: impl Fn(&mut Graph, Value) -> Result<Value> + 'static,
) -> impl Fn(&mut Graph, Value) -> Result<Value> + 'static {
    move |graph, x| {
        let moved = before(graph, x)?;
        let y = graph.apply(f, &[moved])?;
        let y = after(graph, y)?;
        // The condition comes the same way, and needs no derivative.
        let positive = above(graph, moved, 0.0)?;
        let positive = graph.cast(positive, DType::F64)?;
        let positive = after(graph, positive)?;
        let positive = above(graph, positive, 0.0)?;
        or(graph, positive, y, 0.0)
    }
}

#[test]
fn masks_pass_ops_that_move_elements() {
    let square = arr2(&[[0.0, 4.0], [1.0, -1.0]]).into_dyn();
    let (slope, curve) = ([0.0, 0.25, 0.5, 0.0], [0.0, -0.03125, -0.25, 0.0]);
    let whole = |length: usize| Range::whole(length);
    let same = |_: &mut Graph, x: Value| Ok(x);
    let moves: [(&'static str, Shape); 6] = [
        ("transpose", |graph, x| graph.transpose(x, &[1, 0])),
        ("reshape", |graph, x| graph.reshape(x, &[4usize].into_dims())),
        ("insert_axis", |graph, x| graph.insert_axis(x, 1)),
        ("reversed slice", |graph, x| {
            graph.add(Slice { ranges: smallvec![Range { start: 1.into(), step: -1, length: 2.into() }, Range::whole(2)] }, &[x])
        }),
        ("cast", |graph, x| {
            let narrow = graph.cast(x, DType::F32)?;
            graph.cast(narrow, DType::F64)
        }),
        ("broadcast", |graph, x| graph.broadcast(x, &[1usize, 2, 2].into_dims())),
    ];
    for (name, shape) in moves {
        check(&shaped(name, square.clone(), between(&scalar::SQRT, same, shape), &slope, &curve));
        check(&shaped(name, square.clone(), between(&scalar::SQRT, shape, same), &slope, &curve));
    }
    // A slice that leaves out what is not chosen, and one that does not.
    let part = move |graph: &mut Graph, x: Value| {
        graph.add(Slice { ranges: smallvec![whole(2), Range { start: 1.into(), step: 1, length: 1.into() }] }, &[x])
    };
    check(&shaped("slice", square.clone(), between(&scalar::SQRT, same, part), &[0.0, 0.25, 0.0, 0.0], &[0.0, -0.03125, 0.0, 0.0]));
    let padded = |graph: &mut Graph, x: Value| {
        graph.add(Pad { ranges: smallvec![Range { start: 1.into(), step: 2, length: 4.into() }], to: [9usize].into_dims() }, &[x])
    };
    let line = [0.0, 4.0, 1.0, -1.0];
    check(&case("pad", &line, between(&scalar::SQRT, same, padded), &slope, &curve));
    check(&case("pad before", &line, between(&scalar::SQRT, padded, same), &slope, &curve));
    let joined = |graph: &mut Graph, x: Value| graph.add(Concatenate { axis: 0 }, &[x, x]);
    let twice = |of: [f64; 4]| of.map(|x| 2.0 * x);
    check(&case("concatenate", &line, between(&scalar::SQRT, same, joined), &twice(slope), &twice(curve)));
    check(&case("concatenate before", &line, between(&scalar::SQRT, joined, same), &twice(slope), &twice(curve)));
    // A part with a mask beside one without and one that does not vary.
    let beside = |graph: &mut Graph, x: Value| {
        let positive = above(graph, x, 0.0)?;
        let masked = or(graph, positive, x, 0.0)?;
        let square = graph.times(x, x)?;
        let one = literal(graph, arr1(&[1.0]))?;
        let joined = graph.add(Concatenate { axis: 0 }, &[masked, square, one])?;
        graph.apply(&scalar::SQRT, &[joined])
    };
    check(&case("masked beside whole", &[4.0, 1.0], beside, &[1.25, 1.5], &[-0.03125, -0.25]));
}

#[test]
fn masks_pass_copies_and_sums() {
    // One x for each column; no place of the first one is chosen.
    let columns = |graph: &mut Graph, x: Value| {
        let log = graph.apply(&scalar::LN, &[x])?;
        let chosen = literal(graph, arr2(&[[false, true], [false, false], [false, true]]))?;
        or(graph, chosen, log, 0.0)
    };
    check(&case("a condition of higher rank", &[0.0, 2.0], columns, &[0.0, 1.0], &[0.0, -0.5]));
    let stretched = |graph: &mut Graph, x: Value| {
        let log = graph.apply(&scalar::LN, &[x])?;
        let log = graph.broadcast(log, &[3usize, 2].into_dims())?;
        let chosen = literal(graph, arr2(&[[false, true], [false, false], [false, true]]))?;
        or(graph, chosen, log, 0.0)
    };
    check(&case("an explicit broadcast", &[0.0, 2.0], stretched, &[0.0, 1.0], &[0.0, -0.5]));
    let rank_one = |graph: &mut Graph, x: Value| {
        let (log, chosen) = (graph.apply(&scalar::LN, &[x])?, literal(graph, arr1(&[false, true]))?);
        or(graph, chosen, log, 0.0)
    };
    let rows = arr2(&[[0.0, 2.0], [-1.0, 4.0]]).into_dyn();
    check(&shaped("a condition of lower rank", rows.clone(), rank_one, &[0.0, 0.5, 0.0, 0.25], &[0.0, -0.25, 0.0, -0.0625]));
    // A condition for a whole row, by a value computed from all of it.
    let row_sums = |graph: &mut Graph, x: Value| {
        let log = graph.apply(&scalar::LN, &[x])?;
        let sum = graph.sum(log, &[1])?;
        let valid = graph.apply(&scalar::IS_FINITE, &[sum])?;
        or(graph, valid, sum, 0.0)
    };
    let valid_row = arr2(&[[0.0, 2.0], [1.0, 4.0]]).into_dyn();
    check(&shaped("sums of rows", valid_row.clone(), row_sums, &[0.0, 0.0, 1.0, 0.25], &[0.0, 0.0, -1.0, -0.0625]));
    // One condition for everything.
    let all = |graph: &mut Graph, x: Value| {
        let (log, zero) = (graph.apply(&scalar::LN, &[x])?, graph.number(DType::F64, 0.0)?);
        let positive = graph.apply(&scalar::GT, &[x, zero])?;
        let valid = graph.reduce(Reduction::All, positive, &[0, 1])?;
        or(graph, valid, log, 0.0)
    };
    check(&shaped("a single condition", valid_row, all, &[0.0; 4], &[]));
    // The sums that are 0 because nothing in them is chosen.
    let roots_of_sums = |graph: &mut Graph, x: Value| {
        let positive = above(graph, x, 0.0)?;
        let masked = or(graph, positive, x, 0.0)?;
        let sum = graph.sum(masked, &[1])?;
        graph.apply(&scalar::SQRT, &[sum])
    };
    let rows = arr2(&[[0.0, -2.0], [-1.0, 4.0]]).into_dyn();
    check(&shaped("roots of sums", rows, roots_of_sums, &[0.0, 0.0, 0.0, 0.25], &[0.0, 0.0, 0.0, -0.03125]));
    // Rows picked by index, and added up by index; place 0 is picked and not chosen, and place 2 is not picked.
    let picked = |graph: &mut Graph, x: Value| {
        let (log, indices) = (graph.apply(&scalar::LN, &[x])?, literal(graph, arr1(&[0i64, 1, 1]))?);
        let picked = graph.add(SelectAxis { axis: 0 }, &[log, indices])?;
        let valid = literal(graph, arr1(&[false, true, true]))?;
        or(graph, valid, picked, 0.0)
    };
    check(&case("picked", &[0.0, 2.0, 0.0], picked, &[0.0, 1.0, 0.0], &[0.0, -0.5, 0.0]));
    let before = |graph: &mut Graph, x: Value| {
        let positive = above(graph, x, 0.0)?;
        let masked = or(graph, positive, x, 0.0)?;
        let indices = literal(graph, arr1(&[0i64, 1, 1]))?;
        let picked = graph.add(SelectAxis { axis: 0 }, &[masked, indices])?;
        graph.apply(&scalar::SQRT, &[picked])
    };
    check(&case("picked under a mask", &[0.0, 4.0], before, &[0.0, 0.5], &[0.0, -0.0625]));
    let added = |graph: &mut Graph, x: Value| {
        let (log, indices) = (graph.apply(&scalar::LN, &[x])?, literal(graph, arr1(&[1i64, 0, 1]))?);
        let sums = graph.add(ScatterAdd { axis: 0, length: 2.into() }, &[log, indices])?;
        let valid = graph.apply(&scalar::IS_FINITE, &[sums])?;
        or(graph, valid, sums, 0.0)
    };
    check(&case("added up", &[0.0, 2.0, 1.0], added, &[0.0, 0.5, 0.0], &[0.0, -0.25, 0.0]));
    let added_before = |graph: &mut Graph, x: Value| {
        let positive = above(graph, x, 0.0)?;
        let masked = or(graph, positive, x, 0.0)?;
        let indices = literal(graph, arr1(&[1i64, 0, 1]))?;
        let sums = graph.add(ScatterAdd { axis: 0, length: 3.into() }, &[masked, indices])?;
        let root = graph.apply(&scalar::SQRT, &[sums])?;
        let square = graph.times(root, root)?;
        graph.times(square, root)
    };
    // x^(3/2): 3/2·√x and 3/4/√x.
    check(&case("added up under a mask", &[-1.0, 4.0, 0.0], added_before, &[0.0, 3.0, 0.0], &[0.0, 0.375, 0.0]));
}

#[test]
fn zeros_are_put_in_before_products_and_other_rules() {
    // pytorch#64305: a loss behind a matrix product.
    let loss = |graph: &mut Graph, x: Value| {
        let matrix = literal(graph, arr2(&[[1.0, 2.0], [3.0, 4.0]]))?;
        let product = graph.add(Dot { batch: smallvec![], contract: smallvec![(1, 0)] }, &[matrix, x])?;
        let target = literal(graph, arr1(&[0.0, NAN]))?;
        let difference = graph.apply(&scalar::SUB, &[product, target])?;
        let square = graph.times(difference, difference)?;
        let missing = graph.apply(&scalar::IS_NAN, &[square])?;
        let zero = graph.number(DType::F64, 0.0)?;
        graph.select(missing, zero, square)
    };
    // 2(x + 2y)·(1, 2)
    check(&case("a product with a matrix", &[3.0, 1.0], loss, &[10.0, 20.0], &[6.0, 12.0]));
    // A product with logarithms of which only some are infinite, and all are chosen away before it.
    let weights = |graph: &mut Graph, x: Value| {
        let masked = guarded(&scalar::LN, 0.0)(graph, x)?;
        graph.add(Dot { batch: smallvec![], contract: smallvec![(0, 0)] }, &[masked, x])
    };
    check(&case("x · ln x", &[0.0, 2.0], weights, &[0.0, 1.0 + 2f64.ln()], &[0.0, 0.5]));
    // A maximum per row, of rows that are NaN.
    let maxima = |graph: &mut Graph, x: Value| {
        let root = graph.apply(&scalar::SQRT, &[x])?;
        let largest = graph.reduce(Reduction::Max, root, &[1])?;
        let invalid = graph.apply(&scalar::IS_NAN, &[largest])?;
        let zero = graph.number(DType::F64, 0.0)?;
        graph.select(invalid, zero, largest)
    };
    let rows = arr2(&[[-1.0, 0.0], [1.0, 4.0]]).into_dyn();
    check(&shaped("maxima of rows", rows, maxima, &[0.0, 0.0, 0.0, 0.25], &[0.0, 0.0, 0.0, -0.03125]));
    let sums = |graph: &mut Graph, x: Value| {
        let masked = guarded(&scalar::SQRT, 0.0)(graph, x)?;
        let masked = graph.add(LogSumExp { axes: smallvec![0] }, &[masked])?;
        graph.times(masked, masked)
    };
    let total = 1.0 + 2f64.exp();
    let share = 2f64.exp() / total;
    let (y, slope) = (total.ln(), share / 4.0);
    let curve = 2.0 * slope * slope + 2.0 * y * (share * (1.0 - share) / 16.0 - share / 32.0);
    check(&case("ln Σ exp", &[0.0, 4.0], sums, &[0.0, 2.0 * y * slope], &[0.0, curve]));
    // A user's op that states only its tangent.
    let cube = Custom(Arc::new(Cube));
    let of_user = move |graph: &mut Graph, x: Value| {
        let root = graph.apply(&scalar::SQRT, &[x])?;
        let cubed = graph.add(cube.clone(), &[root])?;
        let (positive, inverse) = (above(graph, x, 0.0)?, graph.apply(&scalar::RECIP, &[cubed])?);
        or(graph, positive, inverse, 0.0)
    };
    // x^(−3/2)
    check(&case("an op of a user", &[0.0, 4.0], of_user, &[0.0, -1.5 / 32.0], &[0.0, 3.75 / 128.0]));
}
