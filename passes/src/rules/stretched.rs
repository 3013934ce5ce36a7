//! What is stretched: views and reductions of it need only what it was before.

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]

use damo_graph::op::Op;
use damo_graph::op::broadcast::Broadcast;
use damo_graph::op::cast::Cast;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::remove_axis::RemoveAxis;
use damo_graph::op::scalar::{EQUAL, MUL, POW, SELECT};
use damo_graph::op::transpose::Transpose;
use damo_graph::{DType, Dim, NodeId, Result, Value};

use super::rows::reduction_of;
use super::shapes::{is_view, single};
use crate::rewrite::Rewriter;

crate::structural_rules! {
    /// Stretched values.
    pub fn stretched {
        /// A view of what is stretched is a view that is stretched.
        view_of_stretched, at(&["transpose", "insert_axis", "remove_axis", "reshape"]);
        /// One number joined with itself is that number, stretched further.
        joined_number, at(&["concatenate"]);
        /// A view is converted before it is taken: what is stretched is converted once.
        cast_of_view, at(&["cast"]);
        /// What is repeated is not added up but multiplied, or raised to a power; the largest of the same is the same.
        reduction_of_stretched, rounds(2.0), at(&["reduce"]);
    }
}

/// What a broadcast stretches, and which of its axes it stretches.
fn stretched_axes(rewriter: &Rewriter<'_>, value: Value) -> Option<(Value, Vec<bool>)> {
    let Some(Op::Broadcast(Broadcast { to })) = rewriter.op(value) else { return None };
    let x = rewriter.input(value);
    let from = &rewriter.graph.ty(x).dims;
    let new = to.len() - from.len();
    let is_stretched = |axis: usize| axis < new || from[axis - new].is_one() && !to[axis].is_one();
    Some((x, (0..to.len()).map(is_stretched).collect()))
}

fn view_of_stretched(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let Some((mut x, axes)) = stretched_axes(rewriter, rewriter.input(value)) else { return Ok(None) };
    let to = rewriter.graph.ty(value).dims.clone();
    if let Some(number) = single(rewriter, x) {
        return rewriter.stretched(number, &to).map(Some);
    }
    let new = axes.len() - rewriter.graph.ty(x).rank();
    match rewriter.op(value).cloned() {
        Some(Op::Transpose(Transpose { order })) => {
            for _ in 0..new {
                x = rewriter.add(InsertAxis { axis: 0 }, &[x])?;
            }
            x = rewriter.add(Transpose { order }, &[x])?;
        }
        Some(Op::InsertAxis(InsertAxis { axis })) if axis > new => x = rewriter.add(InsertAxis { axis: axis - new }, &[x])?,
        Some(Op::RemoveAxis(RemoveAxis { axis })) if axis >= new => x = rewriter.add(RemoveAxis { axis: axis - new }, &[x])?,
        Some(Op::InsertAxis(_) | Op::RemoveAxis(_)) => {}
        _ => return Ok(None),
    }
    rewriter.add(Broadcast { to }, &[x]).map(Some)
}

fn joined_number(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let mut numbers = rewriter.graph.node(node).inputs().iter().map(|&part| single(rewriter, part));
    let Some(Some(number)) = numbers.next() else { return Ok(None) };
    if !numbers.all(|other| other == Some(number)) {
        return Ok(None);
    }
    let to = rewriter.graph.ty(node.into()).dims.clone();
    rewriter.stretched(number, &to).map(Some)
}

fn cast_of_view(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let view = rewriter.input(node.into());
    let (Some(Op::Cast(Cast { to })), Some(op)) = (rewriter.op(node.into()), rewriter.op(view)) else { return Ok(None) };
    if !is_view(op) || matches!(op, Op::Slice(_)) {
        return Ok(None);
    }
    let (to, op, x) = (*to, op.clone(), rewriter.input(view));
    let cast = rewriter.add(Cast { to }, &[x])?;
    rewriter.add(op, &[cast]).map(Some)
}

fn reduction_of_stretched(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((reduction, axes, stretched)) = reduction_of(rewriter, node.into()) else { return Ok(None) };
    let Some((x, is_stretched)) = stretched_axes(rewriter, stretched) else { return Ok(None) };
    let dims = rewriter.graph.ty(stretched).dims.clone();
    if !is_stretched.contains(&true) {
        return Ok(None);
    }
    let (new, is_repeated) = (dims.len() - rewriter.graph.ty(x).rank(), |axis: usize| is_stretched[axis] && axes.contains(&axis));
    let count = (0..dims.len()).filter(|&axis| is_repeated(axis)).fold(Dim::from(1), |count, axis| count * dims[axis].clone());
    let Some(repeat) = Repeat::of(rewriter, reduction, &count, rewriter.graph.ty(x).dtype) else { return Ok(None) };
    // Without the repeated axes, and then reduced over the others; what else is stretched is stretched last.
    let mut rest = x;
    for axis in (new..dims.len()).rev().filter(|&axis| is_repeated(axis)) {
        rest = rewriter.add(RemoveAxis { axis: axis - new }, &[rest])?;
    }
    let kept: Vec<usize> = (new..dims.len()).filter(|&axis| !is_repeated(axis)).collect();
    let left: Vec<usize> = (0..kept.len()).filter(|&place| axes.contains(&kept[place])).collect();
    if !left.is_empty() {
        rest = rewriter.add(Reduce { reduction, axes: left.as_slice().into() }, &[rest])?;
    }
    let reduced = repeat.reduced(rewriter, rest)?;
    rewriter.stretched(reduced, &rewriter.graph.ty(node.into()).dims.clone()).map(Some)
}

/// A reduction of repeated elements that is known without repeating them.
struct Repeat {
    reduction: Reduction,
    count: Dim,
    /// Whether it is known that there is an element.
    is_some: bool,
}

impl Repeat {
    fn of(rewriter: &Rewriter<'_>, reduction: Reduction, count: &Dim, dtype: DType) -> Option<Repeat> {
        let count = rewriter.graph.lengths().resolve(count);
        let is_some = (count.clone() - 1).is_never_negative();
        let is_known = match reduction {
            Reduction::Sum | Reduction::Mean => true,
            // Of nothing they are an error, or something else.
            Reduction::Max | Reduction::Min | Reduction::All | Reduction::Any => is_some,
            // The exponent must not round: its last digit decides the sign.
            Reduction::Product => match dtype {
                DType::F64 | DType::I64 => true,
                _ => count.known().is_some_and(|count| count <= 127),
            },
        };
        is_known.then_some(Repeat { reduction, count, is_some })
    }

    fn reduced(&self, rewriter: &mut Rewriter<'_>, x: Value) -> Result<Value> {
        let dtype = rewriter.graph.ty(x).dtype;
        match self.reduction {
            _ if self.count.is_one() => Ok(x),
            Reduction::Max | Reduction::Min | Reduction::All | Reduction::Any => Ok(x),
            Reduction::Mean => self.unless_empty(rewriter, x, f64::NAN),
            Reduction::Product => {
                let count = rewriter.graph.dim_value(&self.count, dtype)?;
                rewriter.apply(&POW, &[x, count])
            }
            Reduction::Sum => {
                // Half precision cannot count far.
                let wide = if dtype.is_float() && dtype.size() == 2 { DType::F32 } else { dtype };
                let count = rewriter.graph.dim_value(&self.count, wide)?;
                let x = rewriter.add(Cast { to: wide }, &[x])?;
                let sum = rewriter.apply(&MUL, &[count, x])?;
                // 0 · ∞ is not a number, and a sum of nothing is 0.
                let is_finite = !dtype.is_float() || rewriter.uniform(x).is_some_and(f64::is_finite);
                let sum = if is_finite { sum } else { self.unless_empty(rewriter, sum, 0.0)? };
                rewriter.add(Cast { to: dtype }, &[sum])
            }
        }
    }

    /// The value, or that number if there is nothing to reduce.
    fn unless_empty(&self, rewriter: &mut Rewriter<'_>, value: Value, of_nothing: f64) -> Result<Value> {
        if self.is_some {
            return Ok(value);
        }
        let (count, none) = (rewriter.graph.dim_value(&self.count, DType::I64)?, rewriter.number(DType::I64, 0.0)?);
        let is_empty = rewriter.apply(&EQUAL, &[count, none])?;
        let of_nothing = rewriter.number(rewriter.graph.ty(value).dtype, of_nothing)?;
        rewriter.apply(&SELECT, &[is_empty, of_nothing, value])
    }
}
