//! The judge of derivatives: forward, reverse and their compositions against fourth-order differences of the meaning.

use damo_graph::op::input::InputKind;
use damo_graph::{AnyArray, Dim, Graph, Result, Symbol, Type, Value};
use damo_passes::derive::{jvp, vjp};
use ndarray::{ArrayD, IxDyn};

/// Half the width of a difference: its error is about h⁴ for the curvature and 1e-16/h for the rounding.
const STEP: f64 = 5e-4;

/// How far a derivative may be from a difference, relative to the largest number involved.
const TOLERANCE: f64 = 1e-6;

/// How far ⟨Jv, u⟩ may be from ⟨v, Jᵀu⟩, relative to the sizes of the terms of the sums.
const ADJOINT: f64 = 1e-12;

/// Something given to a function under test.
#[derive(Clone)]
pub enum Given {
    /// An `f64` array to differentiate with respect to.
    Varies(ArrayD<f64>),
    /// Indices, conditions, or floats that stay.
    Fixed(AnyArray),
}

impl Given {
    fn array(&self) -> AnyArray {
        match self {
            Given::Varies(array) => AnyArray::from(array.clone()),
            Given::Fixed(array) => array.clone(),
        }
    }
}

/// How a function under test is written into a graph.
pub type Build = Box<dyn Fn(&mut Graph, &[Value]) -> Result<Value>>;

/// A function under test: its name for messages, what it is given, and how it is written.
pub struct Case {
    /// Names the function in messages.
    pub name: String,
    /// Where its derivatives are taken.
    pub given: Vec<Given>,
    /// The function.
    pub build: Build,
}

/// Numbers that look random and are the same in every run.
pub struct Numbers(pub u64);

impl Numbers {
    /// The next number between −1 and 1.
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// An array of them.
    pub fn array(&mut self, shape: &[usize]) -> ArrayD<f64> {
        ArrayD::from_shape_simple_fn(IxDyn(shape), || self.next())
    }
}

/// How the lengths of a case are declared.
#[derive(Clone, Copy, Debug)]
pub enum Declared {
    /// As numbers.
    Known,
    /// As symbols, one for each length other than 1, so that whatever must agree has to be found out.
    Unknown,
}

/// A graph of one case: y = f(x), with vectors to multiply derivatives with as further inputs.
struct Bench {
    graph: Graph,
    x: Vec<Value>,
    y: Value,
    /// A cotangent of y.
    u: Value,
    /// Two sets of tangents of x.
    v: Vec<Value>,
    w: Vec<Value>,
}

impl Case {
    fn bench(&self, declared: Declared) -> Result<Bench> {
        let mut graph = Graph::new();
        let mut all = Vec::new();
        let mut x = Vec::new();
        for (place, given) in self.given.iter().enumerate() {
            let array = given.array();
            let dims = array.shape().iter().enumerate().map(|(axis, &length)| match declared {
                Declared::Unknown if length != 1 => Dim::from(Symbol::new(&format!("n{place}_{axis}"))),
                Declared::Known | Declared::Unknown => Dim::from(length),
            });
            let input = graph.add_input(&format!("x{place}"), Type::new(array.dtype(), dims), InputKind::Argument)?;
            all.push(input);
            if matches!(given, Given::Varies(_)) {
                x.push(input);
            }
        }
        let y = (self.build)(&mut graph, &all)?;
        let like = |graph: &mut Graph, name: &str, value: Value| {
            let ty = graph.ty(value).clone();
            graph.add_input(name, ty, InputKind::Argument)
        };
        let u = like(&mut graph, "u", y)?;
        let v = x.iter().map(|&x| like(&mut graph, "v", x)).collect::<Result<_>>()?;
        let w = x.iter().map(|&x| like(&mut graph, "w", x)).collect::<Result<_>>()?;
        Ok(Bench { graph, x, y, u, v, w })
    }

    /// The parts of the argument that vary.
    fn varying(&self) -> impl Iterator<Item = &ArrayD<f64>> {
        self.given.iter().filter_map(|given| if let Given::Varies(array) = given { Some(array) } else { None })
    }

    /// The whole argument with these numbers, end to end, in the parts that vary.
    fn argument(&self, at: &[f64]) -> Vec<AnyArray> {
        let mut rest = at;
        let given = self.given.iter().map(|given| match given {
            Given::Fixed(array) => array.clone(),
            Given::Varies(array) => {
                let (now, later) = rest.split_at(array.len());
                rest = later;
                AnyArray::from(ArrayD::from_shape_vec(array.raw_dim(), now.to_vec()).unwrap())
            }
        });
        given.collect()
    }

    /// The shape of y.
    fn shape_of_result(&self) -> Result<Vec<usize>> {
        let Bench { mut graph, y, u, v, w, .. } = self.bench(Declared::Known)?;
        graph.set_outputs([y]);
        let zeros = |value: Value| AnyArray::from(ArrayD::<f64>::zeros(graph.ty(value).dims.known().unwrap()));
        let vectors = [u].into_iter().chain(v).chain(w).map(zeros);
        let start: Vec<f64> = self.varying().flatten().copied().collect();
        Ok(graph.evaluate(&self.argument(&start).into_iter().chain(vectors).collect::<Vec<_>>())?[0].shape().to_vec())
    }
}

/// ⟨a, b⟩, and the sum of the sizes of its terms.
fn inner(a: &[f64], b: &[f64]) -> (f64, f64) {
    assert_eq!(a.len(), b.len());
    let terms = || a.iter().zip(b).map(|(a, b)| a * b);
    (terms().sum(), terms().map(f64::abs).sum())
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |largest, x| x.abs().max(largest))
}

/// The columns of the Jacobian of a function at a point, by differences.
fn columns(at: &[f64], function: impl Fn(&[f64]) -> Vec<f64>) -> Vec<Vec<f64>> {
    let columns = (0..at.len()).map(|place| {
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[place] += by;
            function(&at)
        };
        let [far_below, below, above, far_above] = [-2.0, -1.0, 1.0, 2.0].map(|steps| moved(steps * STEP));
        let slope = |k: usize| (8.0 * (above[k] - below[k]) - (far_above[k] - far_below[k])) / (12.0 * STEP);
        (0..above.len()).map(slope).collect()
    });
    columns.collect()
}

/// Σ columnⱼ·vⱼ
fn times(columns: &[Vec<f64>], v: &[f64], rows: usize) -> Vec<f64> {
    (0..rows).map(|row| columns.iter().zip(v).map(|(column, v)| column[row] * v).sum()).collect()
}

/// ⟨columnⱼ, u⟩ for each j
fn transposed_times(columns: &[Vec<f64>], u: &[f64]) -> Vec<f64> {
    columns.iter().map(|column| inner(column, u).0).collect()
}

/// Checks all derivatives of a case, first and second, in every composition of the modes, with known lengths and with unknown ones.
///
/// # Panics
///
/// If one is wrong, naming the case, the derivative and the number.
pub fn check(case: &Case) {
    for declared in [Declared::Known, Declared::Unknown] {
        if let Err(fault) = find_fault(case, declared) {
            panic!("{}, lengths {declared:?}: {fault}", case.name);
        }
    }
}

/// Derivatives as outputs of a graph.
struct Outputs {
    graph: Graph,
    /// For each: its place among the outputs if it is not a structural zero, and how many numbers it has.
    parts: Vec<(Option<usize>, usize)>,
}

impl Outputs {
    /// Each derivative must have the type of its fellow in `like`, which has that shape.
    fn new(graph: &Graph, derivatives: &[Option<Value>], like: &[Value], shapes: &[&[usize]]) -> Result<Self, String> {
        let mut graph = graph.clone();
        let mut present = Vec::new();
        let mut parts = Vec::new();
        for ((derivative, &like), shape) in derivatives.iter().zip(like).zip(shapes) {
            parts.push((derivative.map(|_| present.len()), shape.iter().product()));
            if let Some(derivative) = *derivative {
                if graph.ty(derivative) != graph.ty(like) {
                    return Err(format!("a derivative is of type {} where {} is", graph.ty(derivative), graph.ty(like)));
                }
                present.push(derivative);
            }
        }
        graph.set_outputs(present);
        graph.verify().map_err(|error| error.to_string())?;
        Ok(Outputs { graph, parts })
    }

    /// Their numbers, end to end.
    fn at(&self, inputs: &[AnyArray]) -> Vec<f64> {
        let arrays = self.graph.evaluate(inputs).unwrap();
        let parts = self.parts.iter().map(|&(place, count)| match place {
            None => vec![0.0; count],
            Some(place) => arrays[place].to_reals().iter().copied().collect(),
        });
        parts.collect::<Vec<_>>().concat()
    }
}

/// Whether numbers are those that differences give.
fn near(what: &str, found: &[f64], expected: &[f64], scale: f64) -> Result<(), String> {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = scale.max(largest(expected)).max(1.0);
    let far =
        found.iter().zip(expected).position(|(found, expected)| (found - expected).abs().is_nan() || (found - expected).abs() > TOLERANCE * scale);
    far.map_or(Ok(()), |place| Err(format!("{what} is {} at {place}, and by differences {}", found[place], expected[place])))
}

/// What is wrong with the derivatives of a case, if anything is.
pub fn find_fault(case: &Case, declared: Declared) -> Result<(), String> {
    let said = |error: damo_graph::Error| error.to_string();
    let Bench { graph, x, y, u, v, w } = case.bench(declared).map_err(said)?;
    let y_shape = case.shape_of_result().map_err(said)?;
    let y_shapes = [y_shape.as_slice()];
    let x_shapes: Vec<&[usize]> = case.varying().map(ArrayD::shape).collect();
    let mut numbers = Numbers(7);
    let u_at = numbers.array(&y_shape);
    let [v_at, w_at] = [(); 2].map(|()| x_shapes.iter().map(|shape| numbers.array(shape)).collect::<Vec<_>>());
    let vectors: Vec<AnyArray> = [&u_at].into_iter().chain(&v_at).chain(&w_at).cloned().map(AnyArray::from).collect();
    let inputs = |at: &[f64]| [case.argument(at), vectors.clone()].concat();
    let end_to_end = |arrays: &[ArrayD<f64>]| arrays.iter().flatten().copied().collect::<Vec<f64>>();
    let (u_at, v_at, w_at) = (end_to_end(&[u_at]), end_to_end(&v_at), end_to_end(&w_at));
    let start: Vec<f64> = case.varying().flatten().copied().collect();
    let here = inputs(&start);

    // First order.
    let value = Outputs::new(&graph, &[Some(y)], &[y], &y_shapes)?;
    let scale = largest(&value.at(&here));
    let jacobian = columns(&start, |at| value.at(&inputs(at)));
    let mut forward = graph.clone();
    let jv = jvp(&mut forward, &[y], &x, &v).map_err(said)?;
    let jv_at = Outputs::new(&forward, &jv, &[y], &y_shapes)?.at(&here);
    near("Jv", &jv_at, &times(&jacobian, &v_at, u_at.len()), scale)?;
    let mut reverse = graph.clone();
    let ju = vjp(&mut reverse, &[y], &[u], &x).map_err(said)?;
    let ju_outputs = Outputs::new(&reverse, &ju, &x, &x_shapes)?;
    let ju_at = ju_outputs.at(&here);
    near("Jᵀu", &ju_at, &transposed_times(&jacobian, &u_at), scale)?;
    let ((left, left_size), (right, right_size)) = (inner(&jv_at, &u_at), inner(&v_at, &ju_at));
    if (left - right).abs() > ADJOINT * left_size.max(right_size) {
        return Err(format!("⟨Jv, u⟩ is {left} and ⟨v, Jᵀu⟩ is {right}"));
    }

    // Second order: the Hessian H of ⟨u, y⟩, by differences of Jᵀu.
    let hessian = columns(&start, |at| ju_outputs.at(&inputs(at)));
    let hv = times(&hessian, &v_at, start.len());
    let scale = scale.max(largest(&ju_at));
    // A structural zero in Jᵀu is a row, and a column, of zeros in H.
    let (ju_present, v_present): (Vec<Value>, Vec<Value>) = ju.iter().zip(&v).filter_map(|(ju, &v)| ju.map(|ju| (ju, v))).unzip();
    let mut second = reverse.clone();
    let mut rows = jvp(&mut second, &ju_present, &x, &v).map_err(said)?.into_iter();
    let found: Vec<Option<Value>> = ju.iter().map(|ju| ju.and_then(|_| rows.next().flatten())).collect();
    near("forward over reverse", &Outputs::new(&second, &found, &x, &x_shapes)?.at(&here), &hv, scale)?;
    let found = vjp(&mut reverse, &ju_present, &v_present, &x).map_err(said)?;
    near("reverse over reverse", &Outputs::new(&reverse, &found, &x, &x_shapes)?.at(&here), &hv, scale)?;
    let Some(jv) = jv[0] else { return Ok(()) };
    let mut second = forward.clone();
    let found = vjp(&mut second, &[jv], &[u], &x).map_err(said)?;
    near("reverse over forward", &Outputs::new(&second, &found, &x, &x_shapes)?.at(&here), &hv, scale)?;
    let found = jvp(&mut forward, &[jv], &x, &w).map_err(said)?;
    let found = Outputs::new(&forward, &found, &[y], &y_shapes)?.at(&here);
    near("forward over forward", &[inner(&found, &u_at).0], &[inner(&w_at, &hv).0], scale)
}
