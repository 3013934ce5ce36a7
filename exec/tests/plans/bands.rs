//! Nests that hand on to each other band by band: the same results on every engine and any number of threads, and little memory.

use damo_exec::layout::Layout;
use damo_exec::step::Step;
use damo_exec::{Engine, Executable, Options, Plan};
use damo_graph::op::log_softmax::LogSoftmax;
use damo_graph::op::log_sum_exp::LogSumExp;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::scalar;
use damo_graph::op::softmax::Softmax;
use damo_graph::op::transpose::Transpose;
use damo_graph::{AnyArray, DType, Graph, Number, Value};

use super::judge::{CHECKED, input, same};

/// An array of numbers between -20 and 20, and some infinities.
fn spread(dtype: DType, shape: &[usize]) -> AnyArray {
    let count: usize = shape.iter().product();
    let number = |k: usize| match k % 7919 {
        17 => f64::NEG_INFINITY,
        1234 => f64::INFINITY,
        _ => ((k * 7919 + 13) % 100_003) as f64 / 2500.0 - 20.0,
    };
    AnyArray::from_numbers(dtype, shape, (0..count).map(|k| Number::Real(number(k)))).unwrap()
}

/// Runs a graph of one input on all engines and demands its meaning within so many ulps, and the same bits on 1 and 2 threads. Gives how many
/// steps run in bands.
fn agree(make: impl Fn(&mut Graph, Value) -> Value, dtype: DType, shape: &[usize], ulps: f64) -> usize {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", dtype, shape);
    let result = make(&mut graph, x);
    graph.set_outputs([result]);
    let array = spread(dtype, shape);
    let expected = graph.evaluate(std::slice::from_ref(&array)).unwrap();
    let mut bands = 0;
    for engine in [Engine::Native, Engine::Portable] {
        let results = [1, 2].map(|threads| {
            let executable = Executable::new(graph.clone(), Options { engine, threads, ..CHECKED }).unwrap();
            let found = executable.call(&[&array]).unwrap();
            bands = executable.explain().matches("bands of nests").count();
            same(&found[0], &expected[0], ulps, &|| format!("{engine:?}: {}", executable.explain()));
            found[0].numbers()
        });
        assert!(results[0].iter().zip(&results[1]).all(|(a, b)| a == b || a.to_real().is_nan() && b.to_real().is_nan()));
    }
    bands
}

#[test]
fn rows_of_exponentials_are_done_band_by_band() {
    for dtype in [DType::F32, DType::F64] {
        for (shape, axis) in [([300, 701], 1), ([101, 1500], 0), ([129, 1024], 1)] {
            assert_eq!(agree(|graph, x| graph.add(Softmax { axis }, &[x]).unwrap(), dtype, &shape, 4.0), 1, "{dtype} {shape:?} {axis}");
            assert_eq!(agree(|graph, x| graph.add(LogSoftmax { axis }, &[x]).unwrap(), dtype, &shape, 6.0), 1, "{dtype} {shape:?} {axis}");
            let sum = |graph: &mut Graph, x| graph.add(LogSumExp { axes: [axis].as_slice().into() }, &[x]).unwrap();
            assert_eq!(agree(sum, dtype, &shape, 4.0), 1, "{dtype} {shape:?} {axis}");
        }
    }
}

#[test]
fn what_is_small_is_not_cut() {
    assert_eq!(agree(|graph, x| graph.add(Softmax { axis: 1 }, &[x]).unwrap(), DType::F32, &[6, 10], 4.0), 0);
}

#[test]
fn centred_rows_are_done_band_by_band_around_what_reads_across() {
    let centred = |graph: &mut Graph, x: Value| {
        let mean = graph.add(Reduce { reduction: Reduction::Mean, axes: [1].as_slice().into() }, &[x]).unwrap();
        let mean = graph.add(damo_graph::op::insert_axis::InsertAxis { axis: 1 }, &[mean]).unwrap();
        graph.apply(&scalar::SUB, &[x, mean]).unwrap()
    };
    // The last reads its operand by columns: at an index of the rows it needs what was stored at others.
    let across = |graph: &mut Graph, x: Value| {
        let sines = graph.apply(&scalar::MAX, &[x, x]).unwrap();
        let rows = centred(graph, sines);
        let columns = graph.add(Transpose { order: [1, 0].as_slice().into() }, &[rows]).unwrap();
        let columns = centred(graph, columns);
        graph.apply(&scalar::ABS, &[columns]).unwrap()
    };
    let finite = |make: &dyn Fn(&mut Graph, Value) -> Value, shape: &[usize]| {
        let clamped = |graph: &mut Graph, x: Value| {
            let (low, high) = (graph.number(DType::F32, -16.0).unwrap(), graph.number(DType::F32, 16.0).unwrap());
            let x = graph.apply(&scalar::MAX, &[x, low]).unwrap();
            let x = graph.apply(&scalar::MIN, &[x, high]).unwrap();
            make(graph, x)
        };
        agree(clamped, DType::F32, shape, 64.0)
    };
    assert_eq!(finite(&centred, &[512, 512]), 1);
    assert!(finite(&across, &[256, 1024]) <= 1);
}

#[test]
fn bands_hold_little_memory_and_are_verified() {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", DType::F32, &[1000, 1000]);
    let y = graph.add(Softmax { axis: 1 }, &[x]).unwrap();
    graph.set_outputs([y]);
    let sizes = damo_graph::Sizes::bind(&graph, &[&[1000, 1000]]).unwrap();
    let plan = Plan::make(&graph, &sizes, &[Layout::contiguous(&[1000, 1000])], &Options::default()).unwrap();
    assert_eq!((plan.arena_bytes(), plan.verify()), (0, Ok(())));
    let Step::Bands(bands) = &plan.steps()[0].step else { panic!("a softmax of this size is done in bands") };
    assert!(bands.own.iter().map(|own| own.bytes).sum::<usize>() < 200_000 && bands.count() > 20, "{bands:?}");
}
