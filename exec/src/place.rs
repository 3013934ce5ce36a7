//! From a scheduled draft to places in memory: lifetimes, results that replace operands, offsets in the arena.

use smallvec::SmallVec;

use crate::choice::Choice;
use crate::draft::{Draft, Origin};
use crate::memory::{Block, lower_bound, pack};
use crate::nest::{Access, BufferId, Instruction, Nest};
use crate::step::{Buffer, Place, Step};

/// The memory of a plan.
pub(crate) struct Placed {
    pub buffers: Vec<Buffer>,
    pub arena_bytes: usize,
    pub lower_bound_bytes: usize,
    /// For each step, which results replace which operands in their memory: (operand, result).
    pub in_place: Vec<SmallVec<[(BufferId, BufferId); 1]>>,
}

/// What of a draft needs memory, and when.
pub(crate) struct Lives {
    /// Each is needed by the buffers that share it; those that lie in the array of an output have no bytes.
    pub blocks: Vec<Block>,
    /// The block of each buffer.
    of_buffer: Vec<Option<usize>>,
    /// The output in whose array a block lies.
    outputs: Vec<Option<usize>>,
    /// For each step, which results replace which operands: (operand, result).
    in_place: Vec<SmallVec<[(BufferId, BufferId); 1]>>,
}

impl Lives {
    /// Those of a draft whose steps run in this order.
    pub fn of(draft: &Draft, order: &[usize], choice: &mut Choice) -> Lives {
        let mut lives: Vec<Option<Block>> = vec![None; draft.buffers.len()];
        for (at, &place) in order.iter().enumerate() {
            let step = &draft.steps[place].step;
            for id in step.reads().iter().chain(&step.writes()) {
                let buffer = &draft.buffers[id.index()];
                if matches!(buffer.origin, Origin::Temporary | Origin::Output(_)) && buffer.count > 0 {
                    let life = lives[id.index()].get_or_insert(Block { bytes: buffer.count * buffer.dtype.size(), first: at, last: at });
                    life.last = at;
                }
            }
        }
        // A result that replaces an operand shares its block, which then lives as long as both. If it is an output they lie in the output's array.
        let mut found =
            Lives { blocks: Vec::new(), of_buffer: vec![None; draft.buffers.len()], outputs: Vec::new(), in_place: Vec::with_capacity(order.len()) };
        for (at, &place) in order.iter().enumerate() {
            let step = &draft.steps[place].step;
            let mut replaced: SmallVec<[(BufferId, BufferId); 1]> = SmallVec::new();
            for new in step.writes() {
                let Some(life) = lives[new.index()].filter(|_| found.of_buffer[new.index()].is_none()) else { continue };
                let dies_here = |old: BufferId| {
                    let passing = draft.buffers[old.index()].origin == Origin::Temporary;
                    passing && lives[old.index()].is_some_and(|old| old.last == at && old.first < at && old.bytes == life.bytes)
                };
                let free = |old: BufferId| !replaced.iter().any(|pair| pair.0 == old);
                let mut replaces = |old: BufferId| dies_here(old) && free(old) && may_replace(draft, step, old, new) && choice.does(true);
                let old = step.reads().into_iter().find(|&old| replaces(old));
                let old = old.and_then(|old| Some((old, found.of_buffer[old.index()]?)));
                let block = old.map_or(found.blocks.len(), |(_, block)| block);
                if let Some((old, _)) = old {
                    found.blocks[block].last = life.last;
                    replaced.push((old, new));
                } else {
                    found.blocks.push(life);
                    found.outputs.push(None);
                }
                found.of_buffer[new.index()] = Some(block);
                if let Origin::Output(output) = draft.buffers[new.index()].origin {
                    found.outputs[block] = Some(output);
                    found.blocks[block].bytes = 0;
                }
            }
            found.in_place.push(replaced);
        }
        found
    }
}

/// Gives each buffer its place.
pub(crate) fn place(draft: &Draft, choice: &mut Choice) -> Placed {
    let order: Vec<usize> = (0..draft.steps.len()).collect();
    let Lives { blocks, of_buffer, outputs, in_place } = Lives::of(draft, &order, choice);
    let packing = pack(&blocks);
    let buffers = draft.buffers.iter().zip(&of_buffer).map(|(buffer, block)| Buffer {
        dtype: buffer.dtype,
        bytes: buffer.count * buffer.dtype.size(),
        place: match buffer.origin {
            Origin::Input(place) => Place::Input(place),
            Origin::Constant(place) => Place::Constant(place),
            Origin::Output(place) => Place::Output(place),
            Origin::Temporary => {
                block.map_or(Place::Nowhere, |block| outputs[block].map_or(Place::Arena { offset: packing.offsets[block] }, Place::Output))
            }
        },
    });
    Placed { buffers: buffers.collect(), arena_bytes: packing.bytes, lower_bound_bytes: lower_bound(&blocks), in_place }
}

/// Whether a step reads each element of one buffer just where it writes the element of the other.
fn may_replace(draft: &Draft, step: &Step, old: BufferId, new: BufferId) -> bool {
    let same_size = draft.buffers[old.index()].dtype.size() == draft.buffers[new.index()].dtype.size();
    same_size
        && match step {
            Step::Nest(nest) => replaces(nest, old, new),
            Step::Row(row) => {
                let (from, to) = (&row.input, &row.out);
                row.function.keeps_row() && (from.offset, &from.strides, from.step) == (to.offset, &to.strides, to.step)
            }
            Step::Contract(product) => product.may_replace(old),
            Step::Bands(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => false,
        }
}

fn replaces(nest: &Nest, old: BufferId, new: BufferId) -> bool {
    let is_result_of_reduction = nest.reductions.iter().any(|reduction| reduction.to.buffer == new);
    let mut stores = nest.stores.iter().filter(|store| store.to.buffer == new);
    let (Some(store), None) = (stores.next(), stores.next()) else { return false };
    let same = |access: &Access| access.offset == store.to.offset && access.strides == store.to.strides;
    // What is read from the operand as it is lies there until it is written elsewhere or reduced: the result must not be written over it before.
    let is_old = |register: usize| matches!(nest.body.get(register), Some(Instruction::Load(place)) if nest.operands[*place].buffer == old);
    let other_stores = nest.stores.iter().filter(|other| other.to.buffer != new).map(|other| other.value);
    let is_wanted_later = other_stores.chain(nest.reductions.iter().map(|reduction| reduction.value)).any(is_old);
    !is_result_of_reduction && !is_wanted_later && nest.operands.iter().filter(|operand| operand.buffer == old).all(same)
}
