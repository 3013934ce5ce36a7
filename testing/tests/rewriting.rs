//! Rewriting of random programs: results agree within their conditioning, texts parse back, policies and flags hold, and a second
//! time there is nothing to do.

#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]

use damo::prelude::*;
use damo::{AnyArray, EngineChoice, Graph, Policy};
use damo_passes::{Settings, pipeline};
use damo_testing::reference::Decimals;
use damo_testing::rewrites::{Typed, all_rows, truths};
use damo_testing::sensitivity::{Sensitivity, sensitivity};
use damo_testing::strategies::{Formulas, Program, edge_values, formulas, programs};
use ndarray::ArrayD;
use proptest::prelude::*;

/// Numbers of all sizes that exponentials and their quotients still take.
fn usual_values() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![4 => -3.0..3.0f64, 1 => -60.0..60.0f64, 1 => -1e-9..1e-9f64, 1 => prop::sample::select(vec![0.0, 1.0, -1.0, 2.0, 0.5])]
}

/// The program's last few values, and the gradient of the sum of the last.
fn with_gradients<'t, T: Float>(program: &Formulas, tape: &'t Tape) -> (Vec<Tensor<'t, T>>, Vec<Tensor<'t, T>>) {
    let (inputs, computed) = program.trace::<T>(tape);
    let mut outputs: Vec<Tensor<'t, T>> = computed.iter().rev().take(3).copied().collect();
    outputs.extend(outputs[0].sum().grad(or_zero(inputs.clone())));
    (inputs, outputs)
}

fn frozen<T: Float>(program: &Formulas, config: &Config) -> Function<Vec<T>, Vec<T>> {
    let tape = Tape::new();
    let (inputs, outputs) = with_gradients::<T>(program, &tape);
    tape.function(inputs, outputs).freeze(config).unwrap()
}

fn config(engine: EngineChoice, policy: Policy) -> Config {
    Config { engine, policy, verify: true, ..Config::default() }
}

fn typed<T: Float>(program: &Formulas) -> Vec<ArrayD<T>> {
    program.inputs.iter().map(|array| array.mapv(T::from_f64)).collect()
}

/// The rules that fired, each once.
fn fired(graph: &Graph) -> Vec<&'static str> {
    let mut names: Vec<&str> = graph.rewrites().iter().map(|rewrite| rewrite.rule).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// How many roundings of each op, one after another, rewriting may change.
const ROUNDINGS: f64 = 16.0;

/// Where the program as it is written gives a finite number, so does the optimised one, and where nothing on the way overflows or
/// vanishes the two are as close as the program is conditioned.
fn agrees<T: Float>(program: &Formulas, engine: EngineChoice, epsilon: f64) -> Result<(), TestCaseError> {
    let function = frozen::<T>(program, &config(engine, Policy::Stable));
    let arrays = typed::<T>(program);
    let inputs: Vec<AnyArray> = arrays.iter().map(|array| AnyArray::from(array.clone())).collect();
    let optimised = function.call(arrays.iter().collect::<Vec<_>>()).unwrap();
    let Sensitivity { values, moved, is_tame, .. } = sensitivity(function.traced_graph(), &inputs, ROUNDINGS * epsilon).unwrap();
    for (place, ((written, moved), optimised)) in values.iter().zip(&moved).zip(&optimised).enumerate() {
        prop_assert_eq!(written.shape(), optimised.shape());
        for ((&written, &moved), optimised) in written.iter().zip(moved).zip(optimised.iter().map(|x| x.to_f64())) {
            // Where roundings decide whether it is a number at all, or move it by as much as it is, nothing is said of it.
            if !written.is_finite() || moved.is_infinite() || moved > 0.0 && moved >= written.abs() || written == optimised {
                continue;
            }
            let says = || {
                format!(
                    "output {place}: {written:e} as written, {optimised:e} optimised, {moved:e} by conditioning\n{}\n{}\n{}",
                    function.traced_graph().to_text(),
                    function.graph().to_text(),
                    function.graph().explain_rewrites()
                )
            };
            prop_assert!(optimised.is_finite(), "{}", says());
            let allowed = 4.0 * moved + ROUNDINGS * epsilon * written.abs() + f64::MIN_POSITIVE;
            prop_assert!(!is_tame || (written - optimised).abs() <= allowed, "{}", says());
        }
    }
    Ok(())
}

/// Rewriting what was rewritten changes nothing.
fn is_settled(graph: &Graph, settings: &Settings) -> Result<(), TestCaseError> {
    let (again, _) = pipeline::optimise(graph, settings).unwrap();
    let news: Vec<String> = again.rewrites()[graph.rewrites().len()..].iter().map(ToString::to_string).collect();
    let news = news.join("\n");
    prop_assert!(again == *graph, "fired again:\n{news}\n{}\n{}", graph.to_text(), again.to_text());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn optimised_programs_agree_by_meaning(program in formulas(8, usual_values())) {
        agrees::<f64>(&program, EngineChoice::Reference, f64::EPSILON)?;
    }

    #[test]
    fn optimised_programs_agree_on_the_portable_engine(program in formulas(8, usual_values())) {
        agrees::<f64>(&program, EngineChoice::Portable, f64::EPSILON)?;
    }

    #[test]
    fn optimised_programs_agree_in_single_precision(program in formulas(8, usual_values())) {
        agrees::<f32>(&program, EngineChoice::Portable, f64::from(f32::EPSILON))?;
    }

    #[test]
    fn finite_results_stay_finite_at_the_edges(program in formulas(5, edge_values())) {
        agrees::<f64>(&program, EngineChoice::Reference, f64::EPSILON)?;
    }

    #[test]
    fn strict_rewriting_keeps_every_bit(program in formulas(8, edge_values())) {
        // A sum of −0 alone is 0 by its meaning, and −0 by this rule.
        let without = ["reduction_over_one"].into_iter().collect();
        let function = frozen::<f64>(&program, &Config { without, ..config(EngineChoice::Reference, Policy::Strict) });
        let arrays = typed::<f64>(&program);
        let inputs: Vec<AnyArray> = arrays.iter().map(|array| AnyArray::from(array.clone())).collect();
        let written = function.traced_graph().evaluate(&inputs).unwrap();
        let optimised = function.call(arrays.iter().collect::<Vec<_>>()).unwrap();
        for (written, optimised) in written.iter().zip(&optimised) {
            for (written, optimised) in written.to_reals().iter().zip(optimised) {
                let same = written.to_bits() == optimised.to_bits() || written.is_nan() && optimised.is_nan();
                prop_assert!(same, "{:e} as written, {:e} optimised\n{}\n{}\n{}", written, optimised,
                    function.traced_graph().to_text(), function.graph().to_text(), function.graph().explain_rewrites());
            }
        }
    }

    #[test]
    fn optimised_graphs_are_read_back(program in formulas(10, usual_values())) {
        let function = frozen::<f32>(&program, &config(EngineChoice::Reference, Policy::Stable));
        let text = function.graph().to_text();
        let parsed = Graph::parse(&text).unwrap();
        prop_assert_eq!(&parsed, function.graph(), "{}", text);
        prop_assert_eq!(parsed.to_text(), text);
    }

    #[test]
    fn ten_runs_on_any_threads_give_the_same_graph_plan_and_bits(program in formulas(8, usual_values())) {
        let arrays = typed::<f32>(&program);
        let made = |threads| {
            let function = frozen::<f32>(&program, &Config { threads, ..config(EngineChoice::Portable, Policy::Stable) });
            let results = function.call(arrays.iter().collect::<Vec<_>>()).unwrap();
            let bits: Vec<u32> = results.iter().flatten().map(|x| x.to_bits()).collect();
            // Before the plans stand the passes with the time that each took.
            let plans = function.explain().split_once("plan for").map(|(_, plans)| plans.to_owned()).unwrap();
            (function.graph().to_text(), function.graph().explain_rewrites(), plans, bits)
        };
        let first = made(1);
        for run in 1..10 {
            prop_assert_eq!(&made(if run % 2 == 0 { 1 } else { 4 }), &first);
        }
    }

    #[test]
    fn a_second_time_there_is_nothing_to_do(program in formulas(10, usual_values()), policy in prop::sample::select(Policy::ALL.to_vec())) {
        let function = frozen::<f64>(&program, &config(EngineChoice::Reference, policy));
        is_settled(function.graph(), &Settings { policy, ..Settings::default() })?;
    }

    #[test]
    fn nor_in_programs_of_other_ops(program in programs(12)) {
        let Program { inputs, steps } = &program;
        prop_assert!(!inputs.is_empty() && !steps.is_empty());
        let tape = Tape::new();
        let (inputs, computed) = program.trace::<f32>(&tape);
        let cost = computed[computed.len() - 1].sum();
        let mut outputs = vec![cost];
        outputs.extend(cost.grad(or_zero(inputs.clone())));
        let function = tape.function(inputs, outputs).freeze(&Config::default()).unwrap();
        is_settled(function.graph(), &Settings::default())?;
    }

    #[test]
    fn a_rule_that_is_switched_off_does_not_fire(program in formulas(8, usual_values()), which in any::<prop::sample::Index>()) {
        let function = frozen::<f64>(&program, &Config::default());
        let mut named = fired(function.graph());
        named.retain(|&name| name != "fold");
        prop_assume!(!named.is_empty());
        let off = *which.get(&named);
        let config = Config { without: [off].into_iter().collect(), ..Config::default() };
        let without = frozen::<f64>(&program, &config);
        // What a gradient was taken of is rewritten when it is taken, by all rules.
        let given = fired(without.traced_graph());
        let kept: Vec<&str> = without.graph().rewrites()[without.traced_graph().rewrites().len()..].iter().map(|rewrite| rewrite.rule).collect();
        prop_assert!(!kept.contains(&off), "{} fired, and of the tape {:?}", off, given);
    }
}

#[test]
fn every_row_is_settled() {
    fn settled<T: Typed>() {
        let truths = truths().unwrap();
        for row in all_rows() {
            let tape = Tape::new();
            let truth = &truths[row.truth];
            let shape = |input: &Decimals| if let Decimals::Many(elements) = input { vec![elements.len()] } else { Vec::new() };
            let shapes: Vec<Vec<usize>> = truth.witnesses[0].inputs.iter().map(shape).collect();
            let inputs: Vec<Tensor<'_, T>> = shapes.iter().enumerate().map(|(k, shape)| tape.input::<T>(&format!("x{k}"), &shape[..])).collect();
            let value = T::program(&row)(&inputs);
            let mut outputs = vec![value];
            outputs.extend(value.sum().grad(or_zero(inputs.clone())));
            let function = tape.function(inputs, outputs).freeze(&Config::default()).unwrap();
            is_settled(function.graph(), &Settings::default()).unwrap_or_else(|error| panic!("{} {}: {error}", row.id, row.spelling));
        }
    }
    settled::<f64>();
    settled::<f32>();
}

#[test]
fn the_programs_of_the_examples_are_settled() {
    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y) = (tape.input::<f32>("x", (n, 784)), tape.input::<f32>("y", (n,)));
    let (w, b) = (tape.input::<f32>("w", (784,)), tape.input::<f32>("b", ()));
    let p1 = 1.0 / (1.0 + (-(x.dot(w)) - b).exp());
    let xent = -y * p1.ln() - (1.0 - y) * (1.0 - p1).ln();
    let cost = xent.mean() + 0.01 * (w * w).sum();
    let [gw, gb] = cost.grad([w, b]);
    let function = tape.function((x, y, w, b), (p1.gt(0.5), xent, w - 0.1 * gw, b - 0.1 * gb)).freeze(&Config::default()).unwrap();
    is_settled(function.graph(), &Settings::default()).unwrap();

    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y) = (tape.input::<f32>("x", (n, 784)), tape.input::<f32>("y", (n, 10)));
    let weights =
        [("w1", vec![784, 500]), ("b1", vec![500]), ("w2", vec![500, 10]), ("b2", vec![10])].map(|(name, shape)| tape.input::<f32>(name, shape));
    let [w1, b1, w2, b2] = weights;
    let scores = (x.dot(w1) + b1).tanh().dot(w2) + b2;
    let cost = -(y * scores.log_softmax(ndarray::Axis(1))).sum_axis(ndarray::Axis(1)).mean();
    let gradients = cost.grad(weights);
    let mut outputs = vec![cost];
    outputs.extend(weights.into_iter().zip(gradients).map(|(weight, gradient)| weight - 0.5 * gradient));
    let function = tape.function((x, y, w1, b1, w2, b2), outputs).freeze(&Config::default()).unwrap();
    is_settled(function.graph(), &Settings::default()).unwrap();
}

#[test]
fn a_rule_that_does_not_exist_is_refused_with_the_nearest() {
    let error = Config::from_sources(None, Some("without=like_term")).unwrap_err().to_string();
    assert!(error.contains("`like_terms`"), "{error}");
}

#[test]
fn derivatives_are_of_the_stable_form_under_every_policy() {
    for policy in Policy::ALL {
        let tape = Tape::new();
        let x = tape.scalar::<f64>("x");
        let cost = (1.0 + x.exp()).ln();
        let function = tape.function(x, (cost, cost.grad(x))).freeze(&config(EngineChoice::Portable, policy)).unwrap();
        let (value, slope) = function.call(&ndarray::arr0(800.0)).unwrap();
        let expected = if policy == Policy::Strict { f64::INFINITY } else { 800.0 };
        assert_eq!((value[[]], slope[[]]), (expected, 1.0), "{policy}");
    }
}

/// What is deep stays whole: rules that take it apart would call each other as deep as it is.
#[test]
fn parts_of_deep_programs_neither_overflow_the_stack_nor_run_in_circles() {
    for depth in [3, 32, 33, 2000] {
        let tape = Tape::new();
        let (x, y) = (tape.input::<f64>("x", (6, 4)), tape.input::<f64>("y", (4, 5)));
        let chain = |start| (0..depth).fold(start, |value: Tensor<'_, f64>, _| value.sin() + 1.0);
        let conditions = x.gt(0.5);
        let choices = |start| (0..depth).fold(start, |value: Tensor<'_, f64>, _| select(conditions, value.cos(), 0.25 + value));
        let part = chain(x).slice(damo::ndarray::s![2..3, ..;2]);
        let turned = (0..depth).fold(x.dot(y), |value, _| 1.0 - value).t();
        let function = tape.function((x, y), (part, turned, choices(x) + choices(x.exp()))).freeze(&Config::default()).unwrap();
        is_settled(function.graph(), &Settings::default()).unwrap();
        // Two functions each time: 64 are taken apart, and no more.
        let is_taken_first = damo_testing::formula::formula(function.graph()).contains("slice{ranges=[2 by 1; 1, 0 by 2; 2]}(x)");
        assert_eq!(is_taken_first, depth <= 32, "{depth}");
    }
}
