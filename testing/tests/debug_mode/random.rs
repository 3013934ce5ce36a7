//! Random programs in debug mode.

use std::time::Instant;

use damo::DType;
use damo::debug::Finding;
use damo::prelude::*;
use damo_exec::array::Argument;
use damo_exec::{Executable, Options, Watch};
use damo_testing::strategies::{Graphs, RandomGraph, edge_values, formulas, programs};
use ndarray::ArrayD;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::{faults, quiet};

/// Looks at so many programs of a kind, unless the environment says how many, and fails with all that is found.
fn each<S: Strategy>(kind: &str, cases: usize, strategy: S, check: impl Fn(&S::Value) -> Vec<String>) {
    let from_env = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = from_env("PROPTEST_CASES").map_or(cases, |cases| cases as usize);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&from_env("PROPTEST_RNG_SEED").unwrap_or(1).to_le_bytes());
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let start = Instant::now();
    let (mut found, mut bad) = (Vec::new(), 0);
    for case in 0..cases {
        let program = strategy.new_tree(&mut runner).unwrap().current();
        let all = check(&program);
        bad += usize::from(!all.is_empty());
        found.extend(all.into_iter().map(|fault| format!("case {case}: {fault}\n{program:?}")));
    }
    let each = start.elapsed().as_secs_f64() * 1e3 / cases.max(1) as f64;
    println!("{kind}: {cases} programs, {each:.1} ms each, {bad} with findings");
    let shown: Vec<String> = found.iter().take(40).cloned().collect();
    assert!(found.is_empty(), "{bad} of {cases} programs with {} findings\n{}", found.len(), shown.join("\n\n"));
}

/// The last few of what a program computes and a gradient, in debug mode on two sets of numbers.
fn traced<T: Float>(
    config: &Config,
    inputs: &[ArrayD<f64>],
    trace: impl for<'t> Fn(&'t Tape) -> (Vec<Tensor<'t, T>>, Vec<Tensor<'t, T>>),
) -> Vec<String> {
    let tape = Tape::new();
    let (tensors, computed) = trace(&tape);
    let mut outputs: Vec<Tensor<'_, T>> = computed.iter().rev().take(3).copied().collect();
    outputs.extend(outputs[0].sum().grad(or_zero(tensors.clone())));
    let function = tape.function(tensors, outputs).freeze(config).unwrap();
    for factor in [1.0, -0.75] {
        let arrays: Vec<ArrayD<T>> = inputs.iter().map(|array| array.mapv(|x| T::from_f64(factor * x))).collect();
        function.call(arrays.iter().collect::<Vec<_>>()).unwrap();
    }
    faults(&function.findings())
}

#[test]
fn random_programs_have_no_findings() {
    let config = quiet();
    each("programs in f64", 150, programs(12), |program| traced::<f64>(&config, &program.inputs, |tape| program.trace(tape)));
    each("programs in f32", 150, programs(12), |program| traced::<f32>(&config, &program.inputs, |tape| program.trace(tape)));
}

fn usual_values() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![4 => -3.0..3.0f64, 1 => -60.0..60.0f64, 1 => -1e-9..1e-9f64, 1 => prop::sample::select(vec![0.0, 1.0, -1.0, 2.0, 0.5])]
}

#[test]
fn random_formulas_have_no_findings() {
    let config = quiet();
    each("formulas in f64", 150, formulas(10, usual_values()), |program| traced::<f64>(&config, &program.inputs, |tape| program.trace(tape)));
    each("formulas in f32", 150, formulas(10, usual_values()), |program| traced::<f32>(&config, &program.inputs, |tape| program.trace(tape)));
}

#[test]
fn random_formulas_of_edge_values_have_no_findings() {
    let config = quiet();
    each("formulas of edges in f64", 150, formulas(8, edge_values()), |program| traced::<f64>(&config, &program.inputs, |tape| program.trace(tape)));
}

#[test]
fn random_formulas_of_edge_values_in_f32_have_no_findings() {
    let config = quiet();
    each("formulas of edges in f32", 150, formulas(8, edge_values()), |program| traced::<f32>(&config, &program.inputs, |tape| program.trace(tape)));
}

/// A graph as it is and rewritten, both under watch.
fn untraced(random: &RandomGraph) -> Vec<String> {
    let config = quiet();
    let inputs: Vec<&dyn Argument> = random.arrays.iter().map(|array| array as &dyn Argument).collect();
    let run = |executable: &Executable| -> Vec<Finding> {
        // What is refused is refused by the meaning as well.
        if let Err(error) = executable.call(&inputs) {
            assert!(random.graph.evaluate(&random.arrays).is_err(), "{error}\n{}", random.graph.to_text());
        }
        executable.findings()
    };
    let options = Options { watch: Watch::Debug { every: 1, raises: false, cuts_down: true }, verify: true, ..Options::default() };
    let written = run(&Executable::new(random.graph.clone(), options).unwrap());
    let rewritten = damo::debug::executable(&random.graph, &config).map(|executable| run(&executable)).unwrap_or_default();
    let text = random.graph.to_text();
    faults(&written).into_iter().chain(faults(&rewritten)).map(|fault| format!("{fault}\nin {text}")).collect()
}

#[test]
fn random_graphs_of_all_types_have_no_findings() {
    each("graphs", 150, Graphs::default().strategy(), untraced);
}

#[test]
fn random_graphs_of_half_precision_have_no_findings() {
    let dtypes = vec![DType::F16, DType::BF16, DType::F32];
    each("graphs of halves", 150, Graphs { dtypes, ..Graphs::default() }.strategy(), untraced);
}

#[test]
fn random_graphs_of_integers_and_truth_values_have_no_findings() {
    let dtypes = vec![DType::I64, DType::I32, DType::U8, DType::Bool];
    each("graphs of integers", 150, Graphs { dtypes, ..Graphs::default() }.strategy(), untraced);
}
