//! Checks that a graph keeps the promises every pass relies on.

use slotmap::SecondaryMap;
use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Graph, Node, NodeId};
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
        let known = self.lengths().closed();
        let mut lengths = known.clone();
        for (place, (id, node)) in self.nodes().enumerate() {
            let broken = |message: String| broken(place, node, message);
            self.verify_inputs(place, node, &places).map_err(broken)?;
            let inputs: SmallVec<[&Type; 4]> = node.inputs().iter().map(|&value| self.ty(value)).collect();
            lengths.asker = (node.op().rules().name(), node.provenance().source);
            check_types(node.op(), &inputs, node.types(), &mut lengths).map_err(broken)?;
            if let Some(first) = self.find(node.op(), node.inputs()).filter(|&first| first != id) {
                return Err(broken(format!("it is the same as node %{}; equal nodes are one node", places[first])));
            }
        }
        self.verify_declarations()?;
        if let Some(requirement) = lengths.learned_beyond(&known).first() {
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
                    return Err(format!(
                        "its input {index} is result {} of node %{from}, which has {}",
                        value.result,
                        self.node(value.node).types().len()
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
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

/// Whether an op infers these types from its inputs, as far as lengths are known; what it demands goes into `lengths`.
///
/// Types may be written with other symbols, as they were when less was known. And requirements may turn out to contradict each
/// other after each op was taken that knew of its own alone: no call can meet them then, and nothing is wrong with the graph.
pub(crate) fn check_types(op: &Op, inputs: &[&Type], types: &[Type], lengths: &mut Lengths) -> Result<(), String> {
    let inferred = match op.rules().infer(inputs, lengths) {
        Ok(inferred) => inferred,
        Err(_) if lengths.contradict() => return Ok(()),
        Err(problem) => return Err(format!("its op refuses its inputs: {}", problem.message)),
    };
    let same = |(left, right): (&Type, &Type)| left.dtype == right.dtype && lengths.agree(&left.dims, &right.dims);
    if inferred.len() == types.len() && inferred.iter().zip(types).all(same) {
        return Ok(());
    }
    let show = |types: &[Type]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(format!("its type is {}, but its op infers {}", show(types), show(&inferred)))
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

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::dim::Dim;
    use crate::dtype::DType;
    use crate::graph::Value;
    use crate::op::input::InputKind;
    use crate::op::pointwise::Pointwise;
    use crate::op::scalar::{ADD, EXP, LN};
    use crate::source::Provenance;
    use crate::symbol::Symbol;
    use crate::types::Dims;

    /// `x + y`, its exponential, and that plus `x`.
    fn graph() -> (Graph, [Value; 5]) {
        let mut graph = Graph::new();
        let [x, y] = ["n", "m"].map(|name| graph.add_input(name, Type::new(DType::F32, [Symbol::new(name)]), InputKind::Argument).unwrap());
        let sum = graph.plus(x, y).unwrap();
        graph.set_provenance(Provenance::default().by_rule("a_rule"));
        let power = graph.apply(&EXP, &[sum]).unwrap();
        let last = graph.plus(power, x).unwrap();
        graph.set_outputs([last]);
        (graph, [x, y, sum, power, last])
    }

    fn broken(graph: &Graph, expected: &str) {
        let error = graph.verify().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Verify);
        assert!(error.to_string().contains(expected), "{error}\ninstead of {expected}");
    }

    #[test]
    fn a_sound_graph_passes() {
        graph().0.verify().unwrap();
        Graph::new().verify().unwrap();
    }

    #[test]
    fn every_planted_fault_is_named() {
        let plant = |fault: fn(&mut Graph, [Value; 5]), expected: &str| {
            let (mut graph, values) = graph();
            fault(&mut graph, values);
            broken(&graph, expected);
        };
        plant(|graph, [.., power, _]| graph.node_mut_for_faults(power.node).2[0].dtype = DType::F64, "its type is f64[n], but its op infers f32[n]");
        plant(
            |graph, [.., power, _]| graph.node_mut_for_faults(power.node).2[0].dims = [Dim::from(3)].into_iter().collect(),
            "node %3 (`exp`) breaks the graph",
        );
        plant(|graph, [.., power, _]| graph.node_mut_for_faults(power.node).2[0].dims = Dims::scalar(), "made by a_rule");
        plant(|graph, [.., power, _]| graph.node_mut_for_faults(power.node).2.push(Type::scalar(DType::F32)), "its type is f32[n], f32, but");
        plant(|graph, [.., power, last]| graph.node_mut_for_faults(power.node).1[0] = last, "its input 0 is node %4, which does not come before it");
        plant(|graph, [.., power, _]| graph.node_mut_for_faults(power.node).1[0] = power, "its input 0 is node %3, which does not come before it");
        plant(|graph, [.., power, _]| graph.node_mut_for_faults(power.node).1[0].result = 7, "its input 0 is result 7 of node %2, which has 1");
        plant(|graph, [.., power, _]| graph.node_mut_for_faults(power.node).1[0] = foreign(), "of a node that is not in the graph");
        plant(|graph, [.., power, _]| graph.node_mut_for_faults(power.node).1.push(power), "does not come before it");
        plant(|graph, [x, .., power, _]| graph.node_mut_for_faults(power.node).1.push(x), "its op refuses its inputs");
        plant(|graph, [x, y, .., last]| *graph.node_mut_for_faults(last.node).1 = smallvec![x, y], "it is the same as node %2");
        plant(|graph, [_, y, ..]| input_mut(graph, y).place = 0, "it is input 1, but says that it is input 0");
        plant(|graph, [_, y, ..]| *graph.node_mut_for_faults(y.node).0 = Pointwise(&LN).into(), "node %1 (`ln`)");
        plant(|graph, [_, _, sum, ..]| *graph.node_mut_for_faults(sum.node).1 = smallvec![], "its op refuses its inputs");
        plant(|graph, _| graph.set_outputs([foreign()]), "output 0 of the graph is a value it does not have");
        plant(|graph, [x, ..]| graph.set_outputs([x, Value { result: 1, ..x }]), "output 1 of the graph");
        plant(|graph, _| *graph.lengths_mut() = Lengths::default(), "`add` demands n == m, which is not among the graph's requirements");
    }

    #[test]
    fn an_input_that_is_not_listed_is_named() {
        let (mut graph, [x, _, sum, ..]) = graph();
        let op = graph.op(x).clone();
        let crate::op::Op::Input(mut input) = op else { return };
        input.place = 2;
        let (op, inputs, types) = graph.node_mut_for_faults(sum.node);
        (*op, *inputs, *types) = (input.into(), smallvec![], smallvec![Type::new(DType::F32, [Symbol::new("n")])]);
        broken(&graph, "it is not input 2 in the graph's list of inputs");
    }

    #[test]
    fn lengths_that_are_known_to_agree_are_no_fault() {
        let (mut graph, [_, y, sum, power, _]) = graph();
        graph.node_mut_for_faults(power.node).2[0].dims = [Symbol::new("m")].into_iter().collect();
        graph.verify().unwrap();
        let _ = graph.apply(&ADD, &[sum, y]).unwrap();
        graph.verify().unwrap();
    }

    fn input_mut(graph: &mut Graph, value: Value) -> &mut crate::op::input::Input {
        let Op::Input(input) = graph.node_mut_for_faults(value.node).0 else { panic!("it is not an input") };
        input
    }

    /// A value that the graph under test does not have.
    fn foreign() -> Value {
        let mut other = Graph::new();
        (0..20).map(|k| other.number(DType::F32, f64::from(k)).unwrap()).last().unwrap()
    }
}
