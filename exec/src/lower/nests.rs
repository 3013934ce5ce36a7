//! The ops that are loop nests: pointwise functions, casts, counting, reductions, and the copies of padding and joining.

use damo_graph::dtype::Class;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::Scalar;
use damo_graph::{DType, Node, NodeId, Number, Problem};
use smallvec::{SmallVec, smallvec};

use super::{Lowering, Place, fill};
use crate::layout::Extent;
use crate::nest::{Access, Accumulate, Instruction, Nest, Register, Store};
use crate::step::{Step, View};

impl Nest {
    /// A nest over a shape that does nothing yet.
    pub(super) fn over(shape: &[usize]) -> Self {
        Nest { shape: shape.into(), ..Nest::default() }
    }

    /// Reads a value, stretched to the nest's shape.
    pub(super) fn load(&mut self, place: &Place) -> Result<Register, Problem> {
        let instruction = match place {
            Place::Number(number, dtype, _) => Instruction::Constant(*number, *dtype),
            Place::View(view) => {
                let layout = view.layout.broadcast(&self.shape);
                let layout =
                    layout.ok_or_else(|| Problem::shapes(format!("{} does not stretch to {:?} in this call", view.layout, self.shape.as_slice())))?;
                self.operands.push(Access::of(view.buffer, view.dtype, &layout));
                Instruction::Load(self.operands.len() - 1)
            }
        };
        Ok(self.push(instruction))
    }

    /// Adds an instruction.
    pub(super) fn push(&mut self, instruction: Instruction) -> Register {
        self.body.push(instruction);
        self.body.len() - 1
    }

    /// Writes a register to a view of the nest's shape.
    pub(super) fn store(&mut self, value: Register, to: &View) {
        self.stores.push(Store { value, to: Access::of(to.buffer, to.dtype, &to.layout) });
    }

    /// Combines a register over loops into a view of the loops that are left.
    pub(super) fn accumulate(&mut self, value: Register, kind: Reduction, axes: &[usize], to: &View) {
        let mut kept = to.layout.strides.iter();
        let strides = (0..self.shape.len()).map(|axis| if axes.contains(&axis) { 0 } else { kept.next().copied().unwrap_or(0) }).collect();
        let to = Access { buffer: to.buffer, dtype: to.dtype, offset: to.layout.offset, strides };
        self.reductions.push(Accumulate { value, kind, axes: axes.into(), to });
    }
}

impl Lowering<'_> {
    pub(super) fn pointwise(&mut self, id: NodeId, node: &Node, scalar: &'static Scalar) -> Result<Place, Problem> {
        let dtype = node.types()[0].dtype;
        if dtype.class() == Class::Complex {
            return self.by_reference(id, node);
        }
        let mut nest = Nest::over(&self.shape(node)?);
        let mut arguments: SmallVec<[Register; 3]> = smallvec![];
        for index in 0..node.inputs().len() {
            arguments.push(nest.load(&self.input(node, index)?)?);
        }
        let value = nest.push(Instruction::Apply { scalar, arguments, dtype });
        self.stored(id, nest, value, dtype)
    }

    pub(super) fn cast(&mut self, id: NodeId, node: &Node, to: DType) -> Result<Place, Problem> {
        let input = self.input(node, 0)?;
        if to == input.dtype() {
            return Ok(input);
        }
        if to.class() == Class::Complex || input.dtype().class() == Class::Complex {
            return self.by_reference(id, node);
        }
        let mut nest = Nest::over(input.shape());
        let argument = nest.load(&input)?;
        let value = nest.push(Instruction::Cast { argument, to });
        self.stored(id, nest, value, to)
    }

    pub(super) fn iota(&mut self, id: NodeId, dtype: DType, length: usize) -> Result<Place, Problem> {
        let mut nest = Nest::over(&[length]);
        let value = nest.push(Instruction::Index { axis: 0, dtype });
        self.stored(id, nest, value, dtype)
    }

    /// Ends a nest by storing a register as an array of the nest's shape.
    pub(super) fn stored(&mut self, id: NodeId, mut nest: Nest, value: Register, dtype: DType) -> Result<Place, Problem> {
        let out = self.draft.temporary(dtype, &nest.shape)?;
        nest.store(value, &out);
        self.draft.push(Step::Nest(nest), &[id]);
        Ok(Place::View(out))
    }

    pub(super) fn reduce(&mut self, id: NodeId, node: &Node, kind: Reduction, axes: &[usize]) -> Result<Place, Problem> {
        let (input, to) = (self.input(node, 0)?, self.shape(node)?);
        let empty = input.shape().contains(&0) && !to.contains(&0);
        // The meaning tells what is wrong with the extreme of nothing.
        if empty && matches!(kind, Reduction::Max | Reduction::Min) || input.dtype().class() == Class::Complex {
            return self.by_reference(id, node);
        }
        // Loops take up elements in an order of their own, in which a product of floats may overflow on the way.
        if kind == Reduction::Product && input.dtype().is_float() && !axes.is_empty() {
            return self.product(id, node, axes);
        }
        let mut nest = Nest::over(input.shape());
        let value = nest.load(&input)?;
        let out = self.draft.temporary(node.types()[0].dtype, &to)?;
        nest.accumulate(value, kind, axes, &out);
        if !to.contains(&0) {
            self.draft.push(Step::Nest(nest), &[id]);
        }
        Ok(Place::View(out))
    }

    pub(super) fn pad(&mut self, id: NodeId, node: &Node, extents: &[Extent]) -> Result<Place, Problem> {
        let (input, to) = (self.input(node, 0)?, self.shape(node)?);
        let out = self.draft.temporary(input.dtype(), &to)?;
        let part = out.layout.sliced(extents).filter(|part| part.shape[..] == *input.shape());
        let part = part.ok_or_else(|| Problem::axis(format!("its ranges do not place {:?} inside {to:?} in this call", input.shape())))?;
        if part.count() < out.layout.count() {
            let zero = damo_graph::AnyArray::full(out.dtype, &[], Number::Integer(0)).only().unwrap_or(Number::Integer(0));
            self.draft.push(Step::Nest(fill(zero, &out)), &[id]);
        }
        self.copy_to(id, &input, &View { layout: part, ..out.clone() })?;
        Ok(Place::View(out))
    }

    pub(super) fn concatenate(&mut self, id: NodeId, node: &Node, axis: usize) -> Result<Place, Problem> {
        let out = self.draft.temporary(node.types()[0].dtype, &self.shape(node)?)?;
        self.draft.buffers[out.buffer.index()].in_parts = true;
        let mut start = 0;
        for index in 0..node.inputs().len() {
            let input = self.input(node, index)?;
            let all: Vec<Extent> = input.shape().iter().map(|&length| Extent { start: 0, step: 1, length }).collect();
            let mut extents = all;
            let place = extents.get_mut(axis).ok_or_else(|| Problem::axis(format!("there is no axis {axis}")))?;
            place.start = start;
            start += place.length as isize;
            let part = out.layout.sliced(&extents);
            let part = part.ok_or_else(|| Problem::shapes(format!("{:?} has no place in {} in this call", input.shape(), out.layout)))?;
            self.copy_to(id, &input, &View { layout: part, ..out.clone() })?;
        }
        Ok(Place::View(out))
    }

    /// Copies a value, or fills in its number, where a view says.
    fn copy_to(&mut self, id: NodeId, from: &Place, to: &View) -> Result<(), Problem> {
        let mut nest = Nest::over(&to.layout.shape);
        let value = nest.load(from)?;
        nest.store(value, to);
        self.draft.push(Step::Nest(nest), &[id]);
        Ok(())
    }

    /// The elements of a view in row-major order in a buffer of their own.
    pub(super) fn copy(&mut self, id: NodeId, view: &View) -> Result<View, Problem> {
        let copy = self.draft.temporary(view.dtype, &view.layout.shape)?;
        self.draft.copy(view, &copy, &[id]);
        Ok(copy)
    }
}
