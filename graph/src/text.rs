//! A graph as text: one node a line, and the same graph back.

pub mod expression;

use crate::graph::Graph;

impl Graph {
    /// The whole graph as text, one node a line; the same graph always gives the same text.
    pub fn to_text(&self) -> String {
        let mut text = String::from("graph {\n");
        for (place, (_, node)) in self.nodes().enumerate() {
            let rules = node.op().rules();
            let types: Vec<String> = node.types().iter().map(ToString::to_string).collect();
            text += &format!("  %{place} = {}{} : {}\n", rules.name(), rules.attributes(), types.join(", "));
        }
        text + "}\n"
    }
}
