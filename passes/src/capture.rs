//! From a tape's graph to a program: only what the outputs need, with the inputs in the order of the call.

use std::collections::BTreeSet;

use damo_graph::op::Op;
use damo_graph::op::input::{Input, InputKind};
use damo_graph::{Error, ErrorKind, Graph, NodeId, Provenance, Result, Value};

use crate::rebuild::{StandsFor, ancestors};

/// A program cut out of a graph, and where its inputs come from.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The program. Its inputs are the arguments in the order asked for, then the states it reads.
    pub graph: Graph,
    /// The states it reads: their nodes in the graph it was cut from.
    pub states: Vec<NodeId>,
}

/// Cuts out of a graph what some outputs need, as a graph of its own.
///
/// `arguments` become its first inputs, in that order, used or not. `states` come next: those listed, then any others that are
/// needed, in order of declaration. Only the requirements on lengths that its own nodes have are kept.
///
/// # Errors
///
/// [`ErrorKind::Declaration`] if an argument is needed that is not listed, or listed twice, or is not an input.
pub fn capture(graph: &Graph, arguments: &[Value], states: &[NodeId], outputs: &[Value]) -> Result<Captured> {
    let needed = ancestors(graph, outputs.iter().copied());
    let mut states = states.to_vec();
    let listed: BTreeSet<NodeId> = states.iter().copied().collect();
    for &node in graph.inputs() {
        let is_state = graph.input(node).is_some_and(|input| input.kind == InputKind::Shared);
        if is_state && needed.binary_search(&node).is_ok() && !listed.contains(&node) {
            states.push(node);
        }
    }
    let mut program = Graph::new();
    let mut copies = StandsFor::default();
    for (place, node) in arguments.iter().map(|value| value.node).chain(states.iter().copied()).enumerate() {
        let input = graph.input(node).ok_or_else(|| not_an_input(graph, node))?;
        program.set_provenance(graph.node(node).provenance().clone());
        let copy = program.add_node(Op::Input(Input { place, ..input.clone() }), &[])?;
        if copies.get(node.into()).is_some() {
            return Err(Error::new(ErrorKind::Declaration, format!("`{}` is listed twice among the inputs of a function", input.name))
                .at(graph.node(node).provenance().source)
                .advise("list each input once"));
        }
        copies.insert(node.into(), copy.into());
    }
    for id in needed {
        if copies.get(id.into()).is_some() {
            continue;
        }
        let node = graph.node(id);
        if let Some(input) = graph.input(id) {
            return Err(Error::new(ErrorKind::Declaration, format!("the function needs `{}`, which is not among its inputs", input.name))
                .at(node.provenance().source)
                .advise(format!("add `{}` to the inputs of `tape.function`, or make it a `Shared`", input.name)));
        }
        let inputs: Vec<Value> = node.inputs().iter().map(|&value| copied(&copies, value)).collect::<Result<_>>()?;
        let copy = program.adopt(node, &inputs)?;
        for result in 0..node.types().len() as u32 {
            copies.insert(Value { node: id, result }, Value { node: copy, result });
        }
    }
    program.set_provenance(Provenance::default());
    let outputs: Vec<Value> = outputs.iter().map(|&value| copied(&copies, value)).collect::<Result<_>>()?;
    program.set_outputs(outputs);
    Ok(Captured { graph: program, states })
}

fn copied(copies: &StandsFor, value: Value) -> Result<Value> {
    copies.get(value).ok_or_else(|| Error::new(ErrorKind::Verify, "a program uses a value that is not in its graph"))
}

fn not_an_input(graph: &Graph, node: NodeId) -> Error {
    Error::new(ErrorKind::Declaration, "a function's inputs must be inputs of the tape")
        .at(graph.node(node).provenance().source)
        .explain(format!("this one is computed by `{}`", graph.node(node).op().rules().name()))
        .advise("list what `tape.input`, `tape.matrix` and the like returned")
}

#[cfg(test)]
mod tests {
    use super::*;
    use damo_graph::{DType, Type};

    fn declared(graph: &mut Graph, name: &str, kind: InputKind) -> Value {
        graph.add_input(name, Type::scalar(DType::F64), kind).unwrap()
    }

    #[test]
    fn inputs_come_in_the_order_of_the_call_then_states() {
        let mut tape = Graph::new();
        let [x, w, y, unused] = [("x", InputKind::Argument), ("w", InputKind::Shared), ("y", InputKind::Argument), ("u", InputKind::Shared)]
            .map(|(name, kind)| declared(&mut tape, name, kind));
        let sum = tape.plus(x, w).unwrap();
        let captured = capture(&tape, &[y, x], &[], &[sum]).unwrap();
        let names: Vec<&str> = captured.graph.inputs().iter().map(|&node| captured.graph.input(node).unwrap().name.as_str()).collect();
        assert_eq!((names, captured.states), (vec!["y", "x", "w"], vec![w.node]));
        let _ = unused;
    }

    #[test]
    fn what_is_needed_must_be_listed() {
        let mut tape = Graph::new();
        let (x, y) = (declared(&mut tape, "x", InputKind::Argument), declared(&mut tape, "y", InputKind::Argument));
        let sum = tape.plus(x, y).unwrap();
        for (arguments, said) in [(vec![x], "needs `y`"), (vec![x, x, y], "`x` is listed twice"), (vec![x, y, sum], "must be inputs")] {
            let error = capture(&tape, &arguments, &[], &[sum]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Declaration);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
