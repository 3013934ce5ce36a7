//! A case that shows a finding, cut down: few nodes, short arrays, plain numbers (delta debugging, Zeller and Hildebrandt 2002).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use damo_graph::dtype::Class;
use damo_graph::op::Op;
use damo_graph::op::input::InputKind;
use damo_graph::op::slice::Range;
use damo_graph::types::Dims;
use damo_graph::{AnyArray, Dim, Graph, Number, Sizes, Type, Value};
use ndarray::Axis;

/// A small program that shows a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Reproducer {
    /// The graph: what `Graph::parse` reads.
    pub text: String,
    /// One array per input of the graph.
    pub inputs: Vec<AnyArray>,
    /// How many nodes the graph has beside its inputs.
    pub nodes: usize,
    /// How many elements the inputs have together.
    pub elements: usize,
}

impl Reproducer {
    /// The case as a test to paste into a crate that depends on `damo`.
    pub fn rust(&self) -> String {
        let mut arrays = String::new();
        for array in &self.inputs {
            let elements: Vec<String> = array.numbers().into_iter().map(literal).collect();
            let dtype = array.dtype();
            let number = match dtype.class() {
                Class::Bool => "Bool",
                Class::Signed | Class::Unsigned => "Integer",
                Class::Float | Class::Complex => "Real",
            };
            let numbers = if elements.is_empty() { "[]".into() } else { format!("[{}].map(Number::{number})", elements.join(", ")) };
            let _ = writeln!(arrays, "        AnyArray::from_numbers(DType::{dtype:?}, &{:?}, {numbers}).unwrap(),", array.shape());
        }
        // As many as it takes: a name may hold anything.
        let hashes = (1..=255).map(|count| "#".repeat(count)).find(|hashes| !self.text.contains(&format!("\"{hashes}"))).unwrap_or_default();
        format!(
            "#[test]\nfn reproduces() {{\n    use damo::{{AnyArray, DType, Graph, Number}};\n    let graph = Graph::parse(r{hashes}\"\n{}\"{hashes}).unwrap();\n    let inputs = [\n{arrays}    ];\n    damo::debug::check(&graph, &inputs).unwrap();\n}}\n",
            self.text
        )
    }
}

/// A number as Rust reads it.
fn literal(number: Number) -> String {
    match number {
        Number::Bool(value) => value.to_string(),
        Number::Integer(value) => value.to_string(),
        Number::Real(value) | Number::Complex(value, _) if value.is_nan() => "f64::NAN".into(),
        Number::Real(value) | Number::Complex(value, _) if value.is_infinite() => {
            if value > 0.0 { "f64::INFINITY" } else { "f64::NEG_INFINITY" }.into()
        }
        Number::Real(value) | Number::Complex(value, _) => format!("{value:?}"),
    }
}

/// A part of a program with the arrays that it is run on.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub graph: Graph,
    pub inputs: Vec<AnyArray>,
}

impl Case {
    /// The part of a graph that computes these values from what is given. All lengths become numbers.
    ///
    /// `None` where an op cannot be taken out of its program.
    pub fn of(graph: &Graph, sizes: &Sizes, given: &BTreeMap<Value, AnyArray>, values: &[Value]) -> Option<Case> {
        let mut case = Case { graph: Graph::new(), inputs: Vec::new() };
        let mut made: BTreeMap<Value, Value> = BTreeMap::new();
        let mut read: BTreeMap<Value, &AnyArray> = BTreeMap::new();
        let needed = graph.needed_for(values.iter().copied(), |value| {
            let array = given.get(&value).filter(|_| !matches!(graph.op(value), Op::Constant(_)));
            read.extend(array.map(|array| (value, array)));
            array.is_some()
        });
        for (value, array) in read {
            let name = graph.input(value.node).map_or_else(|| format!("v{}", case.inputs.len()), |input| input.name.clone());
            let ty = Type::new(array.dtype(), array.shape().iter().map(|&length| length as i64));
            made.insert(value, case.graph.add_input(&name, ty, InputKind::Argument).ok()?);
            case.inputs.push(array.clone());
        }
        for id in needed {
            let node = graph.node(id);
            let inputs = node.inputs().iter().map(|input| made.get(input).copied()).collect::<Option<Vec<Value>>>()?;
            case.graph.set_provenance(node.provenance().clone());
            let new = case.graph.add_node(concrete(node.op(), sizes)?, &inputs).ok()?;
            for result in 0..node.types().len() as u32 {
                // Another result of the node may be given.
                made.entry(Value { node: id, result }).or_insert(Value { node: new, result });
            }
        }
        let outputs = values.iter().map(|value| made.get(value).copied()).collect::<Option<Vec<Value>>>()?;
        case.graph.set_outputs(outputs);
        Some(case)
    }

    /// The smallest case found that still shows it.
    pub fn cut_down(self, shows: &dyn Fn(&Case) -> bool) -> Case {
        let mut best = self;
        for change in [Case::with_fewer_nodes, Case::shorter, Case::plainer] {
            best = change(&best, shows);
        }
        best
    }

    /// The same, but all nodes stay: what is made of the same values is compared.
    pub fn with_shorter_arrays(self, shows: &dyn Fn(&Case) -> bool) -> Case {
        self.shorter(shows).plainer(shows)
    }

    /// As what a user is given.
    pub fn reproducer(&self) -> Reproducer {
        Reproducer {
            text: self.graph.to_text(),
            nodes: self.graph.len() - self.inputs.len(),
            elements: self.inputs.iter().map(AnyArray::len).sum(),
            inputs: self.inputs.clone(),
        }
    }

    /// The values of all nodes, if it can be evaluated.
    fn values(&self) -> Option<BTreeMap<Value, AnyArray>> {
        let mut values: BTreeMap<Value, AnyArray> =
            self.graph.inputs().iter().map(|&node| Value::from(node)).zip(self.inputs.iter().cloned()).collect();
        for (id, node) in self.graph.nodes() {
            if values.contains_key(&id.into()) {
                continue;
            }
            let read = node.inputs().iter().map(|value| values.get(value)).collect::<Option<Vec<_>>>()?;
            let results = node.op().rules().evaluate(&read, &Sizes::default()).ok()?;
            values.extend(results.into_iter().enumerate().map(|(result, array)| (Value { node: id, result: result as u32 }, array)));
        }
        Some(values)
    }

    /// Nodes become inputs where the case still shows it, those nearest to the inputs first.
    fn with_fewer_nodes(&self, shows: &dyn Fn(&Case) -> bool) -> Case {
        let Some(values) = self.values() else { return self.clone() };
        let is_given = |node| self.graph.inputs().contains(&node);
        let mut given: BTreeMap<Value, AnyArray> =
            values.iter().filter(|(value, _)| is_given(value.node)).map(|(value, array)| (*value, array.clone())).collect();
        let outputs: BTreeSet<Value> = self.graph.outputs().iter().copied().collect();
        let mut best = self.clone();
        for (id, node) in self.graph.nodes() {
            let value = Value::from(id);
            if is_given(id) || outputs.contains(&value) || node.types().len() > 1 {
                continue;
            }
            given.insert(value, values[&value].clone());
            match Case::of(&self.graph, &Sizes::default(), &given, self.graph.outputs()).filter(|case| shows(case)) {
                Some(case) => best = case,
                None => drop(given.remove(&value)),
            }
        }
        best
    }

    /// Lengths become 1 or smaller where the case still shows it.
    fn shorter(&self, shows: &dyn Fn(&Case) -> bool) -> Case {
        let mut best = self.clone();
        loop {
            let lengths: BTreeSet<usize> = best.inputs.iter().flat_map(|array| array.shape().to_vec()).filter(|&length| length > 1).collect();
            let tries = lengths
                .iter()
                .rev()
                .flat_map(|&length| [1, 2, length / 2].into_iter().filter(move |&to| to < length && to > 0).map(move |to| (length, to)));
            let starts = |length: usize, to: usize| [0, length - to];
            let found = tries
                .flat_map(|(length, to)| starts(length, to).map(|start| (length, to, start)))
                .find_map(|(length, to, start)| best.with_length(length, to, start).filter(|case| shows(case)));
            match found {
                Some(case) => best = case,
                None => return best,
            }
        }
    }

    /// The case with one length replaced by another wherever it occurs.
    fn with_length(&self, length: usize, to: usize, start: usize) -> Option<Case> {
        let mut given = BTreeMap::new();
        for (&node, array) in self.graph.inputs().iter().zip(&self.inputs) {
            let mut reals = array.clone();
            for axis in (0..array.shape().len()).filter(|&axis| array.shape()[axis] == length) {
                let cut = |places: ndarray::ArrayD<usize>| -> Result<ndarray::ArrayD<usize>, ()> {
                    Ok(places.slice_axis(Axis(axis), (start..start + to).into()).to_owned())
                };
                reals = reals.rearranged(cut).ok()?;
            }
            given.insert(Value::from(node), reals);
        }
        let mut graph = Graph::new();
        let mut made: BTreeMap<Value, Value> = BTreeMap::new();
        let mut inputs = Vec::new();
        for (id, node) in self.graph.nodes() {
            if let Some(array) = given.get(&id.into()) {
                let ty = Type::new(array.dtype(), array.shape().iter().map(|&length| length as i64));
                let name = self.graph.input(id).map_or("x", |input| input.name.as_str());
                made.insert(id.into(), graph.add_input(name, ty, InputKind::Argument).ok()?);
                inputs.push(array.clone());
                continue;
            }
            let read = node.inputs().iter().map(|value| made.get(value).copied()).collect::<Option<Vec<_>>>()?;
            graph.set_provenance(node.provenance().clone());
            let new = graph.add_node(relengthened(node.op(), length as i64, to as i64)?, &read).ok()?;
            made.extend((0..node.types().len() as u32).map(|result| (Value { node: id, result }, Value { node: new, result })));
        }
        let outputs = self.graph.outputs().iter().map(|value| made.get(value).copied()).collect::<Option<Vec<_>>>()?;
        graph.set_outputs(outputs);
        Some(Case { graph, inputs })
    }

    /// Elements become 0, 1, or numbers of few digits where the case still shows it.
    fn plainer(&self, shows: &dyn Fn(&Case) -> bool) -> Case {
        let mut best = self.clone();
        let plain: [fn(f64) -> f64; 5] = [|_| 0.0, |_| 1.0, f64::round, |x| (x * 8.0).round() / 8.0, |x| (x as f32).into()];
        for place in 0..best.inputs.len() {
            for change in plain {
                let mut case = best.clone();
                let array = &case.inputs[place];
                if !array.dtype().is_float() {
                    break;
                }
                case.inputs[place] = AnyArray::from_reals(array.dtype(), &array.to_reals().mapv_into(change));
                if case.inputs[place] != best.inputs[place] && shows(&case) {
                    best = case;
                    break;
                }
            }
        }
        best
    }
}

/// An op with numbers for the lengths it mentions.
fn concrete(op: &Op, sizes: &Sizes) -> Option<Op> {
    with_dims(op, &|dim| Some(Dim::from(sizes.evaluate(dim)?)))
}

/// An op with one length for another.
fn relengthened(op: &Op, length: i64, to: i64) -> Option<Op> {
    with_dims(op, &|dim| Some(if dim.known() == Some(length) { Dim::from(to) } else { dim.clone() }))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "few ops mention lengths")]
fn with_dims(op: &Op, change: &dyn Fn(&Dim) -> Option<Dim>) -> Option<Op> {
    let all = |dims: &Dims| dims.iter().map(change).collect::<Option<Dims>>();
    let mut op = op.clone();
    match &mut op {
        Op::Broadcast(op) => op.to = all(&op.to)?,
        Op::Reshape(op) => op.to = all(&op.to)?,
        Op::Iota(op) => op.length = change(&op.length)?,
        Op::DimValue(op) => op.dim = change(&op.dim)?,
        Op::ScatterAdd(op) => op.length = change(&op.length)?,
        Op::Slice(op) => rebegin(&mut op.ranges, change)?,
        Op::Conv(op) => rebegin(&mut op.begins, change)?,
        Op::MaxPool(op) => rebegin(&mut op.0.begins, change)?,
        Op::MaxPoolTangent(op) => rebegin(&mut op.0.begins, change)?,
        Op::MaxPoolCotangent(op) => rebegin(&mut op.0.begins, change)?,
        Op::Pad(op) => {
            op.to = all(&op.to)?;
            rebegin(&mut op.ranges, change)?;
        }
        _ => {}
    }
    Some(op)
}

/// Ranges with other lengths.
fn rebegin(ranges: &mut [Range], change: &dyn Fn(&Dim) -> Option<Dim>) -> Option<()> {
    for range in ranges {
        (range.start, range.length) = (change(&range.start)?, change(&range.length)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use damo_graph::op::scalar;
    use damo_graph::{DType, Dims};
    use ndarray::{arr0, arr2};

    use super::*;

    /// exp(x) where it is positive, and a sum of integers.
    fn case() -> Case {
        let mut graph = Graph::new();
        let x = graph.add_input("x", Type::new(DType::F32, [1, 3]), InputKind::Argument).unwrap();
        let n = graph.add_input("n", Type { dtype: DType::I64, dims: Dims::scalar() }, InputKind::Argument).unwrap();
        let (y, zero) = (graph.apply(&scalar::EXP, &[x]).unwrap(), graph.number(DType::F32, 0.0).unwrap());
        let is_positive = graph.apply(&scalar::GT, &[x, zero]).unwrap();
        let chosen = graph.select(is_positive, y, x).unwrap();
        let twice = graph.plus(n, n).unwrap();
        graph.set_outputs([chosen, twice]);
        Case { graph, inputs: vec![AnyArray::from(arr2(&[[0.5f32, f32::NEG_INFINITY, f32::NAN]])), AnyArray::from(arr0(-7i64))] }
    }

    #[test]
    fn a_reproducer_is_a_test_to_paste() {
        let reproducer = case().reproducer();
        assert_eq!((reproducer.nodes, reproducer.elements), (5, 4));
        assert_eq!(Graph::parse(&reproducer.text).unwrap(), case().graph);
        // `tests/reproduces.rs` compiles and runs it.
        assert_eq!(reproducer.rust(), include_str!("../../../tests/reproduces/printed.in"));
    }

    #[test]
    fn a_case_is_cut_down_to_what_shows_it() {
        let values: Vec<f64> = (0..24).map(f64::from).collect();
        let mut graph = Graph::new();
        let x = graph.add_input("x", Type::new(DType::F64, [4, 6]), InputKind::Argument).unwrap();
        let y = graph.apply(&scalar::SIN, &[x]).unwrap();
        let y = graph.apply(&scalar::EXP, &[y]).unwrap();
        let sums = graph.sum(y, &[1]).unwrap();
        graph.set_outputs([sums]);
        let array = ndarray::Array2::from_shape_vec((4, 6), values).unwrap();
        let case = Case { graph, inputs: vec![AnyArray::from(array)] };
        // Whatever still sums is said to show it.
        let shows = |case: &Case| case.graph.nodes().any(|(_, node)| matches!(node.op(), Op::Reduce(_)));
        let cut = case.cut_down(&shows).reproducer();
        assert_eq!((cut.nodes, cut.elements, cut.inputs[0].numbers()), (1, 1, vec![Number::Real(0.0)]));
    }
}
