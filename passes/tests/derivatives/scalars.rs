//! Every function of the table, element by element and stretched against each other.

use damo_graph::op::scalar::{self, Interval, Scalar, Signature};
use damo_graph::{AnyArray, Number};
use ndarray::{ArrayD, IxDyn};

use crate::check::{Case, Given, check};

/// Functions that have a derivative somewhere.
fn differentiable() -> impl Iterator<Item = &'static Scalar> {
    scalar::ALL.iter().copied().filter(|scalar| !scalar.is_piecewise_constant())
}

/// Whether an argument has no derivative although the others have: the order of a function, a condition.
fn is_parameter(scalar: &Scalar, place: usize) -> bool {
    scalar.partials()[place].known().is_some_and(f64::is_nan) || scalar.signature == Signature::Select && place == 0
}

/// Points well inside an interval; no two functions' arguments tie, and none is a whole number.
fn points(Interval { low, high }: Interval, place: usize, shape: &[usize]) -> ArrayD<f64> {
    let (low, high) = (low.max(-2.9), high.min(3.7));
    let mut k = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        k += 1;
        // The golden ratio spreads points evenly; a different start for each argument keeps them apart.
        let share = (f64::from(k) * 0.618_033_988_75 + place as f64 * 0.217 + 0.05).fract();
        low + (high - low) * (0.08 + 0.84 * share)
    })
}

fn case(scalar: &'static Scalar, shapes: &[&[usize]]) -> Case {
    let given = shapes.iter().enumerate().map(|(place, shape)| {
        let points = arguments(scalar, place, shape);
        match (scalar.signature, is_parameter(scalar, place)) {
            (Signature::Select, true) => Given::Fixed(AnyArray::from(points.mapv(|x| x > 0.0))),
            (_, true) => Given::Fixed(AnyArray::from(points)),
            (_, false) => Given::Varies(points),
        }
    });
    Case { name: format!("{}{shapes:?}", scalar.name), given: given.collect(), build: Box::new(move |graph, inputs| graph.apply(scalar, inputs)) }
}

/// What a function is given in a place.
fn arguments(scalar: &Scalar, place: usize, shape: &[usize]) -> ArrayD<f64> {
    let points = points(interval(scalar, place), place, shape);
    // An order is a whole number; of a condition only the sign matters.
    if is_parameter(scalar, place) && scalar.signature != Signature::Select { points.mapv(f64::round) } else { points }
}

/// The domain of a function, less where it is too steep for differences.
fn interval(scalar: &Scalar, place: usize) -> Interval {
    let whole = scalar.domain[place];
    match scalar.name {
        // Poles at 0 and at whole numbers below.
        "lgamma" | "digamma" | "polygamma" => Interval { low: 0.6, ..whole },
        // Poles at ±π/2.
        "tan" => Interval { low: -1.2, high: 1.2 },
        // A pole at 0.
        "recip" => Interval { low: 0.4, ..whole },
        // Infinitely steep where both are the same, and not defined beyond.
        "log_sub_exp" if place == 0 => Interval { low: 0.4, ..whole },
        "log_sub_exp" => Interval { high: 0.0, ..whole },
        "div" if place == 1 => Interval { low: 0.4, ..whole },
        _ => whole,
    }
}

#[test]
fn every_function_element_by_element() {
    for scalar in differentiable() {
        check(&case(scalar, &vec![&[7usize][..]; scalar.arity()]));
    }
}

#[test]
fn every_function_stretched() {
    for scalar in differentiable() {
        let shapes: &[&[&[usize]]] = match scalar.arity() {
            2 => &[&[&[3], &[2, 3]], &[&[2, 1], &[1, 3]], &[&[], &[4]]],
            3 => &[&[&[3], &[2, 1], &[2, 3]], &[&[2, 3], &[], &[1, 1]]],
            _ => &[],
        };
        for shapes in shapes {
            check(&case(scalar, shapes));
        }
    }
}

#[test]
fn an_argument_given_twice_counts_twice() {
    for scalar in differentiable().filter(|scalar| scalar.arity() == 2 && !is_parameter(scalar, 0)) {
        // Where both are the same, these have a kink or a pole.
        if ["max", "min", "rem", "copysign", "log_sub_exp"].contains(&scalar.name) {
            continue;
        }
        let low = scalar.domain[0].low.max(scalar.domain[1].low).max(0.3);
        let at = points(Interval { low, high: 3.0 }, 0, &[5]);
        check(&Case {
            name: format!("{}(x, x)", scalar.name),
            given: vec![Given::Varies(at)],
            build: Box::new(move |graph, inputs| graph.apply(scalar, &[inputs[0], inputs[0]])),
        });
    }
}

#[test]
fn the_points_are_where_the_functions_are_defined() {
    for scalar in differentiable() {
        let all: Vec<ArrayD<f64>> = (0..scalar.arity()).map(|place| arguments(scalar, place, &[7])).collect();
        for k in 0..7 {
            let arguments: Vec<Number> = all.iter().map(|points| Number::Real(points[[k]])).collect();
            assert!(scalar.evaluate(&arguments).unwrap().to_real().is_finite(), "{} at {arguments:?}", scalar.name);
        }
    }
}
