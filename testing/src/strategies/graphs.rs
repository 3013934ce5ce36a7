//! Random graphs of every op and element type, with lengths that are known or not, and arrays to run them on.

use damo::op::input::InputKind;
use damo::op::pointwise::Pointwise;
use damo::op::scalar::Signature;
use damo::{AnyArray, DType, Dim, Graph, Symbol, Type};
use damo_graph::{Number, Sizes, Value};
use proptest::prelude::*;

use super::ops::{self, Choice};

/// What random graphs are made of.
///
/// ```
/// use damo::DType;
/// use damo_testing::strategies::Graphs;
/// use proptest::prelude::*;
/// let small = Graphs { steps: 3, dtypes: vec![DType::F64], ops: vec!["sin", "dot", "sum"], ..Graphs::default() };
/// proptest!(|(random in small.strategy())| {
///     prop_assert!(random.graph.verify().is_ok());
///     prop_assert!(random.graph.evaluate(&random.arrays).is_ok());
/// });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Graphs {
    /// The most nodes beside the inputs: no path is deeper.
    pub steps: usize,
    /// The most inputs.
    pub inputs: usize,
    /// The most axes of an input.
    pub rank: usize,
    /// The element types of the inputs, and what `cast` may give.
    pub dtypes: Vec<DType>,
    /// The names of the ops and pointwise functions to draw from; none for all.
    pub ops: Vec<&'static str>,
    /// How many in a hundred lengths of the inputs are open until a call.
    pub open: u8,
    /// How many in a hundred elements are edge values: ±0, subnormal, largest, infinite, NaN.
    pub edges: u8,
}

impl Default for Graphs {
    fn default() -> Self {
        let dtypes = vec![DType::F64, DType::F64, DType::F32, DType::F32, DType::I64, DType::I32, DType::Bool, DType::F16, DType::U8];
        Graphs { steps: 8, inputs: 3, rank: 3, dtypes, ops: Vec::new(), open: 30, edges: 5 }
    }
}

/// A random graph, verified, with arrays that fit its inputs.
#[derive(Clone, Debug)]
pub struct RandomGraph {
    /// The graph; its last few values are its outputs.
    pub graph: Graph,
    /// One array for each input.
    pub arrays: Vec<AnyArray>,
}

/// An input: its element type and lengths, each a place in what there is to choose from.
type Declared = (u8, Vec<u8>);

/// A node: which op, on which values, with which parameter.
type Step = (u16, [u8; 3], u16);

/// The lengths that inputs have when they are known, and what the symbols become.
const LENGTHS: [i64; 6] = [1, 2, 3, 4, 0, 5];
const SYMBOLS: [&str; 3] = ["n", "m", "k"];

impl Graphs {
    /// Graphs of these kinds. They shrink to fewer nodes and inputs.
    pub fn strategy(&self) -> impl Strategy<Value = RandomGraph> + use<> {
        let settings = self.clone();
        let declared = prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..=self.rank)), 1..=self.inputs.max(1));
        let steps = prop::collection::vec((any::<u16>(), any::<[u8; 3]>(), any::<u16>()), 1..=self.steps.max(1));
        (declared, steps, any::<u64>()).prop_map(move |(declared, steps, seed)| settings.build(&declared, &steps, seed))
    }

    fn build(&self, declared: &[Declared], steps: &[Step], seed: u64) -> RandomGraph {
        let mut graph = Graph::new();
        let mut values: Vec<Value> = Vec::new();
        for (place, (dtype, lengths)) in declared.iter().enumerate() {
            let dtype = self.dtypes.get(usize::from(*dtype) % self.dtypes.len().max(1)).copied().unwrap_or(DType::F64);
            let ty = Type::new(dtype, lengths.iter().map(|&code| self.length(code)));
            values.extend(graph.add_input(&format!("x{place}"), ty, InputKind::Argument));
        }
        let functions: Vec<Choice> = ops::choices(&self.ops);
        for &(which, operands, parameter) in steps {
            if functions.is_empty() {
                break;
            }
            let choice = functions[usize::from(which) % functions.len()];
            let before = graph.clone();
            match self.take(&mut graph, &values, choice, operands, usize::from(parameter)) {
                // What cannot be bound in any call is no program.
                Some(made) if arrays(&graph, seed, self.edges).is_some() => values.push(made),
                _ => graph = before,
            }
        }
        let outputs: Vec<Value> = values.iter().rev().take(3).copied().collect();
        graph.set_outputs(outputs);
        let arrays = arrays(&graph, seed, self.edges).unwrap_or_default();
        RandomGraph { graph, arrays }
    }

    fn length(&self, code: u8) -> Dim {
        if code % 100 < self.open {
            Dim::from(Symbol::new(SYMBOLS[usize::from(code) % 3]))
        } else {
            Dim::from(LENGTHS[usize::from(code) % LENGTHS.len()])
        }
    }

    /// Adds a node, and before it what makes its operands fit; `None` if they cannot be made to.
    fn take(&self, graph: &mut Graph, values: &[Value], choice: Choice, operands: [u8; 3], parameter: usize) -> Option<Value> {
        // What was computed last is used most, so that graphs get deep.
        let pick = |code: u8| values[values.len() - 1 - (usize::from(code) % values.len()).min(usize::from(code / 32))];
        let [x, y, z] = operands.map(pick);
        match choice {
            Choice::Function(function) => {
                let (x, y, z) = if function.signature == Signature::Select { (z, x, y) } else { (x, y, z) };
                let first = match function.signature {
                    Signature::Same(_) | Signature::Test(_) if function.real.is_some() => x,
                    Signature::Same(_) | Signature::Test(_) | Signature::Select => truth(graph, x)?,
                };
                let mut arguments = vec![first];
                let dtype = if function.signature == Signature::Select { graph.ty(y).dtype } else { graph.ty(first).dtype };
                for other in [y, z].into_iter().take(function.arity().saturating_sub(1)) {
                    let other = graph.cast(other, dtype).ok()?;
                    let fits = graph.clone().add(Pointwise(function), &[&arguments[..], &[other]].concat()).is_ok() || function.arity() > 2;
                    arguments.push(if fits { other } else { graph.sum_to(other, &damo::Dims::scalar()).ok()? });
                }
                graph.add(Pointwise(function), &arguments).ok()
            }
            Choice::Structural(name) => {
                let to = self.dtypes.get(parameter % self.dtypes.len().max(1)).copied().unwrap_or(DType::F64);
                let ty = graph.ty(x).clone();
                let (op, second) = ops::structural(name, &ty, graph.ty(y), parameter, to)?;
                let inputs = match second {
                    ops::Second::None => vec![x],
                    ops::Second::Nothing => Vec::new(),
                    ops::Second::SameType => vec![x, graph.cast(y, ty.dtype).ok()?],
                    ops::Second::Indices => vec![x, indices(graph, y)?],
                };
                graph.add(op, &inputs).ok()
            }
        }
    }
}

/// Truth values made of any numbers.
fn truth(graph: &mut Graph, x: Value) -> Option<Value> {
    graph.cast(x, DType::Bool).ok()
}

/// Small whole numbers made of any numbers.
fn indices(graph: &mut Graph, x: Value) -> Option<Value> {
    let truth = graph.cast(x, DType::Bool).ok()?;
    graph.cast(truth, DType::I64).ok()
}

/// Arrays that fit the inputs of a graph and its requirements, if there are any of a few thousand elements.
///
/// The same graph and seed give the same arrays.
pub fn arrays(graph: &Graph, seed: u64, edges: u8) -> Option<Vec<AnyArray>> {
    let mut random = seed;
    let mut symbols: Vec<Symbol> = Vec::new();
    for &input in graph.inputs() {
        symbols.extend(graph.node(input).types()[0].dims.iter().flat_map(Dim::symbols));
    }
    symbols.sort_unstable();
    symbols.dedup();
    // Lengths of their own, then the same for all.
    for attempt in 0..6 {
        let lengths = symbols.iter().enumerate().map(|(place, &symbol)| {
            let one = (next(&mut random) % 5) as i64;
            (symbol, if attempt < 2 { one + i64::from(attempt == 1) * place as i64 } else { attempt - 1 })
        });
        let sizes = Sizes::from_pairs(lengths.collect::<Vec<_>>());
        let shapes: Option<Vec<Vec<usize>>> = graph.inputs().iter().map(|&input| sizes.shape(&graph.node(input).types()[0].dims).ok()).collect();
        let Some(shapes) = shapes else { continue };
        let views: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let Ok(sizes) = Sizes::bind(graph, &views) else { continue };
        if !is_small(graph, &sizes) {
            continue;
        }
        let made = graph.inputs().iter().zip(&shapes).map(|(&input, shape)| {
            let dtype = graph.node(input).types()[0].dtype;
            let numbers: Vec<Number> = (0..shape.iter().product::<usize>()).map(|_| number(dtype, edges, &mut random)).collect();
            AnyArray::from_numbers(dtype, shape, numbers)
        });
        return made.collect();
    }
    None
}

/// Whether every value of a graph has a length, and none is large.
fn is_small(graph: &Graph, sizes: &Sizes) -> bool {
    graph.nodes().flat_map(|(_, node)| node.types()).all(|ty| {
        let count = ty.dims.iter().try_fold(1i64, |count, dim| count.checked_mul(sizes.evaluate(dim).filter(|&length| length >= 0)?));
        count.is_some_and(|count| count <= 5000)
    })
}

/// A number of that element type.
fn number(dtype: DType, edges: u8, random: &mut u64) -> Number {
    let bits = next(random);
    if !dtype.is_float() {
        return Number::Integer(i128::from(bits % 7) - 3);
    }
    let is_edge = bits % 100 < u64::from(edges);
    let place = (next(random) % 12) as usize;
    Number::Real(if is_edge {
        [0.0, -0.0, 1.0, -1.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 709.9][place]
    } else if place == 0 {
        [0.0, 1.0, -1.0, 2.0, 0.5][(bits / 100 % 5) as usize]
    } else {
        (bits >> 11) as f64 / (1u64 << 53) as f64 * 6.0 - 3.0
    })
}

/// Steele, Lea and Flood 2014: splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn graphs_are_verified_and_run_or_say_why(random in Graphs::default().strategy()) {
            prop_assert!(random.graph.verify().is_ok(), "{}", random.graph.to_text());
            prop_assert_eq!(random.arrays.len(), random.graph.inputs().len());
            if let Err(error) = random.graph.evaluate(&random.arrays) {
                prop_assert_eq!(error.kind(), damo::ErrorKind::Execution, "{}\n{}", error, random.graph.to_text());
            }
        }

        #[test]
        fn only_the_ops_asked_for_are_there(random in Graphs { ops: vec!["sin", "softmax"], dtypes: vec![DType::F32], open: 0, ..Graphs::default() }.strategy()) {
            for (_, node) in random.graph.nodes() {
                prop_assert!(["input", "sin", "softmax"].contains(&node.op().rules().name()), "{}", random.graph.to_text());
            }
        }
    }
}
