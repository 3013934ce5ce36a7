//! The pass that drops what no output needs.

use damo_graph::{Graph, NodeId, Result};

use crate::rebuild::{Rebuild, ancestors};
use crate::settings::Settings;

/// The same graph without the nodes that no output needs.
///
/// All inputs stay, in their order: a call gives them by place. Requirements on lengths stay too, so that a call is refused
/// for the same reasons as before.
pub fn prune(graph: &Graph, _: &Settings) -> Result<Graph> {
    let needed = needed(graph);
    if needed.len() == graph.len() {
        return Ok(graph.clone());
    }
    let mut pruned = graph.successor();
    let mut rebuild = Rebuild::new(graph, &mut pruned);
    // Dependencies first, and inputs in order.
    for node in needed {
        rebuild.copy(node)?;
    }
    rebuild.finish()?;
    Ok(pruned)
}

/// Whether all nodes are needed.
pub(crate) fn is_pruned(graph: &Graph) -> bool {
    needed(graph).len() == graph.len()
}

fn needed(graph: &Graph) -> Vec<NodeId> {
    let outputs = graph.outputs().iter().copied();
    ancestors(graph, outputs.chain(graph.inputs().iter().map(|&input| input.into())))
}

#[cfg(test)]
mod tests {
    use damo_graph::op::input::InputKind;
    use damo_graph::op::scalar;
    use damo_graph::{DType, Symbol, Type};

    use super::*;

    #[test]
    fn only_what_outputs_need_stays_and_all_inputs() {
        let n = Symbol::new("n");
        let mut graph = Graph::new();
        let unused = graph.add_input("unused", Type::new(DType::F32, [n]), InputKind::Argument).unwrap();
        let x = graph.add_input("x", Type::new(DType::F32, [n]), InputKind::Argument).unwrap();
        graph.apply(&scalar::ADD, &[unused, x]).unwrap();
        let y = graph.apply(&scalar::EXP, &[x]).unwrap();
        graph.apply(&scalar::SIN, &[y]).unwrap();
        graph.set_outputs([y, x]);
        let pruned = prune(&graph, &Settings::default()).unwrap();
        assert_eq!(pruned.len(), 3);
        let names: Vec<&str> = pruned.inputs().iter().map(|&node| pruned.input(node).unwrap().name.as_str()).collect();
        assert_eq!(names, ["unused", "x"]);
        assert_eq!(pruned.outputs().len(), 2);
        assert_eq!(pruned.lengths(), graph.lengths());
        assert_eq!(prune(&pruned, &Settings::default()).unwrap(), pruned);
    }
}
