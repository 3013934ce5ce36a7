//! Random programs: their text parses back, rewriting keeps what they compute, engines agree within the ops' accuracy, and ten runs give the same graph and plan.

use damo::prelude::*;
use damo::{AnyArray, EngineChoice, Graph, Policy};
use damo_testing::strategies::{Program, programs};
use ndarray::ArrayD;
use proptest::prelude::*;

/// The program's graph, with its last few values and the gradient of their sum as outputs.
fn with_gradients<'t, T: Float>(program: &Program, tape: &'t Tape) -> (Vec<Tensor<'t, T>>, Vec<Tensor<'t, T>>) {
    let (inputs, computed) = program.trace::<T>(tape);
    let mut outputs: Vec<Tensor<'t, T>> = computed.iter().rev().take(3).copied().collect();
    let cost = outputs.iter().skip(1).fold(outputs[0].sum(), |cost, output| cost + output.sum());
    outputs.extend(cost.grad(or_zero(inputs.clone())));
    (inputs, outputs)
}

fn config(engine: EngineChoice) -> Config {
    Config { engine, verify: true, ..Config::default() }
}

fn run<T: Float>(program: &Program, engine: EngineChoice) -> damo::Result<Vec<ArrayD<T>>> {
    let tape = Tape::new();
    let (inputs, outputs) = with_gradients::<T>(program, &tape);
    let function = tape.function(inputs, outputs).freeze(&config(engine))?;
    let arrays: Vec<ArrayD<T>> = program.inputs.iter().map(|array| array.mapv(T::from_f64)).collect();
    function.call(arrays.iter().collect::<Vec<_>>())
}

/// The largest finite number among arrays, or 1.
fn largest(arrays: &[ArrayD<f64>]) -> f64 {
    arrays.iter().flatten().filter(|x| x.is_finite()).fold(1.0, |largest: f64, x| largest.max(x.abs()))
}

/// Everything that the program computes, by the meaning of its ops, to know how large numbers get on the way.
fn intermediate(program: &Program) -> damo::Result<Vec<ArrayD<f64>>> {
    let tape = Tape::new();
    let (inputs, computed) = program.trace::<f64>(&tape);
    let function = tape.function(inputs, computed).freeze(&config(EngineChoice::Reference))?;
    function.call(program.inputs.iter().collect::<Vec<_>>())
}

/// The engines that users run.
fn fast_engines() -> impl Strategy<Value = EngineChoice> {
    prop::sample::select(vec![EngineChoice::Native, EngineChoice::Portable])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn text_parses_back_to_an_equal_graph(program in programs(12)) {
        let tape = Tape::new();
        let (inputs, outputs) = with_gradients::<f32>(&program, &tape);
        let graph = tape.function(inputs, outputs).graph().unwrap();
        let text = graph.to_text();
        let parsed = Graph::parse(&text).unwrap();
        prop_assert_eq!(&parsed, &graph, "{}", text);
        prop_assert_eq!(parsed.to_text(), text);
    }

    #[test]
    fn engines_agree_with_the_reference(program in programs(12), engine in fast_engines()) {
        let reference = run::<f64>(&program, EngineChoice::Reference).unwrap();
        let fast = run::<f64>(&program, engine).unwrap();
        // Errors of each op, relative to the largest number, grow by at most that number per step of a product; see `Program::trace`.
        let size = largest(&intermediate(&program).unwrap()).max(largest(&reference));
        let allowed = program.ulps() * f64::EPSILON * size * size;
        for (k, (reference, fast)) in reference.iter().zip(&fast).enumerate() {
            prop_assert_eq!(reference.shape(), fast.shape());
            for (r, p) in reference.iter().zip(fast) {
                let agree = r == p || (r.is_nan() && p.is_nan()) || (r - p).abs() <= allowed;
                prop_assert!(agree, "output {}: {:e} by meaning, {:e} by the {} engine; {:e} allowed", k, r, p, engine.name(), allowed);
            }
        }
    }

    #[test]
    fn what_is_rewritten_computes_what_was_written(program in programs(12), policy in prop::sample::select(Policy::ALL.to_vec())) {
        let tape = Tape::new();
        let (inputs, outputs) = with_gradients::<f64>(&program, &tape);
        let function = tape.function(inputs, outputs).freeze(&Config { policy, ..config(EngineChoice::Reference) }).unwrap();
        let arrays: Vec<AnyArray> = program.inputs.iter().cloned().map(AnyArray::from).collect();
        let [written, optimised] = [function.traced_graph(), function.graph()].map(|graph| graph.evaluate(&arrays).unwrap());
        let reals = |arrays: &[AnyArray]| arrays.iter().map(AnyArray::to_reals).collect::<Vec<_>>();
        let (written, optimised) = (reals(&written), reals(&optimised));
        let size = largest(&intermediate(&program).unwrap()).max(largest(&written));
        let allowed = program.ulps() * f64::EPSILON * size * size;
        for (k, (written, optimised)) in written.iter().zip(&optimised).enumerate() {
            prop_assert_eq!(written.shape(), optimised.shape());
            for (w, o) in written.iter().zip(optimised) {
                let agree = w == o || (w.is_nan() && o.is_nan()) || (w - o).abs() <= allowed;
                prop_assert!(agree, "output {}: {:e} as written, {:e} optimised; {:e} allowed\n{}\n{}", k, w, o, allowed,
                    function.traced_graph().to_text(), function.graph().to_text());
            }
        }
    }

    #[test]
    fn engines_agree_in_single_precision(program in programs(8), engine in fast_engines()) {
        let exact = run::<f64>(&program, EngineChoice::Reference).unwrap();
        let fast = run::<f32>(&program, engine).unwrap();
        let reference = run::<f32>(&program, EngineChoice::Reference).unwrap();
        let size = largest(&intermediate(&program).unwrap()).max(largest(&exact));
        let allowed = program.ulps() * f64::from(f32::EPSILON) * size * size;
        for (reference, fast) in reference.iter().zip(&fast) {
            for (r, p) in reference.iter().zip(fast) {
                let agree = r == p || (r.is_nan() && p.is_nan()) || f64::from((r - p).abs()) <= allowed;
                prop_assert!(agree, "{:e} by meaning, {:e} by the {} engine; {:e} allowed", r, p, engine.name(), allowed);
            }
        }
    }

    #[test]
    fn ten_runs_give_the_same_graph_plan_and_bits(program in programs(10), engine in fast_engines()) {
        let made = || {
            let tape = Tape::new();
            let (inputs, outputs) = with_gradients::<f32>(&program, &tape);
            let function = tape.function(inputs, outputs).freeze(&config(engine)).unwrap();
            let arrays: Vec<ArrayD<f32>> = program.inputs.iter().map(|array| array.mapv(|x| x as f32)).collect();
            let results = function.call(arrays.iter().collect::<Vec<_>>()).unwrap();
            let bits: Vec<u32> = results.iter().flatten().map(|x| x.to_bits()).collect();
            // Before the plans stand the passes with the time that each took.
            let plans = function.explain().split_once("plan for").map(|(_, plans)| plans.to_owned()).unwrap();
            (function.graph().to_text(), plans, bits)
        };
        let first = made();
        for _ in 1..10 {
            prop_assert_eq!(&made(), &first);
        }
    }
}
