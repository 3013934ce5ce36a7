//! Making few nests of many: a nest that reads what another stores, element by element, becomes one nest with it.
//!
//! Nothing is ever computed twice: what another step still needs is stored by the fused nest as well. A pair is left alone where a
//! third step stands between the two, because the fused nest would have to run both before and after it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::draft::{Draft, DraftStep, Origin, predecessors};
use crate::layout::Shape;
use crate::loops::{instruction, operand, parts, pruned, same_places, seen_through, tidy, with_arguments};
use crate::nest::{Access, Accumulate, BufferId, Instruction, Nest};
use crate::step::Step;

/// A nest does not grow beyond so many instructions: an engine keeps them all at hand.
const LARGEST_BODY: usize = 128;
/// A nest does not touch more arrays than this: processors follow about so many streams at once.
const MOST_ACCESSES: usize = 24;
/// How many steps are looked at to see whether one stands between two others, before it is taken for granted.
const FARTHEST_LOOK: usize = 2048;

/// The same program with its nests fused.
pub(crate) fn fuse(draft: Draft) -> Draft {
    let mut fusion = Fusion::new(draft);
    for consumer in 0..fusion.steps.len() {
        while fusion.absorb_one(consumer) {}
    }
    fusion.finish()
}

struct Fusion {
    draft: Draft,
    /// The steps by their first places; `None` where one has gone into another.
    steps: Vec<Option<DraftStep>>,
    before: Vec<BTreeSet<usize>>,
    after: Vec<BTreeSet<usize>>,
    writers: Vec<BTreeSet<usize>>,
    readers: Vec<BTreeSet<usize>>,
    /// At which look a step was last seen.
    seen: Vec<usize>,
    looks: usize,
}

impl Fusion {
    fn new(mut draft: Draft) -> Self {
        let before: Vec<BTreeSet<usize>> = predecessors(&draft).into_iter().map(|places| places.into_iter().collect()).collect();
        let mut after = vec![BTreeSet::new(); before.len()];
        for (place, needed) in before.iter().enumerate() {
            for &needed in needed {
                after[needed].insert(place);
            }
        }
        let (mut writers, mut readers) = (vec![BTreeSet::new(); draft.buffers.len()], vec![BTreeSet::new(); draft.buffers.len()]);
        for (place, step) in draft.steps.iter().enumerate() {
            for buffer in step.step.writes() {
                writers[buffer.index()].insert(place);
            }
            for buffer in step.step.reads() {
                readers[buffer.index()].insert(place);
            }
        }
        let steps: Vec<Option<DraftStep>> = std::mem::take(&mut draft.steps).into_iter().map(Some).collect();
        Fusion { seen: vec![0; steps.len()], looks: 0, draft, steps, before, after, writers, readers }
    }

    fn nest(&self, place: usize) -> Option<&Nest> {
        match &self.steps[place].as_ref()?.step {
            Step::Nest(nest) => Some(nest),
            Step::Contract(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Reference(_) => None,
        }
    }

    /// The only step that writes a buffer.
    fn only_writer(&self, buffer: BufferId) -> Option<usize> {
        let writers = &self.writers[buffer.index()];
        if writers.len() == 1 { writers.first().copied() } else { None }
    }

    /// Takes one of the nests that a nest reads from into it.
    fn absorb_one(&mut self, consumer: usize) -> bool {
        let Some(nest) = self.nest(consumer) else { return false };
        let mut producers: Vec<usize> =
            nest.operands.iter().filter_map(|operand| self.only_writer(operand.buffer)).filter(|&place| place != consumer).collect();
        producers.sort_unstable_by_key(|&place| Reverse(place));
        producers.dedup();
        for producer in producers {
            let (Some(first), Some(second)) = (self.nest(producer), self.nest(consumer)) else { continue };
            let Some(mut merged) = merged(first, second) else { continue };
            let unneeded = |buffer: BufferId| {
                let kept = self.draft.buffers[buffer.index()].origin != Origin::Temporary;
                !kept && self.readers[buffer.index()].iter().all(|&reader| reader == consumer)
            };
            merged.stores.retain(|store| self.only_writer(store.to.buffer) != Some(producer) || !unneeded(store.to.buffer));
            let merged = pruned(&merged);
            let accesses = merged.operands.len() + merged.stores.len() + merged.reductions.len();
            if merged.body.len() > LARGEST_BODY || accesses > MOST_ACCESSES || self.stands_between(producer, consumer) {
                continue;
            }
            self.join(producer, consumer, merged);
            return true;
        }
        false
    }

    /// Whether some other step needs the first and is needed by the second.
    fn stands_between(&mut self, first: usize, second: usize) -> bool {
        self.looks += 1;
        let mut looked_at = 0;
        let mut open: Vec<usize> = self.after[first].iter().copied().filter(|&place| place != second).collect();
        while let Some(place) = open.pop() {
            if place == second || looked_at > FARTHEST_LOOK {
                return true;
            }
            for &next in &self.after[place] {
                if std::mem::replace(&mut self.seen[next], self.looks) != self.looks {
                    looked_at += 1;
                    open.push(next);
                }
            }
        }
        false
    }

    /// Puts a nest in the place of two steps.
    fn join(&mut self, first: usize, second: usize, nest: Nest) {
        let (Some(gone), Some(stays)) = (self.steps[first].take(), self.steps[second].as_mut()) else { return };
        let mut nodes = gone.nodes;
        nodes.extend(stays.nodes.iter().copied());
        nodes.sort_unstable();
        nodes.dedup();
        let (mut unread, mut unwritten) = (gone.step.reads(), gone.step.writes());
        unread.extend(stays.step.reads());
        unwritten.extend(stays.step.writes());
        *stays = DraftStep { step: Step::Nest(nest), nodes };
        let (reads, writes) = (stays.step.reads(), stays.step.writes());
        relink(&mut self.before, &mut self.after, first, second);
        relink(&mut self.after, &mut self.before, first, second);
        let changes = [(&mut self.readers, &unread[..], &reads[..]), (&mut self.writers, &unwritten[..], &writes[..])];
        for (users, not_any_more, now) in changes {
            for buffer in not_any_more {
                users[buffer.index()].remove(&first);
                users[buffer.index()].remove(&second);
            }
            for buffer in now {
                users[buffer.index()].insert(second);
            }
        }
    }

    /// The steps that are left, each after what it needs, otherwise in their first order.
    fn finish(mut self) -> Draft {
        let mut waiting: Vec<usize> = self.before.iter().map(BTreeSet::len).collect();
        let mut ready: BinaryHeap<Reverse<usize>> = (0..self.steps.len()).filter(|&place| waiting[place] == 0).map(Reverse).collect();
        while let Some(Reverse(place)) = ready.pop() {
            for &next in &self.after[place] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.push(Reverse(next));
                }
            }
            if let Some(mut step) = self.steps[place].take() {
                if let Step::Nest(nest) = &step.step {
                    step.step = Step::Nest(tidy(&pruned(nest)));
                }
                self.draft.steps.push(step);
            }
        }
        self.draft
    }
}

/// Whether all sums of two nests run over the same loops: a nest goes over its loops once.
fn alike(shape: &Shape, first: &Nest, second: &Nest) -> bool {
    let loops = |reduction: &Accumulate| -> Shape { reduction.axes.iter().copied().filter(|&axis| shape[axis] != 1).collect() };
    let mut all = first.reductions.iter().chain(&second.reductions).map(loops);
    all.next().is_none_or(|one| all.all(|other| other == one))
}

/// Gives the links of one step to another, but not those between the two.
fn relink(links: &mut [BTreeSet<usize>], back: &mut [BTreeSet<usize>], from: usize, to: usize) {
    for place in std::mem::take(&mut links[from]) {
        back[place].remove(&from);
        if place != to {
            links[to].insert(place);
            back[place].insert(to);
        }
    }
}

/// One nest that does what a nest and a reader of its stores do; `None` if their loops do not match element by element.
fn merged(first: &Nest, second: &Nest) -> Option<Nest> {
    let link = |operand: &Access| first.stores.iter().map(|store| &store.to).find(|to| to.buffer == operand.buffer).cloned();
    let (load, store) = second.operands.iter().find_map(|operand| Some((operand.clone(), link(operand)?)))?;
    let through = |nest: &Nest, own: &Access, shape: &Shape, other: &Access| {
        seen_through(nest, shape, &parts((&nest.shape, &own.strides), (shape, &other.strides))?)
    };
    let (first, second) = match through(first, &store, &second.shape, &load) {
        Some(first) => (first, second.clone()),
        None => (first.clone(), through(second, &load, &first.shape, &store)?),
    };
    let shape = first.shape.clone();
    // Whatever the second reads of the first's, it must read where and when it is written.
    let reads = |access: &Access| second.operands.iter().filter(move |operand| operand.buffer == access.buffer).cloned().collect::<Vec<_>>();
    let in_step = first.stores.iter().all(|store| reads(&store.to).iter().all(|operand| same_places(&shape, operand, &store.to)));
    if !in_step || first.reductions.iter().any(|reduction| !reads(&reduction.to).is_empty()) {
        return None;
    }
    if !alike(&shape, &first, &second) {
        return None;
    }
    let mut nest = first;
    let mut renamed = Vec::with_capacity(second.body.len());
    for old in &second.body {
        let stored = |access: &Access| nest.stores.iter().find(|store| store.to.buffer == access.buffer).map(|store| store.value);
        let register = match old {
            Instruction::Load(place) => stored(&second.operands[*place]).unwrap_or_else(|| {
                let place = operand(&mut nest, second.operands[*place].clone());
                instruction(&mut nest, Instruction::Load(place))
            }),
            Instruction::Constant(..) | Instruction::Index { .. } | Instruction::Apply { .. } | Instruction::Cast { .. } => {
                let new = with_arguments(old, |argument| renamed[argument]);
                instruction(&mut nest, new)
            }
        };
        renamed.push(register);
    }
    for mut store in second.stores {
        store.value = renamed[store.value];
        nest.stores.push(store);
    }
    for mut reduction in second.reductions {
        reduction.value = renamed[reduction.value];
        nest.reductions.push(reduction);
    }
    Some(nest)
}
