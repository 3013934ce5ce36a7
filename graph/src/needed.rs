//! What values are computed from.

use slotmap::SecondaryMap;

use crate::graph::{Graph, NodeId, Value};

impl Graph {
    /// The nodes that values are computed from, theirs included: dependencies first.
    ///
    /// What is given is not among them, nor what only that is computed from. Each node is asked for once for each result that is needed.
    ///
    /// ```
    /// use damo_graph::Graph;
    /// let graph = Graph::parse(
    ///     "graph {
    ///   %0 = input{name=\"x\", kind=argument, dtype=f64, dims=[], place=0} : f64
    ///   %1 = exp %0 : f64
    ///   %2 = sin %1 : f64
    ///   return %2
    /// }",
    /// )?;
    /// let outputs = graph.outputs();
    /// assert_eq!(graph.needed_for(outputs.iter().copied(), |_| false).len(), 3);
    /// let is_exp = |value| graph.formula(value) == "exp(x)";
    /// assert_eq!(graph.needed_for(outputs.iter().copied(), is_exp), [outputs[0].node]);
    /// # Ok::<(), damo_graph::Error>(())
    /// ```
    pub fn needed_for(&self, values: impl IntoIterator<Item = Value>, mut is_given: impl FnMut(Value) -> bool) -> Vec<NodeId> {
        let mut seen = SecondaryMap::new();
        let mut found = Vec::new();
        let mut waiting: Vec<Value> = values.into_iter().collect();
        while let Some(value) = waiting.pop() {
            if !is_given(value) && seen.insert(value.node, ()).is_none() {
                found.push(value.node);
                waiting.extend_from_slice(self.node(value.node).inputs());
            }
        }
        // Keys grow as nodes are added.
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::op::input::InputKind;
    use crate::op::scalar::{ADD, EXP, MUL, SIN};
    use crate::types::Type;
    use crate::{DType, Graph, Value};

    #[test]
    fn what_is_given_hides_what_it_is_computed_from() {
        let mut graph = Graph::new();
        let x = graph.add_input("x", Type::scalar(DType::F64), InputKind::Argument).unwrap();
        let y = graph.add_input("y", Type::scalar(DType::F64), InputKind::Argument).unwrap();
        let power = graph.apply(&EXP, &[x]).unwrap();
        let product = graph.apply(&MUL, &[power, y]).unwrap();
        let sum = graph.apply(&ADD, &[product, x]).unwrap();
        let beside = graph.apply(&SIN, &[sum]).unwrap();
        let nodes = |values: &[Value]| values.iter().map(|value| value.node).collect::<Vec<_>>();
        assert_eq!(graph.needed_for([sum], |_| false), nodes(&[x, y, power, product, sum]));
        assert_eq!(graph.needed_for([sum], |value| value == product), nodes(&[x, sum]));
        assert_eq!(graph.needed_for([sum, beside], |value| value == sum), nodes(&[beside]));
        assert_eq!(graph.needed_for([sum], |value| value == power || value == x), nodes(&[y, product, sum]));
        assert_eq!(graph.needed_for([x], |value| value == x), []);
    }
}
