//! Choices: no derivative of the side not taken gets through, whatever it is, in any mode and order.

use std::sync::Arc;

use damo_graph::op::concatenate::Concatenate;
use damo_graph::op::constant::Constant;
use damo_graph::op::custom::Custom;
use damo_graph::op::dot::Dot;
use damo_graph::op::input::InputKind;
use damo_graph::op::log_sum_exp::LogSumExp;
use damo_graph::op::pad::Pad;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{self, Scalar, Signature};
use damo_graph::op::scatter_add::ScatterAdd;
use damo_graph::op::select_axis::SelectAxis;
use damo_graph::op::slice::{Range, Slice};
use damo_graph::types::IntoDims;
use damo_graph::{AnyArray, DType, Dim, Graph, Result, Symbol, Type, Value};
use damo_passes::derive::{gradient, jvp};
use ndarray::{ArrayD, arr1, arr2};
use smallvec::smallvec;

use crate::tangents::Cube;

/// A function of one array, and what its derivatives must be where it is taken.
struct Case {
    name: &'static str,
    at: ArrayD<f64>,
    build: Build,
    /// The gradient of the sum of its results.
    gradient: Vec<f64>,
    /// The Hessian of that sum times a vector of ones, if it is not zero.
    curvature: Vec<f64>,
}

type Build = Box<dyn Fn(&mut Graph, Value) -> Result<Value>>;

fn case(name: &'static str, at: &[f64], build: impl Fn(&mut Graph, Value) -> Result<Value> + 'static, gradient: &[f64], curvature: &[f64]) -> Case {
    shaped(name, arr1(at).into_dyn(), build, gradient, curvature)
}

fn shaped(
    name: &'static str,
    at: ArrayD<f64>,
    build: impl Fn(&mut Graph, Value) -> Result<Value> + 'static,
    gradient: &[f64],
    curvature: &[f64],
) -> Case {
    Case { name, at, build: Box::new(build), gradient: gradient.to_vec(), curvature: curvature.to_vec() }
}

/// Checks both modes and, at second order, all four ways to compose them, with known lengths and with unknown ones.
fn check(case: &Case) {
    for unknown in [false, true] {
        if let Some(fault) = find_fault(case, unknown) {
            panic!("{}, unknown lengths {unknown}: {fault}", case.name);
        }
    }
}

fn find_fault(case: &Case, unknown: bool) -> Option<String> {
    let mut graph = Graph::new();
    let dims = case.at.shape().iter().enumerate().map(|(axis, &length)| match unknown && length != 1 {
        true => Dim::from(Symbol::new(&format!("n{axis}"))),
        false => Dim::from(length),
    });
    let ty = Type::new(DType::F64, dims);
    let x = graph.add_input("x", ty.clone(), InputKind::Argument).unwrap();
    let [v, w] = ["v", "w"].map(|name| graph.add_input(name, ty.clone(), InputKind::Argument).unwrap());
    let y = (case.build)(&mut graph, x).unwrap();
    let axes: Vec<usize> = (0..graph.ty(y).rank()).collect();
    let cost = graph.sum(y, &axes).unwrap();
    let count = case.at.len();
    let ones = ArrayD::from_elem(case.at.raw_dim(), 1.0);
    let run = |graph: &Graph, value: Option<Value>, v: &ArrayD<f64>, w: &ArrayD<f64>| -> Option<Vec<f64>> {
        let mut graph = graph.clone();
        graph.set_outputs([value?]);
        graph.verify().unwrap();
        let inputs = [&case.at, v, w].map(|array| AnyArray::from(array.clone()));
        Some(graph.evaluate(&inputs).unwrap()[0].to_reals().into_iter().collect())
    };
    let unit = |place: usize| ArrayD::from_shape_vec(case.at.raw_dim(), (0..count).map(|k| f64::from(u8::from(k == place))).collect()).unwrap();
    // One number per direction, for what takes a direction and gives a number.
    let by_unit = |graph: &Graph, value: Option<Value>| -> Vec<f64> {
        (0..count).map(|place| run(graph, value, &ones, &unit(place)).map_or(0.0, |slope| slope[0])).collect()
    };
    let zeros = || vec![0.0; count];
    let near = |what: &str, found: &[f64], expected: &[f64]| {
        let is_near = |(found, expected): (&f64, &f64)| found == expected || (found - expected).abs() <= 1e-13 * expected.abs().max(1.0);
        let same = found.len() == expected.len() && found.iter().zip(expected).all(is_near);
        (!same).then(|| format!("{what} is {found:?} and not {expected:?}"))
    };
    let mut reverse = graph.clone();
    let g = gradient(&mut reverse, cost, &[x]).unwrap()[0];
    let mut forward = graph.clone();
    let slope = jvp(&mut forward, &[cost], &[x], &[w]).unwrap()[0];
    let first = near("the gradient", &run(&reverse, g, &ones, &ones).unwrap_or_else(zeros), &case.gradient)
        .or_else(|| near("the slope forward", &by_unit(&forward, slope), &case.gradient));
    if first.is_some() {
        return first;
    }
    let curvature = if case.curvature.is_empty() { zeros() } else { case.curvature.clone() };
    let (Some(g), Some(slope)) = (g, slope) else { return None };
    let mut second = reverse.clone();
    let forward_over_reverse = jvp(&mut second, &[g], &[x], &[v]).unwrap()[0];
    let fault = near("forward over reverse", &run(&second, forward_over_reverse, &ones, &ones).unwrap_or_else(zeros), &curvature);
    let mut second = reverse.clone();
    let rank: Vec<usize> = (0..case.at.ndim()).collect();
    let sum = second.sum(g, &rank).unwrap();
    let reverse_over_reverse = gradient(&mut second, sum, &[x]).unwrap()[0];
    let fault = fault.or_else(|| near("reverse over reverse", &run(&second, reverse_over_reverse, &ones, &ones).unwrap_or_else(zeros), &curvature));
    let mut second = forward.clone();
    let reverse_over_forward = gradient(&mut second, slope, &[x]).unwrap()[0];
    let fault = fault.or_else(|| near("reverse over forward", &run(&second, reverse_over_forward, &ones, &ones).unwrap_or_else(zeros), &curvature));
    let mut second = forward.clone();
    let forward_over_forward = jvp(&mut second, &[slope], &[x], &[v]).unwrap()[0];
    fault.or_else(|| near("forward over forward", &by_unit(&second, forward_over_forward), &curvature))
}

fn compare(graph: &mut Graph, scalar: &'static Scalar, x: Value, with: f64) -> Result<Value> {
    let with = graph.number(DType::F64, with)?;
    graph.apply(scalar, &[x, with])
}

/// x > limit
fn above(graph: &mut Graph, x: Value, limit: f64) -> Result<Value> {
    compare(graph, &scalar::GT, x, limit)
}

/// `yes` where the condition holds, else a number.
fn or(graph: &mut Graph, condition: Value, yes: Value, no: f64) -> Result<Value> {
    let no = graph.number(DType::F64, no)?;
    graph.select(condition, yes, no)
}

/// f(x) where x is above a limit, else 0.
fn guarded(f: &'static Scalar, limit: f64) -> impl Fn(&mut Graph, Value) -> Result<Value> {
    move |graph, x| {
        let (condition, y) = (above(graph, x, limit)?, graph.apply(f, &[x])?);
        or(graph, condition, y, 0.0)
    }
}

fn literal(graph: &mut Graph, array: impl Into<AnyArray>) -> Result<Value> {
    graph.add(Constant(array.into()), &[])
}

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

#[test]
fn functions_with_an_edge() {
    check(&case("√x", &[0.0, 4.0], guarded(&scalar::SQRT, 0.0), &[0.0, 0.25], &[0.0, -0.03125]));
    check(&case("√x below 0", &[-1.0, 4.0], guarded(&scalar::SQRT, 0.0), &[0.0, 0.25], &[0.0, -0.03125]));
    check(&case("ln x", &[0.0, 2.0, -1.0], guarded(&scalar::LN, 0.0), &[0.0, 0.5, 0.0], &[0.0, -0.25, 0.0]));
    check(&case("1/x", &[0.0, 2.0], guarded(&scalar::RECIP, 0.0), &[0.0, -0.25], &[0.0, 0.25]));
    let half = |graph: &mut Graph, x: Value, scalar| compare(graph, scalar, x, 0.5);
    check(&case(
        "x^½",
        &[0.0, 4.0],
        move |graph, x| {
            let (condition, y) = (above(graph, x, 0.0)?, half(graph, x, &scalar::POW)?);
            or(graph, condition, y, 0.0)
        },
        &[0.0, 0.25],
        &[0.0, -0.03125],
    ));
    check(&case(
        "eˣ where it does not overflow",
        &[1e4, 0.0],
        |graph, x| {
            let (large, y) = (above(graph, x, 700.0)?, graph.apply(&scalar::EXP, &[x])?);
            let zero = graph.number(DType::F64, 0.0)?;
            graph.select(large, zero, y)
        },
        &[0.0, 1.0],
        &[0.0, 1.0],
    ));
    for f in [&scalar::ASIN, &scalar::ACOS, &scalar::ATANH] {
        let sign = if f == &scalar::ACOS { -1.0 } else { 1.0 };
        let inside = move |graph: &mut Graph, x: Value| {
            let size = graph.apply(&scalar::ABS, &[x])?;
            let (condition, y) = (compare(graph, &scalar::LT, size, 1.0)?, graph.apply(f, &[x])?);
            or(graph, condition, y, 0.0)
        };
        check(&case(f.name, &[-1.0, 0.0, 1.0, 7.0], inside, &[0.0, sign, 0.0, 0.0], &[]));
    }
    // The quotient of two that vary, by a condition on the lower one.
    check(&case(
        "x / x",
        &[0.0, 2.0],
        |graph, x| {
            let (condition, y) = (compare(graph, &scalar::NOT_EQUAL, x, 0.0)?, graph.apply(&scalar::DIV, &[x, x])?);
            let y = or(graph, condition, y, 0.0)?;
            graph.times(y, x)
        },
        &[0.0, 1.0],
        &[],
    ));
}

#[test]
fn the_norm_of_nothing() {
    // jax#347: the root of a sum of squares per row, and one row of zeros.
    let rows = arr2(&[[3.0, 4.0], [0.0, 0.0]]).into_dyn();
    let norm = |graph: &mut Graph, x: Value| {
        let square = graph.times(x, x)?;
        let sum = graph.sum(square, &[1])?;
        let norm = graph.apply(&scalar::SQRT, &[sum])?;
        let large = above(graph, norm, 0.5)?;
        or(graph, large, norm, 1.0)
    };
    // (I − x·xᵀ/n²)/n times (1, 1)
    check(&shaped("norms of rows", rows.clone(), norm, &[0.6, 0.8, 0.0, 0.0], &[0.032, -0.024, 0.0, 0.0]));
    // The guard before the root: the slope of the root is infinite there, and what comes to it is 0.
    let guard_first = |graph: &mut Graph, x: Value| {
        let square = graph.times(x, x)?;
        let sum = graph.sum(square, &[1])?;
        let positive = above(graph, sum, 0.0)?;
        let sum = or(graph, positive, sum, 0.0)?;
        graph.apply(&scalar::SQRT, &[sum])
    };
    check(&shaped("a guard before the root", rows.clone(), guard_first, &[0.6, 0.8, 0.0, 0.0], &[0.032, -0.024, 0.0, 0.0]));
    let guard_terms = |graph: &mut Graph, x: Value| {
        let square = graph.times(x, x)?;
        let positive = above(graph, square, 0.0)?;
        let square = or(graph, positive, square, 0.0)?;
        let sum = graph.sum(square, &[1])?;
        graph.apply(&scalar::SQRT, &[sum])
    };
    check(&shaped("guards before the sum", rows, guard_terms, &[0.6, 0.8, 0.0, 0.0], &[0.032, -0.024, 0.0, 0.0]));
    // jax#654, #3407: distances of points, where each has distance 0 from itself.
    let inverse_distances = |graph: &mut Graph, x: Value| {
        let (column, row) = (graph.insert_axis(x, 1)?, graph.insert_axis(x, 0)?);
        let difference = graph.apply(&scalar::SUB, &[column, row])?;
        let square = graph.times(difference, difference)?;
        let distance = graph.apply(&scalar::SQRT, &[square])?;
        let apart = literal(graph, arr2(&[[false, true], [true, false]]))?;
        let distance = or(graph, apart, distance, 0.0)?;
        let inverse = graph.apply(&scalar::RECIP, &[distance])?;
        or(graph, apart, inverse, 0.0)
    };
    check(&case("inverse distances", &[1.0, 3.0], inverse_distances, &[0.5, -0.5], &[]));
}

#[test]
fn complaints_elsewhere() {
    // pytorch#68425
    let exp_or_line = |graph: &mut Graph, x: Value| {
        let one = graph.number(DType::F64, 1.0)?;
        let (below, power, line) = (compare(graph, &scalar::LE, x, 0.0)?, graph.apply(&scalar::EXP, &[x])?, graph.plus(x, one)?);
        graph.select(below, power, line)
    };
    check(&case("pytorch#68425", &[1e4, 0.0], exp_or_line, &[1.0, 1.0], &[0.0, 1.0]));
    // pytorch#187297 and #108618
    let root_or_self = |graph: &mut Graph, x: Value| {
        let (positive, root) = (above(graph, x, 0.0)?, graph.apply(&scalar::SQRT, &[x])?);
        graph.select(positive, root, x)
    };
    check(&case("pytorch#187297", &[-1.0, -4.0, 0.0], root_or_self, &[1.0; 3], &[]));
    let log_or_double = |graph: &mut Graph, x: Value| {
        let (large, log, double) = (above(graph, x, 2.0)?, graph.apply(&scalar::LOG2, &[x])?, graph.plus(x, x)?);
        graph.select(large, log, double)
    };
    let ln_2 = std::f64::consts::LN_2;
    check(&case("pytorch#108618", &[0.0, 2.0, 4.0], log_or_double, &[2.0, 2.0, 0.25 / ln_2], &[0.0, 0.0, -0.0625 / ln_2]));
    // pytorch#18287: the cosine of infinity.
    let cosine = |graph: &mut Graph, x: Value| {
        let (small, y) = (compare(graph, &scalar::LT, x, 1.0)?, graph.apply(&scalar::COS, &[x])?);
        or(graph, small, y, 0.0)
    };
    check(&case("pytorch#18287", &[0.0, INF], cosine, &[0.0, 0.0], &[-1.0, 0.0]));
    // pytorch#121416: a loss against targets some of which are missing.
    let loss = |graph: &mut Graph, x: Value| {
        let y = literal(graph, arr1(&[1.0, NAN]))?;
        let (missing, difference) = (graph.apply(&scalar::IS_NAN, &[y])?, graph.apply(&scalar::SUB, &[x, y])?);
        let square = graph.times(difference, difference)?;
        let zero = graph.number(DType::F64, 0.0)?;
        graph.select(missing, zero, square)
    };
    check(&case("pytorch#121416", &[0.0, 0.0], loss, &[-2.0, 0.0], &[2.0, 0.0]));
    // pytorch#67180: the sum of those products that are numbers, by a factor that all share.
    let products = |graph: &mut Graph, x: Value| {
        let numbers = literal(graph, arr1(&[1.0, 2.0, NAN]))?;
        let product = graph.times(numbers, x)?;
        let missing = graph.apply(&scalar::IS_NAN, &[product])?;
        let zero = graph.number(DType::F64, 0.0)?;
        graph.select(missing, zero, product)
    };
    check(&case("pytorch#67180", &[5.0], products, &[3.0], &[]));
    // jax#19089: the factors are constants.
    let scaled = |graph: &mut Graph, x: Value| {
        let factors = literal(graph, arr1(&[0.0, 1.0]))?;
        let product = graph.times(factors, x)?;
        let (positive, root) = (above(graph, product, 0.0)?, graph.apply(&scalar::SQRT, &[product])?);
        or(graph, positive, root, 0.0)
    };
    check(&case("jax#19089", &[1.0], scaled, &[0.5], &[-0.25]));
    // jax#1052: with its condition from elsewhere.
    let angle = |graph: &mut Graph, x: Value| {
        let elsewhere = literal(graph, arr1(&[false, true, false]))?;
        let angle = graph.apply(&scalar::ATAN2, &[x, x])?;
        let zero = graph.number(DType::F64, 0.0)?;
        graph.select(elsewhere, zero, angle)
    };
    check(&case("jax#1052", &[3.0, 0.0, -5.0], angle, &[0.0; 3], &[]));
}

#[test]
fn masks_within_masks() {
    let nested = |graph: &mut Graph, x: Value| {
        let (positive, small) = (above(graph, x, 0.0)?, compare(graph, &scalar::LT, x, 1.0)?);
        let (log, root) = (graph.apply(&scalar::LN, &[x])?, graph.apply(&scalar::ASIN, &[x])?);
        let inner = graph.select(small, root, log)?;
        let inner = graph.times(inner, inner)?;
        or(graph, positive, inner, 0.0)
    };
    // 2·ln x / x, of slope 2(1 − ln x)/x².
    let ln_2 = 2f64.ln();
    check(&case("a choice in a choice", &[0.0, -3.0, 1.0, 2.0], nested, &[0.0, 0.0, 0.0, ln_2], &[0.0, 0.0, 2.0, (1.0 - ln_2) / 2.0]));
    // The same condition within and without: the workaround people are told to use.
    let twice = |graph: &mut Graph, x: Value| {
        let positive = above(graph, x, 0.0)?;
        let safe = or(graph, positive, x, 1.0)?;
        let root = graph.apply(&scalar::SQRT, &[safe])?;
        or(graph, positive, root, 0.0)
    };
    check(&case("a choice before and after", &[0.0, 4.0], twice, &[0.0, 0.25], &[0.0, -0.03125]));
    let never = |graph: &mut Graph, x: Value| {
        let positive = above(graph, x, 0.0)?;
        let one = graph.number(DType::F64, 1.0)?;
        let other = graph.select(positive, one, x)?;
        let root = graph.apply(&scalar::LN, &[other])?;
        or(graph, positive, root, 0.0)
    };
    check(&case("two choices that exclude each other", &[0.0, 4.0, -1.0], never, &[0.0; 3], &[]));
}

#[test]
fn readers_under_several_masks() {
    // √x under one mask, 1/x under another that overlaps it, and x itself under none.
    let both = |graph: &mut Graph, x: Value| {
        let (positive, large) = (above(graph, x, 0.0)?, above(graph, x, 2.0)?);
        let (root, inverse) = (graph.apply(&scalar::SQRT, &[x])?, graph.apply(&scalar::RECIP, &[x])?);
        let (root, inverse) = (or(graph, positive, root, 0.0)?, or(graph, large, inverse, 0.0)?);
        graph.plus(root, inverse)
    };
    check(&case("two masks", &[0.0, 1.0, 4.0], both, &[0.0, 0.5, 0.1875], &[0.0, -0.25, 0.0]));
    let and_none = move |graph: &mut Graph, x: Value| {
        let masked = both(graph, x)?;
        graph.plus(masked, x)
    };
    check(&case("two masks and none", &[0.0, 1.0, 4.0], and_none, &[1.0, 1.5, 1.1875], &[0.0, -0.25, 0.0]));
    // One root, read under both masks: outside of both it does not count.
    let shared = |graph: &mut Graph, x: Value| {
        let root = graph.apply(&scalar::SQRT, &[x])?;
        let (low, high) = (literal(graph, arr1(&[false, true, false]))?, literal(graph, arr1(&[false, true, true]))?);
        let (low, high) = (or(graph, low, root, 0.0)?, or(graph, high, root, 0.0)?);
        graph.plus(low, high)
    };
    check(&case("one value under two masks", &[0.0, 1.0, 4.0], shared, &[0.0, 1.0, 0.25], &[0.0, -0.5, -0.03125]));
    // Both sides of one choice.
    let sides = |graph: &mut Graph, x: Value| {
        let (root, positive) = (graph.apply(&scalar::SQRT, &[x])?, above(graph, x, 0.0)?);
        let (cube, opposite) = (graph.times(x, x)?, graph.apply(&scalar::NEG, &[root])?);
        let chosen = graph.select(positive, opposite, cube)?;
        let shifted = graph.plus(chosen, x)?;
        or(graph, positive, shifted, 0.0)
    };
    check(&case("both sides", &[0.0, 4.0, -2.0], sides, &[0.0, 0.75, 0.0], &[0.0, 0.03125, 0.0]));
}

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
    type Shape = fn(&mut Graph, Value) -> Result<Value>;
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

#[test]
fn kinks_stay_as_they_are_documented() {
    let relu = |graph: &mut Graph, x: Value| {
        let (low, zero) = (compare(graph, &scalar::LE, x, 0.0)?, graph.number(DType::F64, 0.0)?);
        graph.select(low, zero, x)
    };
    check(&case("relu", &[-1.0, 0.0, 2.0], relu, &[0.0, 0.0, 1.0], &[]));
    let root_of_relu = move |graph: &mut Graph, x: Value| {
        let y = relu(graph, x)?;
        graph.apply(&scalar::SQRT, &[y])
    };
    check(&case("√relu", &[-1.0, 0.0, 4.0], root_of_relu, &[0.0, 0.0, 0.25], &[0.0, 0.0, -0.03125]));
    // A choice takes the derivative of its side, and the function at its kink its own.
    let kinks = |graph: &mut Graph, x: Value| {
        let (size, positive) = (graph.apply(&scalar::ABS, &[x])?, compare(graph, &scalar::GE, x, 0.0)?);
        let tie = graph.apply(&scalar::MAX, &[size, x])?;
        or(graph, positive, tie, 0.0)
    };
    check(&case("max(|x|, x)", &[0.0, 2.0, -2.0], kinks, &[0.5, 1.0, 0.0], &[]));
}

/// Where a function or its slope may not be finite: the ends of its domain, beyond them, and where anything may happen.
fn edges(f: &Scalar) -> Vec<f64> {
    let domain = f.domain[0];
    let ends = [domain.low, domain.high].into_iter().filter(|end| end.is_finite()).flat_map(|end| [end, end - 0.5, end + 0.5]);
    ends.chain([0.0, -1.0, 1.0, 1e4, -1e4, INF, -INF, NAN]).collect()
}

#[test]
fn every_function_where_it_is_not_finite() {
    let mut tried = 0;
    for &f in scalar::ALL.iter().filter(|f| f.signature == Signature::Same(1) && f.real.is_some()) {
        let Some(partial) = f.partials().first() else { continue };
        for p in edges(f) {
            let value = f.evaluate(&[damo_graph::Number::Real(p)]).unwrap().to_real();
            if value.is_finite() && partial.evaluate(&[p], value).is_finite() {
                continue;
            }
            tried += 1;
            // x ≠ p holds for NaN: say it of a place instead.
            let elsewhere = |graph: &mut Graph| literal(graph, arr1(&[false]));
            let after = move |graph: &mut Graph, x: Value| {
                let (condition, y) = (if p.is_nan() { elsewhere(graph)? } else { compare(graph, &scalar::NOT_EQUAL, x, p)? }, graph.apply(f, &[x])?);
                or(graph, condition, y, 0.0)
            };
            check(&case(f.name, &[p], after, &[0.0], &[]));
            // With a function before it and one after it that could multiply the 0 by something infinite.
            let amid = move |graph: &mut Graph, x: Value| {
                let y = after(graph, x)?;
                let y = graph.apply(&scalar::SQRT, &[y])?;
                let z = graph.apply(f, &[x])?;
                let y = graph.times(y, z)?;
                let condition = elsewhere(graph)?;
                or(graph, condition, y, 0.0)
            };
            check(&case(f.name, &[p], amid, &[0.0], &[]));
        }
    }
    assert!(tried > 80, "only {tried} functions and points");
}

#[test]
fn graphs_grow_in_proportion() {
    let nodes = |depth: usize| {
        let mut graph = Graph::new();
        let x = graph.add_input("x", Type::new(DType::F64, [3]), InputKind::Argument).unwrap();
        let mut y = x;
        for k in 0..depth {
            let condition = above(&mut graph, y, k as f64 * 1e-3).unwrap();
            let (root, line) = (graph.apply(&scalar::SQRT, &[y]).unwrap(), graph.plus(y, x).unwrap());
            y = graph.select(condition, root, line).unwrap();
        }
        let cost = graph.sum(y, &[0]).unwrap();
        let before = graph.len();
        let mut forward = graph.clone();
        jvp(&mut forward, &[y], &[x], &[x]).unwrap();
        gradient(&mut graph, cost, &[x]).unwrap();
        (graph.len() - before, forward.len() - before)
    };
    let ((first, forward), (second, forward_second), (third, forward_third)) = (nodes(10), nodes(20), nodes(30));
    assert_eq!((third - second, forward_third - forward_second), (second - first, forward_second - forward));
    assert!(third <= 30 * 12 && forward_third <= 30 * 7, "{third} and {forward_third} nodes for 30 choices");
}

#[test]
fn a_rectifier_costs_one_choice() {
    let mut graph = Graph::new();
    let x = graph.add_input("x", Type::new(DType::F64, [3]), InputKind::Argument).unwrap();
    let w = graph.add_input("w", Type::new(DType::F64, [3, 3]), InputKind::Argument).unwrap();
    let product = graph.add(Dot { batch: smallvec![], contract: smallvec![(1, 0)] }, &[w, x]).unwrap();
    let (low, zero) = (compare(&mut graph, &scalar::LE, product, 0.0).unwrap(), graph.number(DType::F64, 0.0).unwrap());
    let y = graph.select(low, zero, product).unwrap();
    let cost = graph.sum(y, &[0]).unwrap();
    let before = graph.len();
    gradient(&mut graph, cost, &[w]).unwrap();
    // The 1, the axes put back and stretched, the choice, and the product.
    let added: Vec<String> = graph.nodes().skip(before).map(|(_, node)| node.op().rules().name().to_string()).collect();
    assert_eq!(added, ["constant", "insert_axis", "broadcast", "select", "dot"]);
}

#[test]
fn the_judge_finds_planted_faults() {
    // A mask by a product with 0 and 1, as others do it.
    let multiplied = |graph: &mut Graph, x: Value| {
        let (positive, root) = (above(graph, x, 0.0)?, graph.apply(&scalar::SQRT, &[x])?);
        let factor = graph.cast(positive, DType::F64)?;
        graph.times(factor, root)
    };
    let fault = find_fault(&case("multiplied", &[0.0, 4.0], multiplied, &[0.0, 0.25], &[0.0, -0.03125]), false).unwrap();
    assert!(fault.starts_with("the gradient is [NaN, 0.25]"), "{fault}");
    let wrong = case("√x", &[0.0, 4.0], guarded(&scalar::SQRT, 0.0), &[0.0, 0.25], &[0.0, 0.03125]);
    assert!(find_fault(&wrong, false).unwrap().starts_with("forward over reverse"));
    let unguarded = case("√x", &[0.0], |graph, x| graph.apply(&scalar::SQRT, &[x]), &[0.0], &[]);
    assert!(find_fault(&unguarded, true).is_some());
}
