//! Making bands of nests that hand on to each other, index by index, more than a cache holds.
//!
//! A softmax reads its rows three times. Done nest by nest, each time comes from memory; done row by row, from the nearest cache.

use std::collections::BTreeSet;

use damo_graph::NodeId;
use smallvec::SmallVec;

use crate::bands::{Bands, Member, Own};
use crate::choice::Choice;
use crate::draft::{Draft, DraftStep, Origin};
use crate::nest::{Access, BufferId, Nest};
use crate::step::{ALIGNMENT, Step};
use crate::step_graph::{StepGraph, Use};

/// What a band touches should stay in a cache near the processor.
const BAND_BYTES: usize = 1 << 17;
/// Where one index alone touches more than this, bands do not help.
const WIDEST: usize = 1 << 18;
/// Nests that touch less than this in all hand it on in the cache anyway.
const WORTH_BANDS: usize = 1 << 17;
/// A band of columns has at least so many, and whole vectors.
const NEIGHBOURS: usize = 64;

/// The same program with nests in bands.
pub(crate) fn band(draft: Draft, choice: &mut Choice) -> Draft {
    let mut graph = StepGraph::new(draft);
    let mut consumers: Vec<usize> = (0..graph.len()).collect();
    choice.order(&mut consumers);
    for consumer in consumers {
        while join_one(&mut graph, consumer, choice) {}
    }
    for place in 0..graph.len() {
        if let Some(Step::Bands(bands)) = graph.step(place) {
            let own = own_of(&graph, place, bands);
            if let Some(Step::Bands(bands)) = graph.step_mut(place) {
                bands.own = own;
            }
        }
    }
    graph.finish()
}

/// Makes bands of a step and one of those that it reads from.
fn join_one(graph: &mut StepGraph, consumer: usize, choice: &mut Choice) -> bool {
    let Some(step) = graph.step(consumer) else { return false };
    let reads = step.nests().flat_map(|nest| &nest.operands);
    let producers: BTreeSet<usize> = reads.filter_map(|operand| graph.only_writer(operand.buffer)).filter(|&place| place != consumer).collect();
    producers.into_iter().rev().any(|producer| choice.does(true) && join(graph, producer, consumer, choice))
}

fn join(graph: &mut StepGraph, producer: usize, consumer: usize, choice: &mut Choice) -> bool {
    let (Some(first), Some(second)) = (graph.drafted(producer), graph.drafted(consumer)) else { return false };
    let worth = if choice.is_shaken() { 0 } else { WORTH_BANDS };
    let Some(mut bands) = together(graph, first, second, worth) else { return false };
    let (first, second) = (&first.step, &second.step);
    let Some(band) = choice.up_to(bands.length).or_else(|| height(&bands)) else { return false };
    bands.band = band;
    let used =
        Use { reads: first.reads().into_iter().chain(second.reads()).collect(), writes: first.writes().into_iter().chain(second.writes()).collect() };
    let Some(ranks) = graph.ranks_if_one(producer, consumer) else { return false };
    graph.join((producer, consumer), Step::Bands(bands), ranks, &used);
    true
}

/// The nests of two steps over a loop that they have in common; `None` if there is none, or if they touch less than what is worth it.
fn together(graph: &StepGraph, first: &DraftStep, second: &DraftStep, worth: usize) -> Option<Bands> {
    let touched = first.step.nests().chain(second.step.nests()).flat_map(Nest::accesses);
    if touched.map(|access| graph.bytes(access.buffer)).sum::<usize>() < worth {
        return None;
    }
    for (before, length) in common_loops(first) {
        for (after, _) in common_loops(second).into_iter().filter(|other| other.1 == length) {
            let keeps = |member: &Turn| !member.nest.reductions.iter().any(|reduction| reduction.axes.contains(&member.axis));
            let meets = before.iter().chain(&after).all(keeps) && before.iter().all(|&old| after.iter().all(|&new| hands_on(graph, old, new)));
            if meets {
                let nests = before.into_iter().chain(after).map(|turn| Member { nest: turn.nest.clone(), axis: turn.axis, nodes: turn.nodes.into() });
                return Some(Bands { nests: nests.collect(), length, band: 1, own: Vec::new() });
            }
        }
    }
    None
}

/// A nest and one of its loops, and the nodes it computes.
#[derive(Clone, Copy)]
struct Turn<'a> {
    nest: &'a Nest,
    axis: usize,
    nodes: &'a [NodeId],
}

/// The loops that all nests of a step have or could have in common, with their lengths: outermost first.
fn common_loops(DraftStep { step, nodes }: &DraftStep) -> SmallVec<[(SmallVec<[Turn<'_>; 4]>, usize); 4]> {
    match step {
        Step::Nest(nest) => {
            let loops = nest.shape.iter().copied().enumerate().filter(|(_, length)| *length > 1);
            loops.map(|(axis, length)| ([Turn { nest, axis, nodes }].into_iter().collect(), length)).collect()
        }
        Step::Bands(bands) => {
            let turns = bands.nests.iter().map(|member| Turn { nest: &member.nest, axis: member.axis, nodes: &member.nodes }).collect();
            [(turns, bands.length)].into_iter().collect()
        }
        Step::Contract(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => {
            SmallVec::new()
        }
    }
}

/// Whether at each index of the common loop a nest reads of what an earlier one stores only what is stored at that index, and changes nothing
/// that the earlier one uses.
fn hands_on(graph: &StepGraph, old: Turn<'_>, new: Turn<'_>) -> bool {
    let is_simple = |access: &Access| {
        let buffer = &graph.draft.buffers[access.buffer.index()];
        !buffer.in_parts && graph.only_writer(access.buffer).is_some()
    };
    let reads = new.nest.operands.iter().all(|read| {
        old.nest.written().filter(|write| write.buffer == read.buffer).all(|write| is_simple(write) && row_by_row((old, write), (new, read)))
    });
    let changes = new.nest.written().any(|write| old.nest.accesses().any(|access| access.buffer == write.buffer));
    reads && !changes
}

/// Whether an access reads at each index of the common loop nothing but what another writes there.
fn row_by_row((old, write): (Turn<'_>, &Access), (new, read): (Turn<'_>, &Access)) -> bool {
    let step = write.strides[old.axis];
    let mut written = loops(old, write);
    step != 0
        && step == read.strides[new.axis]
        && write.offset == read.offset
        && loops(new, read).into_iter().all(|of| written.iter().position(|&known| known == of).map(|place| written.remove(place)).is_some())
}

/// The other loops along which an access moves, by step and length, as few as say it.
fn loops(turn: Turn<'_>, access: &Access) -> SmallVec<[(isize, usize); 4]> {
    let others = turn.nest.shape.iter().zip(&access.strides).enumerate().filter(|(axis, _)| *axis != turn.axis);
    let mut loops: SmallVec<[(isize, usize); 4]> =
        others.filter(|(_, (length, stride))| **length > 1 && **stride != 0).map(|(_, (&length, &stride))| (stride, length)).collect();
    loops.sort_unstable_by_key(|&(stride, length)| (stride.abs(), length));
    let mut joined: SmallVec<[(isize, usize); 4]> = SmallVec::new();
    for (stride, length) in loops {
        match joined.last_mut() {
            Some((inner, count)) if *inner * *count as isize == stride => *count *= length,
            _ => joined.push((stride, length)),
        }
    }
    joined
}

/// How many indices make a band; `None` if bands would not help.
fn height(bands: &Bands) -> Option<usize> {
    let bytes = bands.bytes();
    let is_column = |member: &Member| {
        let turn = Turn { nest: &member.nest, axis: member.axis, nodes: &member.nodes };
        let lies_within = |access: &Access| {
            let step = access.strides[member.axis].abs();
            step != 0 && loops(turn, access).iter().any(|of| of.0.abs() > step)
        };
        member.nest.accesses().any(lies_within)
    };
    let least = if bands.nests.iter().any(is_column) { NEIGHBOURS } else { 1 };
    if bytes.saturating_mul(least) > WIDEST || bytes.saturating_mul(bands.length) < WORTH_BANDS {
        return None;
    }
    let most = (BAND_BYTES / bytes.max(1)).max(1).next_multiple_of(least);
    // All bands alike.
    let even = bands.length.div_ceil(bands.length.div_ceil(most));
    let even = even.next_multiple_of(if even >= NEIGHBOURS { NEIGHBOURS } else { least });
    (even < bands.length).then_some(even)
}

/// The buffers that only one step uses, where a band of them is little memory.
fn own_of(graph: &StepGraph, place: usize, bands: &Bands) -> Vec<Own> {
    let written: BTreeSet<BufferId> = bands.nests.iter().flat_map(|member| member.nest.written()).map(|access| access.buffer).collect();
    let passing = |buffer: &BufferId| graph.draft.buffers[buffer.index()].origin == Origin::Temporary && graph.is_used_only_by(*buffer, place);
    written.into_iter().filter(passing).filter_map(|buffer| own(bands, buffer)).collect()
}

fn own(bands: &Bands, buffer: BufferId) -> Option<Own> {
    let uses = || bands.nests.iter().flat_map(|member| member.nest.accesses().map(move |access| (member, access))).filter(|of| of.1.buffer == buffer);
    let mut span: Option<(isize, isize)> = None;
    for (member, access) in uses() {
        let (mut low, mut high) = (access.offset, access.offset);
        for (axis, (&length, &stride)) in member.nest.shape.iter().zip(&access.strides).enumerate() {
            let length = if axis == member.axis { bands.band } else { length };
            let reach = (length as isize - 1) * stride;
            (low, high) = (low.min(low + reach), high.max(high + reach));
        }
        span = Some(span.map_or((low, high), |(least, most)| (least.min(low), most.max(high))));
    }
    let (low, high) = span?;
    let size = uses().next()?.1.dtype.size();
    let bytes = ((high - low + 1).unsigned_abs() * size).next_multiple_of(ALIGNMENT);
    (bytes <= 2 * WIDEST).then_some(Own { buffer, start: low, bytes })
}
