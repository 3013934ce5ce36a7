//! Parts of what is computed: a slice or a pick is taken before the work, where nothing else needs the rest.

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]

use damo_graph::op::Op;
use damo_graph::op::broadcast::Broadcast;
use damo_graph::op::dot::Pairs;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::remove_axis::RemoveAxis;
use damo_graph::op::select_axis::SelectAxis;
use damo_graph::op::slice::{Range, Slice};
use damo_graph::op::transpose::Transpose;
use damo_graph::{NodeId, Result, Value};

use super::products::free_axes;
use crate::rewrite::Rewriter;

crate::structural_rules! {
    /// Parts.
    pub fn parts {
        /// A part of a view is a view of a part.
        part_of_view, at(&["slice", "select_axis"]);
        /// A part of what is joined is a part of one of the values, or parts joined.
        part_of_joined, at(&["slice"]);
        /// Only the rows that are needed are picked, and only the elements that are needed of them.
        part_of_pick, at(&["slice"]);
        /// Only the elements that are needed are computed.
        part_of_function, at(&["slice", "select_axis"]);
        /// Only the rows and columns that are needed are multiplied.
        part_of_product, at(&["slice", "select_axis"]);
        /// Only the rows that are needed are reduced, or normalised.
        part_of_rows, at(&["slice", "select_axis"]);
        /// A product of one row, or of one column, is a product with a vector.
        row_of_product, at(&["remove_axis"]);
    }
}

/// What is taken along an axis.
#[derive(Clone, PartialEq)]
enum Taken {
    Range(Range),
    /// What a vector of indices picks.
    Picked(Value),
}

/// What is taken along each axis; `None` is the whole axis.
type Axes = Vec<Option<Taken>>;

/// What a slice or a pick by a vector takes, and of what.
fn part_of(rewriter: &Rewriter<'_>, value: Value) -> Option<(Value, Axes)> {
    let x = rewriter.input(value);
    let dims = &rewriter.graph.ty(x).dims;
    let axes = match rewriter.op(value)? {
        Op::Slice(slice) => {
            let is_whole = |range: &Range, axis: usize| {
                range.start.known() == Some(0) && range.step == 1 && rewriter.graph.lengths().same(&range.length, &dims[axis])
            };
            slice.ranges.iter().enumerate().map(|(axis, range)| (!is_whole(range, axis)).then(|| Taken::Range(range.clone()))).collect()
        }
        Op::SelectAxis(select) => {
            let indices = rewriter.graph.node(value.node).inputs()[1];
            let mut axes = vec![None; dims.len()];
            axes[select.axis] = (rewriter.graph.ty(indices).rank() == 1).then_some(Taken::Picked(indices));
            axes
        }
        _ => return None,
    };
    let takes_something = axes.iter().any(Option::is_some);
    takes_something.then_some((x, axes))
}

/// The same, where it is known to be no more than the whole: an index may come twice.
fn smaller_part_of(rewriter: &Rewriter<'_>, value: Value) -> Option<(Value, Axes)> {
    let (x, axes) = part_of(rewriter, value)?;
    let (whole, part) = (&rewriter.graph.ty(x).dims, &rewriter.graph.ty(value).dims);
    let lengths = rewriter.graph.lengths();
    let is_smaller = |axis: usize| (lengths.resolve(&whole[axis]) - lengths.resolve(&part[axis])).is_never_negative();
    let picks_few = (0..axes.len()).all(|axis| !matches!(axes[axis], Some(Taken::Picked(_))) || is_smaller(axis));
    picks_few.then_some((x, axes))
}

/// Whether a part may be taken of what a value is made of: nothing else needs it, and it is not so deep that it takes long.
fn may_take_apart(rewriter: &mut Rewriter<'_>, whole: Value) -> bool {
    rewriter.is_only_use(whole) && rewriter.is_shallow(whole)
}

/// Takes the same of another value.
fn take(rewriter: &mut Rewriter<'_>, x: Value, axes: &[Option<Taken>]) -> Result<Value> {
    let mut taken = x;
    for (axis, picked) in axes.iter().enumerate() {
        if let Some(Taken::Picked(indices)) = picked {
            taken = rewriter.add(SelectAxis { axis }, &[taken, *indices])?;
        }
    }
    if axes.iter().any(|axis| matches!(axis, Some(Taken::Range(_)))) {
        let dims = rewriter.graph.ty(taken).dims.clone();
        let range = |axis: usize| if let Some(Taken::Range(range)) = &axes[axis] { range.clone() } else { Range::whole(dims[axis].clone()) };
        let ranges = (0..axes.len()).map(range).collect();
        taken = rewriter.add(Slice { ranges }, &[taken])?;
    }
    Ok(taken)
}

fn part_of_view(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let Some((view, axes)) = part_of(rewriter, value) else { return Ok(None) };
    let (Some(op), Some(&x)) = (rewriter.op(view).cloned(), rewriter.graph.node(view.node).inputs().first()) else { return Ok(None) };
    let mut inner = axes.clone();
    let op: Op = match op {
        Op::Transpose(Transpose { order }) => {
            order.iter().zip(axes).for_each(|(&axis, taken)| inner[axis] = taken);
            Transpose { order }.into()
        }
        Op::InsertAxis(InsertAxis { axis }) if axes[axis].is_none() => {
            inner.remove(axis);
            InsertAxis { axis }.into()
        }
        Op::RemoveAxis(RemoveAxis { axis }) => {
            inner.insert(axis, None);
            RemoveAxis { axis }.into()
        }
        Op::Broadcast(_) => {
            let (from, whole) = (&rewriter.graph.ty(x).dims, &rewriter.graph.ty(view).dims);
            let new = whole.len() - from.len();
            let is_stretched = |axis: usize| axis < new || from[axis - new].is_one() && !whole[axis].is_one();
            // An index must be in range also where all elements are the same.
            if (0..whole.len()).any(|axis| is_stretched(axis) && matches!(axes[axis], Some(Taken::Picked(_)))) {
                return Ok(None);
            }
            inner = (new..whole.len()).map(|axis| axes[axis].clone().filter(|_| !is_stretched(axis))).collect();
            Broadcast { to: rewriter.graph.ty(value).dims.clone() }.into()
        }
        _ => return Ok(None),
    };
    rewriter.looks_through(view);
    let part = take(rewriter, x, &inner)?;
    rewriter.add(op, &[part]).map(Some)
}

fn part_of_joined(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let (Some(Op::Slice(slice)), joined) = (rewriter.op(value), rewriter.input(value)) else { return Ok(None) };
    let Some(Op::Concatenate(join)) = rewriter.op(joined) else { return Ok(None) };
    let (mut ranges, join) = (slice.ranges.clone(), join.clone());
    let mut parts = rewriter.graph.node(joined.node).inputs().to_vec();
    if let Some((place, start)) = only_part(rewriter, &ranges[join.axis], join.axis, &parts) {
        ranges[join.axis].start = start.into();
        rewriter.looks_through(joined);
        return rewriter.add(Slice { ranges }, &[parts[place]]).map(Some);
    }
    let Some((_, mut inner)) = part_of(rewriter, value) else { return Ok(None) };
    let mut outer = vec![None; inner.len()];
    outer[join.axis] = inner[join.axis].take();
    if inner.iter().all(Option::is_none) || !may_take_apart(rewriter, joined) {
        return Ok(None);
    }
    for part in &mut parts {
        *part = take(rewriter, *part, &inner)?;
    }
    let joined = rewriter.add(join, &parts)?;
    take(rewriter, joined, &outer).map(Some)
}

/// The joined value that a range lies in, if it is one, and where it begins there.
fn only_part(rewriter: &Rewriter<'_>, range: &Range, axis: usize, parts: &[Value]) -> Option<(usize, i64)> {
    let (mut first, length) = (range.start.known()?, range.length.known().filter(|length| *length > 0)?);
    let mut last = first + (length - 1) * range.step;
    for (place, &part) in parts.iter().enumerate() {
        let length = rewriter.graph.ty(part).dims[axis].known()?;
        if first.min(last) >= 0 && first.max(last) < length {
            return Some((place, first));
        }
        (first, last) = (first - length, last - length);
    }
    None
}

fn part_of_pick(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((picked, axes)) = part_of(rewriter, node.into()) else { return Ok(None) };
    let (Some(Op::Slice(_)), Some(Op::SelectAxis(select))) = (rewriter.op(node.into()), rewriter.op(picked)) else { return Ok(None) };
    let (select, inputs) = (select.clone(), rewriter.graph.node(picked.node).inputs());
    let (x, indices) = (inputs[0], inputs[1]);
    let rank = rewriter.graph.ty(indices).rank();
    if !may_take_apart(rewriter, picked) {
        return Ok(None);
    }
    let (before, after) = (&axes[..select.axis], &axes[select.axis + rank..]);
    let of_x: Axes = before.iter().cloned().chain([None]).chain(after.iter().cloned()).collect();
    let x = take(rewriter, x, &of_x)?;
    let indices = take(rewriter, indices, &axes[select.axis..select.axis + rank])?;
    rewriter.add(select, &[x, indices]).map(Some)
}

fn part_of_function(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((whole, axes)) = smaller_part_of(rewriter, node.into()) else { return Ok(None) };
    let Some(op @ (Op::Pointwise(_) | Op::Cast(_))) = rewriter.op(whole).cloned() else { return Ok(None) };
    if !may_take_apart(rewriter, whole) {
        return Ok(None);
    }
    let mut inputs = rewriter.graph.node(whole.node).inputs().to_vec();
    for input in &mut inputs {
        let (from, dims) = (&rewriter.graph.ty(*input).dims, &rewriter.graph.ty(whole).dims);
        let new = dims.len() - from.len();
        // Of an axis that is stretched there is no part.
        let taken = |axis: usize| axes[new + axis].clone().filter(|_| !from[axis].is_one() || dims[new + axis].is_one());
        let taken: Axes = (0..from.len()).map(taken).collect();
        *input = take(rewriter, *input, &taken)?;
    }
    rewriter.add(op, &inputs).map(Some)
}

fn part_of_product(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((product, axes)) = smaller_part_of(rewriter, node.into()) else { return Ok(None) };
    let Some(Op::Dot(dot)) = rewriter.op(product).cloned() else { return Ok(None) };
    let inputs = rewriter.graph.node(product.node).inputs().to_vec();
    // Two parts of one value may be more than the value.
    if inputs[0] == inputs[1] || !may_take_apart(rewriter, product) {
        return Ok(None);
    }
    let mut of_sides = [0, 1].map(|side| vec![None; rewriter.graph.ty(inputs[side]).rank()]);
    let mut axes = axes.into_iter();
    for (&(left, right), taken) in dot.batch.iter().zip(&mut axes) {
        of_sides[0][left].clone_from(&taken);
        of_sides[1][right] = taken;
    }
    for side in [0, 1] {
        free_axes(rewriter, &dot, &inputs, side).into_iter().zip(&mut axes).for_each(|(axis, taken)| of_sides[side][axis] = taken);
    }
    let left = take(rewriter, inputs[0], &of_sides[0])?;
    let right = take(rewriter, inputs[1], &of_sides[1])?;
    rewriter.add(dot, &[left, right]).map(Some)
}

fn part_of_rows(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((whole, axes)) = smaller_part_of(rewriter, node.into()) else { return Ok(None) };
    let Some(op) = rewriter.op(whole).cloned() else { return Ok(None) };
    // What is taken along the axes of the rows themselves, and along the others.
    let (mut inner, mut outer) = (axes.clone(), vec![None; axes.len()]);
    match &op {
        Op::Softmax(damo_graph::op::softmax::Softmax { axis }) | Op::LogSoftmax(damo_graph::op::log_softmax::LogSoftmax { axis }) => {
            outer[*axis] = inner[*axis].take();
        }
        Op::ArgExtreme(arg) => inner.insert(arg.axis, None),
        Op::Reduce(damo_graph::op::reduce::Reduce { axes, .. })
        | Op::LogSumExp(damo_graph::op::log_sum_exp::LogSumExp { axes })
        | Op::Norm(damo_graph::op::norm::Norm { axes }) => {
            let mut reduced = axes.to_vec();
            reduced.sort_unstable();
            for axis in reduced {
                inner.insert(axis, None);
            }
        }
        _ => return Ok(None),
    }
    if inner.iter().all(Option::is_none) || !may_take_apart(rewriter, whole) {
        return Ok(None);
    }
    let part = take(rewriter, rewriter.input(whole), &inner)?;
    let rows = rewriter.add(op, &[part])?;
    take(rewriter, rows, &outer).map(Some)
}

fn row_of_product(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let product = rewriter.input(node.into());
    let (Some(Op::RemoveAxis(RemoveAxis { axis })), Some(Op::Dot(dot))) = (rewriter.op(node.into()), rewriter.op(product)) else {
        return Ok(None);
    };
    let (axis, mut dot) = (*axis, dot.clone());
    let mut inputs = rewriter.graph.node(product.node).inputs().to_vec();
    let (left, right) = (free_axes(rewriter, &dot, &inputs, 0), free_axes(rewriter, &dot, &inputs, 1));
    let Some(place) = axis.checked_sub(dot.batch.len()) else { return Ok(None) };
    let (side, removed) = if place < left.len() { (0, left[place]) } else { (1, right[place - left.len()]) };
    if !may_take_apart(rewriter, product) {
        return Ok(None);
    }
    inputs[side] = rewriter.add(RemoveAxis { axis: removed }, &[inputs[side]])?;
    let closed = |pairs: &mut Pairs| {
        for (left, right) in pairs {
            let paired = if side == 0 { left } else { right };
            *paired -= usize::from(*paired > removed);
        }
    };
    closed(&mut dot.batch);
    closed(&mut dot.contract);
    rewriter.add(dot, &inputs).map(Some)
}
