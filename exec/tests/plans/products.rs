//! Products that scale themselves and add: which spellings become one step, that no product is computed twice, and that the values are right.

use damo_exec::layout::Layout;
use damo_exec::step::{Contraction, Step};
use damo_exec::{Argument, Plan};
use damo_graph::op::scalar::DIV;
use damo_graph::{AnyArray, DType, Graph, Sizes};
use ndarray::{Array2, arr2};

use crate::formula::{Tape, Tensor};
use crate::judge::{CHECKED, agree, whole};

/// The plan for inputs without gaps.
fn plan(graph: &Graph) -> Plan {
    let layouts: Vec<Layout> = graph.inputs().iter().map(|&node| Layout::contiguous(&graph.node(node).types()[0].dims.known().unwrap())).collect();
    Plan::make(graph, &Sizes::default(), &layouts, &CHECKED).unwrap()
}

fn products(plan: &Plan) -> Vec<&Contraction> {
    plan.steps().iter().filter_map(|step| if let Step::Contract(product) = &step.step { Some(product) } else { None }).collect()
}

/// How many products and how many nests a plan has; it has nothing else.
fn counts(graph: &Graph) -> (usize, usize) {
    let plan = plan(graph);
    let nests = plan.steps().iter().filter(|step| matches!(step.step, Step::Nest(_))).count();
    assert_eq!(products(&plan).len() + nests, plan.steps().len());
    (products(&plan).len(), nests)
}

/// Demands so many products and nests, and on whole numbers, where every order of exact sums is right, the bits of the meaning.
#[track_caller]
fn has(graph: &Graph, expected: (usize, usize)) -> String {
    let text = plan(graph).explain(graph);
    assert_eq!(counts(graph), expected, "{text}");
    let types = graph.inputs().iter().map(|&node| &graph.node(node).types()[0]);
    let arrays: Vec<AnyArray> = types.map(|ty| whole(ty.dtype, &ty.dims.known().unwrap())).collect();
    agree(graph, &arrays.iter().map(|array| array as &dyn Argument).collect::<Vec<_>>(), 0.0);
    text
}

/// A sum of `z: [m, n]` and the product of `x: [m, k]` and `y: [k, n]`.
type Spelling = for<'t> fn(Tensor<'t>, Tensor<'t>, Tensor<'t>) -> Tensor<'t>;

/// Spellings of `alpha · x · y + beta · z`.
const SPELLINGS: &[(Spelling, f64, f64)] = &[
    (|z, x, y| z + x.dot(y), 1.0, 1.0),
    (|z, x, y| x.dot(y) + z, 1.0, 1.0),
    (|z, x, y| z - x.dot(y), -1.0, 1.0),
    (|z, x, y| x.dot(y) - z, 1.0, -1.0),
    (|z, x, y| 0.5 * z + 4.0 * x.dot(y), 4.0, 0.5),
    (|z, x, y| x.dot(y) * 4.0 + z * 0.5, 4.0, 0.5),
    (|z, x, y| 0.5 * z - 4.0 * x.dot(y), -4.0, 0.5),
    (|z, x, y| x.dot(y) * 4.0 - z * 0.5, 4.0, -0.5),
    (|z, x, y| z - 2.0 * x.dot(y), -2.0, 1.0),
    (|z, x, y| 2.0 * z - x.dot(y), -1.0, 2.0),
    (|z, x, y| (2.0 * (2.0 * z)) + (0.25 * x.dot(y)) * 2.0, 0.5, 4.0),
    (|z, x, y| -x.dot(y) + z / 4.0, -1.0, 0.25),
    (|z, x, y| -(z - x.dot(y) / 8.0), 0.125, -1.0),
    (|z, x, y| 0.5 * (x.dot(y) + z), 0.5, 0.5),
    (|z, x, y| z + y.t().dot(x.t()).t(), 1.0, 1.0),
    (|z, x, y| (z.t() + x.dot(y).t()).t(), 1.0, 1.0),
    (|z, x, y| (0.5 * z.t() + 4.0 * y.t().dot(x.t())).t(), 4.0, 0.5),
    (|z, x, y| -(-z).t().t() - (2.0 * x.dot(y).t()).t(), -2.0, 1.0),
    (|z, x, y| z + x.dot(y) + z, 1.0, 2.0),
    (|z, x, y| (z + z) + x.dot(y), 1.0, 2.0),
    (|z, x, y| 0.5 * (x.dot(y) + z) + z, 0.5, 1.5),
    (|z, x, y| 0.5 * z - 4.0 * (2.0 * x.dot(y) + 0.25 * z), -8.0, -0.5),
    // Here half of z is one value with two readers.
    (|z, x, y| 0.5 * z - 4.0 * (2.0 * x.dot(y) + 0.5 * z), -8.0, -1.5),
];

#[test]
fn a_product_that_adds_is_one_step_however_it_is_spelt() {
    let lengths = [[7, 5, 6], [1, 5, 6], [7, 5, 1], [1, 5, 1], [7, 1, 6], [1, 1, 1], [7, 0, 6], [0, 5, 6], [7, 5, 0], [40, 33, 35]];
    for (place, (spelling, alpha, beta)) in SPELLINGS.iter().enumerate() {
        for (dtype, [m, k, n]) in lengths.iter().flat_map(|&lengths| [(DType::F32, lengths), (DType::F64, lengths)]) {
            let tape = Tape::default();
            let (z, x, y) = (tape.input("z", dtype, &[m, n]), tape.input("x", dtype, &[m, k]), tape.input("y", dtype, &[k, n]));
            let sum = spelling(z, x, y).value();
            let graph = tape.graph(vec![sum]);
            // Where nothing is summed the step is a nest.
            let (is_there, is_nest) = (m * n > 0, k == 1);
            let text = has(&graph, (usize::from(is_there && !is_nest), usize::from(is_there && is_nest)));
            for product in products(&plan(&graph)) {
                assert_eq!((product.alpha, product.addend.map(|addend| addend.beta)), (*alpha, Some(*beta)), "spelling {place}: {text}");
            }
        }
    }
}

#[test]
fn a_product_that_is_only_scaled_is_one_step() {
    type Scaling = for<'t> fn(Tensor<'t>, &'t Tape) -> Tensor<'t>;
    let spellings: &[(Scaling, f64)] = &[
        (|d, _| 0.5 * d, 0.5),
        (|d, _| -d, -1.0),
        (|d, _| d / 4.0, 0.25),
        (|d, _| d + d, 2.0),
        (|d, _| -((2.0 * d).t() / 8.0), -0.25),
        // The factor is computed from numbers, as that of a mean is.
        (|d, tape| 2.0 * (d * tape.number(DType::F32, 1.0).apply(&DIV, &[tape.number(DType::F32, 8.0)])), 0.25),
    ];
    for (spelling, alpha) in spellings {
        let tape = Tape::default();
        let scaled = spelling(tape.input("x", DType::F32, &[7, 5]).dot(tape.input("y", DType::F32, &[5, 6])), &tape).value();
        let graph = tape.graph(vec![scaled]);
        has(&graph, (1, 0));
        assert_eq!((products(&plan(&graph))[0].alpha, products(&plan(&graph))[0].addend), (*alpha, None));
    }
}

#[test]
fn of_several_products_each_adds_to_the_one_before() {
    let turned = |z: Tensor<'_>, x: Tensor<'_>, y: Tensor<'_>, r: Tensor<'_>| (0.5 * z + 2.0 * x.dot(y) + 4.0 * r.dot(y).t()).value();
    let tape = Tape::default();
    let [z, x, y, r] = ["z", "x", "y", "r"].map(|name| tape.input(name, DType::F64, &[6, 6]));
    let sum = turned(z, x, y, r);
    let graph = tape.graph(vec![sum]);
    has(&graph, (2, 0));
    assert_eq!((plan(&graph).arena_bytes(), plan(&graph).steps()[1].in_place.len()), (0, 1));
    for from_the_right in [false, true] {
        let tape = Tape::default();
        let inputs: Vec<Tensor<'_>> = (0..7).map(|place| tape.input(&format!("x{place}"), DType::F32, &[4, 4])).collect();
        let terms = inputs.windows(2).map(|pair| pair[0].dot(pair[1]));
        let sum = if from_the_right { terms.rev().reduce(|sum, term| term + sum) } else { terms.reduce(|sum, term| sum + term) };
        let sum = sum.unwrap().value();
        let graph = tape.graph(vec![sum]);
        let text = has(&graph, (6, 0));
        assert_eq!((plan(&graph).arena_bytes(), text.matches("in place").count()), (0, 5), "{text}");
    }
}

/// Demands so many products and nests of a program on `z, x, y: [6, 6]`. Gives the plan as text.
#[track_caller]
fn keeps(expected: (usize, usize), program: for<'t> fn(Tensor<'t>, Tensor<'t>, Tensor<'t>) -> Vec<Tensor<'t>>) -> String {
    let tape = Tape::default();
    let [z, x, y] = ["z", "x", "y"].map(|name| tape.input(name, DType::F64, &[6, 6]));
    let outputs = program(z, x, y).into_iter().map(Tensor::value).collect();
    has(&tape.graph(outputs), expected)
}

#[test]
fn a_shared_product_is_computed_once() {
    keeps((1, 1), |z, x, y| vec![x.dot(y) + z, x.dot(y)]);
    keeps((1, 2), |z, x, y| vec![x.dot(y) + z, x.dot(y) - z]);
    keeps((1, 2), |_, x, y| {
        let sum = x.dot(y) + x.dot(y).t();
        vec![sum * sum + (sum * sum).t()]
    });
    // Each of a chain is read by the next and by an output, but for the last.
    keeps((4, 6), |z, x, y| {
        let mut last = x;
        let step = |_| {
            let d = last.dot(y);
            last = 0.25 * d;
            d + z
        };
        (0..4).map(step).collect()
    });
}

#[test]
fn what_is_not_a_factor_or_an_addend_stays_a_nest() {
    // A factor that is an array; a second addend.
    keeps((1, 1), |z, x, y| vec![x.dot(y) * z]);
    keeps((1, 1), |z, x, y| vec![x.dot(y) + z + x]);
    // Factors of 0 would hide what is not a number.
    keeps((1, 1), |_, x, y| vec![0.0 * x.dot(y)]);
    keeps((1, 1), |_, x, y| vec![x.dot(y) - x.dot(y)]);
    keeps((1, 1), |z, x, y| vec![x.dot(y) - z + z]);
    keeps((1, 1), |z, x, y| vec![x.dot(y) + 0.0 * z]);
}

#[test]
fn a_sum_that_is_read_on_goes_into_its_reader() {
    keeps((1, 1), |z, x, y| vec![z * (z + 2.0 * x.dot(y))]);
    keeps((1, 1), |z, x, y| vec![z + x.dot(y), z * (z + x.dot(y))]);
}

#[test]
fn memory_is_taken_only_from_an_addend_that_nobody_needs() {
    // What stands before the addend writes to the output, and the product adds to that.
    let text = keeps((1, 1), |z, x, y| vec![z * z + x - x.dot(y)]);
    assert!(text.contains("in place") && text.contains("arena 0 bytes"), "{text}");
    assert!(keeps((2, 1), |z, x, y| vec![(z * z + x.dot(y)).dot(x)]).contains("in place"));
    // Here the addend is a factor too, is read afterwards, or lies in another order.
    assert!(!keeps((2, 1), |z, x, y| vec![(z * z + (z * z).dot(y)).dot(x)]).contains("in place"));
    assert!(!keeps((2, 1), |z, x, y| vec![(z * z + x.dot(y)).dot(z * z)]).contains("in place"));
    assert!(!keeps((2, 1), |z, x, y| vec![((z * z).t() + x.dot(y)).dot(x)]).contains("in place"));
    assert!(!keeps((1, 1), |z, x, y| vec![z * z + x.dot(y), z * z]).contains("in place"));
}

#[test]
fn an_update_is_one_step_without_memory() {
    let tape = Tape::default();
    let (w, x, g) = (tape.input("w", DType::F32, &[9, 8]), tape.input("x", DType::F32, &[5, 9]), tape.input("g", DType::F32, &[5, 8]));
    let updated = (0.998 * w - 0.1 * x.t().dot(g)).value();
    let graph = tape.graph(vec![updated]);
    let text = plan(&graph).explain(&graph);
    assert_eq!((counts(&graph), plan(&graph).arena_bytes()), ((1, 0), 0), "{text}");
    assert!(text.contains("f32 -0.1 times [9, 5] %1 by [1, 9] by [5, 8] %2 by [8, 1] plus 0.998 times [9, 8] %0 by [8, 1] to [9, 8]"), "{text}");
}

#[test]
fn stretched_addends_and_batches_are_absorbed() {
    for dtype in [DType::F32, DType::F64] {
        let tape = Tape::default();
        let sum = tape.input("x", dtype, &[7, 5]).dot(tape.input("y", dtype, &[5, 6])) + tape.input("b", dtype, &[6]);
        let sum = sum.value();
        has(&tape.graph(vec![sum]), (1, 0));
        let tape = Tape::default();
        let (x, y, z) = (tape.input("x", dtype, &[3, 7, 5]), tape.input("y", dtype, &[3, 5, 6]), tape.input("z", dtype, &[3, 6, 7]));
        let sum = (z.t() - 2.0 * x.product(y, &[(0, 0)])).value();
        has(&tape.graph(vec![sum]), (1, 0));
        let tape = Tape::default();
        let (x, y, z) = (tape.input("x", dtype, &[5]), tape.input("y", dtype, &[5]), tape.input("z", dtype, &[]));
        let sum = (2.0 * x.dot(y) - z).value();
        has(&tape.graph(vec![sum]), (1, 0));
    }
    // A scalar product that is stretched over an array is not its addend.
    let tape = Tape::default();
    let sum = (tape.input("z", DType::F64, &[4]) + tape.input("x", DType::F64, &[5]).dot(tape.input("y", DType::F64, &[5]))).value();
    has(&tape.graph(vec![sum]), (1, 1));
}

#[test]
fn what_is_not_finite_gets_through() {
    for [m, k, n] in [[3, 4, 3], [3, 0, 3], [3, 4, 1], [1, 4, 3], [1, 4, 1], [3, 1, 3]] {
        let tape = Tape::default();
        let (z, x, y) = (tape.input("z", DType::F64, &[m, n]), tape.input("x", DType::F64, &[m, k]), tape.input("y", DType::F64, &[k, n]));
        let sum = (-2.0 * z + 0.5 * x.dot(y)).value();
        let graph = tape.graph(vec![sum]);
        let edges = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0];
        let filled = |shape: [usize; 2], start: usize| Array2::from_shape_fn(shape, |(i, j)| edges[(start + 2 * i + j) % 5]);
        let plain = |shape: [usize; 2]| Array2::from_elem(shape, 1.0);
        agree(&graph, &[&filled([m, n], 0), &plain([m, k]), &plain([k, n])], 0.0);
        agree(&graph, &[&plain([m, n]), &filled([m, k], 1), &plain([k, n])], 0.0);
        agree(&graph, &[&filled([m, n], 1), &filled([m, k], 2), &plain([k, n])], 0.0);
    }
}

#[test]
fn factors_that_leave_the_dtype_are_left_alone() {
    // 1e30 · 1e30 is not an f32, and 1e-30 · 1e-30 is 0 there; one after the other they are harmless.
    for (factor, x) in [(1e30, 1e-30f32), (1e-30, 1e30)] {
        let tape = Tape::default();
        let d = tape.input("x", DType::F32, &[2, 2]).dot(tape.input("y", DType::F32, &[2, 2]));
        let scaled = (factor * (factor * d)).value();
        let graph = tape.graph(vec![scaled]);
        agree(&graph, &[&arr2(&[[x, 0.0], [0.0, x]]), &arr2(&[[1.0f32, 2.0], [3.0, 4.0]])], 0.0);
    }
}
