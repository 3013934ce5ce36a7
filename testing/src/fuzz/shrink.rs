//! Cutting a case down: lines, outputs and lengths are taken away for as long as the same thing stays at fault.

use damo::Graph;
use damo::op::Op;

use super::examine::EDGES;
use super::fault::Fault;
use super::generate::Case;
use crate::strategies::arrays_for;

/// How many smaller cases are tried.
const TRIES: usize = 3000;

/// The smallest case found that has the same fault.
pub fn shrink(case: Case, fault: Fault) -> (Case, Fault) {
    let (mut best, mut tries) = ((case, fault), 0);
    loop {
        let smaller = candidates(&best.0).into_iter().find_map(|candidate| {
            tries += 1;
            let fault = (tries <= TRIES).then(|| candidate.examine().err()).flatten()?;
            fault.is_like(&best.1).then_some((candidate, fault))
        });
        match smaller {
            Some(smaller) if tries <= TRIES => best = smaller,
            _ => return best,
        }
    }
}

/// Cases that are a little smaller, the smallest first.
fn candidates(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    if let Ok(graph) = Graph::parse(&case.text) {
        found.extend(smaller_graphs(&graph).into_iter().map(|graph| with_graph(case, &graph)));
    } else {
        let lines: Vec<&str> = case.text.lines().collect();
        found.extend((0..lines.len()).map(|skipped| {
            let kept: Vec<&str> = lines.iter().enumerate().filter(|(place, _)| *place != skipped).map(|(_, line)| *line).collect();
            Case { text: kept.join("\n") + "\n", ..case.clone() }
        }));
    }
    // Inputs that are plainer.
    for (place, array) in case.arrays.iter().flatten().enumerate() {
        for plain in [
            damo::AnyArray::full(array.dtype(), array.shape(), damo_graph::Number::Real(0.0)),
            damo::AnyArray::full(array.dtype(), array.shape(), damo_graph::Number::Real(0.5)),
        ] {
            if plain != *array && !array.numbers().iter().all(|number| [0.0, 0.5].contains(&number.to_real())) {
                let mut smaller = case.clone();
                if let Some(arrays) = &mut smaller.arrays {
                    arrays[place] = plain;
                }
                found.push(smaller);
            }
        }
    }
    found
}

fn with_graph(case: &Case, graph: &Graph) -> Case {
    let fits = case.arrays.as_ref().is_some_and(|arrays| arrays.len() == graph.inputs().len());
    let arrays = if fits { case.arrays.clone() } else { case.arrays.as_ref().and_then(|_| arrays_for(graph, case.seed, EDGES)) };
    Case { text: graph.to_text(), arrays, ..case.clone() }
}

/// Graphs with one output, with fewer nodes, and with a node made an input.
fn smaller_graphs(graph: &Graph) -> Vec<Graph> {
    let mut found = Vec::new();
    if graph.outputs().len() > 1 {
        for &output in graph.outputs() {
            let mut smaller = graph.clone();
            smaller.set_outputs([output]);
            found.extend(needed(&smaller));
        }
    } else if let Some(&output) = graph.outputs().first() {
        // What the output is made of, instead of it.
        for &value in graph.node(output.node).inputs() {
            let mut smaller = graph.clone();
            smaller.set_outputs([value]);
            found.extend(needed(&smaller));
        }
    }
    found.extend(needed(graph).filter(|needed| needed.len() < graph.len()));
    for (id, node) in graph.nodes() {
        if !matches!(node.op(), Op::Input(_)) && node.types().len() == 1 && !node.inputs().is_empty() {
            found.extend(rebuilt(graph, |at, _| if at == id { Change::IntoInput } else { Change::Keep }).and_then(|graph| needed(&graph)));
            found.extend(rebuilt(graph, |at, _| if at == id { Change::IntoOperand } else { Change::Keep }).and_then(|graph| needed(&graph)));
        }
    }
    found
}

/// What becomes of a node.
enum Change {
    Keep,
    Drop,
    IntoInput,
    IntoOperand,
}

/// The graph without what its outputs do not need.
fn needed(graph: &Graph) -> Option<Graph> {
    let mut needed: Vec<damo_graph::NodeId> = graph.outputs().iter().map(|output| output.node).collect();
    let nodes: Vec<_> = graph.nodes().collect();
    for (id, node) in nodes.iter().rev() {
        if needed.contains(id) {
            needed.extend(node.inputs().iter().map(|value| value.node));
        }
    }
    rebuilt(graph, |id, _| if needed.contains(&id) { Change::Keep } else { Change::Drop })
}

/// The graph with some nodes changed; `None` if it then is none.
fn rebuilt(graph: &Graph, change: impl Fn(damo_graph::NodeId, &damo_graph::Node) -> Change) -> Option<Graph> {
    use damo::op::input::InputKind;
    let mut built = Graph::new();
    let mut values = std::collections::BTreeMap::new();
    for (id, node) in graph.nodes() {
        let inputs: Option<Vec<_>> = node.inputs().iter().map(|value| values.get(value).copied()).collect();
        let input = |built: &mut Graph| {
            let place = built.inputs().len();
            built.add_input(&format!("x{place}"), node.types()[0].clone(), InputKind::Argument).ok()
        };
        let made = match (change(id, node), node.op()) {
            (Change::Drop, _) => continue,
            (Change::IntoInput, _) | (Change::Keep, Op::Input(_)) => input(&mut built)?,
            (Change::IntoOperand, _) => *inputs?.first()?,
            (Change::Keep, op) => built.add_node(op.clone(), &inputs?).ok()?.into(),
        };
        for result in 0..node.types().len() as u32 {
            values.insert(damo_graph::Value { node: id, result }, damo_graph::Value { node: made.node, result: made.result + result });
        }
    }
    let outputs: Option<Vec<_>> = graph.outputs().iter().map(|output| values.get(output).copied()).collect();
    built.set_outputs(outputs?);
    Some(built)
}
