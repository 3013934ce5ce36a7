//! A graph as a picture, in Graphviz's DOT language.

use std::fmt::{self, Display, Formatter};

use slotmap::SecondaryMap;

use crate::graph::{Graph, Node, NodeId, Value};
use crate::op::Op;
use crate::op::input::InputKind;
use crate::op::pointwise::Pointwise;
use crate::text::short_attributes;

/// The longest parameters shown in a node: what is longer would hide the picture's shape.
const WIDEST: usize = 48;

impl Graph {
    /// The graph as a picture, for `dot -Tsvg`.
    ///
    /// Arguments are blue, state is orange, outputs are green, and nodes made by a rule are violet and name it. Single numbers stand
    /// inside the nodes that read them. The tooltip of a node is its line in the user's program.
    pub fn to_dot(&self) -> String {
        Picture { graph: self, names: self.nodes().enumerate().map(|(place, (id, _))| (id, place)).collect() }.to_string()
    }
}

struct Picture<'g> {
    graph: &'g Graph,
    names: SecondaryMap<NodeId, usize>,
}

impl Display for Picture<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("digraph damo {\n")?;
        f.write_str("  node [fontname=\"Helvetica\", fontsize=11, style=\"filled,rounded\", shape=box, fillcolor=\"#ffffff\", color=\"#666666\"]\n")?;
        f.write_str("  edge [fontname=\"Helvetica\", fontsize=9, labeldistance=1.8, color=\"#666666\", fontcolor=\"#666666\"]\n")?;
        for (place, (id, node)) in self.graph.nodes().enumerate() {
            if self.is_inline(id) {
                continue;
            }
            writeln!(f, "  n{place} [{}]", self.node(node))?;
            let drawn = node.inputs().iter().filter(|value| !self.is_inline(value.node)).count();
            for (index, &value) in node.inputs().iter().enumerate() {
                if let (false, Some(from)) = (self.is_inline(value.node), self.names.get(value.node)) {
                    // Which operand an edge is, where that makes a difference.
                    let label = if drawn > 1 && !commutes(node.op()) { format!("headlabel=\"{index}\"") } else { String::new() };
                    writeln!(f, "  n{from} -> n{place} [{}{label}]", result_label(value))?;
                }
            }
        }
        for (index, &output) in self.graph.outputs().iter().enumerate() {
            let Some(from) = self.names.get(output.node) else { continue };
            writeln!(f, "  out{index} [label=\"output {index}\", shape=oval, style=filled, fillcolor=\"#c9e7c9\", color=\"#3c7a3c\"]")?;
            writeln!(f, "  n{from} -> out{index} [{}]", result_label(output))?;
        }
        f.write_str("}\n")
    }
}

impl Picture<'_> {
    /// Whether a node is a single number that stands inside its readers.
    fn is_inline(&self, node: NodeId) -> bool {
        self.inline_number(node).is_some() && self.graph.outputs().iter().all(|output| output.node != node)
    }

    fn inline_number(&self, node: NodeId) -> Option<String> {
        let node = self.graph.contains(node.into()).then(|| self.graph.node(node))?;
        let Op::Constant(constant) = node.op() else { return None };
        constant.0.shape().is_empty().then(|| constant.shown())
    }

    /// The look of a node: its label, shape, colours and tooltip.
    fn node(&self, node: &Node) -> String {
        let provenance = node.provenance();
        let mut label = vec![self.title(node)];
        label.extend(node.types().iter().map(ToString::to_string));
        label.extend(provenance.within.map(|within| format!("in {within}")));
        if !provenance.rules.is_empty() {
            label.push(format!("by {}", provenance.rules.join(", ")));
        }
        let label: Vec<String> = label.iter().map(|line| escaped(line)).collect();
        let look = if let Op::Input(input) = node.op() {
            match input.kind {
                InputKind::Argument => "shape=oval, fillcolor=\"#cfe3f7\", color=\"#2f6299\"",
                InputKind::Shared => "shape=cylinder, fillcolor=\"#fbe0bd\", color=\"#9a6a1f\", style=filled",
            }
        } else if !provenance.rules.is_empty() {
            "fillcolor=\"#e6dcf5\", color=\"#6a4c93\""
        } else if let Op::Constant(_) = node.op() {
            "shape=note, fillcolor=\"#eeeeee\", style=filled"
        } else {
            ""
        };
        let tooltip = provenance.source.map_or_else(|| node.op().rules().name().to_owned(), |source| source.to_string());
        let comma = if look.is_empty() { "" } else { ", " };
        format!("label=\"{}\"{comma}{look}, tooltip=\"{}\"", label.join("\\n"), escaped(&tooltip))
    }

    /// The op, its parameters, and the numbers that stand inside it: `mul(·, 0.5)`.
    fn title(&self, node: &Node) -> String {
        if let Op::Input(input) = node.op() {
            return input.name.clone();
        }
        let numbers: Vec<Option<String>> =
            node.inputs().iter().map(|value| self.inline_number(value.node).filter(|_| self.is_inline(value.node))).collect();
        let arguments = if numbers.iter().any(Option::is_some) {
            let arguments: Vec<String> = numbers.into_iter().map(|number| number.unwrap_or_else(|| "·".into())).collect();
            format!("({})", arguments.join(", "))
        } else {
            String::new()
        };
        let attributes = short_attributes(node.op());
        let attributes = match attributes.char_indices().nth(WIDEST) {
            Some((end, _)) => format!("{}...", &attributes[..end]),
            None => attributes,
        };
        format!("{}{arguments} {attributes}", node.op().rules().name()).trim_end().to_owned()
    }
}

/// Whether the operands of an op may change places, so that the picture need not tell them apart.
fn commutes(op: &Op) -> bool {
    if let Op::Pointwise(Pointwise(scalar)) = op { scalar.commutes } else { false }
}

/// Which result of its node an edge carries, where it is not the first.
fn result_label(value: Value) -> String {
    if value.result == 0 { String::new() } else { format!("taillabel=\"{}\" ", value.result) }
}

/// Text inside a quoted string of DOT.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::op::scalar::{DIV, MUL};
    use crate::source::Provenance;
    use crate::types::Type;

    #[test]
    fn a_picture_says_what_a_node_is_and_where_it_comes_from() {
        let mut graph = Graph::new();
        graph.set_provenance(Provenance::user(std::panic::Location::caller()));
        let x = graph.add_input("the \"x\"\\", Type::new(DType::F32, [2]), InputKind::Argument).unwrap();
        let w = graph.add_input("w", Type::new(DType::F32, [2]), InputKind::Shared).unwrap();
        let half = graph.number(DType::F32, 0.1).unwrap();
        let scaled = graph.apply(&MUL, &[x, half]).unwrap();
        let made = graph.provenance().by_rule("a_rule");
        graph.set_provenance(made);
        let ratio = graph.apply(&DIV, &[scaled, w]).unwrap();
        graph.set_outputs([ratio, x]);
        let dot = graph.to_dot();
        for expected in [
            r#"n0 [label="the \"x\"\\\nf32[2]", shape=oval"#,
            r#"n1 [label="w\nf32[2]", shape=cylinder"#,
            r#"n3 [label="mul(·, 0.1)\nf32[2]", tooltip="graph/src/dot_picture.rs:"#,
            r#"n4 [label="div\nf32[2]\nby a_rule", fillcolor"#,
            "n0 -> n3 []",
            "n3 -> n4 [headlabel=\"0\"]",
            "n1 -> n4 [headlabel=\"1\"]",
            "n4 -> out0 []",
            "n0 -> out1 []",
        ] {
            assert!(dot.contains(expected), "{expected}\nis missing in\n{dot}");
        }
        assert!(!dot.contains("n2"), "the number 0.1 stands inside `mul`:\n{dot}");
    }
}
