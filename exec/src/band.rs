//! Making bands of nests that hand on to each other, index by index, more than a cache holds.
//!
//! A softmax reads its rows three times. Done nest by nest, each time comes from memory; done row by row, from the nearest cache.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use crate::bands::{Bands, Member, Own};
use crate::draft::{Draft, Origin};
use crate::nest::{Access, BufferId, Nest};
use crate::step::{ALIGNMENT, Step};
use crate::step_graph::{StepGraph, Use};

/// What a band touches should stay in a cache near the processor.
const BAND_BYTES: usize = 1 << 16;
/// Where one index alone touches more than this, bands do not help.
const WIDEST: usize = 1 << 18;
/// Nests that touch less than this in all hand it on in the cache anyway.
const WORTH_BANDS: usize = 1 << 17;
/// A band of neighbouring elements has at least so many, and whole vectors.
const NEIGHBOURS: usize = 64;

/// The same program with nests in bands.
pub(crate) fn band(draft: Draft) -> Draft {
    let mut graph = StepGraph::new(draft);
    for consumer in 0..graph.len() {
        while join_one(&mut graph, consumer) {}
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

/// The nests of a step that are, or could be, in bands.
fn members(step: &Step) -> Option<SmallVec<[&Nest; 4]>> {
    match step {
        Step::Nest(nest) => Some([nest].into_iter().collect()),
        Step::Bands(bands) => Some(bands.nests.iter().map(|member| &member.nest).collect()),
        Step::Contract(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => None,
    }
}

/// Makes bands of a step and one of those that it reads from.
fn join_one(graph: &mut StepGraph, consumer: usize) -> bool {
    let Some(nests) = graph.step(consumer).and_then(members) else { return false };
    let reads = nests.iter().flat_map(|nest| &nest.operands);
    let producers: BTreeSet<usize> = reads.filter_map(|operand| graph.only_writer(operand.buffer)).filter(|&place| place != consumer).collect();
    drop(nests);
    producers.into_iter().rev().any(|producer| join(graph, producer, consumer))
}

fn join(graph: &mut StepGraph, producer: usize, consumer: usize) -> bool {
    let (Some(first), Some(second)) = (graph.step(producer), graph.step(consumer)) else { return false };
    let Some(mut bands) = together(graph, first, second) else { return false };
    let Some(band) = height(&bands) else { return false };
    bands.band = band;
    let used =
        Use { reads: first.reads().into_iter().chain(second.reads()).collect(), writes: first.writes().into_iter().chain(second.writes()).collect() };
    let Some(ranks) = graph.ranks_if_one(producer, consumer) else { return false };
    graph.join((producer, consumer), Step::Bands(bands), ranks, &used);
    true
}

/// The nests of two steps over a loop that they have in common; `None` if there is none.
fn together(graph: &StepGraph, first: &Step, second: &Step) -> Option<Bands> {
    let (before, after) = (members(first)?, members(second)?);
    let axes = |step: &Step, nest: &Nest| -> SmallVec<[(usize, usize); 4]> {
        match step {
            Step::Bands(bands) => bands.nests.first().map(|member| (member.axis, bands.length)).into_iter().collect(),
            _ => nest.shape.iter().copied().enumerate().filter(|(_, length)| *length > 1).collect(),
        }
    };
    let all = |step: &Step, nests: &[&Nest], axis: usize| -> Vec<Member> {
        match step {
            Step::Bands(bands) => bands.nests.clone(),
            _ => nests.iter().map(|&nest| Member { nest: nest.clone(), axis }).collect(),
        }
    };
    for (axis, length) in axes(first, before[0]) {
        for (other, other_length) in axes(second, after[0]) {
            if length != other_length {
                continue;
            }
            let (before, after) = (all(first, &before, axis), all(second, &after, other));
            let keeps = |member: &Member| !member.nest.reductions.iter().any(|reduction| reduction.axes.contains(&member.axis));
            let meets = before.iter().chain(&after).all(keeps) && before.iter().all(|old| after.iter().all(|new| hands_on(graph, old, new)));
            if meets {
                return Some(Bands { nests: before.into_iter().chain(after).collect(), length, band: 1, own: Vec::new() });
            }
        }
    }
    None
}

/// Whether at each index of the common loop a nest reads of what an earlier one stores only what is stored at that index, and changes nothing
/// that the earlier one uses.
fn hands_on(graph: &StepGraph, old: &Member, new: &Member) -> bool {
    let is_simple = |access: &Access| {
        let buffer = &graph.draft.buffers[access.buffer.index()];
        !buffer.in_parts && graph.only_writer(access.buffer).is_some()
    };
    let reads = new.nest.operands.iter().all(|read| {
        old.nest.written().filter(|write| write.buffer == read.buffer).all(|write| is_simple(write) && row_by_row((old, write), (new, read)))
    });
    let changes = new.nest.written().any(|write| old.accesses().any(|access| access.buffer == write.buffer));
    reads && !changes
}

/// Whether an access reads at each index of the common loop nothing but what another writes there.
fn row_by_row((old, write): (&Member, &Access), (new, read): (&Member, &Access)) -> bool {
    let step = write.strides[old.axis];
    let mut written = loops(old, write);
    step != 0
        && step == read.strides[new.axis]
        && write.offset == read.offset
        && loops(new, read).into_iter().all(|of| written.iter().position(|&known| known == of).map(|place| written.remove(place)).is_some())
}

/// The other loops along which an access moves, by step and length, as few as say it.
fn loops(member: &Member, access: &Access) -> SmallVec<[(isize, usize); 4]> {
    let others = member.nest.shape.iter().zip(&access.strides).enumerate().filter(|(axis, _)| *axis != member.axis);
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
    let bytes: usize = bands.nests.iter().map(Member::bytes).sum();
    let is_side_by_side = |member: &Member| member.accesses().any(|access| access.strides[member.axis].abs() == 1);
    let least = if bands.nests.iter().any(is_side_by_side) { NEIGHBOURS } else { 1 };
    if bytes.saturating_mul(least) > WIDEST || bytes.saturating_mul(bands.length) < WORTH_BANDS {
        return None;
    }
    let most = (BAND_BYTES / bytes.max(1)).max(1).next_multiple_of(least);
    // All bands alike.
    let even = bands.length.div_ceil(bands.length.div_ceil(most)).next_multiple_of(least);
    (even < bands.length).then_some(even)
}

/// The buffers that only one step uses, where a band of them is little memory.
fn own_of(graph: &StepGraph, place: usize, bands: &Bands) -> Vec<Own> {
    let written: BTreeSet<BufferId> = bands.nests.iter().flat_map(|member| member.nest.written()).map(|access| access.buffer).collect();
    let passing = |buffer: &BufferId| graph.draft.buffers[buffer.index()].origin == Origin::Temporary && graph.is_used_only_by(*buffer, place);
    written.into_iter().filter(passing).filter_map(|buffer| own(bands, buffer)).collect()
}

fn own(bands: &Bands, buffer: BufferId) -> Option<Own> {
    let uses = || bands.nests.iter().flat_map(|member| member.accesses().map(move |access| (member, access))).filter(|of| of.1.buffer == buffer);
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
