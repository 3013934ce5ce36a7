//! The largest elements of windows.

use damo_graph::op::Op;
use damo_graph::op::max_pool::MaxPool;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{ADD, SUB};
use damo_graph::op::slice::Range;
use damo_graph::op::windows::Windows;
use damo_graph::{DType, Dim, NodeId, Result, Value};

use super::rows::reduction_of;
use crate::rewrite::Rewriter;

crate::structural_rules! {
    /// Windows.
    pub fn windows {
        /// The largest along axes that a reshape cut off from others: a pooling, which reads lines as they lie.
        largest_of_reshaped, at(&["reduce"]);
        /// What is added to all elements of a window is added to the largest, once; infinities of both signs may have been added up elsewhere.
        largest_of_shifted, extends(0.0), at(&["max_pool"]);
    }
}

/// Windows slide along so many axes at most.
const AXES: usize = 3;

/// The most elements of a window; a longer one is a reduction like others.
const FEW: usize = 256;

fn largest_of_reshaped(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((Reduction::Max, axes, reshaped)) = reduction_of(rewriter, node.into()) else { return Ok(None) };
    let Some(Op::Reshape(_)) = rewriter.op(reshaped) else { return Ok(None) };
    let x = rewriter.input(reshaped);
    let (ty, to) = (rewriter.graph.ty(x), &rewriter.graph.ty(reshaped).dims);
    if !matches!(ty.dtype, DType::F32 | DType::F64) || axes.len() < 2 {
        return Ok(None);
    }
    // Along each axis so many windows of that length.
    let mut along: Vec<(Dim, usize)> = Vec::new();
    let mut place = 0;
    for dim in ty.dims.iter() {
        let Some(count) = to.get(place).filter(|_| !axes.contains(&place)) else { return Ok(None) };
        let length = match to.get(place + 1).filter(|_| axes.contains(&(place + 1))) {
            Some(length) => length.known().and_then(|length| usize::try_from(length).ok()).filter(|length| *length > 0 && count.known().is_some()),
            None => Some(1),
        };
        let Some(length) = length.filter(|&length| count.clone() * Dim::from(length) == *dim) else { return Ok(None) };
        place += if to.get(place + 1).is_some() && axes.contains(&(place + 1)) { 2 } else { 1 };
        along.push((count.clone(), length));
    }
    let first = along.iter().position(|&(_, length)| length > 1).unwrap_or(along.len());
    let windows = &along[first..];
    let is_small = windows.len() <= AXES && windows.iter().map(|(_, length)| *length).product::<usize>() <= FEW;
    if place != to.len()
        || !is_small
        || windows.iter().filter(|(_, length)| *length > 1).count() < 2
        || windows.iter().any(|(count, _)| count.known().is_none())
    {
        return Ok(None);
    }
    let begins = windows.iter().map(|(count, length)| Range { start: 0.into(), step: *length as i64, length: count.clone() }).collect();
    let windows = Windows { begins, lengths: windows.iter().map(|(_, length)| *length).collect() };
    rewriter.add(MaxPool(windows), &[x]).map(Some)
}

fn largest_of_shifted(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let pooled = Value::from(node);
    let Some(Op::MaxPool(pool)) = rewriter.op(pooled) else { return Ok(None) };
    let (pool, sum) = (pool.clone(), rewriter.input(pooled));
    let axes = pool.0.lengths.len();
    let (function, terms) = match (rewriter.is(sum, &ADD), rewriter.is(sum, &SUB)) {
        (Some(terms), _) => (&ADD, terms),
        (_, Some(terms)) => (&SUB, terms),
        _ => return Ok(None),
    };
    let is_same_in_a_window = |value: Value| rewriter.graph.ty(value).dims.iter().rev().take(axes).all(Dim::is_one);
    let is_whole = |value: Value| rewriter.graph.ty(value).dims == rewriter.graph.ty(sum).dims;
    let place = match [terms[0], terms[1]] {
        [x, shift] if is_whole(x) && is_same_in_a_window(shift) => 0,
        [shift, x] if function == &ADD && is_whole(x) && is_same_in_a_window(shift) => 1,
        _ => return Ok(None),
    };
    if !rewriter.graph.ty(sum).dtype.is_float() || !rewriter.is_only_use(sum) {
        return Ok(None);
    }
    let largest = rewriter.add(MaxPool(pool.0), &[terms[place]])?;
    let terms = if place == 0 { [largest, terms[1]] } else { [terms[0], largest] };
    rewriter.apply(function, &terms).map(Some)
}
