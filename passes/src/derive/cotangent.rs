//! The cotangent of a value while reverse mode gathers it from those who read the value.

use std::collections::BTreeMap;

use damo_graph::{Graph, Result, Value};

/// How much the outputs change with one value: the sum over all who read it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cotangent {
    /// The sum, of the type of the value.
    pub value: Value,
}

impl Cotangent {
    /// The sum with one more reader's share.
    fn join(self, graph: &mut Graph, other: Cotangent) -> Result<Cotangent> {
        Ok(Cotangent { value: graph.plus(self.value, other.value)? })
    }
}

/// The cotangents gathered so far; what has none is zero.
#[derive(Debug, Default)]
pub(super) struct Cotangents(BTreeMap<Value, Cotangent>);

impl Cotangents {
    /// The cotangent of a value, if it is not zero.
    pub fn get(&self, of: Value) -> Option<Cotangent> {
        self.0.get(&of).copied()
    }

    /// Adds one reader's share.
    pub fn add(&mut self, graph: &mut Graph, of: Value, share: Cotangent) -> Result<()> {
        let sum = match self.get(of) {
            Some(sum) => sum.join(graph, share)?,
            None => share,
        };
        self.0.insert(of, sum);
        Ok(())
    }
}
