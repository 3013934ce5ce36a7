//! In which order the steps run: of several orders the one that holds least memory at once.

mod beam;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::choice::Choice;
use crate::draft::{Draft, Origin, predecessors};
use crate::memory::lower_bound;
use crate::place::Lives;

/// A way to order steps; `None` where it would take too long.
type Way = fn(&Users) -> Option<Vec<usize>>;

/// The ways that are tried, beside the order in which the steps were given: forwards, and from the last step to the first.
const WAYS: [Way; 3] = [|users| Some(users.greedy()), |users| Some(users.depth_first()), beam::beam];

/// The same program with its steps in the best of several orders.
pub(crate) fn schedule(mut draft: Draft, choice: &mut Choice) -> Draft {
    let users = Users::of(&draft);
    let needs = |order: &[usize]| lower_bound(&Lives::of(&draft, order, &mut Choice::usual()).blocks);
    let order = if choice.is_shaken() { users.any(choice) } else { best(&users, needs) };
    let mut steps: Vec<_> = std::mem::take(&mut draft.steps).into_iter().map(Some).collect();
    draft.steps = order.into_iter().filter_map(|place| steps[place].take()).collect();
    draft
}

/// Of the orders that are tried, the first that needs least.
fn best(users: &Users, needs: impl Fn(&[usize]) -> usize) -> Vec<usize> {
    let given: Vec<usize> = (0..users.of_step.len()).collect();
    let floor = users.floor();
    let mut best = (needs(&given), given);
    let mut backwards = None;
    for is_turned in [false, true] {
        for way in WAYS {
            if best.0 <= floor {
                return best.1;
            }
            let users = if is_turned { backwards.get_or_insert_with(|| users.backwards()) } else { users };
            let Some(mut order) = way(users) else { continue };
            if is_turned {
                order.reverse();
            }
            let bytes = needs(&order);
            if bytes < best.0 {
                best = (bytes, order);
            }
        }
    }
    best.1
}

/// Who uses which of the arena's buffers.
#[derive(Clone)]
struct Users {
    bytes: Vec<i64>,
    /// The steps that use a buffer at all.
    of_buffer: Vec<BTreeSet<usize>>,
    /// The buffers that a step uses.
    of_step: Vec<BTreeSet<usize>>,
    /// The bytes that a step reads, or writes if these are more: so many are needed at once even if it replaces one by the other.
    at_once: Vec<usize>,
    before: Vec<BTreeSet<usize>>,
    after: Vec<BTreeSet<usize>>,
}

impl Users {
    fn of(draft: &Draft) -> Self {
        let bytes: Vec<i64> = draft
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
        let mut at_once = Vec::with_capacity(draft.steps.len());
        for (place, step) in draft.steps.iter().enumerate() {
            let [read, written]: [BTreeSet<usize>; 2] =
                [&step.step.reads()[..], &step.step.writes()[..]].map(|buffers| buffers.iter().map(|buffer| buffer.index()).collect());
            let total = |buffers: &BTreeSet<usize>| buffers.iter().map(|&buffer| bytes[buffer]).sum::<i64>() as usize;
            at_once.push(total(&read).max(total(&written)));
            let used: BTreeSet<usize> = read.union(&written).copied().collect();
            for &buffer in &used {
                of_buffer[buffer].insert(place);
            }
            of_step.push(used);
        }
        Users { bytes, of_buffer, of_step, at_once, before, after }
    }

    /// What some step needs at least, in any order: all that it reads, or all that it writes.
    fn floor(&self) -> usize {
        self.at_once.iter().copied().max().unwrap_or(0)
    }

    /// The same from the last step to the first: an order of one, turned round, is one of the other, and holds as much at once.
    fn backwards(&self) -> Users {
        Users { before: self.after.clone(), after: self.before.clone(), ..self.clone() }
    }

    /// Any order.
    fn any(&self, choice: &mut Choice) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.before.iter().map(BTreeSet::len).collect();
        let mut ready: Vec<usize> = (0..waiting.len()).filter(|&step| waiting[step] == 0).collect();
        let mut order = Vec::with_capacity(waiting.len());
        while !ready.is_empty() {
            choice.order(&mut ready);
            order.extend(ready.pop());
            for &next in order.last().into_iter().flat_map(|&step: &usize| &self.after[step]) {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.push(next);
                }
            }
        }
        order
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
