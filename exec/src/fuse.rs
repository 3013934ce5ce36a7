//! Making few nests of many: a nest that reads what another stores, element by element, becomes one nest with it.
//!
//! Nothing is ever computed twice: what another step still needs is stored by the fused nest as well. A pair is left alone where a
//! third step stands between the two, because the fused nest would have to run both before and after it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use smallvec::SmallVec;

use crate::draft::{Draft, DraftStep, Origin, predecessors};
use crate::layout::Shape;
use crate::loops::{instruction, operand, parts, pruned, same_places, same_strides, seen_through, tidy, used, with_arguments};
use crate::nest::{Access, Accumulate, BufferId, Instruction, Nest, Store};
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
    /// A number for each step that is larger than those of all steps it needs.
    rank: Vec<usize>,
    /// The nests that were too large to go into a step: they still are when it has grown.
    too_large: Vec<SmallVec<[usize; 2]>>,
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
        Fusion {
            rank: (0..steps.len()).collect(),
            too_large: vec![SmallVec::new(); steps.len()],
            seen: vec![0; steps.len()],
            looks: 0,
            draft,
            steps,
            before,
            after,
            writers,
            readers,
        }
    }

    fn nest(&self, place: usize) -> Option<&Nest> {
        match &self.steps[place].as_ref()?.step {
            Step::Nest(nest) => Some(nest),
            Step::Contract(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => None,
        }
    }

    fn nest_mut(&mut self, place: usize) -> Option<&mut Nest> {
        match &mut self.steps[place].as_mut()?.step {
            Step::Nest(nest) => Some(nest),
            Step::Contract(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => None,
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
        producers.retain(|producer| !self.too_large[consumer].contains(producer));
        producers.sort_unstable_by_key(|&place| Reverse(place));
        producers.dedup();
        producers.into_iter().any(|producer| self.merge(producer, consumer))
    }

    /// Takes a nest into another that reads from it, if that may be.
    fn merge(&mut self, producer: usize, consumer: usize) -> bool {
        let (Some(first), Some(second)) = (self.nest(producer), self.nest(consumer)) else { return false };
        let Some(Meeting { first: seen_first, second: seen_second }) = meeting(first, second) else { return false };
        let both = [first, second];
        let reads: Vec<BufferId> = both.iter().flat_map(|nest| nest.operands.iter().map(|operand| operand.buffer)).collect();
        let writes: Vec<BufferId> = both.iter().flat_map(|nest| nest.written().map(|access| access.buffer)).collect();
        // A nest grows where it is: a copy of it at every merge would make long chains slow.
        let (first_is_taken, second_is_taken) = (seen_first.is_none(), seen_second.is_none());
        let mut nest = seen_first.unwrap_or_else(|| self.take_nest(producer));
        let second = seen_second.unwrap_or_else(|| self.take_nest(consumer));
        let before = (nest.operands.len(), nest.body.len(), nest.stores.clone(), nest.reductions.len());
        append(&mut nest, &second);
        nest.stores.retain(|store| !self.is_unneeded(store.to.buffer, producer, consumer));
        let used = used(&nest);
        let body = used.iter().filter(|used| **used).count();
        let loads = nest.body.iter().zip(&used).filter(|(instruction, used)| **used && matches!(instruction, Instruction::Load(_))).count();
        if body > LARGEST_BODY {
            self.too_large[consumer].push(producer);
        }
        let fits = body <= LARGEST_BODY && loads + nest.stores.len() + nest.reductions.len() <= MOST_ACCESSES;
        if let Some(ranks) = if fits { self.ranks_if_one(producer, consumer) } else { None } {
            let nest = if body == nest.body.len() { nest } else { pruned(&nest) };
            for (place, rank) in ranks {
                self.rank[place] = rank;
            }
            self.join(producer, consumer, nest, &reads, &writes);
            return true;
        }
        if first_is_taken {
            nest.operands.truncate(before.0);
            nest.body.truncate(before.1);
            nest.stores = before.2;
            nest.reductions.truncate(before.3);
            self.put_nest(producer, nest);
        }
        if second_is_taken {
            self.put_nest(consumer, second);
        }
        false
    }

    fn take_nest(&mut self, place: usize) -> Nest {
        self.nest_mut(place).map(std::mem::take).unwrap_or_default()
    }

    fn put_nest(&mut self, place: usize, nest: Nest) {
        if let Some(known) = self.nest_mut(place) {
            *known = nest;
        }
    }

    /// Whether nobody but the consumer reads what the producer writes there.
    fn is_unneeded(&self, buffer: BufferId, producer: usize, consumer: usize) -> bool {
        self.only_writer(buffer) == Some(producer)
            && self.draft.buffers[buffer.index()].origin == Origin::Temporary
            && self.readers[buffer.index()].iter().all(|&reader| reader == consumer)
    }

    /// The ranks that steps get when the first goes into the second (Pearce and Kelly 2007); `None` if a third stands between the two: it
    /// needs the first and is needed by the second.
    fn ranks_if_one(&mut self, first: usize, second: usize) -> Option<Vec<(usize, usize)>> {
        let (low, high) = (self.rank[first], self.rank[second]);
        if self.before[second].iter().all(|&needed| needed == first || self.rank[needed] < low) {
            return Some(vec![(second, low)]);
        }
        let mut later = self.related(first, second, |fusion, place| &fusion.after[place], |rank| rank < high)?;
        if later.is_empty() {
            return Some(Vec::new());
        }
        let mut earlier = self.related(second, first, |fusion, place| &fusion.before[place], |rank| rank > low)?;
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
        links: for<'a> fn(&'a Fusion, usize) -> &'a BTreeSet<usize>,
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

    /// Puts a nest in the place of two steps that read and wrote these buffers.
    fn join(&mut self, first: usize, second: usize, nest: Nest, unread: &[BufferId], unwritten: &[BufferId]) {
        let (Some(gone), Some(stays)) = (self.steps[first].take(), self.steps[second].as_mut()) else { return };
        let too_large = std::mem::take(&mut self.too_large[first]);
        self.too_large[second].extend(too_large);
        let mut nodes = gone.nodes;
        nodes.extend(stays.nodes.iter().copied());
        *stays = DraftStep { step: Step::Nest(nest), nodes };
        let (reads, writes) = (stays.step.reads(), stays.step.writes());
        relink(&mut self.before, &mut self.after, first, second);
        relink(&mut self.after, &mut self.before, first, second);
        let changes = [(&mut self.readers, unread, &reads[..]), (&mut self.writers, unwritten, &writes[..])];
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
                step.nodes.sort_unstable();
                step.nodes.dedup();
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

/// Two nests seen through the same loops; `None` for one that stays as it is.
struct Meeting {
    first: Option<Nest>,
    second: Option<Nest>,
}

/// How a nest and a reader of its stores can be one nest; `None` if their loops do not match element by element.
fn meeting(first: &Nest, second: &Nest) -> Option<Meeting> {
    let link = |operand: &Access| first.stores.iter().map(|store| &store.to).find(|to| to.buffer == operand.buffer);
    let (load, store) = second.operands.iter().find_map(|operand| Some((operand, link(operand)?)))?;
    let through = |nest: &Nest, own: &Access, shape: &Shape, other: &Access| {
        seen_through(nest, shape, &parts((&nest.shape, &own.strides), (shape, &other.strides))?)
    };
    // A nest that never runs has no place in one that does, nor the other way round: an empty part of what was made.
    if (first.count() == 0) != (second.count() == 0) {
        return None;
    }
    let is_even = first.shape == second.shape && same_strides(&first.shape, load, store);
    let (seen_first, seen_second) = if is_even {
        (None, None)
    } else if let Some(first) = through(first, store, &second.shape, load) {
        (Some(first), None)
    } else {
        (None, Some(through(second, load, &first.shape, store)?))
    };
    let (first, second) = (seen_first.as_ref().unwrap_or(first), seen_second.as_ref().unwrap_or(second));
    // Whatever the second reads of the first's, it must read where and when it is written.
    let reads = |access: &Access| {
        let buffer = access.buffer;
        second.operands.iter().filter(move |operand| operand.buffer == buffer)
    };
    let in_step = first.stores.iter().all(|store| reads(&store.to).all(|operand| same_places(&first.shape, operand, &store.to)));
    let meets = in_step && first.reductions.iter().all(|reduction| reads(&reduction.to).next().is_none()) && alike(&first.shape, first, second);
    meets.then_some(Meeting { first: seen_first, second: seen_second })
}

/// Adds to a nest what a reader of its stores, seen through the same loops, does.
fn append(nest: &mut Nest, second: &Nest) {
    let mut renamed = Vec::with_capacity(second.body.len());
    for old in &second.body {
        let register = match old {
            Instruction::Load(place) => {
                let access = &second.operands[*place];
                if let Some(store) = nest.stores.iter().find(|store| store.to.buffer == access.buffer) {
                    store.value
                } else {
                    let place = operand(nest, access.clone());
                    instruction(nest, Instruction::Load(place))
                }
            }
            Instruction::Constant(..) | Instruction::Index { .. } | Instruction::Apply { .. } | Instruction::Cast { .. } => {
                let new = with_arguments(old, |argument| renamed[argument]);
                instruction(nest, new)
            }
        };
        renamed.push(register);
    }
    nest.stores.extend(second.stores.iter().map(|store| Store { value: renamed[store.value], to: store.to.clone() }));
    nest.reductions.extend(second.reductions.iter().map(|reduction| Accumulate { value: renamed[reduction.value], ..reduction.clone() }));
}
