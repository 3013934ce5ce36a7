//! Convolution and pooling: every way to slide, on plain and on strided arrays, by both methods, and with both gradients.

use damo_exec::{Argument, Engine, Executable, Options};
use damo_graph::op::conv::Conv;
use damo_graph::op::max_pool::MaxPool;
use damo_graph::op::max_pool_cotangent::MaxPoolCotangent;
use damo_graph::op::max_pool_tangent::MaxPoolTangent;
use damo_graph::op::slice::Range;
use damo_graph::op::windows::Windows;
use damo_graph::{AnyArray, DType, Derivative, Graph, Op, Value};

use crate::judge::{CHECKED, agree, fractions, known, same, whole};

/// Where windows begin, the step to the next, how many.
type Begins<'a> = &'a [(i64, i64, i64)];

fn ranges(begins: Begins<'_>) -> impl Iterator<Item = Range> {
    begins.iter().map(|&(start, step, length)| Range { start: start.into(), step, length: length.into() })
}

fn conv(begins: Begins<'_>, dilation: &[usize], spread: &[usize], groups: usize) -> Conv {
    Conv { begins: ranges(begins).collect(), dilation: dilation.into(), spread: spread.into(), groups }
}

/// Runs a graph on both engines that plan, and demands the results of its meaning within so many units in the last place; on one thread to three
/// the same bits. Gives the plan as text.
#[track_caller]
fn agree_on_all(graph: &Graph, inputs: &[&dyn Argument], ulps: f64) -> String {
    let text = agree(graph, inputs, ulps);
    let expected = graph.evaluate(&inputs.iter().map(|array| array.to_any()).collect::<Vec<_>>()).unwrap();
    for (found, expected) in on_threads(graph, Engine::Native, inputs).iter().zip(&expected) {
        same(found, expected, ulps, &|| format!("by machine code, of\n{graph:?}\n{text}"));
    }
    text
}

/// The results of an engine on one thread; on two and three they are the same bits.
#[track_caller]
fn on_threads(graph: &Graph, engine: Engine, inputs: &[&dyn Argument]) -> Vec<AnyArray> {
    let [first, others @ ..] = [1, 2, 3].map(|threads| {
        let executable = Executable::new(graph.clone(), Options { engine, threads, ..CHECKED }).unwrap();
        executable.call(inputs).unwrap_or_else(|error| panic!("{error}\n{graph:?}"))
    });
    let bits = |results: &[AnyArray]| results.iter().map(|result| format!("{:?}", result.numbers())).collect::<Vec<_>>();
    for other in &others {
        assert!(bits(other) == bits(&first), "{graph:?}");
    }
    first
}

/// A convolution with both of its gradients; the values are whole numbers, whose sums are exact in every order.
fn check(op: &Conv, dtype: DType, x_shape: &[usize], w_shape: &[usize]) -> String {
    let mut graph = Graph::new();
    let (x, w) = (known(&mut graph, "x", dtype, x_shape), known(&mut graph, "w", dtype, w_shape));
    let y = graph.add(op.clone(), &[x, w]).unwrap();
    let shape = graph.ty(y).dims.known().unwrap();
    let u = known(&mut graph, "u", dtype, &shape);
    let op = Op::from(op.clone());
    let mut outputs: Vec<Value> = vec![y];
    if let Derivative::Multilinear(linear) = op.rules().derivative()
        && dtype.is_float()
    {
        outputs.extend([0, 1].map(|wrt| linear.transpose(&mut graph, &[x, w], wrt, u).unwrap()));
    }
    graph.set_outputs(outputs);
    let [x, w, u] = [x_shape, w_shape, &shape].map(|shape| whole(dtype, shape));
    let text = agree_on_all(&graph, &[&x, &w, &u], 0.0);
    if dtype == DType::F32 {
        // The same elements with other strides: the last axis slowest, and every other one.
        let turned = [&x, &w, &u].map(|array| array.to_reals().mapv(|x| x as f32).t().as_standard_layout().into_owned());
        agree_on_all(&graph, &[&turned[0].t(), &turned[1].t(), &turned[2].t()], 0.0);
    }
    text
}

#[test]
fn convolutions() {
    type Case<'a> = (Begins<'a>, &'a [usize], &'a [usize], usize, &'a [usize], &'a [usize]);
    let cases: &[Case<'_>] = &[
        (&[(0, 1, 6)], &[1], &[1], 1, &[2, 3, 8], &[4, 3, 3]),
        (&[(-1, 2, 5)], &[1], &[1], 1, &[2, 3, 9], &[4, 3, 3]),
        (&[(0, 1, 1)], &[1], &[1], 1, &[1, 1, 1], &[1, 1, 1]),
        (&[(-2, 1, 5)], &[1], &[1], 1, &[1, 1, 1], &[1, 1, 3]),
        (&[(0, 1, 3), (0, 1, 5)], &[1, 1], &[1, 1], 1, &[2, 3, 5, 6], &[4, 3, 3, 2]),
        (&[(0, 1, 24), (0, 1, 24)], &[1, 1], &[1, 1], 1, &[3, 1, 28, 28], &[20, 1, 5, 5]),
        (&[(0, 1, 8), (0, 1, 8)], &[1, 1], &[1, 1], 1, &[3, 20, 12, 12], &[7, 20, 5, 5]),
        (&[(-1, 3, 2), (0, 2, 4)], &[1, 1], &[1, 1], 1, &[1, 2, 7, 8], &[3, 2, 3, 2]),
        (&[(-2, 1, 8), (-2, 1, 8)], &[2, 2], &[1, 1], 1, &[1, 2, 8, 8], &[3, 2, 3, 3]),
        (&[(-1, 2, 5), (0, 1, 4)], &[2, 3], &[1, 1], 1, &[1, 1, 9, 9], &[2, 1, 2, 3]),
        (&[(-1, 1, 5), (-1, 1, 5)], &[1, 1], &[1, 1], 3, &[2, 3, 5, 5], &[3, 1, 3, 3]),
        (&[(-1, 1, 5), (-1, 2, 3)], &[1, 1], &[1, 1], 2, &[2, 6, 5, 5], &[4, 3, 3, 3]),
        (&[(0, 1, 4), (0, 1, 4)], &[1, 1], &[1, 1], 1, &[2, 3, 4, 4], &[5, 3, 1, 1]),
        (&[(0, 1, 1), (0, 1, 1)], &[1, 1], &[1, 1], 1, &[2, 3, 4, 4], &[2, 3, 4, 4]),
        (&[(-2, 1, 9), (-2, 1, 11)], &[1, 1], &[2, 3], 1, &[2, 2, 4, 3], &[3, 2, 3, 3]),
        (&[(-2, 1, 7), (-2, 1, 5)], &[1, 1], &[1, 1], 2, &[2, 4, 5, 3], &[6, 2, 3, 3]),
        (&[(1, 1, 3), (9, 1, 2)], &[1, 1], &[1, 1], 1, &[1, 2, 5, 5], &[2, 2, 2, 2]),
        (&[(0, 1, 3), (0, 1, 3), (0, 1, 3)], &[1, 1, 1], &[1, 1, 1], 1, &[1, 2, 4, 4, 4], &[2, 2, 2, 2, 2]),
        (&[(-1, 2, 2), (0, 1, 3), (-1, 1, 5)], &[1, 1, 1], &[1, 1, 1], 1, &[2, 2, 3, 4, 5], &[3, 2, 3, 2, 3]),
        (&[(0, 1, 3), (0, 1, 5)], &[1, 1], &[1, 1], 1, &[0, 3, 5, 6], &[4, 3, 3, 2]),
        (&[(0, 1, 3), (0, 1, 5)], &[1, 1], &[1, 1], 1, &[2, 0, 5, 6], &[4, 0, 3, 2]),
        (&[(0, 1, 3), (0, 1, 5)], &[1, 1], &[1, 1], 1, &[2, 3, 5, 6], &[0, 3, 3, 2]),
        (&[(0, 1, 0), (0, 1, 5)], &[1, 1], &[1, 1], 1, &[2, 3, 2, 6], &[4, 3, 3, 2]),
        (&[(-1, 1, 2), (0, 1, 5)], &[1, 1], &[1, 1], 1, &[2, 3, 0, 6], &[4, 3, 1, 2]),
        // Longer sums than are summed at once.
        (&[(0, 1, 2), (0, 1, 3)], &[1, 1], &[1, 1], 1, &[1, 40, 6, 7], &[9, 40, 5, 5]),
        (&[(0, 1, 9)], &[1], &[1], 1, &[1, 1, 508], &[2, 1, 500]),
        // Such sums of few windows by many filters, in groups, and along all axes.
        (&[(0, 1, 2), (0, 1, 3)], &[1, 1], &[1, 1], 2, &[2, 80, 6, 7], &[34, 40, 5, 5]),
        (&[(0, 1, 2), (1, 2, 2), (0, 1, 3)], &[1, 1, 1], &[1, 1, 1], 1, &[2, 40, 3, 7, 7], &[17, 40, 2, 3, 5]),
        // Lines longer than two vectors, and all kinds of rests; one tile of filters, and several.
        (&[(0, 1, 2), (0, 1, 37)], &[1, 1], &[1, 1], 1, &[1, 1, 4, 39], &[5, 1, 3, 3]),
        (&[(-1, 1, 4), (-1, 1, 42)], &[1, 1], &[1, 1], 1, &[1, 2, 4, 42], &[6, 2, 3, 3]),
        (&[(0, 1, 3), (0, 1, 17)], &[1, 1], &[1, 1], 1, &[2, 1, 3, 19], &[23, 1, 1, 3]),
        (&[(0, 1, 3), (0, 1, 16)], &[1, 1], &[1, 1], 1, &[1, 3, 5, 18], &[13, 3, 3, 3]),
        (&[(-2, 2, 5), (-3, 3, 12)], &[1, 2], &[1, 1], 1, &[2, 2, 9, 34], &[7, 2, 3, 5]),
        // Windows that end with the image, in lines shorter than a vector.
        (&[(0, 1, 5), (0, 1, 5)], &[1, 1], &[1, 1], 1, &[1, 1, 12, 12], &[3, 1, 8, 8]),
        (&[(0, 1, 3), (0, 1, 7)], &[1, 1], &[1, 1], 1, &[2, 1, 10, 12], &[6, 1, 8, 6]),
        (&[(0, 1, 1), (0, 1, 3)], &[1, 1], &[1, 1], 1, &[1, 1, 1, 4], &[6, 1, 1, 2]),
        // Filters as vectors: few windows, many filters.
        (&[(0, 1, 3), (0, 1, 5)], &[1, 1], &[1, 1], 1, &[2, 7, 10, 12], &[35, 7, 8, 8]),
        (&[(-1, 2, 3), (-1, 2, 3)], &[1, 1], &[1, 1], 2, &[2, 4, 5, 5], &[40, 2, 3, 3]),
    ];
    for &(begins, dilation, spread, groups, x, w) in cases {
        for dtype in [DType::F32, DType::F64, DType::I32, DType::BF16] {
            let text = check(&conv(begins, dilation, spread, groups), dtype, x, w);
            let by_kernel = matches!(dtype, DType::F32 | DType::F64);
            assert!(!by_kernel || text.contains(" 0 by the reference"), "{text}");
        }
    }
}

#[test]
fn a_gradient_of_an_image_is_scattered() {
    let valid: Begins<'_> = &[(0, 1, 8), (0, 1, 8)];
    let text = check(&conv(valid, &[1, 1], &[1, 1], 1), DType::F32, &[2, 3, 12, 12], &[20, 3, 5, 5]);
    assert_eq!((text.matches("gathering windows").count(), text.matches("scattering products").count()), (2, 1), "{text}");
}

/// Convolutions that are worth several threads.
#[test]
fn threads_do_not_change_the_bits() {
    let valid: Begins<'_> = &[(0, 1, 24), (0, 1, 24)];
    let padded: Begins<'_> = &[(-1, 2, 30), (-1, 2, 30)];
    for (begins, x_shape, w_shape) in [(valid, [16, 3, 28, 28], [20, 3, 5, 5]), (padded, [4, 8, 59, 60], [24, 8, 3, 3])] {
        let mut graph = Graph::new();
        let (x, w) = (known(&mut graph, "x", DType::F32, &x_shape), known(&mut graph, "w", DType::F32, &w_shape));
        let op = conv(begins, &[1, 1], &[1, 1], 1);
        let y = graph.add(op.clone(), &[x, w]).unwrap();
        let shape = graph.ty(y).dims.known().unwrap();
        let u = known(&mut graph, "u", DType::F32, &shape);
        let op = Op::from(op);
        let Derivative::Multilinear(linear) = op.rules().derivative() else { panic!("a convolution is linear") };
        let gradients = [0, 1].map(|wrt| linear.transpose(&mut graph, &[x, w], wrt, u).unwrap());
        let windows = Windows { begins: ranges(&[(0, 2, 12), (0, 2, 12)]).collect(), lengths: [2, 2].into_iter().collect() };
        let pooled = graph.add(MaxPool(windows.clone()), &[y]).unwrap();
        let back = graph.add(MaxPoolCotangent(windows), &[y, pooled]).unwrap();
        graph.set_outputs([y, gradients[0], gradients[1], pooled, back]);
        let [x, w, u] = [&x_shape[..], &w_shape, &shape].map(|shape| fractions(DType::F32, shape));
        let results = [Engine::Native, Engine::Portable].map(|engine| on_threads(&graph, engine, &[&x, &w, &u]));
        // The two sum in different blocks; what is largest may differ where two are close.
        for (native, portable) in results[0].iter().zip(&results[1]).take(4) {
            same(native, portable, 64.0, &|| format!("{graph:?}"));
        }
    }
}

#[test]
fn pooling() {
    type Case<'a> = (Begins<'a>, &'a [usize], &'a [usize]);
    let cases: &[Case<'_>] = &[
        (&[(0, 2, 12), (0, 2, 12)], &[2, 2], &[2, 3, 24, 24]),
        (&[(0, 5, 3), (0, 5, 3)], &[5, 5], &[1, 2, 16, 17]),
        (&[(0, 1, 4), (0, 1, 4)], &[3, 3], &[1, 2, 6, 6]),
        (&[(-1, 2, 3), (0, 2, 3)], &[3, 2], &[1, 2, 6, 6]),
        (&[(-1, 1, 7)], &[2], &[3, 6]),
        (&[(0, 3, 2)], &[1], &[4]),
        (&[(0, 1, 2), (-1, 2, 2), (-1, 1, 3)], &[1, 2, 2], &[2, 2, 3, 2]),
        (&[(0, 1, 1), (0, 1, 1), (0, 1, 1), (0, 1, 2)], &[2, 2, 2, 1], &[2, 2, 2, 2]),
        (&[(0, 2, 2)], &[2], &[0, 4]),
        (&[(0, 2, 0)], &[2], &[3, 1]),
        // Side by side: more lines than are pooled at a time, elements behind the last window, all kinds of rests, windows longer than a vector.
        (&[(0, 2, 4), (0, 2, 4)], &[2, 2], &[50, 8, 8]),
        (&[(0, 2, 5), (0, 2, 300)], &[2, 2], &[2, 11, 601]),
        (&[(0, 3, 7), (0, 3, 11)], &[3, 3], &[3, 21, 33]),
        (&[(0, 1, 3), (0, 9, 2)], &[1, 9], &[2, 3, 19]),
        (&[(0, 2, 2), (0, 3, 2), (0, 4, 3)], &[2, 3, 4], &[3, 5, 6, 13]),
    ];
    for &(begins, lengths, shape) in cases {
        for dtype in [DType::F32, DType::F64, DType::F16, DType::I64] {
            let windows = Windows { begins: ranges(begins).collect(), lengths: lengths.into() };
            let mut graph = Graph::new();
            let x = known(&mut graph, "x", dtype, shape);
            let y = graph.add(MaxPool(windows.clone()), &[x]).unwrap();
            let pooled = graph.ty(y).dims.known().unwrap();
            let (v, u) = (known(&mut graph, "v", dtype, shape), known(&mut graph, "u", dtype, &pooled));
            let mut outputs = vec![y];
            if dtype.is_float() {
                outputs.push(graph.add(MaxPoolTangent(windows.clone()), &[x, v]).unwrap());
                outputs.push(graph.add(MaxPoolCotangent(windows), &[x, u]).unwrap());
            }
            graph.set_outputs(outputs);
            // Few different numbers, so that there are ties; the signs of 0 are different numbers, too, but equal.
            let few = AnyArray::from_reals(dtype, &whole(dtype, shape).to_reals().mapv(|x| (x % 3.0) * 0.0 + (x % 3.0)));
            let [v, u] = [shape, &pooled].map(|shape| AnyArray::from_reals(dtype, &whole(dtype, shape).to_reals().mapv(|x| x * 36.0)));
            // Thirds of a whole number may round.
            let within = if dtype.is_float() && lengths.iter().product::<usize>() > 2 { 4e-3 } else { 0.0 };
            let within = if matches!(dtype, DType::F32 | DType::F64) { within * 1e-3 } else { within };
            agree_on_all(&graph, &[&few, &v, &u], within);
            damo_graph::with_any_array!(&few, |few| {
                let turned = few.t().as_standard_layout().into_owned();
                agree_on_all(&graph, &[&turned.t(), &v, &u], within)
            });
        }
    }
}

#[test]
fn not_a_number_is_the_largest() {
    let mut graph = Graph::new();
    let x = known(&mut graph, "x", DType::F32, &[2, 4]);
    let windows = Windows { begins: ranges(&[(0, 2, 2)]).collect(), lengths: [2].into_iter().collect() };
    let y = graph.add(MaxPool(windows.clone()), &[x]).unwrap();
    let u = known(&mut graph, "u", DType::F32, &[2, 2]);
    let back = graph.add(MaxPoolCotangent(windows), &[x, u]).unwrap();
    graph.set_outputs([y, back]);
    let x = ndarray::arr2(&[[f32::NAN, 1.0, -0.0, 0.0], [f32::NEG_INFINITY, f32::NEG_INFINITY, 2.0, f32::NAN]]);
    agree_on_all(&graph, &[&x, &ndarray::arr2(&[[1.0f32, 2.0], [3.0, 4.0]])], 0.0);
}
