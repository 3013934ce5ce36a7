//! Making few nests of many: a nest that reads what another stores, element by element, becomes one nest with it.
//!
//! Nothing is ever computed twice: what another step still needs is stored by the fused nest as well. A pair is left alone where a
//! third step stands between the two, because the fused nest would have to run both before and after it.

use std::cmp::Reverse;

use smallvec::SmallVec;

use crate::choice::Choice;
use crate::draft::Draft;
use crate::layout::Shape;
use crate::loops::{instruction, operand, parts, pruned, same_places, same_strides, seen_through, tidy, used, with_arguments};
use crate::nest::{Access, Accumulate, Instruction, Nest, Store};
use crate::step::Step;
use crate::step_graph::{StepGraph, Use};

/// A nest does not grow beyond so many instructions: an engine keeps them all at hand.
const LARGEST_BODY: usize = 128;
/// A nest does not touch more arrays than this: processors follow about so many streams at once.
const MOST_ACCESSES: usize = 24;

/// The same program with its nests fused.
pub(crate) fn fuse(draft: Draft, choice: &mut Choice) -> Draft {
    let graph = StepGraph::new(draft);
    let mut consumers: Vec<usize> = (0..graph.len()).collect();
    choice.order(&mut consumers);
    let limits = Limits { body: choice.limit(LARGEST_BODY), accesses: choice.limit(MOST_ACCESSES) };
    let mut fusion = Fusion { too_large: vec![SmallVec::new(); graph.len()], limits, graph };
    for consumer in consumers {
        while fusion.absorb_one(consumer, choice) {}
    }
    let mut draft = fusion.graph.finish();
    for step in &mut draft.steps {
        if let Step::Nest(nest) = &mut step.step {
            *nest = tidy(&pruned(nest));
        }
    }
    draft
}

/// How large a nest may grow.
struct Limits {
    body: usize,
    accesses: usize,
}

struct Fusion {
    graph: StepGraph,
    limits: Limits,
    /// The nests that were too large to go into a step: they still are when it has grown.
    too_large: Vec<SmallVec<[usize; 2]>>,
}

impl Fusion {
    fn nest(&self, place: usize) -> Option<&Nest> {
        self.graph.step(place)?.as_nest()
    }

    fn nest_mut(&mut self, place: usize) -> Option<&mut Nest> {
        self.graph.step_mut(place)?.as_nest_mut()
    }

    /// Takes one of the nests that a nest reads from into it.
    fn absorb_one(&mut self, consumer: usize, choice: &mut Choice) -> bool {
        let Some(nest) = self.nest(consumer) else { return false };
        let mut producers: Vec<usize> =
            nest.operands.iter().filter_map(|operand| self.graph.only_writer(operand.buffer)).filter(|&place| place != consumer).collect();
        producers.retain(|producer| !self.too_large[consumer].contains(producer));
        producers.sort_unstable_by_key(|&place| Reverse(place));
        producers.dedup();
        choice.order(&mut producers);
        producers.into_iter().any(|producer| choice.does(true) && self.merge(producer, consumer))
    }

    /// Takes a nest into another that reads from it, if that may be.
    fn merge(&mut self, producer: usize, consumer: usize) -> bool {
        let (Some(first), Some(second)) = (self.nest(producer), self.nest(consumer)) else { return false };
        let Some(Meeting { first: seen_first, second: seen_second }) = meeting(first, second) else { return false };
        let both = [first, second];
        let reads = both.iter().flat_map(|nest| nest.operands.iter().map(|operand| operand.buffer)).collect();
        let writes = both.iter().flat_map(|nest| nest.written().map(|access| access.buffer)).collect();
        let used_by_both = Use { reads, writes };
        // A nest grows where it is: a copy of it at every merge would make long chains slow.
        let (first_is_taken, second_is_taken) = (seen_first.is_none(), seen_second.is_none());
        let mut nest = seen_first.unwrap_or_else(|| self.take_nest(producer));
        let second = seen_second.unwrap_or_else(|| self.take_nest(consumer));
        let before = (nest.operands.len(), nest.body.len(), nest.stores.clone(), nest.reductions.len());
        append(&mut nest, &second);
        nest.stores.retain(|store| !self.graph.is_unneeded(store.to.buffer, producer, consumer));
        let used = used(&nest);
        let body = used.iter().filter(|used| **used).count();
        let loads = nest.body.iter().zip(&used).filter(|(instruction, used)| **used && matches!(instruction, Instruction::Load(_))).count();
        if body > self.limits.body {
            self.too_large[consumer].push(producer);
        }
        let fits = body <= self.limits.body && loads + nest.stores.len() + nest.reductions.len() <= self.limits.accesses;
        if let Some(ranks) = if fits { self.graph.ranks_if_one(producer, consumer) } else { None } {
            let nest = if body == nest.body.len() { nest } else { pruned(&nest) };
            self.graph.join((producer, consumer), Step::Nest(nest), ranks, &used_by_both);
            let too_large = std::mem::take(&mut self.too_large[producer]);
            self.too_large[consumer].extend(too_large);
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
}

/// Whether all sums of two nests run over the same loops: a nest goes over its loops once.
fn alike(shape: &Shape, first: &Nest, second: &Nest) -> bool {
    let loops = |reduction: &Accumulate| -> Shape { reduction.axes.iter().copied().filter(|&axis| shape[axis] != 1).collect() };
    let mut all = first.reductions.iter().chain(&second.reductions).map(loops);
    all.next().is_none_or(|one| all.all(|other| other == one))
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
