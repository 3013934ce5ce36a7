//! The accesses of a kernel: their memory, how code goes along them, and how far it is from row to row.

use damo_graph::DType;

use super::accumulators::{Reduction, lane_bytes};
use super::loops::{Along, Stream};
use super::staging::Staging;
use super::translate::{self, Places};
use crate::nest::{Access, BufferId, Nest};
use crate::portable::axes::Axes;

/// The memory of an access.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub buffer: BufferId,
    pub offset: isize,
    pub size: usize,
    pub align: usize,
    pub written: bool,
}

/// Where what is combined goes.
#[derive(Clone, Copy)]
pub(super) enum Kept {
    /// To the results.
    InResults,
    /// To accumulators, one after the other if each row has its own.
    InAccumulators { each_row: bool },
}

/// The streams of a kernel: operands, counts, stores, results or accumulators; `None` if there is no way to go along one of them.
pub(super) fn streams(
    nest: &Nest,
    (axes, staging): (&Axes, Option<&Staging>),
    places: Places,
    reductions: &[Reduction],
    kept: Kept,
) -> Option<Vec<Stream>> {
    let inner = axes.axes.len().checked_sub(1);
    let row = axes.axes.len().checked_sub(2);
    let step = |access: usize, axis: Option<usize>| axis.map_or(0, |axis| axes.strides[access][axis]);
    let mut streams = Vec::with_capacity(places.accumulators);
    for access in 0..places.accumulators {
        let (along, moves) = (step(access, inner), step(access, row) != 0);
        if (places.counts..places.stores).contains(&access) {
            streams.push(Stream { along: Along::Counted(along), size: 4, padded: false, moves, is_past: false });
            continue;
        }
        let is_store = access >= places.stores;
        let dtype = if is_store { nest.stores[access - places.stores].to.dtype } else { nest.operands[access].dtype };
        if !translate::is_supported(dtype) {
            return None;
        }
        let size = dtype.size();
        if let Some(row) = staging.and_then(|staging| staging.row_of(access)) {
            streams.push(Stream { along: Along::Contiguous, size, padded: false, moves: row != 0, is_past: false });
            continue;
        }
        let along = match along {
            1 => Along::Contiguous,
            0 if is_store => Along::Contiguous,
            0 => Along::Uniform,
            _ if size == 1 || along.unsigned_abs() * size * 16 > i32::MAX as usize => return None,
            step => Along::Strided(step),
        };
        streams.push(Stream { along, size, padded: false, moves, is_past: false });
    }
    for reduction in reductions {
        let (size, count, moves) = match kept {
            Kept::InResults => (reduction.size, 1, step(reduction.access, row) != 0),
            Kept::InAccumulators { each_row } => (lane_bytes(&reduction.reducer), reduction.count, each_row),
        };
        streams.extend(std::iter::repeat_n(Stream { along: Along::Contiguous, size, padded: true, moves, is_past: false }, count));
    }
    Some(streams)
}

/// The memory of each access; of counts none.
pub(super) fn memory(nest: &Nest, axes: &Axes, counts: usize) -> Vec<Option<Memory>> {
    let of = |access: &Access, written| {
        let size = access.dtype.size();
        Some(Memory { buffer: access.buffer, offset: access.offset, size, align: if access.dtype == DType::Bool { 1 } else { size }, written })
    };
    let operands = nest.operands.iter().map(|access| of(access, false));
    let memory: Vec<Option<Memory>> =
        operands.chain(std::iter::repeat_n(None, counts)).chain(nest.written().map(|access| of(access, true))).collect();
    debug_assert_eq!(memory.len(), axes.strides.len());
    memory
}

/// The step of each stream from row to row.
pub(super) fn steps(
    (axes, staging): (&Axes, Option<&Staging>),
    memory: &[Option<Memory>],
    streams: &[Stream],
    places: &Places,
    vector: usize,
    kept: Kept,
) -> Vec<isize> {
    let row = axes.axes.len().checked_sub(2);
    let of = |access: usize| {
        if let Some(row) = staging.and_then(|staging| staging.row_of(access)) {
            return row;
        }
        let step = row.map_or(0, |axis| axes.strides[access][axis]);
        memory[access].map_or(step, |memory| step * memory.size as isize)
    };
    if matches!(kept, Kept::InResults) {
        return (0..streams.len()).map(of).collect();
    }
    // Accumulators of a row are a vector each, one row behind the other.
    let accumulators = streams.len() - places.accumulators;
    (0..places.accumulators).map(of).chain(std::iter::repeat_n((accumulators * vector) as isize, accumulators)).collect()
}
