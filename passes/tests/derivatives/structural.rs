//! Sample applications of every structural op. A new variant of `Op` does not compile here until it is named, and fails until it has one.

use std::collections::BTreeSet;
use std::sync::Arc;

use damo_graph::op::Op;
use damo_graph::op::arg_extreme::{ArgExtreme, Extreme};
use damo_graph::op::cast::Cast;
use damo_graph::op::concatenate::Concatenate;
use damo_graph::op::constant::Constant;
use damo_graph::op::conv::Conv;
use damo_graph::op::custom::Custom;
use damo_graph::op::dim_value::DimValue;
use damo_graph::op::dot::Dot;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::iota::Iota;
use damo_graph::op::log_softmax::LogSoftmax;
use damo_graph::op::log_sum_exp::LogSumExp;
use damo_graph::op::max_pool::MaxPool;
use damo_graph::op::max_pool_cotangent::MaxPoolCotangent;
use damo_graph::op::max_pool_tangent::MaxPoolTangent;
use damo_graph::op::norm::Norm;
use damo_graph::op::pad::Pad;
use damo_graph::op::product_of_others::ProductOfOthers;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::remove_axis::RemoveAxis;
use damo_graph::op::reshape::Reshape;
use damo_graph::op::scatter_add::ScatterAdd;
use damo_graph::op::select_axis::SelectAxis;
use damo_graph::op::slice::{Range, Slice};
use damo_graph::op::softmax::Softmax;
use damo_graph::op::stop_gradient::StopGradient;
use damo_graph::op::transpose::Transpose;
use damo_graph::op::windows::Windows;
use damo_graph::types::IntoDims;
use damo_graph::{AnyArray, DType, Dim, Graph, Result, Value};
use ndarray::{ArrayD, IxDyn, arr1, arr2};
use smallvec::smallvec;

use crate::check::{Case, Given, Numbers, check};
use crate::tangents::Cube;

macro_rules! variants {
    ($($variant:ident),* $(,)?) => {
        /// The name of a variant.
        fn variant(op: &Op) -> &'static str {
            match op { $(Op::$variant(_) => stringify!($variant)),* }
        }

        /// Every variant.
        const VARIANTS: &[&str] = &[$(stringify!($variant)),*];
    };
}
variants! {
    Input, Constant, Pointwise, Cast, DimValue, Iota, Broadcast, Reshape, Transpose, InsertAxis, RemoveAxis, Slice, Pad, Concatenate,
    SelectAxis, ScatterAdd, Reduce, ProductOfOthers, ArgExtreme, LogSumExp, Norm, Softmax, LogSoftmax, Dot, Conv, MaxPool,
    MaxPoolTangent, MaxPoolCotangent, StopGradient, Custom,
}

fn varies(seed: u64, shape: &[usize]) -> Given {
    Given::Varies(Numbers(seed).array(shape))
}

/// Numbers no two of which are near each other, so that a difference never changes which is the largest.
fn apart(shape: &[usize]) -> Given {
    let mut k = 0u32;
    Given::Varies(ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        k += 1;
        f64::from(k * 7 % 23) * 0.25 - 2.6
    }))
}

/// The same, which do not vary.
fn fixed(shape: &[usize]) -> Given {
    match apart(shape) {
        Given::Varies(array) => Given::Fixed(AnyArray::from(array)),
        fixed @ Given::Fixed(_) => fixed,
    }
}

fn integers(values: &[i64]) -> Given {
    Given::Fixed(AnyArray::from(arr1(values)))
}

fn range(start: i64, step: i64, length: i64) -> Range {
    Range { start: start.into(), step, length: length.into() }
}

/// An op applied to all that is given; squared where the op is linear, so that its second derivative is not just zero.
fn case(name: &str, op: impl Into<Op>, given: Vec<Given>) -> Case {
    let op = op.into();
    Case { name: format!("{name}: {op:?}"), given, build: Box::new(move |graph, inputs| graph.add(op.clone(), inputs)) }
}

fn written(name: &str, given: Vec<Given>, build: impl Fn(&mut Graph, &[Value]) -> Result<Value> + 'static) -> Case {
    Case { name: name.into(), given, build: Box::new(build) }
}

fn shapes_and_types() -> Vec<Case> {
    let dims = |lengths: &[usize]| lengths.into_dims();
    vec![
        written("constant", vec![varies(1, &[3])], |graph, x| {
            let constant = graph.add(Constant(AnyArray::from(arr1(&[0.5, -1.5, 2.0]))), &[])?;
            graph.times(constant, x[0])
        }),
        case("cast", Cast { to: DType::F64 }, vec![varies(2, &[2, 2])]),
        written("dim_value", vec![varies(3, &[4])], |graph, x| {
            let count = graph.add(DimValue { dim: Dim::from(4), dtype: DType::F64 }, &[])?;
            let square = graph.times(x[0], x[0])?;
            graph.times(square, count)
        }),
        written("iota", vec![varies(4, &[3])], |graph, x| {
            let places = graph.add(Iota { length: 3.into(), dtype: DType::F64 }, &[])?;
            let moved = graph.plus(places, x[0])?;
            graph.times(moved, x[0])
        }),
        case("broadcast", damo_graph::op::broadcast::Broadcast { to: dims(&[2, 3, 4]) }, vec![varies(5, &[3, 1])]),
        case("broadcast a number", damo_graph::op::broadcast::Broadcast { to: dims(&[2, 3]) }, vec![varies(6, &[])]),
        case("reshape", Reshape { to: dims(&[4, 3]) }, vec![varies(7, &[2, 6])]),
        case("transpose", Transpose { order: smallvec![2, 0, 1] }, vec![varies(8, &[2, 3, 4])]),
        case("insert_axis", InsertAxis { axis: 1 }, vec![varies(9, &[2, 3])]),
        case("remove_axis", RemoveAxis { axis: 1 }, vec![varies(10, &[2, 1, 3])]),
        written("stop_gradient of what stays", vec![varies(11, &[3]), Given::Fixed(AnyArray::from(arr1(&[2.0, 3.0, 4.0])))], |graph, x| {
            let stopped = graph.add(StopGradient, &[x[1]])?;
            let square = graph.times(x[0], x[0])?;
            graph.times(stopped, square)
        }),
    ]
}

fn ranges_and_indices() -> Vec<Case> {
    let rows = || integers(&[2, 0, -1, 2, 1]);
    let ranges = || smallvec![range(1, 2, 2), range(4, -2, 3)];
    vec![
        case("slice", Slice { ranges: ranges() }, vec![varies(20, &[4, 5])]),
        case("slice nothing", Slice { ranges: smallvec![range(1, 1, 0)] }, vec![varies(21, &[3])]),
        case("pad", Pad { ranges: ranges(), to: [4usize, 5].into_dims() }, vec![varies(22, &[2, 3])]),
        case("concatenate", Concatenate { axis: 1 }, vec![varies(23, &[2, 1]), varies(24, &[2, 3]), varies(25, &[2, 2])]),
        case("concatenate with what stays", Concatenate { axis: 0 }, vec![varies(26, &[2]), Given::Fixed(AnyArray::from(arr1(&[1.0])))]),
        case("select_axis", SelectAxis { axis: 0 }, vec![varies(27, &[3, 2]), rows()]),
        case(
            "select_axis in the middle",
            SelectAxis { axis: 1 },
            vec![varies(28, &[2, 3, 2]), Given::Fixed(AnyArray::from(arr2(&[[0i32, 2], [1, 1]])))],
        ),
        case("scatter_add", ScatterAdd { axis: 0, length: 3.into() }, vec![varies(29, &[5, 2]), rows()]),
        case("scatter_add in the middle", ScatterAdd { axis: 1, length: 4.into() }, vec![varies(30, &[2, 5]), rows()]),
    ]
}

fn reductions() -> Vec<Case> {
    let reduce = |reduction, axes: &[usize]| Reduce { reduction, axes: axes.into() };
    let mut cases = vec![
        case("sum", reduce(Reduction::Sum, &[1]), vec![varies(40, &[2, 3])]),
        case("sum of all", reduce(Reduction::Sum, &[0, 1, 2]), vec![varies(41, &[2, 3, 2])]),
        case("mean", reduce(Reduction::Mean, &[1]), vec![varies(55, &[2, 3])]),
        case("mean of all", reduce(Reduction::Mean, &[0, 1]), vec![varies(56, &[2, 3])]),
        case("product", reduce(Reduction::Product, &[1]), vec![varies(42, &[2, 3])]),
        case("product of two axes", reduce(Reduction::Product, &[0, 2]), vec![varies(43, &[2, 3, 2])]),
        case("product with a zero", reduce(Reduction::Product, &[0]), vec![Given::Varies(arr1(&[0.0, 2.0, 3.0]).into_dyn())]),
        case("product with two zeros", reduce(Reduction::Product, &[0]), vec![Given::Varies(arr1(&[0.0, 2.0, 0.0, 5.0]).into_dyn())]),
        case("max", reduce(Reduction::Max, &[0]), vec![apart(&[4, 3])]),
        case("max of all", reduce(Reduction::Max, &[0, 1]), vec![apart(&[4, 3])]),
        case("min", reduce(Reduction::Min, &[1]), vec![apart(&[3, 4])]),
        case("product_of_others", ProductOfOthers { axes: smallvec![1] }, vec![varies(44, &[2, 4])]),
        case("product_of_others along two axes", ProductOfOthers { axes: smallvec![0, 1] }, vec![varies(45, &[2, 2, 2])]),
        case("product_of_others with a zero", ProductOfOthers { axes: smallvec![0] }, vec![Given::Varies(arr1(&[0.0, 2.0, 3.0]).into_dyn())]),
        case("log_sum_exp", LogSumExp { axes: smallvec![1] }, vec![varies(46, &[2, 3])]),
        case("log_sum_exp of all", LogSumExp { axes: smallvec![0, 1] }, vec![varies(47, &[2, 3])]),
        case("norm", Norm { axes: smallvec![1] }, vec![varies(53, &[2, 3])]),
        case("norm of all", Norm { axes: smallvec![0, 1] }, vec![varies(54, &[2, 3])]),
        case("norm of each", Norm { axes: smallvec![] }, vec![apart(&[2, 3])]),
        case("softmax", Softmax { axis: 1 }, vec![varies(48, &[2, 3])]),
        case("softmax along the first", Softmax { axis: 0 }, vec![varies(49, &[3, 2])]),
        case("log_softmax", LogSoftmax { axis: 1 }, vec![varies(50, &[2, 3])]),
        case("log_softmax along the first", LogSoftmax { axis: 0 }, vec![varies(51, &[3, 2])]),
    ];
    for reduction in [Reduction::All, Reduction::Any] {
        let condition = Given::Fixed(AnyArray::from(arr2(&[[true, false], [true, true]])));
        cases.push(written("all and any", vec![varies(52, &[2]), condition], move |graph, x| {
            let chosen = graph.reduce(reduction, x[1], &[1])?;
            let square = graph.times(x[0], x[0])?;
            graph.select(chosen, square, x[0])
        }));
    }
    for extreme in [Extreme::Max, Extreme::Min] {
        cases.push(written("arg_extreme", vec![apart(&[4])], move |graph, x| {
            let place = graph.add(ArgExtreme { extreme, axis: 0 }, &[x[0]])?;
            let row = graph.add(SelectAxis { axis: 0 }, &[x[0], place])?;
            graph.times(row, row)
        }));
    }
    cases
}

fn contractions() -> Vec<Case> {
    let dot = |batch: &[(usize, usize)], contract: &[(usize, usize)]| Dot { batch: batch.into(), contract: contract.into() };
    vec![
        case("dot of vectors", dot(&[], &[(0, 0)]), vec![varies(60, &[4]), varies(61, &[4])]),
        case("matrix product", dot(&[], &[(1, 0)]), vec![varies(62, &[2, 3]), varies(63, &[3, 4])]),
        case("matrix product, both turned", dot(&[], &[(0, 1)]), vec![varies(64, &[3, 2]), varies(65, &[4, 3])]),
        case("outer product", dot(&[], &[]), vec![varies(66, &[2]), varies(67, &[3])]),
        case("batched product", dot(&[(1, 0)], &[(0, 2)]), vec![varies(68, &[3, 2, 2]), varies(69, &[2, 2, 3])]),
        case("two axes contracted", dot(&[], &[(2, 0), (0, 2)]), vec![varies(70, &[2, 3, 4]), varies(71, &[4, 2, 2])]),
        case("two batch axes", dot(&[(2, 0), (0, 1)], &[(1, 2)]), vec![varies(72, &[2, 3, 4]), varies(73, &[4, 2, 3])]),
        written("a matrix by itself", vec![varies(74, &[3, 3])], move |graph, x| {
            graph.add(Dot { batch: smallvec![], contract: smallvec![(1, 0)] }, &[x[0], x[0]])
        }),
        case("a user's op", Custom(Arc::new(Cube)), vec![varies(75, &[3])]),
    ]
}

fn windows() -> Vec<Case> {
    let conv = |begins: &[Range], groups| Conv { begins: begins.into(), dilation: smallvec![2, 1], spread: smallvec![1, 2], groups };
    let strided = [range(-1, 2, 3), range(0, 1, 4)];
    let pairs = |step, length| Windows { begins: smallvec![range(-1, step, length)], lengths: smallvec![2] };
    vec![
        case("conv", conv(&strided, 1), vec![varies(80, &[2, 2, 5, 3]), varies(81, &[2, 2, 2, 2])]),
        case("conv in groups", conv(&strided, 2), vec![varies(82, &[1, 4, 5, 3]), varies(83, &[2, 2, 2, 2])]),
        case(
            "conv of rows",
            Conv { begins: smallvec![range(-1, 1, 5)], dilation: smallvec![1], spread: smallvec![1], groups: 1 },
            vec![varies(84, &[2, 1, 4]), varies(85, &[3, 1, 2])],
        ),
        case("max_pool", MaxPool(pairs(2, 3)), vec![apart(&[2, 5])]),
        case("max_pool that overlaps", MaxPool(pairs(1, 5)), vec![apart(&[2, 4])]),
        case("max_pool_tangent", MaxPoolTangent(pairs(1, 5)), vec![fixed(&[2, 4]), varies(86, &[2, 4])]),
        case("max_pool_cotangent", MaxPoolCotangent(pairs(1, 5)), vec![fixed(&[2, 4]), varies(87, &[2, 5])]),
    ]
}

fn all() -> Vec<Case> {
    [shapes_and_types(), ranges_and_indices(), reductions(), contractions(), windows()].into_iter().flatten().collect()
}

#[test]
fn shapes_and_types_vary_right() {
    shapes_and_types().iter().for_each(check);
}

#[test]
fn ranges_and_indices_vary_right() {
    ranges_and_indices().iter().for_each(check);
}

#[test]
fn reductions_vary_right() {
    reductions().iter().for_each(check);
}

#[test]
fn contractions_vary_right() {
    contractions().iter().for_each(check);
}

#[test]
fn windows_vary_right() {
    windows().iter().for_each(check);
}

/// The square of a linear op has a second derivative, and its rules see cotangents that are not constant.
#[test]
fn squares_vary_right() {
    for Case { name, given, build } in all() {
        check(&Case {
            name: format!("the square of {name}"),
            given,
            build: Box::new(move |graph, inputs| {
                let y = build(graph, inputs)?;
                graph.times(y, y)
            }),
        });
    }
}

#[test]
fn every_op_has_a_sample() {
    let mut seen = BTreeSet::new();
    for case in all() {
        let mut graph = Graph::new();
        let mut inputs = Vec::new();
        for given in &case.given {
            let array = match given {
                Given::Varies(array) => AnyArray::from(array.clone()),
                Given::Fixed(array) => array.clone(),
            };
            let ty = damo_graph::Type::new(array.dtype(), array.shape().iter().copied());
            inputs.push(graph.add_input("x", ty, damo_graph::op::input::InputKind::Argument).unwrap());
        }
        (case.build)(&mut graph, &inputs).unwrap();
        seen.extend(graph.nodes().map(|(_, node)| variant(node.op())));
    }
    let missing: Vec<&&str> = VARIANTS.iter().filter(|variant| !seen.contains(*variant)).collect();
    assert!(missing.is_empty(), "no sample uses {missing:?}");
}
