//! The ops on whole rows and on picked rows: kernels of the library where it has them, else the reference.

use damo_graph::op::arg_extreme::{ArgExtreme, Extreme};
use damo_graph::{DType, Node, NodeId, Problem};

use super::{Lowering, Place};
use crate::layout::Layout;
use crate::library::{pick, rows};
use crate::step::{Pick, Row, RowAccess, RowFunction, Step, View};

impl Lowering<'_> {
    pub(super) fn norm(&mut self, id: NodeId, node: &Node, axes: &[usize]) -> Result<Place, Problem> {
        let input = self.input(node, 0)?;
        if input.dtype() == DType::F32 && !axes.is_empty() && !input.shape().contains(&0) {
            return self.short_norm(id, node, &input, axes);
        }
        self.rows(id, node, RowFunction::Norm, axes)
    }

    pub(super) fn product(&mut self, id: NodeId, node: &Node, axes: &[usize]) -> Result<Place, Problem> {
        self.rows(id, node, RowFunction::Product, axes)
    }

    pub(super) fn product_of_others(&mut self, id: NodeId, node: &Node, axes: &[usize]) -> Result<Place, Problem> {
        self.rows(id, node, RowFunction::ProductOfOthers, axes)
    }

    pub(super) fn arg_extreme(&mut self, id: NodeId, node: &Node, op: &ArgExtreme) -> Result<Place, Problem> {
        let function = match op.extreme {
            Extreme::Max => RowFunction::ArgMax,
            Extreme::Min => RowFunction::ArgMin,
        };
        self.rows(id, node, function, &[op.axis])
    }

    /// A function of the rows that some axes form.
    fn rows(&mut self, id: NodeId, node: &Node, function: RowFunction, axes: &[usize]) -> Result<Place, Problem> {
        let input = self.input(node, 0)?;
        let empty = axes.iter().any(|&axis| input.shape()[axis] == 0);
        // The meaning tells what is wrong with the extreme of nothing.
        if empty || !rows::supports(function, input.dtype()) {
            return self.by_reference(id, node);
        }
        let mut input = self.in_memory(id, input)?;
        let kept: Vec<usize> = (0..input.layout.rank()).filter(|axis| !axes.contains(axis)).collect();
        let order: Vec<usize> = kept.iter().chain(axes).copied().collect();
        let outer: Vec<usize> = kept.iter().map(|&axis| input.layout.shape[axis]).collect();
        let length: usize = axes.iter().map(|&axis| input.layout.shape[axis]).product();
        let rows: Vec<usize> = outer.iter().copied().chain([length]).collect();
        // Several axes are one row if one step leads along them.
        let turned = input.layout.transposed(&order);
        let from = if let Some(from) = turned.reshaped(&rows) {
            from
        } else {
            input = self.copy(id, &View { layout: turned, ..input })?;
            Layout::contiguous(&rows)
        };
        let shape = self.shape(node)?;
        let dtype = node.types()[0].dtype;
        let (out, to) = if !function.keeps_row() {
            let out = self.draft.temporary(dtype, &shape)?;
            (out.clone(), out.layout.clone().with_axis(outer.len()))
        } else if axes.len() == 1 {
            let out = self.draft.temporary(dtype, &shape)?;
            (out.clone(), out.layout.transposed(&order))
        } else {
            let out = self.draft.temporary(dtype, &rows)?;
            let by_axes: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
            (View { layout: Layout::contiguous(&by_axes).transposed(&inverse(&order)), ..out.clone() }, out.layout)
        };
        let access = |view: &View, layout: &Layout| RowAccess {
            buffer: view.buffer,
            offset: layout.offset,
            strides: layout.strides[..outer.len()].into(),
            step: layout.strides.get(outer.len()).copied().unwrap_or(0),
        };
        let row = Row { function, dtype: input.dtype, input: access(&input, &from), out: access(&out, &to), outer: outer.as_slice().into(), length };
        self.draft.push(Step::Row(row), &[id]);
        Ok(Place::View(out))
    }

    pub(super) fn select_axis(&mut self, id: NodeId, node: &Node, axis: usize) -> Result<Place, Problem> {
        let (pick, out) = self.pick(id, node, axis)?;
        self.draft.push(Step::Pick(pick), &[id]);
        Ok(Place::View(out))
    }

    pub(super) fn scatter_add(&mut self, id: NodeId, node: &Node, axis: usize) -> Result<Place, Problem> {
        let dtype = node.types()[0].dtype;
        if !pick::adds_up(dtype) {
            return self.by_reference(id, node);
        }
        let (pick, out) = self.pick(id, node, axis)?;
        self.draft.push(Step::ScatterAdd(pick), &[id]);
        Ok(Place::View(out))
    }

    fn pick(&mut self, id: NodeId, node: &Node, axis: usize) -> Result<(Pick, View), Problem> {
        let (data, indices) = (self.input_view(id, node, 0)?, self.input_view(id, node, 1)?);
        let dtype: DType = data.dtype;
        let shape = self.shape(node)?;
        let out = self.draft.temporary(dtype, &shape)?;
        let pick = Pick { axis, data, indices, out: View { layout: Layout::contiguous(&shape), ..out.clone() } };
        Ok((pick, out))
    }
}

/// The order that undoes an order of axes.
pub(super) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    for (place, &axis) in order.iter().enumerate() {
        inverse[axis] = place;
    }
    inverse
}
