//! The steps of a draft and what needs what, while two of them become one again and again.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::draft::{Draft, DraftStep, Origin, predecessors, users};
use crate::nest::BufferId;
use crate::step::Step;

/// How many steps are looked at to see whether one stands between two others, before it is taken for granted.
const FARTHEST_LOOK: usize = 2048;

/// Steps by their first places, and their links.
pub(crate) struct StepGraph {
    pub draft: Draft,
    /// `None` where a step has gone into another.
    steps: Vec<Option<DraftStep>>,
    before: Vec<BTreeSet<usize>>,
    after: Vec<BTreeSet<usize>>,
    writers: Vec<BTreeSet<usize>>,
    readers: Vec<BTreeSet<usize>>,
    /// A number for each step that is larger than those of all steps it needs.
    rank: Vec<usize>,
    /// At which look a step was last seen.
    seen: Vec<usize>,
    looks: usize,
}

/// What two steps read and write before they are one.
#[derive(Default)]
pub(crate) struct Use {
    pub reads: Vec<BufferId>,
    pub writes: Vec<BufferId>,
}

/// The ranks that some steps get.
pub(crate) type Ranks = Vec<(usize, usize)>;

impl StepGraph {
    /// The steps of a draft.
    pub fn new(mut draft: Draft) -> Self {
        let before: Vec<BTreeSet<usize>> = predecessors(&draft).into_iter().map(|places| places.into_iter().collect()).collect();
        let mut after = vec![BTreeSet::new(); before.len()];
        for (place, needed) in before.iter().enumerate() {
            for &needed in needed {
                after[needed].insert(place);
            }
        }
        let [writers, readers] = users(&draft);
        let steps: Vec<Option<DraftStep>> = std::mem::take(&mut draft.steps).into_iter().map(Some).collect();
        StepGraph { rank: (0..steps.len()).collect(), seen: vec![0; steps.len()], looks: 0, draft, steps, before, after, writers, readers }
    }

    /// How many steps there were.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// A step that is still there, and the nodes it computes.
    pub fn drafted(&self, place: usize) -> Option<&DraftStep> {
        self.steps[place].as_ref()
    }

    /// A step that is still there.
    pub fn step(&self, place: usize) -> Option<&Step> {
        self.steps[place].as_ref().map(|step| &step.step)
    }

    /// The same, to change what it does but not what it reads and writes.
    pub fn step_mut(&mut self, place: usize) -> Option<&mut Step> {
        self.steps[place].as_mut().map(|step| &mut step.step)
    }

    /// How many bytes a buffer has.
    pub fn bytes(&self, buffer: BufferId) -> usize {
        let buffer = &self.draft.buffers[buffer.index()];
        buffer.count * buffer.dtype.size()
    }

    /// The only step that writes a buffer.
    pub fn only_writer(&self, buffer: BufferId) -> Option<usize> {
        let writers = &self.writers[buffer.index()];
        if writers.len() == 1 { writers.first().copied() } else { None }
    }

    /// Whether nobody but the consumer reads what the producer writes there.
    pub fn is_unneeded(&self, buffer: BufferId, producer: usize, consumer: usize) -> bool {
        self.only_writer(buffer) == Some(producer)
            && self.draft.buffers[buffer.index()].origin == Origin::Temporary
            && self.readers[buffer.index()].iter().all(|&reader| reader == consumer)
    }

    /// Whether one step alone reads and writes a buffer.
    pub fn is_used_only_by(&self, buffer: BufferId, place: usize) -> bool {
        let users = [&self.writers[buffer.index()], &self.readers[buffer.index()]];
        users.into_iter().all(|users| users.iter().all(|&user| user == place))
    }

    /// The ranks that steps get when the first goes into the second (Pearce and Kelly 2007); `None` if a third stands between the two: it
    /// needs the first and is needed by the second.
    pub fn ranks_if_one(&mut self, first: usize, second: usize) -> Option<Ranks> {
        let (low, high) = (self.rank[first], self.rank[second]);
        if self.before[second].iter().all(|&needed| needed == first || self.rank[needed] < low) {
            return Some(vec![(second, low)]);
        }
        let mut later = self.related(first, second, |graph, place| &graph.after[place], |rank| rank < high)?;
        if later.is_empty() {
            return Some(Vec::new());
        }
        let mut earlier = self.related(second, first, |graph, place| &graph.before[place], |rank| rank > low)?;
        earlier.sort_unstable_by_key(|&place| self.rank[place]);
        later.sort_unstable_by_key(|&place| self.rank[place]);
        let order: Vec<usize> = earlier.into_iter().chain([second]).chain(later).collect();
        let mut ranks: Vec<usize> = order.iter().chain([&first]).map(|&place| self.rank[place]).collect();
        ranks.sort_unstable();
        Some(order.into_iter().zip(ranks).collect())
    }

    /// The steps of some ranks that links lead to from one step; `None` if they lead on to the other, or are too many to look at.
    fn related(
        &mut self,
        from: usize,
        to: usize,
        links: for<'a> fn(&'a StepGraph, usize) -> &'a BTreeSet<usize>,
        is_near: impl Fn(usize) -> bool,
    ) -> Option<Vec<usize>> {
        self.looks += 1;
        let mut seen = std::mem::take(&mut self.seen);
        let mut found = Vec::new();
        let (mut open, mut leads_on) = (vec![from], false);
        while let Some(place) = open.pop().filter(|_| !leads_on && found.len() <= FARTHEST_LOOK) {
            for &next in links(self, place) {
                leads_on |= next == to && place != from;
                if next != to && is_near(self.rank[next]) && std::mem::replace(&mut seen[next], self.looks) != self.looks {
                    found.push(next);
                    open.push(next);
                }
            }
        }
        self.seen = seen;
        (!leads_on && found.len() <= FARTHEST_LOOK).then_some(found)
    }

    /// Puts a step in the place of two, which read and wrote this.
    pub fn join(&mut self, (first, second): (usize, usize), step: Step, ranks: Ranks, used: &Use) {
        let (Some(gone), Some(stays)) = (self.steps[first].take(), self.steps[second].as_mut()) else { return };
        for (place, rank) in ranks {
            self.rank[place] = rank;
        }
        let mut nodes = gone.nodes;
        nodes.extend(stays.nodes.iter().copied());
        *stays = DraftStep { step, nodes };
        let (reads, writes) = (stays.step.reads(), stays.step.writes());
        relink(&mut self.before, &mut self.after, first, second);
        relink(&mut self.after, &mut self.before, first, second);
        let changes = [(&mut self.readers, &used.reads, &reads[..]), (&mut self.writers, &used.writes, &writes[..])];
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
    pub fn finish(mut self) -> Draft {
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
                step.nodes.sort_unstable();
                step.nodes.dedup();
                self.draft.steps.push(step);
            }
        }
        self.draft
    }
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
