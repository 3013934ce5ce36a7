//! In which order the steps run: of several orders the one that holds least memory at once.

use std::collections::BTreeSet;

use crate::draft::{Draft, Origin, predecessors};

/// The same program with its steps in the best of several orders.
pub(crate) fn schedule(mut draft: Draft) -> Draft {
    let users = Users::of(&draft);
    let given: Vec<usize> = (0..draft.steps.len()).collect();
    let mut best = (users.peak(&given), given);
    for order in [users.greedy(), users.depth_first()] {
        let peak = users.peak(&order);
        if peak < best.0 {
            best = (peak, order);
        }
    }
    let mut steps: Vec<_> = std::mem::take(&mut draft.steps).into_iter().map(Some).collect();
    draft.steps = best.1.into_iter().filter_map(|place| steps[place].take()).collect();
    draft
}

/// Who uses which of the arena's buffers.
struct Users {
    bytes: Vec<i64>,
    /// The steps that use a buffer at all.
    of_buffer: Vec<BTreeSet<usize>>,
    /// The buffers that a step uses.
    of_step: Vec<BTreeSet<usize>>,
    before: Vec<BTreeSet<usize>>,
    after: Vec<BTreeSet<usize>>,
}

impl Users {
    fn of(draft: &Draft) -> Self {
        let bytes = draft
            .buffers
            .iter()
            .map(|buffer| if buffer.origin == Origin::Temporary { (buffer.count * buffer.dtype.size()) as i64 } else { 0 })
            .collect();
        let before: Vec<BTreeSet<usize>> = predecessors(draft).into_iter().map(|places| places.into_iter().collect()).collect();
        let mut after = vec![BTreeSet::new(); before.len()];
        for (place, needed) in before.iter().enumerate() {
            for &needed in needed {
                after[needed].insert(place);
            }
        }
        let mut of_buffer = vec![BTreeSet::new(); draft.buffers.len()];
        let mut of_step = Vec::with_capacity(draft.steps.len());
        for (place, step) in draft.steps.iter().enumerate() {
            let used: BTreeSet<usize> = step.step.reads().iter().chain(&step.step.writes()).map(|buffer| buffer.index()).collect();
            for &buffer in &used {
                of_buffer[buffer].insert(place);
            }
            of_step.push(used);
        }
        Users { bytes, of_buffer, of_step, before, after }
    }

    /// The most bytes alive at once.
    fn peak(&self, order: &[usize]) -> i64 {
        let mut uses_left: Vec<usize> = self.of_buffer.iter().map(BTreeSet::len).collect();
        let (mut alive, mut peak) = (0, 0);
        for &step in order {
            alive += self.of_step[step]
                .iter()
                .filter(|&&buffer| uses_left[buffer] == self.of_buffer[buffer].len())
                .map(|&buffer| self.bytes[buffer])
                .sum::<i64>();
            peak = peak.max(alive);
            for &buffer in &self.of_step[step] {
                uses_left[buffer] -= 1;
                if uses_left[buffer] == 0 {
                    alive -= self.bytes[buffer];
                }
            }
        }
        peak
    }

    /// Always the step that frees most, or asks for least.
    fn greedy(&self) -> Vec<usize> {
        let mut uses_left: Vec<usize> = self.of_buffer.iter().map(BTreeSet::len).collect();
        let mut waiting: Vec<usize> = self.before.iter().map(BTreeSet::len).collect();
        let growth = |step: usize, uses_left: &[usize]| -> i64 {
            let of = |&buffer: &usize| {
                let (total, left) = (self.of_buffer[buffer].len(), uses_left[buffer]);
                i64::from(left == total) * self.bytes[buffer] - i64::from(left == 1) * self.bytes[buffer]
            };
            self.of_step[step].iter().map(of).sum()
        };
        let mut known: Vec<i64> = vec![0; self.of_step.len()];
        let mut ready: BTreeSet<(i64, usize)> = BTreeSet::new();
        let mut order = Vec::with_capacity(self.of_step.len());
        for step in (0..waiting.len()).filter(|&step| waiting[step] == 0) {
            known[step] = growth(step, &uses_left);
            ready.insert((known[step], step));
        }
        while let Some((_, step)) = ready.pop_first() {
            order.push(step);
            let mut changed: BTreeSet<usize> = BTreeSet::new();
            for &buffer in &self.of_step[step] {
                uses_left[buffer] -= 1;
                // Others grow by more or less from now on only if the buffer was new, or if one of them is the last to use it.
                let (total, left) = (self.of_buffer[buffer].len(), uses_left[buffer]);
                if self.bytes[buffer] == 0 || left + 1 != total && left != 1 {
                    continue;
                }
                changed.extend(self.of_buffer[buffer].iter().copied());
            }
            for &next in &self.after[step] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    known[next] = growth(next, &uses_left);
                    ready.insert((known[next], next));
                }
            }
            for other in changed {
                if ready.remove(&(known[other], other)) {
                    known[other] = growth(other, &uses_left);
                    ready.insert((known[other], other));
                }
            }
        }
        order
    }

    /// Each step as late as may be: what it needs comes right before it, the largest first.
    fn depth_first(&self) -> Vec<usize> {
        let written = |step: usize| -> i64 { self.of_step[step].iter().map(|&buffer| self.bytes[buffer]).sum() };
        let mut order = Vec::with_capacity(self.of_step.len());
        let mut done = vec![false; self.of_step.len()];
        let ends = (0..self.of_step.len()).filter(|&step| self.after[step].is_empty());
        let mut open: Vec<(usize, bool)> = ends.rev().map(|step| (step, false)).collect();
        while let Some((step, visited)) = open.pop() {
            if done[step] {
                continue;
            }
            if visited {
                done[step] = true;
                order.push(step);
                continue;
            }
            open.push((step, true));
            let mut needed: Vec<usize> = self.before[step].iter().copied().filter(|&needed| !done[needed]).collect();
            needed.sort_by_key(|&needed| written(needed));
            open.extend(needed.into_iter().map(|needed| (needed, false)));
        }
        order
    }
}
