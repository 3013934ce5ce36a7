//! The one driver of passes: checks their order, runs them, verifies what they build, and keeps a record.

use std::time::Instant;

use damo_graph::{Error, ErrorKind, Graph, Result};

use crate::pass::{Form, Pass};
use crate::settings::Settings;
use crate::stages::{Stage, Trace};

/// Runs passes in order on a graph as it was recorded, and gives the last graph and the record of what happened.
///
/// Refuses passes in a wrong order before the first one runs. Where [`Settings::verifies`], the given graph and every
/// pass's result are verified, and a pass that changes the inputs or the types of the outputs is named.
pub fn run(graph: &Graph, passes: &[Pass], settings: &Settings) -> Result<(Graph, Trace)> {
    check_order(passes, Form::Traced)?;
    if settings.verifies() {
        graph.verify()?;
    }
    let mut trace = Trace { given: settings.texts.then(|| graph.to_text()), stages: Vec::with_capacity(passes.len()) };
    let mut latest: Option<Graph> = None;
    for pass in passes {
        let current = latest.as_ref().unwrap_or(graph);
        let start = Instant::now();
        let next = (pass.run)(current, settings)?;
        let time = start.elapsed();
        if settings.verifies() {
            verify(pass, current, &next)?;
        }
        let text = settings.texts.then(|| next.to_text());
        trace.stages.push(Stage { pass: pass.name, nodes_before: current.len(), nodes_after: next.len(), time, text });
        latest = Some(next);
    }
    Ok((latest.unwrap_or_else(|| graph.clone()), trace))
}

/// Refuses passes of which one needs a form that the passes before it do not give.
pub fn check_order(passes: &[Pass], given: Form) -> Result<()> {
    let mut form = given;
    let mut giver = "the graph given";
    for pass in passes {
        if form < pass.needs {
            return Err(Error::new(ErrorKind::Verify, format!("the pass `{}` comes too early", pass.name))
                .explain(format!("it needs a {} graph, and after {giver} the graph is {form}", pass.needs))
                .advise(format!("put a pass that gives `{}` before it", pass.needs)));
        }
        (form, giver) = (pass.gives, pass.name);
    }
    Ok(())
}

/// Refuses what a pass built if it is not a graph, or not one that can stand in for what it was given.
fn verify(pass: &Pass, before: &Graph, after: &Graph) -> Result<()> {
    let fault = |what: String| Error::new(ErrorKind::Verify, format!("the pass `{}` broke the graph", pass.name)).explain(what);
    after.verify().map_err(|error| fault(error.to_string()).at(error.source_line()))?;
    let inputs = |graph: &Graph| graph.inputs().iter().map(|&node| graph.input(node).cloned()).collect::<Vec<_>>();
    if inputs(before) != inputs(after) {
        return Err(fault("it changed the inputs; they must stay as they are, in their order".into()));
    }
    if before.outputs().len() != after.outputs().len() {
        return Err(fault(format!("it was given {} outputs and left {}", before.outputs().len(), after.outputs().len())));
    }
    for (place, (&old, &new)) in before.outputs().iter().zip(after.outputs()).enumerate() {
        let (old, new) = (before.ty(old), after.ty(new));
        let same = old.dtype == new.dtype
            && old.rank() == new.rank()
            && old.dims.iter().zip(new.dims.iter()).all(|(old, new)| after.lengths().same(old, new));
        if !same {
            return Err(fault(format!("it changed the type of output {place} from {old} to {new}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use damo_graph::op::input::InputKind;
    use damo_graph::op::scalar;
    use damo_graph::{DType, Type};

    use super::*;
    use crate::pass::Agreement;
    use crate::pipeline::{PIPELINE, optimise};

    fn sample() -> Graph {
        let mut graph = Graph::new();
        let x = graph.add_input("x", Type::new(DType::F64, [3]), InputKind::Argument).unwrap();
        let y = graph.apply(&scalar::EXP, &[x]).unwrap();
        graph.apply(&scalar::SIN, &[y]).unwrap();
        graph.set_outputs([y]);
        graph
    }

    fn pass(name: &'static str, run: fn(&Graph, &Settings) -> Result<Graph>) -> Pass {
        Pass { name, what: "Is planted.", run, needs: Form::Traced, gives: Form::Traced, agreement: Agreement::Exact }
    }

    fn refused(run: fn(&Graph, &Settings) -> Result<Graph>) -> String {
        let error = super::run(&sample(), &[pass("planted", run)], &Settings { verify: true, ..Settings::default() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Verify);
        error.to_string()
    }

    #[test]
    fn a_wrong_order_is_refused_before_anything_runs() {
        let early = Pass { needs: Form::Pruned, ..pass("early", |_, _| Ok(Graph::new())) };
        let error = run(&sample(), &[PIPELINE[0], early], &Settings::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Verify);
        assert!(error.to_string().contains("`early`") && error.to_string().contains("after rewrite the graph is rewritten"), "{error}");
    }

    #[test]
    fn a_pass_that_breaks_the_graph_is_named() {
        let dangling = refused(|_, _| {
            let mut graph = sample();
            let far = sample().outputs()[0];
            let beyond = damo_graph::Value { result: 7, ..far };
            graph.set_outputs([beyond]);
            Ok(graph)
        });
        assert!(dangling.contains("`planted`"), "{dangling}");
        let lost = refused(|graph, _| {
            let mut graph = graph.clone();
            graph.set_outputs([]);
            Ok(graph)
        });
        assert!(lost.contains("1 outputs and left 0"), "{lost}");
        let inputs = refused(|graph, _| {
            let mut graph = graph.clone();
            graph.add_input("more", Type::scalar(DType::F64), InputKind::Argument)?;
            Ok(graph)
        });
        assert!(inputs.contains("changed the inputs"), "{inputs}");
        let types = refused(|graph, _| {
            let mut graph = graph.clone();
            let sum = graph.sum(graph.outputs()[0], &[0])?;
            graph.set_outputs([sum]);
            Ok(graph)
        });
        assert!(types.contains("from f64[3] to f64"), "{types}");
    }

    #[test]
    fn the_trace_tells_every_stage() {
        let (graph, trace) = optimise(&sample(), &Settings { texts: true, ..Settings::default() }).unwrap();
        assert_eq!(graph.len(), 2);
        assert_eq!(trace.stages.len(), PIPELINE.len());
        let stage = trace.stage("rewrite").unwrap();
        assert_eq!((stage.nodes_before, stage.nodes_after), (3, 2));
        assert_eq!(trace.stage("prune").unwrap().text, Some(graph.to_text()));
        assert!(trace.to_string().contains("3 -> 2 nodes"), "{trace}");
        let (_, quiet) = optimise(&sample(), &Settings::default()).unwrap();
        assert!(quiet.given.is_none() && quiet.stages.iter().all(|stage| stage.text.is_none()));
    }
}
