//! Choices between functions: at edges of domains, at kinks, and in what users of other systems complained about.

use damo_graph::op::scalar::{self, Scalar, Signature};
use damo_graph::{DType, Graph, Value};
use ndarray::{arr1, arr2};

use super::{INF, NAN, above, case, check, compare, guarded, literal, or, shaped};

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
