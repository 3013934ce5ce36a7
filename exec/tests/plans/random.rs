//! Random programs: the plan agrees with the meaning bit for bit, whatever is fused, turned and placed.

use damo_exec::Executable;
use damo_graph::op::dot::Dot;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{ABS, ADD, DIV, FLOOR, GT, MAX, MIN, MUL, NEG, SQRT, SUB, Scalar};
use damo_graph::op::slice::{Range, Slice};
use damo_graph::{AnyArray, DType, Dims, Graph, Number, Value};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::judge::{CHECKED, agree, agree_shaken, known};

/// Functions that every engine rounds correctly.
const EXACT: &[&Scalar] = &[&ADD, &SUB, &MUL, &DIV, &MAX, &MIN, &NEG, &ABS, &SQRT, &FLOOR];

/// Adds an op chosen by some numbers, on values chosen by them; nothing where they do not fit.
fn grow(graph: &mut Graph, values: &[Value], [what, first, second]: [usize; 3]) -> Option<Value> {
    let (x, y) = (values[first % values.len()], values[second % values.len()]);
    let dims = graph.ty(x).dims.clone();
    let rank = dims.len();
    match what % 20 {
        place @ 0..10 => {
            let scalar = EXACT[place];
            graph.apply(scalar, &[x, y][..scalar.arity()]).ok()
        }
        10 | 11 => {
            let mask = graph.apply(&GT, &[x, y]).ok()?;
            graph.select(mask, x, y).ok()
        }
        12 | 13 if rank > 1 => graph.transpose(x, &(0..rank).rev().collect::<Vec<_>>()).ok(),
        14 if rank > 0 => graph.reduce(Reduction::Max, x, &[second % rank]).ok(),
        15 if rank > 0 => {
            let most = graph.reduce(Reduction::Min, x, &[second % rank]).ok()?;
            graph.insert_axis(most, second % rank).ok()
        }
        16 => {
            let to: Dims = [dims.count()].into_iter().collect();
            graph.reshape(x, &to).ok()
        }
        17 => {
            let ranges = dims.iter().map(|dim| Range { start: dim.clone() - 1, step: -1, length: dim.clone() }).collect();
            graph.add(Slice { ranges }, &[x]).ok()
        }
        18 if rank == 2 => {
            let floored = graph.apply(&FLOOR, &[x]).ok()?;
            let eight = graph.number(graph.ty(x).dtype, 8.0).ok()?;
            let small = graph.apply(&MIN, &[floored, eight]).ok()?;
            let low = graph.apply(&NEG, &[eight]).ok()?;
            let small = graph.apply(&MAX, &[small, low]).ok()?;
            let product = graph.add(Dot { batch: [].as_slice().into(), contract: [(1, 1)].as_slice().into() }, &[small, small]).ok()?;
            // A factor or an addend would become part of the product, and round otherwise: `products_random` is about those.
            graph.apply(&FLOOR, &[product]).ok()
        }
        _ => graph.broadcast(x, &[2, 3, 4].into_iter().collect()).ok(),
    }
}

fn program(dtype: DType, choices: &[[usize; 3]], outputs: usize) -> Graph {
    let mut graph = Graph::new();
    let mut values = vec![known(&mut graph, "x", dtype, &[3, 4]), known(&mut graph, "y", dtype, &[4]), known(&mut graph, "z", dtype, &[2, 3, 1])];
    values.push(graph.number(dtype, 1.5).unwrap());
    for &choice in choices {
        values.extend(grow(&mut graph, &values, choice).filter(|&value| graph.ty(value).dims.count().known() < Some(500)));
    }
    graph.set_outputs(values.iter().rev().take(outputs).copied());
    graph
}

/// Finite numbers of all sizes, and zeros of both signs.
fn numbers(dtype: DType, shape: &'static [usize]) -> impl Strategy<Value = AnyArray> {
    let number = prop_oneof![Just(0.0), Just(-0.0), -4.0..4.0f64, (-100i32..100).prop_map(f64::from)];
    proptest::collection::vec(number, shape.iter().product::<usize>())
        .prop_map(move |numbers| AnyArray::from_numbers(dtype, shape, numbers.into_iter().map(Number::Real)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn plans_agree_with_meaning(
        dtype in prop_oneof![Just(DType::F64), Just(DType::F32)],
        choices in proptest::collection::vec([0usize..20, 0usize..40, 0usize..40], 0..25),
        outputs in 1usize..4,
        seed in any::<u64>(),
    ) {
        let graph = program(dtype, &choices, outputs);
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(
            ProptestConfig::default(),
            proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::XorShift, &[seed.to_le_bytes(), (!seed).to_le_bytes()].concat()),
        );
        let mut array = |shape| numbers(dtype, shape).new_tree(&mut runner).unwrap().current();
        let (x, y, z) = (array(&[3, 4]), array(&[4]), array(&[2, 3, 1]));
        agree(&graph, &[&x, &y, &z], 0.0);
        agree_shaken(&graph, &[&x, &y, &z], 0.0, [seed, !seed]);
        // The same program gives the same plan.
        let text = || Executable::new(program(dtype, &choices, outputs), CHECKED).unwrap().plan(&[&x, &y, &z]).unwrap().explain(&graph);
        prop_assert_eq!(text(), text());
    }
}
