//! Choices: no derivative of the side not taken gets through, whatever it is, in any mode and order.

mod functions;
mod meeting;
mod passing;

use damo_graph::op::constant::Constant;
use damo_graph::op::input::InputKind;
use damo_graph::op::scalar::{self, Scalar};
use damo_graph::{AnyArray, DType, Dim, Graph, Result, Symbol, Type, Value};
use damo_passes::derive::{gradient, jvp};
use ndarray::{ArrayD, arr1};

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
    let named = |axis: usize, length: usize| if unknown && length != 1 { Dim::from(Symbol::new(&format!("n{axis}"))) } else { Dim::from(length) };
    let dims = case.at.shape().iter().enumerate().map(|(axis, &length)| named(axis, length));
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
