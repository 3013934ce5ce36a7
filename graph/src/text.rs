//! A graph as text: one node a line, and the same graph back.
//!
//! ```text
//! graph {
//!   %0 = input{name="x", kind=argument, dtype=f32, dims=[n, 784], place=0} : f32[n, 784]   # examples/regression.rs:31:25
//!   %1 = constant{dtype=f32, dims=[], values=[0.5]} : f32
//!   %2 = mul %0, %1 : f32[n, 784]   # examples/regression.rs:32:5 in std by a_rule, another_rule
//!   require n == m   # dot at examples/regression.rs:33:9
//!   return %2, %0
//! }
//! ```
//!
//! `%3.1` is result 1 of node 3. After `#` stands where a node comes from; any other comment is skipped.
//! Whoever writes a graph by hand may choose other labels, and may leave out types, comments and requirements that follow from the ops.

pub mod expression;
mod formula;
mod parse;
mod print;
#[cfg(test)]
mod round_trip;
mod word;

pub(crate) use print::short_attributes;

use std::sync::Arc;

use crate::error::Result;
use crate::graph::Graph;
use crate::op::Primitive;
use crate::op::scalar::Scalar;

/// The ops that a text may mention besides Damo's own.
#[derive(Clone, Copy, Default)]
pub(crate) struct Vocabulary<'v> {
    pub(crate) scalars: &'v [&'static Scalar],
    pub(crate) customs: &'v [Arc<dyn Primitive>],
}

impl Graph {
    /// The whole graph as text, with nothing left out: [`Graph::parse`] gives an equal graph. The same graph always gives the same text.
    pub fn to_text(&self) -> String {
        print::Text { graph: self, exact: true }.to_string()
    }

    /// The graph as text for people: long constants are abbreviated, and where nodes come from is left out. It cannot be read back.
    pub fn to_short_text(&self) -> String {
        print::Text { graph: self, exact: false }.to_string()
    }

    /// Reads what [`Graph::to_text`] prints.
    ///
    /// Every type is inferred anew and checked against the printed one.
    ///
    /// ```
    /// use damo_graph::{DType, Graph, Type, op::input::InputKind, op::scalar::EXP};
    /// let mut graph = Graph::new();
    /// let x = graph.add_input("x", Type::new(DType::F32, [2, 3]), InputKind::Argument)?;
    /// let y = graph.apply(&EXP, &[x])?;
    /// graph.set_outputs([y]);
    /// assert_eq!(Graph::parse(&graph.to_text())?, graph);
    /// # Ok::<(), damo_graph::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse), with the number of the line, what was expected there and what was found.
    pub fn parse(text: &str) -> Result<Graph> {
        parse::parse(text, Vocabulary::default())
    }

    /// The same, where the text may also mention these pointwise functions of a user's.
    ///
    /// ```
    /// use damo_graph::op::scalar::{Scalar, unary};
    /// static CUBE: Scalar = unary("cube", |x| x * x * x, |x, _| 3.0 * (x * x), 0.5, 2);
    /// let text = "graph {\n %x = input{name=\"x\", kind=argument, dtype=f32, dims=[], place=0}\n %y = cube %x\n return %y\n}";
    /// assert!(damo_graph::Graph::parse_with(text, &[&CUBE]).is_ok());
    /// ```
    pub fn parse_with(text: &str, scalars: &[&'static Scalar]) -> Result<Graph> {
        parse::parse(text, Vocabulary { scalars, customs: &[] })
    }

    /// The same, where the text may also mention these pointwise functions and these ops of a user's.
    ///
    /// An op is found by its name and its parameters.
    pub fn parse_with_ops(text: &str, scalars: &[&'static Scalar], customs: &[Arc<dyn Primitive>]) -> Result<Graph> {
        parse::parse(text, Vocabulary { scalars, customs })
    }
}
