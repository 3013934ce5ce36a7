//! Graphs of every op, written and read back.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use smallvec::{SmallVec, smallvec};

use super::expression::parse_dim;
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Problem};
use crate::graph::{Graph, Value};
use crate::lengths::{Lengths, Relation};
use crate::number::Number;
use crate::op::arg_extreme::{ArgExtreme, Extreme};
use crate::op::attributes::Attributes;
use crate::op::broadcast::Broadcast;
use crate::op::cast::Cast;
use crate::op::concatenate::Concatenate;
use crate::op::constant::Constant;
use crate::op::conv::Conv;
use crate::op::custom::Custom;
use crate::op::dim_value::DimValue;
use crate::op::dot::Dot;
use crate::op::input::InputKind;
use crate::op::insert_axis::InsertAxis;
use crate::op::iota::Iota;
use crate::op::log_softmax::LogSoftmax;
use crate::op::log_sum_exp::LogSumExp;
use crate::op::max_pool::MaxPool;
use crate::op::max_pool_cotangent::MaxPoolCotangent;
use crate::op::max_pool_tangent::MaxPoolTangent;
use crate::op::norm::Norm;
use crate::op::pad::Pad;
use crate::op::pointwise::Pointwise;
use crate::op::product_of_others::ProductOfOthers;
use crate::op::reduce::{Reduce, Reduction};
use crate::op::remove_axis::RemoveAxis;
use crate::op::reshape::Reshape;
use crate::op::scalar::{self, Scalar, unary};
use crate::op::scatter_add::ScatterAdd;
use crate::op::select_axis::SelectAxis;
use crate::op::slice::{Range, Slice};
use crate::op::softmax::Softmax;
use crate::op::stop_gradient::StopGradient;
use crate::op::transpose::Transpose;
use crate::op::windows::Windows;
use crate::op::{Derivative, Op, PARSERS, Primitive, Types};
use crate::sizes::Sizes;
use crate::source::{Provenance, Source};
use crate::types::{Dims, Type};

/// A user's function whose name needs quotes.
static CUBE: Scalar = unary("my cube: x^3", |x| x * x * x, |x, _| 3.0 * (x * x), 0.5, 2);

/// A user's op with two results.
#[derive(Debug)]
struct Split(usize);

impl Primitive for Split {
    fn name(&self) -> &'static str {
        "split"
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with_text("at", &format!("row \"{}\", {{", self.0))
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = inputs else { return Err(Problem::shapes("it takes one input")) };
        Ok(smallvec![(*x).clone(), Type::scalar(DType::I64)])
    }

    fn evaluate(&self, _: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        Err(Problem::shapes("only its text is tested"))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Undefined("only its text is tested")
    }
}

fn dims(text: &str) -> Dims {
    text.split_whitespace().map(|dim| parse_dim(dim).unwrap()).collect()
}

/// Writes, reads and compares, in all that a text tells.
fn assert_round_trip(graph: &Graph, customs: &[Arc<dyn Primitive>]) {
    let text = graph.to_text();
    let read = Graph::parse_with_ops(&text, &[&CUBE], customs).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(read == *graph, "{text}\nwas read as\n{}", read.to_text());
    assert_eq!(read.to_text(), text, "where nodes come from was not kept");
    graph.verify().unwrap_or_else(|error| panic!("{error}\n{text}"));
    read.verify().unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(graph.to_dot().ends_with("}\n"));
}

/// One random step: which op, which of the values there are, and its parameters.
type Step = (u8, [usize; 3], usize, DType, u64);

/// Ops and lengths that random graphs draw from.
const LENGTHS: [&str; 11] = ["n", "m", "k", "1", "2", "3", "0", "n+1", "2*n", "floor(n,2)", "n*m"];

fn pick_op(kind: u8, parameter: usize, dtype: DType, bits: u64, x: &Type, split: &Arc<dyn Primitive>) -> (Op, usize) {
    let length = |at: usize| parse_dim(LENGTHS[(parameter / (1 + at * 7)) % LENGTHS.len()]).unwrap();
    let some_dims = || -> Dims { (0..parameter % 3).map(length).collect() };
    let axis = parameter % x.rank().max(1);
    let axes: SmallVec<[usize; 4]> = (0..x.rank()).filter(|axis| parameter >> axis & 1 == 1).collect();
    let ranges = || -> SmallVec<[Range; 4]> {
        x.dims
            .iter()
            .map(|dim| Range { start: Dim::from(0), step: if bits.is_multiple_of(2) { 1 } else { 2 }, length: dim.floor_div(&Dim::from(2)) })
            .collect()
    };
    let reductions = Reduction::ALL;
    match kind % 24 {
        0..5 => {
            let scalar = scalar::ALL[parameter % scalar::ALL.len()];
            (Pointwise(scalar).into(), scalar.arity())
        }
        5 => {
            let reals = [f64::from_bits(bits), f64::NAN, -0.0, f64::INFINITY, 0.1].map(Number::Real);
            let shapes: [&[usize]; 4] = [&[], &[0], &[5], &[1, 5]];
            let shape = shapes[parameter % 4];
            (Constant(AnyArray::from_numbers(dtype, shape, reals.into_iter().take(shape.iter().product())).unwrap()).into(), 0)
        }
        6 => (Cast { to: dtype }.into(), 1),
        7 => (DimValue { dim: length(0), dtype }.into(), 0),
        8 => (Iota { length: length(0), dtype }.into(), 0),
        9 => (Broadcast { to: x.dims.iter().cloned().rev().chain([length(0)]).rev().collect() }.into(), 1),
        10 => (Reshape { to: [x.dims.count()].into_iter().chain((0..parameter % 2).map(|_| Dim::from(1))).collect() }.into(), 1),
        11 => (Transpose { order: (0..x.rank()).map(|k| (k + 1) % x.rank()).collect() }.into(), 1),
        12 => (InsertAxis { axis: parameter % (x.rank() + 1) }.into(), 1),
        13 => (RemoveAxis { axis }.into(), 1),
        14 => (Slice { ranges: ranges() }.into(), 1),
        15 => (
            Pad {
                ranges: x.dims.iter().map(|dim| Range { start: Dim::from(1), step: 1, length: dim.clone() }).collect(),
                to: x.dims.iter().map(|dim| dim.clone() + 2).collect(),
            }
            .into(),
            1,
        ),
        16 => (Concatenate { axis }.into(), 2),
        17 => (SelectAxis { axis }.into(), 2),
        18 => (ScatterAdd { axis, length: length(0) }.into(), 2),
        19 => (Reduce { reduction: reductions[parameter % reductions.len()], axes }.into(), 1),
        20 => match parameter % 6 {
            0 => (ProductOfOthers { axes }.into(), 1),
            1 => (LogSumExp { axes }.into(), 1),
            2 => (Softmax { axis }.into(), 1),
            3 => (LogSoftmax { axis }.into(), 1),
            4 => (Norm { axes }.into(), 1),
            _ => (ArgExtreme { extreme: if bits.is_multiple_of(2) { Extreme::Max } else { Extreme::Min }, axis }.into(), 1),
        },
        21 => (Dot { batch: SmallVec::new(), contract: if parameter.is_multiple_of(2) { smallvec![(axis, 0)] } else { SmallVec::new() } }.into(), 2),
        22 => (if parameter.is_multiple_of(2) { StopGradient.into() } else { Pointwise(&CUBE).into() }, 1),
        _ => match parameter % 3 {
            0 => (Custom(split.clone()).into(), 1),
            _ => (Broadcast { to: some_dims() }.into(), 1),
        },
    }
}

fn random_graph(steps: &[Step], split: &Arc<dyn Primitive>) -> Graph {
    const FILES: [&str; 4] = ["src/main.rs", "a dir/in \"x\".rs", "C:\\x\\y.rs", ""];
    const WORDS: [&str; 5] = ["fuse", "in", "by", "a rule, \"quoted\"", ""];
    let mut graph = Graph::new();
    let mut values: Vec<Value> = Vec::new();
    for (name, ty) in [("x", "n m"), ("y", "m k"), ("z", "2 n"), ("v", "n"), ("\"quoted\" # {", "")] {
        values.push(graph.add_input(name, Type { dtype: DType::F32, dims: dims(ty) }, InputKind::Argument).unwrap());
    }
    values.push(graph.add_input("i", Type::new(DType::I64, [3]), InputKind::Shared).unwrap());
    values.push(graph.add_input("b", Type { dtype: DType::Bool, dims: dims("n m") }, InputKind::Shared).unwrap());
    for &(kind, places, parameter, dtype, bits) in steps {
        let source = (bits % 3 > 0).then(|| Source { file: FILES[bits as usize % 4], line: bits as u32 % 99, column: parameter as u32 });
        let rules = (0..bits as usize % 3).map(|k| WORDS[(parameter + k) % 5]).collect();
        graph.set_provenance(Provenance { source, within: (bits.is_multiple_of(5)).then(|| WORDS[parameter % 5]), rules });
        let picked = places.map(|place| values[place % values.len()]);
        let (op, arity) = pick_op(kind, parameter, dtype, bits, &graph.ty(picked[0]).clone(), split);
        // Many a random op does not fit; what it demanded until then stays demanded.
        if let Ok(node) = graph.add_node(op, &picked[..arity]) {
            values.extend((0..graph.node(node).types().len() as u32).map(|result| Value { node, result }));
        }
    }
    graph.set_outputs(values.into_iter().rev().take(3));
    graph
}

proptest! {
    #[test]
    fn random_graphs_read_back(steps in prop::collection::vec((any::<u8>(), any::<[usize; 3]>(), 0usize..10_000, prop::sample::select(DType::ALL), any::<u64>()), 0..60)) {
        let split: Arc<dyn Primitive> = Arc::new(Split(3));
        assert_round_trip(&random_graph(&steps, &split), &[split]);
    }
}

#[test]
fn every_op_reads_back() {
    let split: Arc<dyn Primitive> = Arc::new(Split(1));
    let mut graph = Graph::new();
    let [x, y] = ["x", "y"].map(|name| graph.add_input(name, Type { dtype: DType::F64, dims: dims("n 3") }, InputKind::Argument).unwrap());
    let whole = graph.add_input("i", Type::new(DType::I32, [3]), InputKind::Argument).unwrap();
    let mask = graph.add_input("mask", Type::new(DType::Bool, [3]), InputKind::Shared).unwrap();
    for scalar in scalar::ALL.iter().chain([&&CUBE]) {
        let fitting = [[x, y, x], [whole, whole, whole], [mask, mask, mask], [mask, x, y]];
        assert!(fitting.iter().any(|inputs| graph.apply(scalar, &inputs[..scalar.arity()]).is_ok()), "{}", scalar.name);
    }
    for &dtype in DType::ALL {
        let edges =
            [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, 1e-45, 0.1, f64::MAX, f64::from_bits(0x7ff8_0000_0000_0123)];
        let complex = edges.map(|x| Number::Complex(x, -x));
        let array = AnyArray::from_numbers(dtype, &[2, 5], if dtype.size() > 8 { complex } else { edges.map(Number::Real) }).unwrap();
        graph.add(Constant(array), &[]).unwrap();
        graph.add(Constant(AnyArray::from_numbers(dtype, &[0, 7], []).unwrap()), &[]).unwrap();
    }
    let row = graph.add(Iota { length: "n".parse_length(), dtype: DType::F64 }, &[]).unwrap();
    let range = |start: i64, step, length: &str| Range { start: Dim::from(start), step, length: length.parse_length() };
    let [images, filters] = [("images", "n 3 n"), ("filters", "n 3 2")]
        .map(|(name, ty)| graph.add_input(name, Type { dtype: DType::F64, dims: dims(ty) }, InputKind::Argument).unwrap());
    let conv = Conv { begins: smallvec![range(-1, 2, "floor(n,2)")], dilation: smallvec![2], spread: smallvec![1], groups: 1 };
    let windowed = Op::from(conv);
    let windows = Windows { begins: smallvec![range(0, 1, "3")], lengths: smallvec![1] };
    let ops: Vec<(Op, Vec<Value>)> = vec![
        (Cast { to: DType::BF16 }.into(), vec![x]),
        (DimValue { dim: "floor(n*n - 1, 2)".parse_length(), dtype: DType::F32 }.into(), vec![]),
        (Broadcast { to: dims("m n 3") }.into(), vec![x]),
        (Reshape { to: dims("3 n") }.into(), vec![x]),
        (Transpose { order: smallvec![1, 0] }.into(), vec![x]),
        (InsertAxis { axis: 2 }.into(), vec![x]),
        (Slice { ranges: smallvec![range(0, 1, "n"), range(2, -1, "2")] }.into(), vec![x]),
        (Pad { ranges: smallvec![range(1, 2, "n"), range(0, 1, "3")], to: dims("2*n+1 4") }.into(), vec![x]),
        (Concatenate { axis: 0 }.into(), vec![x, y, x]),
        (SelectAxis { axis: 1 }.into(), vec![x, whole]),
        (ScatterAdd { axis: 1, length: 9.into() }.into(), vec![x, whole]),
        (Reduce { reduction: Reduction::Max, axes: smallvec![0, 1] }.into(), vec![x]),
        (Reduce { reduction: Reduction::All, axes: smallvec![0] }.into(), vec![mask]),
        (ProductOfOthers { axes: smallvec![1] }.into(), vec![x]),
        (ArgExtreme { extreme: Extreme::Min, axis: 0 }.into(), vec![x]),
        (LogSumExp { axes: smallvec![0, 1] }.into(), vec![x]),
        (Norm { axes: smallvec![0] }.into(), vec![x]),
        (Softmax { axis: 1 }.into(), vec![x]),
        (LogSoftmax { axis: 0 }.into(), vec![x]),
        (Dot { batch: smallvec![(0, 0)], contract: smallvec![(1, 1)] }.into(), vec![x, y]),
        (Dot { batch: smallvec![], contract: smallvec![(0, 0)] }.into(), vec![x, row]),
        (windowed, vec![images, filters]),
        (MaxPool(windows.clone()).into(), vec![x]),
        (MaxPoolTangent(windows.clone()).into(), vec![x, y]),
        (MaxPoolCotangent(windows).into(), vec![x, y]),
        (StopGradient.into(), vec![x]),
        (Custom(split.clone()).into(), vec![x]),
    ];
    let values: Vec<Value> = ops.into_iter().map(|(op, inputs)| graph.add(op, &inputs).unwrap()).collect();
    let wide = graph.insert_axis(x, 0).unwrap();
    graph.remove_axis(wide, 0).unwrap();
    let second = values.last().map(|&Value { node, .. }| Value { node, result: 1 }).unwrap();
    graph.set_outputs([second, x, second]);
    graph.lengths_mut().require("n*m".parse_length(), Relation::Equal, "k + 1".parse_length());
    let have: BTreeSet<&str> = graph.nodes().map(|(_, node)| node.op().rules().name()).collect();
    for (name, _) in PARSERS.iter().filter(|(name, _)| !name.is_empty() && *name != Custom::NAME) {
        assert!(have.contains(name), "the test has no `{name}`");
    }
    assert_round_trip(&graph, &[Arc::new(Split(2)), split]);
}

/// Lengths in tests, as they are printed.
trait ParseLength {
    fn parse_length(&self) -> Dim;
}

impl ParseLength for str {
    fn parse_length(&self) -> Dim {
        parse_dim(self).unwrap()
    }
}

#[test]
fn lengths_learned_late_read_back() {
    let mut graph = Graph::new();
    let input = |graph: &mut Graph, name: &str, lengths: &str| {
        graph.add_input(name, Type { dtype: DType::F32, dims: dims(lengths) }, InputKind::Argument).unwrap()
    };
    let (x, y, z) = (input(&mut graph, "x", "n"), input(&mut graph, "y", "m"), input(&mut graph, "z", "5"));
    let half = graph.add(Slice { ranges: smallvec![Range { start: 1.into(), step: 1, length: 3.into() }] }, &[y]).unwrap();
    let early = graph.plus(x, y).unwrap();
    let late = graph.plus(y, z).unwrap();
    graph.set_outputs([half, early, late]);
    assert_eq!((graph.ty(early).to_string(), graph.ty(late).to_string()), ("f32[n]".into(), "f32[5]".into()));
    assert_round_trip(&graph, &[]);
    // A successor keeps requirements although their nodes are gone, in the order they had.
    let mut successor = graph.successor();
    let kept = successor.add_input("z", graph.ty(z).clone(), InputKind::Argument).unwrap();
    successor.set_outputs([kept]);
    assert_eq!(successor.lengths().requirements().len(), 3);
    assert_round_trip(&successor, &[]);
}

#[test]
fn requirements_that_say_more_or_too_much_later_read_back() {
    let mut graph = Graph::new();
    let input = |graph: &mut Graph, name: &str, lengths: &str| {
        graph.add_input(name, Type { dtype: DType::F32, dims: dims(lengths) }, InputKind::Argument).unwrap()
    };
    let (x, y, z) = (input(&mut graph, "x", "n"), input(&mut graph, "y", "n m"), input(&mut graph, "z", "n*m k"));
    // n == n*m says that m is 1 only once n is known to be.
    graph.add(Broadcast { to: dims("n*m") }, &[x]).unwrap();
    graph.add(RemoveAxis { axis: 0 }, &[y]).unwrap();
    graph.plus(y, z).unwrap();
    assert_round_trip(&graph, &[]);
    // The two demand 1 == m + 2 and m == 1 one after the other; no call meets both, and calls say so.
    let (left, right) = (input(&mut graph, "u", "1 p q"), input(&mut graph, "v", "q+2 p"));
    let row = input(&mut graph, "w", "p");
    graph.add(RemoveAxis { axis: 0 }, &[row]).unwrap();
    let sum = graph.plus(left, right).unwrap();
    graph.plus(sum, right).unwrap();
    assert_round_trip(&graph, &[]);
}

#[test]
fn people_may_leave_out_what_follows() {
    let read = Graph::parse(
        r#"
        # A comment of its own.
        graph {
            %x = input{name="x", kind=argument, dtype=f32, dims=[n], place=0}   # not about where it comes from
            %y = input{name="y", kind=argument, dtype=f32, dims=[m], place=1}
            %sum = add %x, %y
            %same = add %x, %y : f32[m]

            return %same
        }"#,
    )
    .unwrap();
    assert_eq!(read.len(), 3, "equal nodes are one node");
    assert_eq!(read.lengths().requirements().iter().map(ToString::to_string).collect::<Vec<_>>(), ["n == m"]);
    assert_round_trip(&read, &[]);
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    let x = "graph {\n %0 = input{name=\"x\", kind=argument, dtype=f32, dims=[2], place=0} : f32[2]\n";
    let cases: &[(&str, usize, &str)] = &[
        ("", 1, "expected a graph"),
        ("graf {\n}", 1, "expected `graph {`, found `graf {`"),
        ("graph {\n", 1, "expected a graph"),
        ("graph {\n return\n", 2, "expected `}`"),
        ("graph {\n exp %0\n}", 2, "expected `%label = op ...`"),
        ("graph {\n %0 exp\n}", 2, "expected `=`"),
        ("graph {\n %a b = exp\n}", 2, "expected a label"),
        ("graph {\n %0 =\n}", 2, "expected the name of an op"),
        ("graph {\n %0 = nonsense\n}", 2, "no op is called `nonsense`"),
        ("graph {\n %0 = exp %1\n}", 2, "expected a value of a line above, found `%1`"),
        ("graph {\n %0 = iota{length=n\n}", 2, "expected `}` after the parameters"),
        ("graph {\n %0 = iota{length=n}\n}", 2, "the parameter `dtype` is missing"),
        ("graph {\n %0 = iota{length=n +, dtype=f32}\n}", 2, "is not a length"),
        ("graph {\n %0 = iota{length=n, dtype=f32, more=1}\n}", 2, "no parameter `more`"),
        ("graph {\n %0 = iota{length=n, dtype=f33}\n}", 2, "is not a dtype"),
        ("graph {\n %0 = input{name=\"x\", kind=argument, dtype=f32, dims=[], place=1}\n}", 2, "expected `place=0`"),
        ("graph {\n require n = m\n}", 2, "expected two lengths"),
        ("graph {\n return %0\n}", 2, "expected a value of a line above"),
        ("X %1 = exp 0\n}", 3, "expected a value such as `%0`, found `0`"),
        ("X %0 = exp %0\n}", 3, "`%0` is used a second time"),
        ("X %1 = exp %0 : f32[3]\n}", 3, "in `exp`, its type is f32[3], but its op infers f32[2]"),
        ("X %1 = exp %0 : f64[2]\n}", 3, "but its op infers f32[2]"),
        ("X %1 = exp %0 : f32[2\n}", 3, "lacks its `]`"),
        ("X %1 = exp %0 : f32[2], f32[2]\n}", 3, "but its op infers f32[2]"),
        ("X %1 = exp %0.1\n}", 3, "expected a result that the node has"),
        ("X %1 = exp %0.x\n}", 3, "expected the number of a result"),
        ("X %1 = exp %0, %0\n}", 3, "it takes 1 inputs and was given 2"),
        ("X %1 = and %0, %0\n}", 3, "it is not defined on elements of type f32"),
        ("X %1 = constant{dtype=f32, dims=[2], values=[1.0]}\n}", 3, "has 2 values, and these are 1"),
    ];
    for (text, line, reason) in cases {
        let text = text.replace('X', x);
        let error: Error = Graph::parse(&text).unwrap_err();
        let told = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Parse, "{text}");
        assert!(told.starts_with(&format!("line {line} ")) && told.contains(reason), "{text}\nwas refused with\n{told}\ninstead of {reason}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), place in any::<prop::sample::Index>(), by in "[\\PC]{0,3}") {
        let good = "graph {\n %0 = input{name=\"x\", kind=argument, dtype=f32, dims=[n, 2], place=0} : f32[n, 2]   # src/x.rs:1:2 in std by a, b\n require n >= 2   # dot at x:1:1\n return %0\n}\n";
        let place = place.index(good.len());
        let spoilt = format!("{}{by}{}", &good[..place], &good[place + 1..]);
        let _ = (Graph::parse(&text).is_ok(), Graph::parse(&spoilt).is_ok());
    }
}

#[test]
fn the_short_text_leaves_out_what_nobody_reads() {
    let mut graph = Graph::new();
    graph.set_provenance(Provenance::user(std::panic::Location::caller()));
    let long = graph.add(Constant(AnyArray::full(DType::F32, &[10, 100], Number::Real(0.5))), &[]).unwrap();
    let power = graph.apply(&scalar::EXP, &[long]).unwrap();
    graph.set_outputs([power]);
    let expected = "graph {
  %0 = constant{dtype=f32, dims=[10, 100], values=[0.5, 0.5, 0.5, ...]} : f32[10, 100]
  %1 = exp %0 : f32[10, 100]
  return %1
}
";
    assert_eq!(graph.to_short_text(), expected);
    assert!(graph.to_text().contains("round_trip.rs:"));
}
