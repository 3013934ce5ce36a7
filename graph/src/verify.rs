//! Checks that a graph keeps the promises every pass relies on.

use std::collections::HashMap;

use slotmap::SecondaryMap;
use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, Node, NodeId, Value};
use crate::lengths::Lengths;
use crate::op::Op;
use crate::types::Type;

impl Graph {
    /// Whether the graph keeps its promises.
    ///
    /// Dependencies come first; every value that is read or given back exists; every type is the one its op infers, as far as
    /// lengths are known; every requirement of an op is written down; no two nodes are equal; inputs count from 0 in order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Verify`], naming the node and the promise it breaks: a defect in a pass or an op, never in a user's program.
    pub fn verify(&self) -> Result<()> {
        let places: SecondaryMap<NodeId, usize> = self.nodes().enumerate().map(|(place, (id, _))| (id, place)).collect();
        let mut seen: HashMap<(&Op, &[Value]), usize> = HashMap::with_capacity(self.len());
        let mut lengths = self.lengths().clone();
        for (place, (_, node)) in self.nodes().enumerate() {
            let broken = |message: String| broken(place, node, message);
            self.verify_inputs(place, node, &places).map_err(broken)?;
            self.verify_types(node, &mut lengths).map_err(broken)?;
            if let Some(first) = seen.insert((node.op(), node.inputs()), place) {
                return Err(broken(format!("it is the same as node %{first}; equal nodes are one node")));
            }
        }
        self.verify_declarations()?;
        if let Some(requirement) = lengths.learned_beyond(self.lengths()).first() {
            let message = format!("`{}` demands {requirement}, which is not among the graph's requirements", requirement.op);
            return Err(Error::new(ErrorKind::Verify, "a requirement of the graph is missing").at(requirement.source).explain(message));
        }
        match self.outputs().iter().position(|&output| !self.contains(output)) {
            Some(place) => Err(Error::new(ErrorKind::Verify, format!("output {place} of the graph is a value it does not have"))),
            None => Ok(()),
        }
    }

    fn verify_inputs(&self, place: usize, node: &Node, places: &SecondaryMap<NodeId, usize>) -> Result<(), String> {
        for (index, &value) in node.inputs().iter().enumerate() {
            match places.get(value.node) {
                None => return Err(format!("its input {index} is of a node that is not in the graph")),
                Some(&from) if from >= place => return Err(format!("its input {index} is node %{from}, which does not come before it")),
                Some(&from) if !self.contains(value) => {
                    return Err(format!("its input {index} is result {} of node %{from}, which has {}", value.result, self.node(value.node).types().len()));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn verify_types(&self, node: &Node, lengths: &mut Lengths) -> Result<(), String> {
        let inputs: SmallVec<[&Type; 4]> = node.inputs().iter().map(|&value| self.ty(value)).collect();
        lengths.asker = (node.op().rules().name().to_owned(), node.provenance().source);
        let inferred = node.op().rules().infer(&inputs, lengths).map_err(|problem| format!("its op refuses its inputs: {}", problem.message))?;
        let known = self.lengths();
        let same = |(left, right): (&Type, &Type)| left.dtype == right.dtype && known.resolve_all(&left.dims) == known.resolve_all(&right.dims);
        if inferred.len() == node.types().len() && inferred.iter().zip(node.types()).all(same) {
            return Ok(());
        }
        let show = |types: &[Type]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(format!("its type is {}, but its op infers {}", show(node.types()), show(&inferred)))
    }

    fn verify_declarations(&self) -> Result<()> {
        let mut declared = self.inputs().iter();
        for (place, (id, node)) in self.nodes().enumerate() {
            let Op::Input(input) = node.op() else { continue };
            let index = self.inputs().len() - declared.len();
            if declared.next() != Some(&id) {
                return Err(broken(place, node, format!("it is not input {index} in the graph's list of inputs")));
            }
            if input.place != index {
                return Err(broken(place, node, format!("it is input {index}, but says that it is input {}", input.place)));
            }
        }
        if declared.len() > 0 {
            return Err(Error::new(ErrorKind::Verify, "the graph's list of inputs names a node that is no input"));
        }
        Ok(())
    }
}

/// The error that a node breaks a promise.
fn broken(place: usize, node: &Node, message: String) -> Error {
    let name = node.op().rules().name();
    let error = Error::new(ErrorKind::Verify, format!("node %{place} (`{name}`) breaks the graph")).at(node.provenance().source).explain(message);
    match node.provenance().rules.as_slice() {
        [] => error,
        rules => error.explain(format!("made by {}", rules.join(", "))),
    }
    .advise("this is a defect in Damo or in an op of your own; please report it with the graph's text")
}
