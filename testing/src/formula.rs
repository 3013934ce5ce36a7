//! A graph as a formula on a few lines, for snapshots that people read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use damo::Graph;
use damo::op::Op;
use damo_graph::{NodeId, Value};

/// The outputs as nested calls, after the results that are used more than once, by number; then what lengths must agree.
///
/// ```
/// use damo::prelude::*;
/// use damo_testing::formula::formula;
/// let tape = Tape::new();
/// let x = tape.vector::<f64>("x");
/// let y = x.sin() + 2.0;
/// let program = tape.function(x, [y * y]).graph()?;
/// assert_eq!(formula(&program), "%1 = add(sin(x), 2.0)\nmul(%1, %1)");
/// # Ok::<(), damo::Error>(())
/// ```
pub fn formula(graph: &Graph) -> String {
    let mut uses: BTreeMap<NodeId, usize> = BTreeMap::new();
    for value in graph.nodes().flat_map(|(_, node)| node.inputs()).chain(graph.outputs()) {
        *uses.entry(value.node).or_default() += 1;
    }
    let mut written: BTreeMap<NodeId, String> = BTreeMap::new();
    let mut text = String::new();
    let mut shared = 0;
    let of = |written: &BTreeMap<NodeId, String>, values: &[Value]| {
        let calls = values.iter().map(|value| {
            let call = written.get(&value.node).cloned().unwrap_or_default();
            if value.result == 0 { call } else { format!("{call}.{}", value.result) }
        });
        calls.collect::<Vec<_>>().join(", ")
    };
    for (id, node) in graph.nodes() {
        let op = node.op();
        let mut call = if let Op::Input(input) = op {
            input.name.clone()
        } else if let Op::Constant(constant) = op
            && constant.0.shape().is_empty()
        {
            op.rules().attributes().get("values").map_or_else(|_| String::new(), |values| values.trim_matches(['[', ']']).to_owned())
        } else {
            format!("{}{}", op.rules().name(), op.rules().attributes())
        };
        if !node.inputs().is_empty() {
            call = format!("{call}({})", of(&written, node.inputs()));
            if uses.get(&id).is_some_and(|&uses| uses > 1) {
                shared += 1;
                // Writing to a string cannot fail.
                let _ = writeln!(text, "%{shared} = {call}");
                call = format!("%{shared}");
            }
        }
        written.insert(id, call);
    }
    text.push_str(&of(&written, graph.outputs()));
    for requirement in graph.lengths().requirements() {
        let _ = write!(text, "\nrequire {requirement}");
    }
    text
}
