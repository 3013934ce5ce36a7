//! The pass that drops what only stops derivatives.

use damo_graph::{Graph, Op, Result};

use crate::rebuild::Rebuild;
use crate::settings::Settings;

/// The same graph without `stop_gradient`: all derivatives have been taken, and rules see through to what it held apart.
pub fn release(graph: &Graph, _: &Settings) -> Result<Graph> {
    if !graph.nodes().any(|(_, node)| matches!(node.op(), Op::StopGradient(_))) {
        return Ok(graph.clone());
    }
    let mut released = graph.successor();
    let mut rebuild = Rebuild::new(graph, &mut released);
    for (id, node) in graph.nodes() {
        if let Op::StopGradient(_) = node.op() {
            rebuild.replace(id.into(), rebuild.get(node.inputs()[0])?);
        } else {
            rebuild.copy(id)?;
        }
    }
    rebuild.finish()?;
    Ok(released)
}
