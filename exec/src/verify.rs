//! What must hold of every plan, whoever made it.

use crate::bands::{Bands, Member};
use crate::layout::Shape;
use crate::nest::{Access, BufferId};
use crate::plan::Plan;
use crate::region::reach;
use crate::step::{ALIGNMENT, BatchAxis, Contraction, Matrix, Place, Step};

impl Plan {
    /// Checks that what is read was written before, that nothing still needed is written over, and that every access stays inside its buffer.
    ///
    /// Fails with what is wrong: a defect of planning.
    pub fn verify(&self) -> Result<(), String> {
        self.verify_order()?;
        self.verify_memory()?;
        for (at, step) in self.steps.iter().enumerate() {
            match &step.step {
                Step::Nest(nest) => nest.operands.iter().chain(nest.written()).try_for_each(|access| self.verify_access(access, &nest.shape)),
                Step::Bands(bands) => self.verify_bands(bands),
                Step::Contract(product) => self.verify_product(product, &step.in_place),
                Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => Ok(()),
            }
            .map_err(|wrong| format!("step {at}: {wrong}"))?;
        }
        Ok(())
    }

    fn verify_order(&self) -> Result<(), String> {
        let mut written: Vec<bool> = self.buffers.iter().map(|buffer| matches!(buffer.place, Place::Input(_) | Place::Constant(_))).collect();
        for (at, step) in self.steps.iter().enumerate() {
            for buffer in step.step.reads() {
                if !written[buffer.index()] && self.buffers[buffer.index()].bytes > 0 {
                    return Err(format!("step {at} reads {buffer}, which no step before it writes"));
                }
            }
            for buffer in step.step.writes() {
                if matches!(self.buffers[buffer.index()].place, Place::Input(_) | Place::Constant(_)) {
                    return Err(format!("step {at} writes {buffer}, which is not the plan's to write"));
                }
                written[buffer.index()] = true;
            }
        }
        Ok(())
    }

    /// The steps at which each buffer is used first and last.
    pub(crate) fn lives(&self) -> Vec<Option<(usize, usize)>> {
        let mut lives: Vec<Option<(usize, usize)>> = vec![None; self.buffers.len()];
        for (at, step) in self.steps.iter().enumerate() {
            for buffer in step.step.reads().iter().chain(&step.step.writes()) {
                lives[buffer.index()].get_or_insert((at, at)).1 = at;
            }
        }
        lives
    }

    fn verify_memory(&self) -> Result<(), String> {
        let lives = self.lives();
        // The arena is one piece of memory, and each output is another.
        let held = (0..self.buffers.len()).filter_map(|id| match self.buffers[id].place {
            Place::Arena { offset } => Some((None, offset, id, lives[id]?)),
            Place::Output(output) => Some((Some(output), 0, id, lives[id]?)),
            Place::Input(_) | Place::Constant(_) | Place::Nowhere => None,
        });
        let mut sorted: Vec<_> = held.collect();
        sorted.sort_unstable();
        for (i, &(output, offset, id, life)) in sorted.iter().enumerate() {
            let end = offset + self.buffers[id].bytes;
            if output.is_none() && (offset % ALIGNMENT != 0 || end > self.arena_bytes()) {
                return Err(format!("%{id} lies at {offset}, which is not aligned or outside the arena"));
            }
            for &(_, _, other, other_life) in sorted[i + 1..].iter().take_while(|next| next.0 == output && next.1 < end) {
                let meet = life.0 <= other_life.1 && other_life.0 <= life.1;
                let replaces =
                    |old: usize, new: usize, at: usize| self.steps[at].in_place.iter().any(|pair| (pair.0.index(), pair.1.index()) == (old, new));
                let handed_over = life.1 == other_life.0 && replaces(id, other, life.1) || other_life.1 == life.0 && replaces(other, id, life.0);
                if meet && !handed_over {
                    return Err(format!("%{id} and %{other} share memory while both are needed"));
                }
            }
        }
        Ok(())
    }

    /// Bands touch only what is in their buffers; what is their own is written before it is read, and a band of it stays within its bytes.
    fn verify_bands(&self, bands: &Bands) -> Result<(), String> {
        let mut written = vec![false; bands.own.len()];
        for Member { nest, axis, .. } in &bands.nests {
            if nest.shape.get(*axis) != Some(&bands.length) || nest.reductions.iter().any(|reduction| reduction.axes.contains(axis)) {
                return Err(format!("loop {axis} of a nest is not the common one of {}", bands.length));
            }
            let mut part = nest.shape.clone();
            part[*axis] = bands.band.min(bands.length);
            let check = |access: &Access| match bands.own(access.buffer) {
                Some(own) => {
                    let own = &bands.own[own];
                    let moved = Access { offset: access.offset - own.start, ..access.clone() };
                    within(&moved, &part, own.bytes / access.dtype.size())
                }
                None => self.verify_access(access, &nest.shape),
            };
            if let Some(early) = nest.operands.iter().find(|operand| bands.own(operand.buffer).is_some_and(|own| !written[own])) {
                return Err(format!("bands read {early}, which none of their nests wrote before"));
            }
            nest.operands.iter().chain(nest.written()).try_for_each(check)?;
            nest.written().filter_map(|access| bands.own(access.buffer)).for_each(|own| written[own] = true);
        }
        Ok(())
    }

    /// A product touches only what is in its buffers, and writes over nothing that it reads but its own addend, element by element.
    fn verify_product(&self, product: &Contraction, in_place: &[(BufferId, BufferId)]) -> Result<(), String> {
        let along = |matrix: &Matrix, lengths: [usize; 2], steps: fn(&BatchAxis) -> isize| {
            let shape: Shape = product.batch.iter().map(|axis| axis.length).chain(lengths).collect();
            let strides = product.batch.iter().map(steps).chain([matrix.rows, matrix.columns]).collect();
            self.verify_access(&Access { buffer: matrix.buffer, dtype: product.dtype, offset: matrix.offset, strides }, &shape)
        };
        along(&product.left, [product.m, product.k], |axis| axis.left)?;
        along(&product.right, [product.k, product.n], |axis| axis.right)?;
        along(&product.out, [product.m, product.n], |axis| axis.out)?;
        if let Some(addend) = &product.addend {
            along(&addend.matrix, [product.m, product.n], |axis| axis.addend)?;
        }
        let out = product.out.buffer;
        if [product.left.buffer, product.right.buffer].contains(&out) {
            return Err(format!("a product is written over its factor {out}"));
        }
        let factors = std::iter::once(product.alpha).chain(product.addend.map(|addend| addend.beta));
        if let Some(factor) = factors.into_iter().find(|factor| !factor.is_finite() || *factor == 0.0) {
            return Err(format!("a product has the factor {factor}"));
        }
        let own = product.addend.is_some_and(|addend| addend.matrix.buffer == out).then_some(out);
        match in_place.iter().map(|pair| pair.0).chain(own).find(|&old| !product.may_replace(old)) {
            Some(old) => Err(format!("a product takes the memory of {old}, which it does not read just as it writes {out}")),
            None => Ok(()),
        }
    }

    fn verify_access(&self, access: &Access, shape: &[usize]) -> Result<(), String> {
        let buffer = &self.buffers[access.buffer.index()];
        if buffer.dtype != access.dtype {
            return Err(format!("{access} is not of the dtype of its buffer, {}", buffer.dtype));
        }
        // The memory of inputs is checked against the arrays themselves, at each call.
        if matches!(buffer.place, Place::Input(_)) { Ok(()) } else { within(access, shape, buffer.bytes / buffer.dtype.size()) }
    }
}

/// An access stays within so many elements.
fn within(access: &Access, shape: &[usize], elements: usize) -> Result<(), String> {
    match reach(access.offset, shape, &access.strides) {
        Some((low, high)) if low < 0 || high as usize >= elements => Err(format!("{access} over {shape:?} leaves its buffer")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use damo_graph::op::dot::Dot;
    use damo_graph::op::input::InputKind;
    use damo_graph::{DType, Graph, Sizes, Type};

    use super::*;
    use crate::executable::Options;
    use crate::layout::Layout;
    use crate::step::Addend;

    /// `x² + x·x`, twice: a nest and a product that adds to its memory.
    fn plan() -> Plan {
        let mut graph = Graph::new();
        let x = graph.add_input("x", Type::new(DType::F64, [3, 3]), InputKind::Argument).unwrap();
        let power = graph.times(x, x).unwrap();
        let dot = graph.add(Dot { batch: [].as_slice().into(), contract: [(1, 0)].as_slice().into() }, &[x, x]).unwrap();
        let sum = graph.plus(power, dot).unwrap();
        graph.set_outputs([sum]);
        Plan::make(&graph, &Sizes::default(), &[Layout::contiguous(&[3, 3])], &Options::default()).unwrap()
    }

    /// The complaint about a plan with a changed product.
    fn complaint(change: impl Fn(&mut Contraction)) -> String {
        let mut plan = plan();
        for step in &mut plan.steps {
            if let Step::Contract(product) = &mut step.step {
                change(product);
            }
        }
        plan.verify().expect_err("a planted fault")
    }

    #[test]
    fn faults_of_products_are_named() {
        let plan = plan();
        assert_eq!((plan.verify(), plan.steps.len(), plan.steps[1].in_place.len()), (Ok(()), 2, 1));
        assert!(complaint(|product| product.alpha = 0.0).contains("factor 0"));
        assert!(complaint(|product| product.addend.iter_mut().for_each(|addend| addend.beta = f64::NAN)).contains("factor NaN"));
        assert!(complaint(|product| product.out.offset = 1).contains("leaves its buffer"));
        assert!(complaint(|product| product.out.buffer = product.left.buffer).contains("not the plan's to write"));
        let turn = |addend: &mut Addend| std::mem::swap(&mut addend.matrix.rows, &mut addend.matrix.columns);
        assert!(complaint(|product| product.addend.iter_mut().for_each(turn)).contains("does not read just as it writes"));
        let addend = |product: &Contraction| product.addend.map_or(product.out.buffer, |addend| addend.matrix.buffer);
        assert!(complaint(|product| product.left.buffer = addend(product)).contains("does not read just as it writes"));
        let over_its_factor = |product: &mut Contraction| (product.left.buffer, product.out.buffer) = (addend(product), addend(product));
        assert!(complaint(over_its_factor).contains("over its factor"));
    }
}
