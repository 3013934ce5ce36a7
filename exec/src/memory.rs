//! Where in the arena each buffer lies: lifetimes become offsets, by several orders and fits of which the best is kept.
//!
//! Few blocks, and those of most programs, need no more than the tightest gap in turn. For the others a search follows (`skyline`), which
//! ends where little is to gain, or after so much work.

mod skyline;
mod turns;

use crate::step::ALIGNMENT;

/// Memory that is needed from one step to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// How much.
    pub bytes: usize,
    /// The first step that uses it.
    pub first: usize,
    /// The last step that uses it.
    pub last: usize,
}

impl Block {
    /// Whether there is a step at which both are needed.
    pub fn meets(&self, other: &Block) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// The bytes it takes up in an arena.
    fn size(&self) -> usize {
        self.bytes.next_multiple_of(ALIGNMENT)
    }
}

/// Where blocks lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packing {
    /// The offset of each block: a multiple of [`ALIGNMENT`].
    pub offsets: Vec<usize>,
    /// How much memory they need together.
    pub bytes: usize,
}

/// The most bytes needed at one step: no packing needs less.
pub fn lower_bound(blocks: &[Block]) -> usize {
    let mut changes: Vec<(usize, bool, usize)> = Vec::with_capacity(2 * blocks.len());
    for block in blocks {
        changes.push((block.first, true, block.size()));
        changes.push((block.last + 1, false, block.size()));
    }
    // At the same step what ends makes room first.
    changes.sort_unstable();
    let (mut alive, mut most) = (0, 0);
    for (_, begins, bytes) in changes {
        if begins {
            alive += bytes;
        } else {
            alive -= bytes;
        }
        most = most.max(alive);
    }
    most
}

/// A place for each block such that no two that are needed at the same step overlap.
pub fn pack(blocks: &[Block]) -> Packing {
    let bound = lower_bound(blocks);
    let mut best = turns::by_turns(blocks);
    if best.bytes > bound {
        best = better(best, turns::backwards(blocks));
    }
    if best.bytes > enough(bound) {
        best = skyline::search(blocks, bound, best);
    }
    best
}

/// How much memory is as good as the least: a search for less costs more than it saves.
const fn enough(bound: usize) -> usize {
    bound + bound / 128
}

fn better(known: Packing, other: Packing) -> Packing {
    if other.bytes < known.bytes { other } else { known }
}

#[cfg(test)]
mod tests;
