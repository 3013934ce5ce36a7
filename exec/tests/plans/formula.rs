//! Formulas over graph nodes as ordinary arithmetic, for tests that compare spellings.

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};

use damo_graph::op::dot::Dot;
use damo_graph::op::scalar::{ADD, DIV, MUL, NEG, SUB, Scalar};
use damo_graph::{DType, Graph, Value};

use crate::judge::known;

/// A graph in the making.
#[derive(Default)]
pub struct Tape(RefCell<Graph>);

/// A value of it.
#[derive(Clone, Copy)]
pub struct Tensor<'t> {
    tape: &'t Tape,
    value: Value,
}

impl Tape {
    /// An input of known lengths.
    pub fn input(&self, name: &str, dtype: DType, shape: &[usize]) -> Tensor<'_> {
        Tensor { tape: self, value: known(&mut self.0.borrow_mut(), name, dtype, shape) }
    }

    /// A number.
    pub fn number(&self, dtype: DType, number: f64) -> Tensor<'_> {
        Tensor { tape: self, value: self.0.borrow_mut().number(dtype, number).unwrap() }
    }

    /// The graph of these outputs.
    pub fn graph(self, outputs: Vec<Value>) -> Graph {
        let mut graph = self.0.into_inner();
        graph.set_outputs(outputs);
        graph
    }
}

impl Tensor<'_> {
    /// The node, to be an output.
    pub const fn value(self) -> Value {
        self.value
    }

    /// The product over the last axis and the other's first.
    pub fn dot(self, other: Self) -> Self {
        self.product(other, &[])
    }

    /// The product over the last axis and the other's first that is not paired.
    pub fn product(self, other: Self, batch: &[(usize, usize)]) -> Self {
        let rank = self.tape.0.borrow().ty(self.value).rank();
        let op = Dot { batch: batch.into(), contract: [(rank - 1, batch.len())].as_slice().into() };
        Tensor { value: self.tape.0.borrow_mut().add(op, &[self.value, other.value]).unwrap(), ..self }
    }

    /// With the last two axes exchanged.
    pub fn t(self) -> Self {
        let rank = self.tape.0.borrow().ty(self.value).rank();
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(rank - 2, rank - 1);
        Tensor { value: self.tape.0.borrow_mut().transpose(self.value, &order).unwrap(), ..self }
    }

    /// A function of it, and others.
    pub fn apply(self, scalar: &'static Scalar, others: &[Self]) -> Self {
        let arguments: Vec<Value> = std::iter::once(self).chain(others.iter().copied()).map(Self::value).collect();
        Tensor { value: self.tape.0.borrow_mut().apply(scalar, &arguments).unwrap(), ..self }
    }

    fn like(self, number: f64) -> Self {
        let dtype = self.tape.0.borrow().ty(self.value).dtype;
        self.tape.number(dtype, number)
    }
}

impl Add for Tensor<'_> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.apply(&ADD, &[other])
    }
}

impl Sub for Tensor<'_> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.apply(&SUB, &[other])
    }
}

impl Neg for Tensor<'_> {
    type Output = Self;

    fn neg(self) -> Self {
        self.apply(&NEG, &[])
    }
}

impl Mul for Tensor<'_> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.apply(&MUL, &[other])
    }
}

impl Mul<f64> for Tensor<'_> {
    type Output = Self;

    fn mul(self, number: f64) -> Self {
        self * self.like(number)
    }
}

impl<'t> Mul<Tensor<'t>> for f64 {
    type Output = Tensor<'t>;

    fn mul(self, tensor: Tensor<'t>) -> Tensor<'t> {
        tensor.like(self) * tensor
    }
}

impl Div<f64> for Tensor<'_> {
    type Output = Self;

    fn div(self, number: f64) -> Self {
        self.apply(&DIV, &[self.like(number)])
    }
}
