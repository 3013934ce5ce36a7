//! Running a graph by the meaning of its ops: slow, plain, and what every engine is judged by.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::any_array::AnyArray;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, NodeId};
use crate::sizes::Sizes;

impl Graph {
    /// The outputs for these inputs, in order of declaration, by the meaning of each op.
    pub fn evaluate(&self, inputs: &[AnyArray]) -> Result<Vec<AnyArray>> {
        if inputs.len() != self.inputs().len() {
            return Err(Error::new(ErrorKind::Argument, format!("the graph has {} inputs and was given {}", self.inputs().len(), inputs.len())));
        }
        let shapes: Vec<&[usize]> = inputs.iter().map(AnyArray::shape).collect();
        let sizes = Sizes::bind(self, &shapes)?;
        let mut given: BTreeMap<NodeId, &AnyArray> = BTreeMap::new();
        for (&node, array) in self.inputs().iter().zip(inputs) {
            let dtype = self.node(node).types()[0].dtype;
            if array.dtype() != dtype {
                return Err(Error::new(ErrorKind::Argument, format!("input of dtype {dtype} was given {}", array.dtype())));
            }
            given.insert(node, array);
        }
        let mut results: BTreeMap<NodeId, SmallVec<[AnyArray; 1]>> = BTreeMap::new();
        for (id, node) in self.nodes() {
            let result = if let Some(&array) = given.get(&id) {
                SmallVec::from_buf([array.clone()])
            } else {
                let read: Vec<&AnyArray> = node.inputs().iter().map(|value| &results[&value.node][value.result as usize]).collect();
                node.op().rules().evaluate(&read, &sizes).map_err(|problem| self.blame_node(id, problem))?
            };
            results.insert(id, result);
        }
        Ok(self.outputs().iter().map(|value| results[&value.node][value.result as usize].clone()).collect())
    }
}
