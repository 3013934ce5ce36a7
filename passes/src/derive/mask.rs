//! Where a derivative may differ from 0, as truth values of the graph.

use damo_graph::op::scalar::{self, Scalar};
use damo_graph::types::Dims;
use damo_graph::{Graph, Result, Value};

/// Truth values that broadcast to the derivative they belong to: a condition, or its opposite, within an outer mask.
///
/// The last condition is kept apart, so that the two sides of one choice are known as such where they meet again, and so that
/// its opposite need not be computed to choose by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    within: Option<Value>,
    condition: Value,
    holds: bool,
}

impl Mask {
    /// Where a condition holds.
    pub fn of(condition: Value) -> Mask {
        Mask { within: None, condition, holds: true }
    }

    /// The part of an outer mask where a condition holds, or where it does not.
    pub fn narrowed(graph: &mut Graph, outer: Option<Mask>, condition: Value, holds: bool) -> Result<Mask> {
        let Some(outer) = outer else { return Ok(Mask { within: None, condition, holds }) };
        if (outer.condition, outer.holds) == (condition, holds) {
            return Ok(outer);
        }
        let within = outer.value(graph)?;
        if within == condition && holds { Ok(outer) } else { Ok(Mask { within: Some(within), condition, holds }) }
    }

    /// Where either holds.
    pub fn either(graph: &mut Graph, left: Mask, right: Mask) -> Result<Mask> {
        let (left, right) = (left.value(graph)?, right.value(graph)?);
        combined(graph, &scalar::OR, left, right).map(Mask::of)
    }

    /// Whether both are the same values of the graph.
    pub fn same(graph: &mut Graph, left: Mask, right: Mask) -> Result<bool> {
        Ok(left == right || left.value(graph)? == right.value(graph)?)
    }

    /// The condition by which two masks part the same outer mask between them, if they do, and that outer mask.
    pub fn parted(self, other: Mask) -> Option<(Value, Option<Mask>)> {
        let opposite = Mask { holds: !self.holds, ..self };
        (other == opposite).then(|| (self.condition, self.within.map(Mask::of)))
    }

    /// Whether the mask holds where its last condition does.
    pub fn holds(self) -> bool {
        self.holds
    }

    /// The mask as one value.
    pub fn value(self, graph: &mut Graph) -> Result<Value> {
        let own = if self.holds { self.condition } else { graph.apply(&scalar::NOT, &[self.condition])? };
        self.within.map_or(Ok(own), |within| combined(graph, &scalar::AND, within, own))
    }

    /// The mask as one value of these lengths.
    pub fn over(self, graph: &mut Graph, dims: &Dims) -> Result<Value> {
        let value = self.value(graph)?;
        graph.broadcast(value, dims)
    }

    /// The number where the mask holds, and 0 elsewhere.
    pub fn choose(self, graph: &mut Graph, value: Value) -> Result<Value> {
        if self.within.is_none() && !self.holds {
            let zero = graph.number(graph.ty(value).dtype, 0.0)?;
            return graph.select(self.condition, zero, value);
        }
        let mask = self.value(graph)?;
        let zero = graph.number(graph.ty(value).dtype, 0.0)?;
        graph.select(mask, value, zero)
    }
}

/// Both or either, in an order that does not depend on who came first, so that equal masks are one value.
fn combined(graph: &mut Graph, scalar: &'static Scalar, left: Value, right: Value) -> Result<Value> {
    if left == right { Ok(left) } else { graph.apply(scalar, &[left.min(right), left.max(right)]) }
}
