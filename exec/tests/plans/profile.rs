//! Calls that are measured, without a facade: the plan is that of plain calls, and each call counts.

use std::time::Duration;

use damo_exec::{Engine, Executable, Options, Watch};
use damo_graph::op::dot::Dot;
use damo_graph::op::softmax::Softmax;
use damo_graph::{AnyArray, DType, ErrorKind, Graph, Number};

use super::judge::{CHECKED, input};

/// The softmax of the rows of `x.dot(x.t())`.
fn program(options: Options) -> Executable {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", DType::F32, &[2, 2]);
    let product = graph.add(Dot { batch: [].as_slice().into(), contract: [(1, 1)].as_slice().into() }, &[x, x]).unwrap();
    let y = graph.add(Softmax { axis: 1 }, &[product]).unwrap();
    graph.set_outputs([y]);
    Executable::new(graph, options).unwrap()
}

fn array(rows: usize) -> AnyArray {
    AnyArray::from_numbers(DType::F32, &[rows, 20], (0..rows * 20).map(|k| Number::Real((k as f64 * 0.37).sin()))).unwrap()
}

#[test]
fn measured_calls_run_the_plan_of_plain_ones() {
    for (engine, threads) in [(Engine::Native, 1), (Engine::Native, 2), (Engine::Portable, 2)] {
        let [plain, measured] = [Watch::Off, Watch::Profile].map(|watch| program(Options { engine, threads, watch, ..CHECKED }));
        for rows in [300, 30] {
            let x = array(rows);
            let text = |executable: &Executable| executable.plan(&[&x]).unwrap().explain(executable.graph());
            assert_eq!(text(&plain), text(&measured));
            for _ in 0..2 {
                assert_eq!(plain.call(&[&x]).unwrap(), measured.call(&[&x]).unwrap());
            }
        }
        let profile = measured.profile().unwrap();
        assert_eq!((profile.calls, profile.plans_made, profile.plans_found, profile.threads), (4, 2, 2, threads));
        let parts: Vec<usize> = profile.plans.iter().map(|plan| plan.steps.iter().map(|step| step.parts.len()).sum()).collect();
        assert!(parts[0] > 1 && parts[1] == 0, "only rows of large matrices are done in bands: {parts:?}");
        assert!(profile.phases.steps > Duration::ZERO && profile.phases.waiting == Duration::ZERO);
    }
}

#[test]
fn plain_calls_have_no_profile() {
    let executable = program(CHECKED);
    executable.call(&[&array(3)]).unwrap();
    assert_eq!(executable.profile().unwrap_err().kind(), ErrorKind::Config);
}
