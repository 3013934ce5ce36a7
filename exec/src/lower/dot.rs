//! Sums of products as products of matrices: which axes are rows, columns and batches, and how few copies that takes.

use damo_graph::dtype::Class;
use damo_graph::op::dot::Dot;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar;
use damo_graph::{DType, Node, NodeId, Problem};
use smallvec::{SmallVec, smallvec};

use super::rows::inverse;
use super::{Lowering, Place};
use crate::layout::{Layout, row_major};
use crate::nest::{Access, Instruction, Nest, Register};
use crate::step::{BatchAxis, Contraction, Matrix, Step, View};

/// A loop of the product: its length and its step through left, right and result (0 where it does not matter).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    length: usize,
    steps: [isize; 3],
}

/// The loops of the product by what they are.
struct Loops {
    batch: Vec<Axis>,
    rows: Vec<Axis>,
    columns: Vec<Axis>,
    summed: Vec<Axis>,
}

impl Lowering<'_> {
    pub(super) fn dot(&mut self, id: NodeId, node: &Node, op: &Dot) -> Result<Place, Problem> {
        let dtype = node.types()[0].dtype;
        if dtype.class() == Class::Complex {
            return self.by_reference(id, node);
        }
        let (left, right) = (self.input_view(id, node, 0)?, self.input_view(id, node, 1)?);
        let out = self.draft.temporary(dtype, &self.shape(node)?)?;
        let loops = loops(op, &left.layout, &right.layout, &out.layout);
        if loops.summed.iter().all(|axis| axis.length == 1) {
            // Nothing is summed: the nest fuses with what becomes of the products.
            let mut nest = Nest::over(&out.layout.shape);
            let axes: Vec<Axis> = [&loops.batch, &loops.rows, &loops.columns].into_iter().flatten().copied().collect();
            let product = multiplied(&mut nest, &axes, [&left, &right], dtype);
            nest.store(product, &out);
            self.draft.push(Step::Nest(nest), &[id]);
        } else if matches!(dtype, DType::F32 | DType::F64) {
            let product = self.contraction(id, op, left, right, &out)?;
            self.draft.push(Step::Contract(product), &[id]);
        } else {
            self.product_nest(id, &loops, &left, &right, &out)?;
        }
        Ok(Place::View(out))
    }

    /// A product by the library. An operand is copied only if no single step leads along the summed axes.
    fn contraction(&mut self, id: NodeId, op: &Dot, left: View, right: View, out: &View) -> Result<Contraction, Problem> {
        let (mut left, mut right) = (left, right);
        let mut found = loops(op, &left.layout, &right.layout, &out.layout);
        let order = order_of_sums(&found.summed);
        let in_order = |summed: &[Axis]| -> Vec<Axis> { order.iter().map(|&pair| summed[pair]).collect() };
        let copied = [0, 1].map(|side| !is_even(&in_order(&found.summed), side));
        if copied[0] {
            left = self.with_axes_last(id, &left, order.iter().map(|&pair| op.contract[pair].0))?;
        }
        if copied[1] {
            right = self.with_axes_last(id, &right, order.iter().map(|&pair| op.contract[pair].1))?;
        }
        if copied != [false; 2] {
            found = loops(op, &left.layout, &right.layout, &out.layout);
        }
        let summed = join_in_order(&in_order(&found.summed));
        let none = Axis { length: 1, steps: [0; 3] };
        let summed = match summed[..] {
            [] => none,
            [axis] => axis,
            _ => return Err(Problem::new(damo_graph::ErrorKind::Verify, "the summed axes of a product could not be joined")),
        };
        let mut batch = join(&found.batch);
        let mut main = |axes: &[Axis]| {
            let mut joined = join(axes);
            // The longest is the side of the matrix, the others are loops around it.
            let longest = (0..joined.len()).max_by_key(|&place| (joined[place].length, place));
            let side = longest.map_or(none, |place| joined.remove(place));
            batch.extend(joined);
            side
        };
        let (rows, columns) = (main(&found.rows), main(&found.columns));
        Ok(Contraction {
            dtype: out.dtype,
            batch: batch
                .iter()
                .map(|axis| BatchAxis { length: axis.length, left: axis.steps[0], right: axis.steps[1], addend: 0, out: axis.steps[2] })
                .collect(),
            m: rows.length,
            k: summed.length,
            n: columns.length,
            left: Matrix { buffer: left.buffer, offset: left.layout.offset, rows: rows.steps[0], columns: summed.steps[0] },
            right: Matrix { buffer: right.buffer, offset: right.layout.offset, rows: summed.steps[1], columns: columns.steps[1] },
            alpha: 1.0,
            addend: None,
            out: Matrix { buffer: out.buffer, offset: out.layout.offset, rows: rows.steps[2], columns: columns.steps[2] },
        })
    }

    /// A copy in which those axes come last in that order, seen under the axes' own numbers.
    fn with_axes_last(&mut self, id: NodeId, view: &View, axes: impl Iterator<Item = usize>) -> Result<View, Problem> {
        let last: Vec<usize> = axes.collect();
        let order: Vec<usize> = (0..view.layout.rank()).filter(|axis| !last.contains(axis)).chain(last.iter().copied()).collect();
        let turned = View { layout: view.layout.transposed(&order), ..view.clone() };
        let copy = self.copy(id, &turned)?;
        Ok(View { layout: copy.layout.transposed(&inverse(&order)), ..copy })
    }

    /// A product of other dtypes as a plain nest. Half floats are multiplied and summed as `f32`, in which their products are exact.
    fn product_nest(&mut self, id: NodeId, loops: &Loops, left: &View, right: &View, out: &View) -> Result<(), Problem> {
        if out.layout.count() == 0 {
            return Ok(());
        }
        let half = matches!(out.dtype, DType::F16 | DType::BF16);
        let computed = if half { DType::F32 } else { out.dtype };
        let sum = if half { self.draft.temporary(computed, &out.layout.shape)? } else { out.clone() };
        let axes: Vec<Axis> = [&loops.batch, &loops.rows, &loops.columns, &loops.summed].into_iter().flatten().copied().collect();
        let mut nest = Nest::over(&axes.iter().map(|axis| axis.length).collect::<Vec<_>>());
        let product = multiplied(&mut nest, &axes, [left, right], computed);
        let kind = if computed == DType::Bool { Reduction::Any } else { Reduction::Sum };
        let summed: Vec<usize> = (axes.len() - loops.summed.len()..axes.len()).collect();
        nest.accumulate(product, kind, &summed, &sum);
        self.draft.push(Step::Nest(nest), &[id]);
        if half {
            let mut rounding = Nest::over(&out.layout.shape);
            let argument = rounding.load(&Place::View(sum))?;
            let rounded = rounding.push(Instruction::Cast { argument, to: out.dtype });
            rounding.store(rounded, out);
            self.draft.push(Step::Nest(rounding), &[id]);
        }
        Ok(())
    }
}

/// The products of two views' elements in a nest of these loops, computed in that dtype.
fn multiplied(nest: &mut Nest, axes: &[Axis], views: [&View; 2], dtype: DType) -> Register {
    let mut factors: SmallVec<[Register; 3]> = smallvec![];
    for (side, view) in views.into_iter().enumerate() {
        let strides = axes.iter().map(|axis| axis.steps[side]).collect();
        nest.operands.push(Access { buffer: view.buffer, dtype: view.dtype, offset: view.layout.offset, strides });
        let loaded = nest.push(Instruction::Load(side));
        factors.push(if view.dtype == dtype { loaded } else { nest.push(Instruction::Cast { argument: loaded, to: dtype }) });
    }
    let scalar = if dtype == DType::Bool { &scalar::AND } else { &scalar::MUL };
    nest.push(Instruction::Apply { scalar, arguments: factors, dtype })
}

/// The order of the summed loops in which fewest operands have to be copied to step evenly.
fn order_of_sums(summed: &[Axis]) -> Vec<usize> {
    let given: Vec<usize> = (0..summed.len()).collect();
    let by_stride = |side: usize| {
        let mut order = given.clone();
        order.sort_by_key(|&pair| std::cmp::Reverse(summed[pair].steps[side].abs()));
        order
    };
    let copies = |order: &Vec<usize>| {
        let axes: Vec<Axis> = order.iter().map(|&pair| summed[pair]).collect();
        (0..2).filter(|&side| !is_even(&axes, side)).count()
    };
    let orders = [given.clone(), by_stride(0), by_stride(1)];
    orders.into_iter().min_by_key(copies).unwrap_or_default()
}

/// Whether one step leads along all loops on that side.
fn is_even(axes: &[Axis], side: usize) -> bool {
    let mut one_sided = axes.to_vec();
    for axis in &mut one_sided {
        axis.steps = [axis.steps[side], 0, 0];
    }
    join_in_order(&one_sided).len() <= 1
}

/// The loops of a product of two layouts.
fn loops(op: &Dot, left: &Layout, right: &Layout, out: &Layout) -> Loops {
    let mut out_steps = row_major(&out.shape).into_iter();
    let mut step_out = || out_steps.next().unwrap_or(0);
    let batch = op.batch.iter().map(|&(l, r)| Axis { length: left.shape[l], steps: [left.strides[l], right.strides[r], step_out()] }).collect();
    let is_free = |axis: usize, side: fn(&(usize, usize)) -> usize| !op.batch.iter().chain(&op.contract).any(|pair| side(pair) == axis);
    let rows = (0..left.rank()).filter(|&axis| is_free(axis, |pair| pair.0));
    let rows = rows.map(|axis| Axis { length: left.shape[axis], steps: [left.strides[axis], 0, step_out()] }).collect();
    let columns = (0..right.rank()).filter(|&axis| is_free(axis, |pair| pair.1));
    let columns = columns.map(|axis| Axis { length: right.shape[axis], steps: [0, right.strides[axis], step_out()] }).collect();
    let summed = op.contract.iter().map(|&(l, r)| Axis { length: left.shape[l], steps: [left.strides[l], right.strides[r], 0] }).collect();
    Loops { batch, rows, columns, summed }
}

/// The same loops as few as possible, in whichever order joins most.
fn join(axes: &[Axis]) -> Vec<Axis> {
    let mut sorted = axes.to_vec();
    sorted.sort_by_key(|axis| std::cmp::Reverse(axis.steps.map(isize::abs)));
    let (given, sorted) = (join_in_order(axes), join_in_order(&sorted));
    if sorted.len() < given.len() { sorted } else { given }
}

/// The same loops, with neighbours that step evenly joined to one.
fn join_in_order(axes: &[Axis]) -> Vec<Axis> {
    let mut joined: Vec<Axis> = Vec::new();
    for axis in axes.iter().filter(|axis| axis.length != 1) {
        let length = axis.length as isize;
        match joined.last_mut() {
            Some(outer) if (0..3).all(|side| outer.steps[side] == axis.steps[side] * length) => {
                *outer = Axis { length: outer.length * axis.length, steps: axis.steps };
            }
            _ => joined.push(*axis),
        }
    }
    joined
}
