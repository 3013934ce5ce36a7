//! Ops that state only their tangent: transposing it, and catching one that is not linear.

use std::sync::Arc;

use damo_graph::op::attributes::Attributes;
use damo_graph::op::custom::Custom;
use damo_graph::op::input::InputKind;
use damo_graph::op::scalar::{self, Scalar};
use damo_graph::op::stop_gradient::StopGradient;
use damo_graph::op::{Cotangents, Types};
use damo_graph::{AnyArray, DType, Derivative, ErrorKind, Graph, Lengths, Primitive, Problem, Result, Sizes, Tangent, Type, Value};
use damo_passes::derive::{gradient, jvp};
use smallvec::{SmallVec, smallvec};

use crate::check::{Case, Declared, Given, Numbers, check, find_fault};

/// x³ as a user's op that says how its tangent is computed, and nothing else.
#[derive(Debug)]
pub struct Cube;

/// As [`Cube`], with a tangent that passes the tangent of its input through a function.
#[derive(Debug)]
struct Bent(&'static Scalar);

/// As [`Cube`], with no derivative.
#[derive(Debug)]
struct Opaque;

fn cubed(inputs: &[&AnyArray]) -> SmallVec<[AnyArray; 1]> {
    inputs.iter().map(|x| AnyArray::from_reals(x.dtype(), &x.to_reals().mapv(|x| x * x * x))).collect()
}

macro_rules! cube_like {
    ($op:ty, $name:literal, |$this:ident| $derivative:expr) => {
        impl Primitive for $op {
            fn name(&self) -> &'static str {
                $name
            }
            fn attributes(&self) -> Attributes {
                Attributes::none()
            }
            fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
                Ok(smallvec![inputs[0].clone()])
            }
            fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
                Ok(cubed(inputs))
            }
            fn derivative(&self) -> Derivative<'_> {
                let $this = self;
                $derivative
            }
        }
    };
}
cube_like!(Cube, "cube", |this| Derivative::Tangent(this));
cube_like!(Bent, "bent", |this| Derivative::Tangent(this));
cube_like!(Opaque, "opaque", |_this| Derivative::Undefined("it is a black box"));

/// 3·x²
fn slope(graph: &mut Graph, x: Value) -> Result<Value> {
    let three = graph.number(graph.ty(x).dtype, 3.0)?;
    let square = graph.times(x, x)?;
    graph.times(three, square)
}

impl Tangent for Cube {
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let Some(tangent) = tangents[0] else { return Ok(None) };
        let slope = slope(graph, inputs[0])?;
        graph.times(slope, tangent).map(Some)
    }
    fn cotangent(&self, _: &mut Graph, _: &[Value], _: Value, _: Value) -> Result<Option<Cotangents>> {
        Ok(None)
    }
}

impl Tangent for Bent {
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let Some(tangent) = tangents[0] else { return Ok(None) };
        let slope = slope(graph, inputs[0])?;
        let bent = if self.0.arity() == 2 { graph.apply(self.0, &[tangent, tangent])? } else { graph.apply(self.0, &[tangent])? };
        graph.times(slope, bent).map(Some)
    }
    fn cotangent(&self, _: &mut Graph, _: &[Value], _: Value, _: Value) -> Result<Option<Cotangents>> {
        Ok(None)
    }
}

fn cost_of(op: impl Primitive + 'static) -> (Graph, Value, Value) {
    let mut graph = Graph::new();
    let x = graph.add_input("x", Type::new(DType::F64, [3]), InputKind::Argument).unwrap();
    let y = graph.add(Custom(Arc::new(op)), &[x]).unwrap();
    let cost = graph.sum(y, &[0]).unwrap();
    (graph, x, cost)
}

#[test]
fn transposing_a_tangent_leaves_nothing_behind() {
    let (mut graph, x, cost) = cost_of(Cube);
    let before = graph.inputs().len();
    let found = gradient(&mut graph, cost, &[x]).unwrap()[0].unwrap();
    assert_eq!(graph.inputs().len(), before);
    graph.set_outputs([found]);
    let at = AnyArray::from(ndarray::arr1(&[1.0, -2.0, 0.5]));
    assert_eq!(graph.evaluate(&[at]).unwrap()[0].to_reals(), ndarray::arr1(&[3.0, 12.0, 0.75]).into_dyn());
}

#[test]
fn a_tangent_that_is_not_linear_is_named() {
    // max(ẋ, ẋ) is linear, but its partials compare ẋ with itself: that it mentions ẋ is enough.
    for bend in [&scalar::EXP, &scalar::MUL, &scalar::ABS, &scalar::MAX, &scalar::HYPOT] {
        let (mut graph, x, cost) = cost_of(Bent(bend));
        let error = gradient(&mut graph, cost, &[x]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Gradient);
        assert!(error.to_string().contains("the tangent of `bent` is not linear"), "{bend:?}: {error}");
    }
}

#[test]
fn a_tangent_through_another_nonlinear_op_is_named() {
    /// Its tangent applies itself to the tangent: following that would never end.
    #[derive(Debug)]
    struct Endless;
    cube_like!(Endless, "endless", |this| Derivative::Tangent(this));
    impl Tangent for Endless {
        fn tangent(&self, graph: &mut Graph, _: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
            let Some(tangent) = tangents[0] else { return Ok(None) };
            graph.add(Custom(Arc::new(Endless)), &[tangent]).map(Some)
        }
        fn cotangent(&self, _: &mut Graph, _: &[Value], _: Value, _: Value) -> Result<Option<Cotangents>> {
            Ok(None)
        }
    }
    let (mut graph, x, cost) = cost_of(Endless);
    let error = gradient(&mut graph, cost, &[x]).unwrap_err();
    assert!(error.to_string().contains("the tangent of `endless` is not linear"), "{error}");
}

#[test]
fn an_op_without_a_derivative_says_why() {
    let (mut graph, x, cost) = cost_of(Opaque);
    let one = graph.number(DType::F64, 1.0).unwrap();
    for error in [gradient(&mut graph, cost, &[x]).unwrap_err(), jvp(&mut graph, &[cost], &[x], &[one]).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Gradient);
        let text = error.to_string();
        assert!(text.contains("`opaque` has no derivative") && text.contains("it is a black box"), "{text}");
    }
}

/// Sine and cosine together: an op with two results.
#[derive(Debug)]
struct SinCos;

impl Primitive for SinCos {
    fn name(&self) -> &'static str {
        "sin_cos"
    }
    fn attributes(&self) -> Attributes {
        Attributes::none()
    }
    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        Ok(smallvec![inputs[0].clone(), inputs[0].clone()])
    }
    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let x = inputs[0].to_reals();
        Ok([x.mapv(f64::sin), x.mapv(f64::cos)].iter().map(|y| AnyArray::from_reals(inputs[0].dtype(), y)).collect())
    }
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Tangent(self)
    }
}

impl Tangent for SinCos {
    fn tangent(&self, graph: &mut Graph, _: &[Value], result: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let Some(tangent) = tangents[0] else { return Ok(None) };
        let other = graph.times(Value { result: 1 - result.result, ..result }, tangent)?;
        if result.result == 0 { Ok(Some(other)) } else { graph.apply(&scalar::NEG, &[other]).map(Some) }
    }
    fn cotangent(&self, _: &mut Graph, _: &[Value], _: Value, _: Value) -> Result<Option<Cotangents>> {
        Ok(None)
    }
}

#[test]
fn every_result_of_an_op_varies() {
    let op = Custom(Arc::new(SinCos));
    check(&Case {
        name: "sin x · cos² x".into(),
        given: vec![Given::Varies(Numbers(5).array(&[3]))],
        build: Box::new(move |graph, inputs| {
            let node = graph.add_node(op.clone().into(), inputs)?;
            let (sin, cos) = (Value { node, result: 0 }, Value { node, result: 1 });
            let square = graph.times(cos, cos)?;
            graph.times(sin, square)
        }),
    });
}

/// As [`Cube`], with rules that are wrong in the ways that people get them wrong.
#[derive(Debug)]
struct Wrong {
    /// Multiplies the slope in the tangent.
    tangent: f64,
    /// Multiplies the slope in the cotangent.
    cotangent: f64,
    /// Whether the slope is a constant as far as the second derivative can see.
    stopped: bool,
}
cube_like!(Wrong, "wrong", |this| Derivative::Tangent(this));

impl Wrong {
    fn times_slope(&self, graph: &mut Graph, x: Value, factor: f64, vector: Value) -> Result<Option<Cotangents>> {
        let x = if self.stopped { graph.add(StopGradient, &[x])? } else { x };
        let slope = slope(graph, x)?;
        let factor = graph.number(DType::F64, factor)?;
        let slope = graph.times(slope, factor)?;
        Ok(Some(smallvec![Some(graph.times(slope, vector)?)]))
    }
}

impl Tangent for Wrong {
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let Some(tangent) = tangents[0] else { return Ok(None) };
        Ok(self.times_slope(graph, inputs[0], self.tangent, tangent)?.and_then(|mut shares| shares.remove(0)))
    }
    fn cotangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, cotangent: Value) -> Result<Option<Cotangents>> {
        self.times_slope(graph, inputs[0], self.cotangent, cotangent)
    }
}

#[test]
fn the_judge_finds_planted_faults() {
    let fault = |tangent: f64, cotangent: f64, stopped: bool| {
        let op = Custom(Arc::new(Wrong { tangent, cotangent, stopped }));
        let case = Case {
            name: "wrong".into(),
            given: vec![Given::Varies(Numbers(5).array(&[3]))],
            build: Box::new(move |graph, inputs| graph.add(op.clone(), inputs)),
        };
        find_fault(&case, Declared::Known).err().unwrap_or_default()
    };
    assert_eq!(fault(1.0, 1.0, false), "");
    assert!(fault(-1.0, 1.0, false).starts_with("Jv is"));
    assert!(fault(1.0, -1.0, false).starts_with("Jᵀu is"));
    // Too small for differences, and still not the transpose.
    assert!(fault(1.0, 1.0 + 1e-9, false).starts_with("⟨Jv, u⟩ is"));
    assert!(fault(1.0, 1.0, true).starts_with("forward over reverse is"));
}
