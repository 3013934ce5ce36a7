//! Sums over the others, for the derivatives of shares that sum to 1: nothing cancels where one of them is almost all.

use super::scalar;
use crate::error::Result;
use crate::graph::{Graph, Value};

/// Shares along an axis, of which at most one is more than half: the others sum to 1 less that one, with all its digits.
pub(super) struct Shares {
    pub all: Value,
    axis: usize,
    is_most: Value,
    /// Σ of the shares that are at most half.
    rest: Value,
}

impl Shares {
    pub fn new(graph: &mut Graph, shares: Value, axis: usize) -> Result<Self> {
        let dtype = graph.ty(shares).dtype;
        let half = graph.number(dtype, 0.5)?;
        let is_most = graph.apply(&scalar::GT, &[shares, half])?;
        let rest = but_for(graph, is_most, shares, axis)?;
        Ok(Shares { all: shares, axis, is_most, rest })
    }

    /// v − Σ p⊙v. For the share that is most, (Σ of the others)·v less their own terms.
    pub fn centred(&self, graph: &mut Graph, by: Value) -> Result<Value> {
        let terms = graph.times(self.all, by)?;
        let (mean, others) = (total(graph, terms, self.axis)?, but_for(graph, self.is_most, terms, self.axis)?);
        let own = graph.times(self.rest, by)?;
        self.apart(graph, (own, others), (by, mean))
    }

    /// v − p·Σ v: the transpose of [`centred`](Self::centred).
    pub fn spread(&self, graph: &mut Graph, by: Value) -> Result<Value> {
        let (sum, others) = (total(graph, by, self.axis)?, but_for(graph, self.is_most, by, self.axis)?);
        let (shared, taken) = (graph.times(self.all, sum)?, graph.times(self.all, others)?);
        let own = graph.times(self.rest, by)?;
        self.apart(graph, (own, taken), (by, shared))
    }

    /// The first difference for the share that is most, the second for all others.
    fn apart(&self, graph: &mut Graph, most: (Value, Value), other: (Value, Value)) -> Result<Value> {
        let most = graph.apply(&scalar::SUB, &[most.0, most.1])?;
        let other = graph.apply(&scalar::SUB, &[other.0, other.1])?;
        graph.select(self.is_most, most, other)
    }
}

/// The sum along an axis, which stays with length 1.
fn total(graph: &mut Graph, terms: Value, axis: usize) -> Result<Value> {
    let sum = graph.sum(terms, &[axis])?;
    graph.keep_axes(sum, &[axis])
}

/// The sum of the terms where the mask does not hold.
fn but_for(graph: &mut Graph, mask: Value, terms: Value, axis: usize) -> Result<Value> {
    let dtype = graph.ty(terms).dtype;
    let zero = graph.number(dtype, 0.0)?;
    let terms = graph.select(mask, zero, terms)?;
    total(graph, terms, axis)
}
