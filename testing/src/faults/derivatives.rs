//! Ops and functions whose derivatives are wrong, and the same with right ones.

use std::sync::Arc;

use damo::op::attributes::Attributes;
use damo::op::custom::Custom;
use damo::op::pointwise::Pointwise;
use damo::op::scalar::{Scalar, binary, unary};
use damo::op::term::Term;
use damo::op::{Derivative, Elements, Linear, Primitive, Types};
use damo::prelude::*;
use damo_graph::{AnyArray, DType, Graph, Lengths, Problem, Result, Sizes, Type, Value};
use ndarray::{ArrayD, arr1};
use smallvec::{SmallVec, smallvec};

use crate::gradients::{Checked, GradientError, check_gradients};

type Judged = std::result::Result<Checked, GradientError>;

static NEARLY: Scalar = unary("nearly_sin", f64::sin, |x, _| x.cos() * (1.0 + 1e-8), 1.0, 20);
static FLIPPED: Scalar = binary("flipped", |x, y| x * y, |x, y, _| [y, -x], 0.5, 1);
static ONCE: Scalar = unary("sin_once", f64::sin, |x, _| Term::apply(&WRONG_AFTER, [x]), 1.0, 20);
static WRONG_AFTER: Scalar = unary("cos_wrong", f64::cos, |x, _| x.sin() * 2.0, 1.0, 20);
static AT_NEGATIVES: Scalar = unary("cube", |x| x * x * x, |x, _| 3.0 * (x * x.abs()), 0.5, 3);

fn apply<'t>(function: &'static Scalar, arguments: &[Tensor<'t, f64>]) -> Tensor<'t, f64> {
    let handles: Vec<Handle<'t>> = arguments.iter().map(|argument| argument.handle()).collect();
    arguments[0].tape().apply(Pointwise(function), &handles)
}

fn point() -> [ArrayD<f64>; 1] {
    [arr1(&[0.4, -0.9, 1.3]).into_dyn()]
}

/// A program of right derivatives that all others resemble.
pub(super) fn right() -> Judged {
    check_gradients(|[x]| x.sin() * 2.0 + x * (x * x), &point())
}

pub(super) fn nearly() -> Judged {
    check_gradients(|[x]| apply(&NEARLY, &[x]) * 2.0, &point())
}

pub(super) fn flipped() -> Judged {
    check_gradients(|[x]| apply(&FLIPPED, &[x.exp(), x]), &point())
}

pub(super) fn once() -> Judged {
    check_gradients(|[x]| apply(&ONCE, &[x]), &point())
}

pub(super) fn at_negatives() -> Judged {
    check_gradients(|[x]| apply(&AT_NEGATIVES, &[x]), &point())
}

pub(super) fn lost() -> Judged {
    check_gradients(|[x]| x * (x * x).stop_gradient(), &point())
}

/// `x` and its elements one place on, the last first, times 2: `y[i] = 2 x[i - 1]`. The transpose may be told wrongly.
#[derive(Debug)]
struct Turned {
    /// How far the transpose turns, and by what it multiplies.
    back: usize,
    times: f64,
}

impl Primitive for Turned {
    fn name(&self) -> &'static str {
        "turned"
    }

    fn attributes(&self) -> Attributes {
        Attributes::none()
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> std::result::Result<Types, Problem> {
        Ok(smallvec![inputs[0].clone()])
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> std::result::Result<SmallVec<[AnyArray; 1]>, Problem> {
        let x: Vec<f64> = inputs[0].to_reals().into_iter().collect();
        let turned: ArrayD<f64> = ArrayD::from_shape_fn(inputs[0].shape(), |at| 2.0 * x[(at[0] + x.len() - 1) % x.len()]);
        Ok(smallvec![AnyArray::from_reals(DType::F64, &turned)])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for Turned {
    fn transpose(&self, graph: &mut Graph, _: &[Value], _: usize, cotangent: Value) -> Result<Value> {
        let mut turned = cotangent;
        for _ in 0..self.back {
            turned = graph.add(Custom(Arc::new(Turned { back: 2, times: 0.5 })), &[turned])?;
        }
        let times = graph.number(DType::F64, self.times)?;
        graph.times(turned, times)
    }

    fn elements(&self) -> Elements {
        Elements::Mix
    }
}

fn turned(back: usize, times: f64) -> Judged {
    let op = Arc::new(Turned { back, times });
    check_gradients(move |[x]| x.tape().apply(Custom(op.clone()), &[x.exp().handle()]), &point())
}

/// Two more turns bring three elements back to where they came from.
pub(super) fn turned_right() -> Judged {
    turned(2, 0.5)
}

pub(super) fn turned_the_same_way() -> Judged {
    turned(1, 1.0)
}

pub(super) fn turned_and_too_large() -> Judged {
    turned(2, 0.5 * (1.0 + 1e-6))
}

pub(super) fn not_turned() -> Judged {
    turned(0, 2.0)
}
