//! Products of matrices that are something simpler, or whose transposes are products too.

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]

use damo_graph::op::Op;
use damo_graph::op::dot::Dot;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::remove_axis::RemoveAxis;
use damo_graph::op::scalar::{EQUAL, MUL, SELECT};
use damo_graph::op::transpose::Transpose;
use damo_graph::{NodeId, Result, Value};

use super::rows::reduction_of;
use super::shapes::single;
use crate::rewrite::Rewriter;

crate::structural_rules! {
    /// Products of matrices.
    pub fn products {
        /// The transpose of a product is the product of the transposes, taken the other way round.
        transpose_of_product, at(&["transpose"]);
        /// A product finds the axes of its operands in whatever order they are.
        product_of_transposes, at(&["dot"]);
        /// A product over axes of length 1 has nothing to sum; a sum of −0 alone would be 0.
        product_over_one, rounds(0.0), at(&["dot"]);
        /// Of a product of which only the diagonal is asked, only that is computed; a sum of −0 and zeros would be 0.
        diagonal_of_product, rounds(0.0), at(&["reduce"]);
    }
}

crate::structural_rules! {
    /// The same without regard to infinity and NaN.
    pub fn fast {
        /// A product with a matrix of zeros is zeros; wrong where the other is infinite or not a number.
        product_with_zeros, rounds(0.0), fast(), at(&["dot"]);
        /// A product with a diagonal matrix scales rows or columns; wrong where the other is infinite or not a number.
        product_with_diagonal, rounds(0.0), fast(), at(&["dot"]);
    }
}

/// The operands of a product.
fn product(rewriter: &Rewriter<'_>, value: Value) -> Option<(Dot, [Value; 2])> {
    let Some(Op::Dot(dot)) = rewriter.op(value) else { return None };
    let inputs = rewriter.graph.node(value.node).inputs();
    Some((dot.clone(), [inputs[0], inputs[1]]))
}

/// The axes of one side of a product that are in no pair.
pub(super) fn free_axes(rewriter: &Rewriter<'_>, dot: &Dot, inputs: &[Value], side: usize) -> Vec<usize> {
    let is_paired = |axis: usize| dot.batch.iter().chain(&dot.contract).any(|&(left, right)| [left, right][side] == axis);
    (0..rewriter.graph.ty(inputs[side]).rank()).filter(|&axis| !is_paired(axis)).collect()
}

fn transpose_of_product(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(Op::Transpose(Transpose { order })) = rewriter.op(node.into()).cloned() else { return Ok(None) };
    turned(rewriter, rewriter.input(node.into()), &order, FEW)
}

/// How many functions of single numbers there may be around a product.
const FEW: usize = 8;

/// A product, alone or with single numbers around it, with the free axes of the left after those of the right.
fn turned(rewriter: &mut Rewriter<'_>, value: Value, order: &[usize], depth: usize) -> Result<Option<Value>> {
    if let Some((dot, inputs)) = product(rewriter, value) {
        let (batch, left) = (dot.batch.len(), free_axes(rewriter, &dot, &inputs, 0).len());
        let turned = (0..batch).chain(batch + left..order.len()).chain(batch..batch + left);
        if left == 0 || batch + left == order.len() || !turned.eq(order.iter().copied()) || !rewriter.is_only_use(value) {
            return Ok(None);
        }
        let swapped = |pairs: &[(usize, usize)]| pairs.iter().map(|&(left, right)| (right, left)).collect();
        let dot = Dot { batch: swapped(&dot.batch), contract: swapped(&dot.contract) };
        return rewriter.add(dot, &[inputs[1], inputs[0]]).map(Some);
    }
    let Some((scalar, mut inputs)) = rewriter.pointwise(value) else { return Ok(None) };
    let mut others = (0..inputs.len()).filter(|&place| single(rewriter, inputs[place]).is_none());
    let (Some(place), None) = (others.next(), others.next()) else { return Ok(None) };
    if depth == 0 || !rewriter.is_only_use(value) {
        return Ok(None);
    }
    for (at, input) in inputs.iter_mut().enumerate() {
        *input = if at == place {
            let Some(turned) = turned(rewriter, *input, order, depth - 1)? else { return Ok(None) };
            turned
        } else {
            single(rewriter, *input).unwrap_or(*input)
        };
    }
    rewriter.apply(scalar, &inputs).map(Some)
}

fn product_of_transposes(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((mut dot, mut inputs)) = product(rewriter, node.into()) else { return Ok(None) };
    let mut found = false;
    for side in [0, 1] {
        let Some(Op::Transpose(Transpose { order })) = rewriter.op(inputs[side]).cloned() else { continue };
        // The free axes must stay in order: they are those of the result.
        if !free_axes(rewriter, &dot, &inputs, side).iter().map(|&axis| order[axis]).is_sorted() {
            continue;
        }
        for (left, right) in dot.batch.iter_mut().chain(&mut dot.contract) {
            let axis = if side == 0 { left } else { right };
            *axis = order[*axis];
        }
        inputs[side] = rewriter.input(inputs[side]);
        found = true;
    }
    if found { rewriter.add(dot, &inputs).map(Some) } else { Ok(None) }
}

fn product_over_one(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((dot, inputs)) = product(rewriter, node.into()) else { return Ok(None) };
    let is_one = |&(axis, _): &(usize, usize)| rewriter.graph.ty(inputs[0]).dims[axis].is_one();
    // The derivative of a product of matrices is one, and that of a product is a sum of products, which is slower.
    if !rewriter.is_final() || !dot.contract.iter().all(is_one) {
        return Ok(None);
    }
    let free = [0, 1].map(|side| free_axes(rewriter, &dot, &inputs, side));
    let mut factors = inputs;
    for side in [0, 1] {
        let of_side = |&(left, right): &(usize, usize)| [left, right][side];
        let mut summed: Vec<usize> = dot.contract.iter().map(of_side).collect();
        summed.sort_unstable();
        for &axis in summed.iter().rev() {
            factors[side] = rewriter.add(RemoveAxis { axis }, &[factors[side]])?;
        }
        let left = |axis: usize| axis - summed.iter().filter(|removed| **removed < axis).count();
        let order = dot.batch.iter().map(of_side).chain(free[side].iter().copied()).map(left).collect();
        factors[side] = rewriter.add(Transpose { order }, &[factors[side]])?;
        // The axes of the left, then those of the right.
        let place = if side == 0 { dot.batch.len() + free[0].len() } else { dot.batch.len() };
        for _ in &free[1 - side] {
            factors[side] = rewriter.add(InsertAxis { axis: place }, &[factors[side]])?;
        }
    }
    rewriter.apply(&MUL, &factors).map(Some)
}

/// What a choice by the diagonal leaves of a matrix, with zeros beside it.
fn diagonal_of(rewriter: &Rewriter<'_>, value: Value) -> Option<Value> {
    let branches = rewriter.is(value, &SELECT).filter(|branches| rewriter.uniform(branches[2]) == Some(0.0))?;
    is_diagonal(rewriter, branches[0]).then_some(branches[1])
}

/// Whether a condition holds on the diagonal of a square matrix alone.
fn is_diagonal(rewriter: &Rewriter<'_>, condition: Value) -> bool {
    let counts = |value: Value, along: usize| {
        let Some(Op::InsertAxis(InsertAxis { axis })) = rewriter.op(value) else { return None };
        let counted = rewriter.input(value);
        let is_count = matches!(rewriter.op(counted), Some(Op::Iota(_))) && *axis == 1 - along;
        is_count.then_some(counted)
    };
    let Some(sides) = rewriter.is(condition, &EQUAL) else { return false };
    let one_way = |row: Value, column: Value| counts(row, 0).is_some_and(|rows| counts(column, 1) == Some(rows));
    one_way(sides[0], sides[1]) || one_way(sides[1], sides[0])
}

/// The vector that a matrix has along one of its axes, whatever the place along the other.
fn vector_along(rewriter: &Rewriter<'_>, matrix: Value) -> Option<Value> {
    match rewriter.op(matrix)? {
        Op::InsertAxis(_) if rewriter.graph.ty(matrix).rank() == 2 => Some(rewriter.input(matrix)),
        _ => (rewriter.graph.ty(matrix).rank() == 1).then_some(matrix),
    }
}

fn diagonal_of_product(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((Reduction::Sum, axes, masked)) = reduction_of(rewriter, node.into()) else { return Ok(None) };
    let Some(matrix) = diagonal_of(rewriter, masked) else { return Ok(None) };
    let dims = rewriter.graph.ty(masked).dims.clone();
    if axes.is_empty() || dims.len() != 2 {
        return Ok(None);
    }
    let diagonal = if let Some((dot, inputs)) = product(rewriter, matrix) {
        let free = [0, 1].map(|side| free_axes(rewriter, &dot, &inputs, side));
        let ([row], [column], true) = (&free[0][..], &free[1][..], dot.batch.is_empty()) else { return Ok(None) };
        if !rewriter.is_only_use(masked) || !rewriter.is_only_use(matrix) {
            return Ok(None);
        }
        rewriter.add(Dot { batch: [(*row, *column)].as_slice().into(), contract: dot.contract }, &inputs)?
    } else {
        let Some(vector) = vector_along(rewriter, matrix) else { return Ok(None) };
        rewriter.stretched(vector, &dims[..1].iter().cloned().collect())?
    };
    if axes.len() == 2 {
        rewriter.add(Reduce { reduction: Reduction::Sum, axes: [0].as_slice().into() }, &[diagonal]).map(Some)
    } else {
        Ok(Some(diagonal))
    }
}

fn product_with_zeros(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((_, inputs)) = product(rewriter, node.into()) else { return Ok(None) };
    if !inputs.iter().any(|&input| rewriter.uniform(input) == Some(0.0)) {
        return Ok(None);
    }
    let ty = rewriter.graph.ty(node.into()).clone();
    let zero = rewriter.number(ty.dtype, 0.0)?;
    rewriter.stretched(zero, &ty.dims).map(Some)
}

fn product_with_diagonal(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((dot, inputs)) = product(rewriter, node.into()) else { return Ok(None) };
    let ([pair], true) = (&dot.contract[..], dot.batch.is_empty()) else { return Ok(None) };
    for side in [0, 1] {
        if rewriter.graph.ty(inputs[side]).rank() != 2 {
            continue;
        }
        // The vector on the diagonal; `None` if it is of ones.
        let vector = if let Some(matrix) = diagonal_of(rewriter, inputs[side]) {
            let Some(vector) = vector_along(rewriter, matrix) else { continue };
            Some(vector)
        } else if matches!(rewriter.op(inputs[side]), Some(Op::Cast(_))) && is_diagonal(rewriter, rewriter.input(inputs[side])) {
            None
        } else {
            continue;
        };
        let (other, axis) = (inputs[1 - side], [pair.0, pair.1][1 - side]);
        // What is scaled has its axis where the product has the diagonal's: first after a matrix on the left, last before one on the right.
        let rank = rewriter.graph.ty(other).rank();
        let mut order: Vec<usize> = (0..rank).filter(|&other| other != axis).collect();
        order.insert(if side == 0 { 0 } else { rank - 1 }, axis);
        let mut scaled = rewriter.add(Transpose { order: order.as_slice().into() }, &[other])?;
        if let Some(mut vector) = vector {
            if side == 0 {
                for axis in 1..rank {
                    vector = rewriter.add(InsertAxis { axis }, &[vector])?;
                }
            }
            scaled = rewriter.apply(&MUL, &[vector, scaled])?;
        }
        return Ok(Some(scaled));
    }
    Ok(None)
}
