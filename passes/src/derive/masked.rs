//! A tangent or cotangent with its mask, and what values have gathered of them so far.

use std::collections::BTreeMap;

use damo_graph::op::reduce::Reduction;
use damo_graph::types::Dims;
use damo_graph::{Graph, Result, Value};

use super::mask::Mask;

/// A derivative: the value where the mask holds, and 0 elsewhere, whatever the value is there.
///
/// The value may be infinite or NaN outside of the mask, so it must not be summed with what belongs to other places before
/// [`unmasked`](Masked::unmasked) has put zeros there. Multiplying it by a partial derivative is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Masked {
    /// The value.
    pub value: Value,
    /// Where it counts; everywhere if there is none.
    pub mask: Option<Mask>,
    /// Whether the value is known to be 0 already where the mask does not hold.
    pub zeroed: bool,
}

impl Masked {
    /// A value that counts everywhere.
    pub fn whole(value: Value) -> Masked {
        Masked { value, mask: None, zeroed: true }
    }

    /// A value that is 0 outside of a mask.
    pub fn zeroed(value: Value, mask: Mask) -> Masked {
        Masked { value, mask: Some(mask), zeroed: true }
    }

    /// The derivative as one value.
    pub fn unmasked(self, graph: &mut Graph) -> Result<Value> {
        match self.mask.filter(|_| !self.zeroed) {
            Some(mask) => mask.choose(graph, self.value),
            None => Ok(self.value),
        }
    }

    /// The sum of two.
    pub fn plus(self, graph: &mut Graph, other: Masked) -> Result<Masked> {
        let (Some(left), Some(right)) = (self.mask, other.mask) else {
            let (left, right) = (self.unmasked(graph)?, other.unmasked(graph)?);
            return graph.plus(left, right).map(Masked::whole);
        };
        let zeroed = self.zeroed && other.zeroed;
        if let Some((condition, outer)) = left.parted(right) {
            let (yes, no) = if left.holds() { (self, other) } else { (other, self) };
            let value = graph.select(condition, yes.value, no.value)?;
            return Ok(Masked { value, mask: outer, zeroed: zeroed || outer.is_none() });
        }
        if Mask::same(graph, left, right)? {
            let value = graph.plus(self.value, other.value)?;
            return Ok(Masked { value, mask: Some(left), zeroed });
        }
        let mask = Mask::either(graph, left, right)?;
        let (left, right) = (self.unmasked(graph)?, other.unmasked(graph)?);
        graph.plus(left, right).map(|value| Masked::zeroed(value, mask))
    }

    /// Summed back to lengths that broadcast to those of the value. The sum counts where anything in it does.
    pub fn sum_to(self, graph: &mut Graph, dims: &Dims) -> Result<Masked> {
        let Some(mask) = self.mask else { return graph.sum_to(self.value, dims).map(Masked::whole) };
        if !graph.is_stretched_from(self.value, dims) {
            return Ok(self);
        }
        let value = self.unmasked(graph)?;
        let mask = mask.over(graph, &graph.ty(value).dims.clone())?;
        let (value, mask) = (graph.sum_to(value, dims)?, graph.reduce_to(Reduction::Any, mask, dims)?);
        Ok(Masked::zeroed(value, Mask::of(mask)))
    }
}

/// The tangents or cotangents gathered so far; what has none is zero.
#[derive(Debug, Default)]
pub(super) struct Gathered(BTreeMap<Value, Masked>);

impl Gathered {
    /// The sum that belongs to a value, if it is not zero.
    pub fn get(&self, of: Value) -> Option<Masked> {
        self.0.get(&of).copied()
    }

    /// Adds one share.
    pub fn add(&mut self, graph: &mut Graph, of: Value, share: Masked) -> Result<()> {
        let sum = match self.get(of) {
            Some(sum) => sum.plus(graph, share)?,
            None => share,
        };
        self.0.insert(of, sum);
        Ok(())
    }

    /// The sums that belong to values.
    pub fn of(&self, values: &[Value]) -> Vec<Option<Masked>> {
        values.iter().map(|&value| self.get(value)).collect()
    }
}

/// Tangents or cotangents as one value each.
pub(super) fn unmasked(graph: &mut Graph, masked: &[Option<Masked>]) -> Result<Vec<Option<Value>>> {
    masked.iter().map(|found| found.map(|found| found.unmasked(graph)).transpose()).collect()
}
