//! Views of views, and work that is done before a view rather than after.

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]
#![expect(clippy::unnecessary_wraps, reason = "all rules have one type")]

use damo_graph::op::Op;
use damo_graph::op::broadcast::Broadcast;
use damo_graph::op::cast::Cast;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::pointwise::Pointwise;
use damo_graph::op::remove_axis::RemoveAxis;
use damo_graph::op::reshape::Reshape;
use damo_graph::op::slice::{Range, Slice};
use damo_graph::op::transpose::Transpose;
use damo_graph::types::Dims;
use damo_graph::{DType, NodeId, Result, Value};

use crate::rewrite::Rewriter;

crate::structural_rules! {
    /// Shapes.
    pub fn shapes {
        /// What has these lengths already is not stretched, reshaped, sliced or put in order.
        view_of_all, at(&["broadcast", "reshape", "slice", "transpose", "cast"]);
        /// Two orders of axes are one.
        order_of_order, at(&["transpose"]);
        /// Only the last lengths count.
        reshape_of_reshape, at(&["reshape"]);
        /// Stretched once is enough.
        broadcast_of_broadcast, at(&["broadcast"]);
        /// A slice of a slice is one slice.
        slice_of_slice, at(&["slice"]);
        /// An axis that comes and goes.
        axis_undone, at(&["remove_axis", "insert_axis"]);
        /// An axis of length 1 is removed first and added last.
        order_of_axes, at(&["transpose", "remove_axis"]);
        /// Nothing is joined.
        joined_alone, at(&["concatenate"]);
        /// Slices that lie side by side are one slice.
        joined_slices, at(&["concatenate"]);
        /// A conversion that loses nothing on the way is one conversion.
        cast_of_cast, at(&["cast"]);
        /// A function of a view is a view of the function: what is stretched is computed once, and formulas meet.
        function_of_view;
        /// Functions stretch their inputs by themselves.
        function_of_stretched;
    }
}

fn same(rewriter: &Rewriter<'_>, left: &Dims, right: &Dims) -> bool {
    left.len() == right.len() && left.iter().zip(right.iter()).all(|(left, right)| rewriter.graph.lengths().same(left, right))
}

fn view_of_all(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let x = rewriter.input(value);
    let (from, to) = (rewriter.graph.ty(x), rewriter.graph.ty(value));
    let is_all = match rewriter.op(value) {
        Some(Op::Broadcast(_) | Op::Reshape(_)) => same(rewriter, &from.dims, &to.dims),
        Some(Op::Cast(_)) => from.dtype == to.dtype,
        Some(Op::Transpose(op)) => op.order.iter().copied().eq(0..op.order.len()),
        Some(Op::Slice(op)) => {
            same(rewriter, &from.dims, &to.dims) && op.ranges.iter().all(|range| range.start.known() == Some(0) && range.step == 1)
        }
        _ => false,
    };
    Ok(is_all.then_some(x))
}

fn order_of_order(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let inner = rewriter.input(value);
    let (Some(Op::Transpose(outer)), Some(Op::Transpose(inner_op))) = (rewriter.op(value), rewriter.op(inner)) else { return Ok(None) };
    let order = outer.order.iter().map(|&axis| inner_op.order[axis]).collect();
    let x = rewriter.input(inner);
    rewriter.add(Transpose { order }, &[x]).map(Some)
}

fn reshape_of_reshape(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let inner = rewriter.input(value);
    let (Some(Op::Reshape(outer)), Some(Op::Reshape(_) | Op::InsertAxis(_) | Op::RemoveAxis(_))) = (rewriter.op(value), rewriter.op(inner)) else {
        return Ok(None);
    };
    let (to, x) = (outer.to.clone(), rewriter.input(inner));
    rewriter.add(Reshape { to }, &[x]).map(Some)
}

fn broadcast_of_broadcast(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let inner = rewriter.input(value);
    let (Some(Op::Broadcast(outer)), Some(Op::Broadcast(_))) = (rewriter.op(value), rewriter.op(inner)) else { return Ok(None) };
    let (to, x) = (outer.to.clone(), rewriter.input(inner));
    rewriter.add(Broadcast { to }, &[x]).map(Some)
}

fn slice_of_slice(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let inner = rewriter.input(value);
    let (Some(Op::Slice(outer)), Some(Op::Slice(inner_op))) = (rewriter.op(value), rewriter.op(inner)) else { return Ok(None) };
    let ranges = outer.ranges.iter().zip(&inner_op.ranges).map(|(outer, inner)| Range {
        start: inner.start.clone() + outer.start.clone() * inner.step,
        step: outer.step * inner.step,
        length: outer.length.clone(),
    });
    let (ranges, x) = (ranges.collect(), rewriter.input(inner));
    rewriter.add(Slice { ranges }, &[x]).map(Some)
}

fn axis_undone(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let inner = rewriter.input(value);
    let is_undone = match (rewriter.op(value), rewriter.op(inner)) {
        (Some(Op::RemoveAxis(outer)), Some(Op::InsertAxis(inner))) => outer.axis == inner.axis,
        (Some(Op::InsertAxis(outer)), Some(Op::RemoveAxis(inner))) => outer.axis == inner.axis,
        _ => false,
    };
    Ok(is_undone.then(|| rewriter.input(inner)))
}

fn order_of_axes(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let inner = rewriter.input(node.into());
    let (Some(outer), Some(inner_op)) = (rewriter.op(node.into()).cloned(), rewriter.op(inner).cloned()) else { return Ok(None) };
    // The place of an axis when another is gone.
    let without = |axis: usize, gone: usize| axis - usize::from(axis > gone);
    match (outer, inner_op) {
        (Op::Transpose(Transpose { order }), Op::InsertAxis(InsertAxis { axis: inserted })) => {
            let x = rewriter.input(inner);
            let place = order.iter().position(|&axis| axis == inserted).unwrap_or(inserted);
            let order = order.iter().filter(|axis| **axis != inserted).map(|&axis| without(axis, inserted)).collect();
            let ordered = rewriter.add(Transpose { order }, &[x])?;
            rewriter.add(InsertAxis { axis: place }, &[ordered]).map(Some)
        }
        (Op::RemoveAxis(RemoveAxis { axis: place }), Op::Transpose(Transpose { order })) => {
            let (x, removed) = (rewriter.input(inner), order[place]);
            let rest = rewriter.add(RemoveAxis { axis: removed }, &[x])?;
            let order = order.iter().filter(|axis| **axis != removed).map(|&axis| without(axis, removed)).collect();
            rewriter.add(Transpose { order }, &[rest]).map(Some)
        }
        (Op::RemoveAxis(RemoveAxis { axis: removed }), Op::InsertAxis(InsertAxis { axis: inserted })) if removed != inserted => {
            let x = rewriter.input(inner);
            let rest = rewriter.add(RemoveAxis { axis: without(removed, inserted) }, &[x])?;
            rewriter.add(InsertAxis { axis: without(inserted, removed) }, &[rest]).map(Some)
        }
        _ => Ok(None),
    }
}

fn joined_alone(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    Ok(match rewriter.graph.node(node).inputs() {
        [only] => Some(*only),
        _ => None,
    })
}

fn joined_slices(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let Some(Op::Concatenate(join)) = rewriter.op(value) else { return Ok(None) };
    let axis = join.axis;
    let parts = rewriter.graph.node(node).inputs().to_vec();
    let Some(&first) = parts.first() else { return Ok(None) };
    let Some(Op::Slice(slice)) = rewriter.op(first) else { return Ok(None) };
    let (mut ranges, whole) = (slice.ranges.clone(), rewriter.input(first));
    for &part in &parts[1..] {
        let Some(Op::Slice(next)) = rewriter.op(part) else { return Ok(None) };
        let follows = rewriter.input(part) == whole
            && next.ranges.iter().zip(&ranges).enumerate().all(|(at, (next, range))| {
                if at == axis {
                    next.step == range.step && next.start == range.start.clone() + range.length.clone() * range.step
                } else {
                    next == range
                }
            });
        if !follows {
            return Ok(None);
        }
        ranges[axis].length = ranges[axis].length.clone() + next.ranges[axis].length.clone();
    }
    rewriter.add(Slice { ranges }, &[whole]).map(Some)
}

/// Whether every number of one type is a number of another.
fn widens(from: DType, to: DType) -> bool {
    if from == to || from == DType::Bool {
        return true;
    }
    match (from, to) {
        (DType::F16 | DType::BF16, DType::F32 | DType::F64) | (DType::F32, DType::F64) => true,
        (from, to) if from.is_integer() && to.is_integer() => {
            let signed = |dtype: DType| dtype.class() == damo_graph::dtype::Class::Signed;
            from.size() < to.size() && (signed(to) || !signed(from)) || from.size() == to.size() && signed(from) == signed(to)
        }
        (from, DType::F64) if from.is_integer() => from.size() <= 4,
        (from, DType::F32) if from.is_integer() => from.size() <= 2,
        _ => false,
    }
}

fn cast_of_cast(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let middle = rewriter.input(value);
    if !matches!(rewriter.op(middle), Some(Op::Cast(_))) {
        return Ok(None);
    }
    let x = rewriter.input(middle);
    let (from, through, to) = (rewriter.graph.ty(x).dtype, rewriter.graph.ty(middle).dtype, rewriter.graph.ty(value).dtype);
    if !widens(from, through) {
        return Ok(None);
    }
    if from == to { Ok(Some(x)) } else { rewriter.add(Cast { to }, &[x]).map(Some) }
}

/// Whether an op only shows elements of its one input in other places.
pub(super) fn is_view(op: &Op) -> bool {
    matches!(op, Op::Reshape(_) | Op::Transpose(_) | Op::InsertAxis(_) | Op::RemoveAxis(_) | Op::Broadcast(_) | Op::Slice(_))
}

/// The single number that a value shows, under whatever axes.
pub(super) fn single(rewriter: &Rewriter<'_>, value: Value) -> Option<Value> {
    if rewriter.graph.ty(value).rank() == 0 {
        return Some(value);
    }
    match rewriter.op(value)? {
        Op::Reshape(_) | Op::Transpose(_) | Op::InsertAxis(_) | Op::RemoveAxis(_) | Op::Broadcast(_) => single(rewriter, rewriter.input(value)),
        _ => None,
    }
}

fn function_of_view(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let Some((scalar, inputs)) = rewriter.pointwise(value) else { return Ok(None) };
    // Each input is the same view of something of the same shape, or a single number.
    let mut view: Option<(Op, Dims)> = None;
    let mut inner = inputs.clone();
    for (input, inner) in inputs.iter().zip(&mut inner) {
        if let Some(single) = single(rewriter, *input) {
            *inner = single;
            continue;
        }
        let (Some(op), x) = (rewriter.op(*input), rewriter.graph.node(input.node).inputs().first().copied()) else { return Ok(None) };
        let (true, Some(x)) = (is_view(op) && !matches!(op, Op::Slice(_)), x) else {
            return Ok(None);
        };
        let seen = (op.clone(), rewriter.graph.ty(x).dims.clone());
        if *view.get_or_insert_with(|| seen.clone()) != seen {
            return Ok(None);
        }
        *inner = x;
    }
    if inner == inputs {
        return Ok(None);
    }
    let computed = rewriter.apply(scalar, &inner)?;
    // Of single numbers alone the result is one, and is stretched to the axes it had.
    view.map_or(Ok(computed), |(op, _)| rewriter.add(op, &[computed])).map(Some)
}

fn function_of_stretched(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let Some((scalar, mut inputs)) = rewriter.pointwise(value) else { return Ok(None) };
    if inputs.len() < 2 {
        return Ok(None);
    }
    for place in 0..inputs.len() {
        let stretched = inputs[place];
        inputs[place] = match rewriter.op(stretched) {
            Some(Op::Broadcast(_)) => rewriter.input(stretched),
            // A single number needs no axes to stretch along.
            Some(_) => single(rewriter, stretched).unwrap_or(stretched),
            None => stretched,
        };
        if inputs[place] == stretched {
            continue;
        }
        let made = rewriter.graph.add(Pointwise(scalar), &inputs)?;
        if same(rewriter, &rewriter.graph.ty(made).dims, &rewriter.graph.ty(value).dims) {
            return rewriter.simplify(made).map(Some);
        }
        inputs[place] = stretched;
    }
    Ok(None)
}
