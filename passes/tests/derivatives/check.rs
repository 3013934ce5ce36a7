//! The judge of derivatives: forward, reverse and their compositions against fourth-order differences of the meaning.

use damo_graph::op::input::InputKind;
use damo_graph::{AnyArray, Graph, Result, Type, Value};
use damo_passes::derive::{gradient, jvp, vjp};
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
    fn bench(&self) -> Result<Bench> {
        let mut graph = Graph::new();
        let mut all = Vec::new();
        let mut x = Vec::new();
        for (place, given) in self.given.iter().enumerate() {
            let array = given.array();
            let ty = Type::new(array.dtype(), array.shape().iter().copied());
            let input = graph.add_input(&format!("x{place}"), ty, InputKind::Argument)?;
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

    /// The parts of the argument that vary, end to end.
    fn start(&self) -> Vec<f64> {
        let varies = self.given.iter().filter_map(|given| if let Given::Varies(array) = given { Some(array) } else { None });
        varies.flat_map(|array| array.iter().copied()).collect()
    }

    /// The whole argument with these numbers in the parts that vary.
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
fn times(columns: &[Vec<f64>], v: &[f64]) -> Vec<f64> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).map(|row| columns.iter().zip(v).map(|(column, v)| column[row] * v).sum()).collect()
}

/// ⟨columnⱼ, u⟩ for each j
fn transposed_times(columns: &[Vec<f64>], u: &[f64]) -> Vec<f64> {
    columns.iter().map(|column| inner(column, u).0).collect()
}

/// Checks all derivatives of a case, first and second, in every composition of the modes.
///
/// # Panics
///
/// If one is wrong, naming the case, the derivative and the number.
pub fn check(case: &Case) {
    if let Err(error) = try_check(case) {
        panic!("{}: {error}", case.name);
    }
}

/// What a derivative turned out to be: an array of the type of a value, or a structural zero.
struct Outputs {
    graph: Graph,
    parts: Vec<(Option<usize>, usize)>,
}

impl Outputs {
    /// Collects derivatives as outputs of a graph; each of the lengths of its fellow in `like`.
    fn new(mut graph: Graph, derivatives: &[Option<Value>], like: &[Value]) -> Self {
        assert_eq!(derivatives.len(), like.len());
        let mut present = Vec::new();
        let mut parts = Vec::new();
        for (derivative, &like) in derivatives.iter().zip(like) {
            let ty = graph.ty(like).clone();
            let count = ty.dims.known().unwrap().iter().product();
            parts.push((derivative.map(|_| present.len()), count));
            if let Some(derivative) = *derivative {
                assert_eq!(graph.ty(derivative), &ty, "a derivative is of the type of its value");
                present.push(derivative);
            }
        }
        graph.set_outputs(present);
        graph.verify().unwrap();
        Outputs { graph, parts }
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

fn try_check(case: &Case) -> Result<()> {
    let Bench { graph, x, y, u, v, w } = case.bench()?;
    let start = case.start();
    let mut numbers = Numbers(7);
    let mut random = |values: &[Value]| -> Vec<AnyArray> {
        values.iter().map(|&value| AnyArray::from(numbers.array(&graph.ty(value).dims.known().unwrap()))).collect()
    };
    let vectors = [random(&[u]), random(&v), random(&w)];
    let reals = |arrays: &[AnyArray]| -> Vec<f64> { arrays.iter().flat_map(|array| array.to_reals().into_iter()).collect() };
    let [u_at, v_at, w_at] = vectors.each_ref().map(|arrays| reals(arrays));
    let inputs = |at: &[f64]| [case.argument(at), vectors.concat()].concat();

    let near = |what: &str, found: &[f64], expected: &[f64], scale: f64| {
        assert_eq!(found.len(), expected.len(), "{}: {what}", case.name);
        let scale = scale.max(largest(expected)).max(1.0);
        for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((found - expected).abs() <= TOLERANCE * scale, "{}: {what} is {found} at {place}, by differences {expected}", case.name);
        }
    };

    // First order.
    let value = Outputs::new(graph.clone(), &[Some(y)], &[y]);
    let scale = largest(&value.at(&inputs(&start)));
    let jacobian = columns(&start, |at| value.at(&inputs(at)));
    let mut forward = graph.clone();
    let jv = jvp(&mut forward, &[y], &x, &v)?;
    let forward_value = Outputs::new(forward.clone(), &jv, &[y]).at(&inputs(&start));
    near("Jv", &forward_value, &times(&jacobian, &v_at), scale);
    let mut reverse = graph.clone();
    let ju = vjp(&mut reverse, &[y], &[u], &x)?;
    let reverse_at = Outputs::new(reverse.clone(), &ju, &x);
    let reverse_value = reverse_at.at(&inputs(&start));
    near("Jᵀu", &reverse_value, &transposed_times(&jacobian, &u_at), scale);
    let ((left, left_size), (right, right_size)) = (inner(&forward_value, &u_at), inner(&v_at, &reverse_value));
    let size = left_size.max(right_size);
    assert!((left - right).abs() <= ADJOINT * size, "{}: ⟨Jv, u⟩ is {left} and ⟨v, Jᵀu⟩ is {right}", case.name);

    // Second order: the Hessian H of ⟨u, y⟩, by differences of Jᵀu.
    let hessian = columns(&start, |at| reverse_at.at(&inputs(at)));
    let hv = times(&hessian, &v_at);
    let scale = scale.max(largest(&reverse_value));
    let connected: Vec<Value> = ju.iter().copied().flatten().collect();
    let spread = |found: Vec<Option<Value>>| -> Vec<Option<Value>> {
        let mut found = found.into_iter();
        ju.iter().map(|ju| ju.and_then(|_| found.next().flatten())).collect()
    };
    let mut forward_over_reverse = reverse.clone();
    let found = spread(jvp(&mut forward_over_reverse, &connected, &x, &v)?);
    near("forward over reverse", &Outputs::new(forward_over_reverse, &found, &x).at(&inputs(&start)), &hv, scale);
    let mut reverse_over_reverse = reverse.clone();
    let v_connected: Vec<Value> = ju.iter().zip(&v).filter_map(|(ju, &v)| ju.map(|_| v)).collect();
    let found = vjp(&mut reverse_over_reverse, &connected, &v_connected, &x)?;
    // A structural zero in Jᵀu is a row of H that is zero, so leaving its v out changes nothing.
    near("reverse over reverse", &Outputs::new(reverse_over_reverse, &found, &x).at(&inputs(&start)), &hv, scale);
    let Some(jv) = jv[0] else { return Ok(()) };
    let mut reverse_over_forward = forward.clone();
    let axes: Vec<usize> = (0..graph.ty(y).rank()).collect();
    let product = reverse_over_forward.times(jv, u)?;
    let product = reverse_over_forward.sum(product, &axes)?;
    let found = gradient(&mut reverse_over_forward, product, &x)?;
    near("reverse over forward", &Outputs::new(reverse_over_forward, &found, &x).at(&inputs(&start)), &hv, scale);
    let found = jvp(&mut forward, &[jv], &x, &w)?;
    let found = Outputs::new(forward, &found, &[y]).at(&inputs(&start));
    near("forward over forward", &[inner(&found, &u_at).0], &[inner(&w_at, &hv).0], scale);
    Ok(())
}
