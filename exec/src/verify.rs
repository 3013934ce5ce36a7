//! What must hold of every plan, whoever made it.

use crate::nest::Access;
use crate::plan::Plan;
use crate::step::{ALIGNMENT, Place, Step};

impl Plan {
    /// Checks that what is read was written before, that nothing still needed is written over, and that every access stays inside its buffer.
    ///
    /// Fails with what is wrong: a defect of planning.
    pub fn verify(&self) -> Result<(), String> {
        self.verify_order()?;
        self.verify_memory()?;
        for (at, step) in self.steps.iter().enumerate() {
            if let Step::Nest(nest) = &step.step {
                for access in nest.operands.iter().chain(nest.written()) {
                    self.verify_access(access, &nest.shape).map_err(|wrong| format!("step {at}: {wrong}"))?;
                }
            }
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
        let arena: Vec<(usize, usize, usize, (usize, usize))> = (0..self.buffers.len())
            .filter_map(|id| match self.buffers[id].place {
                Place::Arena { offset } => Some((offset, id, self.buffers[id].bytes, lives[id]?)),
                Place::Input(_) | Place::Constant(_) | Place::Output(_) | Place::Nowhere => None,
            })
            .collect();
        let mut sorted = arena;
        sorted.sort_unstable();
        for (i, &(offset, id, bytes, life)) in sorted.iter().enumerate() {
            if offset % ALIGNMENT != 0 || offset + bytes > self.arena_bytes() {
                return Err(format!("%{id} lies at {offset}, which is not aligned or outside the arena"));
            }
            for &(_, other, _, other_life) in sorted[i + 1..].iter().take_while(|next| next.0 < offset + bytes) {
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

    fn verify_access(&self, access: &Access, shape: &[usize]) -> Result<(), String> {
        let buffer = &self.buffers[access.buffer.index()];
        if buffer.dtype != access.dtype {
            return Err(format!("{access} is not of the dtype of its buffer, {}", buffer.dtype));
        }
        if shape.contains(&0) {
            // Nothing is accessed.
            return Ok(());
        }
        let (mut low, mut high) = (access.offset, access.offset);
        for (&length, &stride) in shape.iter().zip(&access.strides) {
            let reach = (length as isize - 1) * stride;
            (low, high) = (low.min(low + reach), high.max(high + reach));
        }
        // The memory of inputs is checked against the arrays themselves, at each call.
        let inside = matches!(buffer.place, Place::Input(_)) || low >= 0 && (high as usize) < buffer.bytes / buffer.dtype.size();
        if inside { Ok(()) } else { Err(format!("{access} over {shape:?} leaves its buffer")) }
    }
}
