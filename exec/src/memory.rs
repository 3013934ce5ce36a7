//! Where in the arena each buffer lies: lifetimes become offsets, by several orders and fits of which the best is kept.
//!
//! Greedy placement by size, duration, their product, and start, as in XLA's heap simulator and Pisarchyk & Lee, "Efficient Memory
//! Management for Deep Neural Net Inference" (2020).

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

    fn end(&self, offset: usize) -> usize {
        offset + self.size()
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

/// What blocks are sorted by.
type Order<'a> = dyn Fn(&Block) -> (usize, usize) + 'a;

/// A place for each block such that no two that are needed at the same step overlap.
pub fn pack(blocks: &[Block]) -> Packing {
    let bound = lower_bound(blocks);
    let duration = |block: &Block| block.last - block.first + 1;
    let area = |block: &Block| block.size().saturating_mul(duration(block));
    let orders: [&Order<'_>; 4] = [
        &|block| (usize::MAX - block.size(), block.first),
        &|block| (usize::MAX - area(block), block.first),
        &|block| (usize::MAX - duration(block), usize::MAX - block.size()),
        &|block| (block.first, usize::MAX - block.size()),
    ];
    let mut best: Option<(Packing, Vec<usize>, Fit)> = None;
    for key in orders {
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(|&place| key(&blocks[place]));
        for fit in [Fit::Lowest, Fit::Tightest] {
            let packing = place(blocks, &order, fit);
            if best.as_ref().is_none_or(|(known, ..)| packing.bytes < known.bytes) {
                best = Some((packing, order.clone(), fit));
            }
            if best.as_ref().is_some_and(|(known, ..)| known.bytes <= bound) {
                break;
            }
        }
    }
    best.map_or_else(Packing::default, |(packing, order, fit)| improve(blocks, packing, order, fit, bound))
}

/// Which of the gaps a block goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Lowest,
    Tightest,
}

/// Puts one block after another into a gap between those it meets.
fn place(blocks: &[Block], order: &[usize], fit: Fit) -> Packing {
    let mut packing = Packing { offsets: vec![0; blocks.len()], bytes: 0 };
    // The blocks that have a place, by offset.
    let mut placed: Vec<usize> = Vec::with_capacity(blocks.len());
    for &new in order {
        let block = &blocks[new];
        let (mut top, mut found) = (0, None::<(usize, usize)>);
        for &other in placed.iter().filter(|&&other| blocks[other].meets(block)) {
            let offset = packing.offsets[other];
            let gap = offset.saturating_sub(top);
            if offset > top && gap >= block.size() && (found.is_none() || fit == Fit::Tightest && found.is_some_and(|(known, _)| gap < known)) {
                found = Some((gap, top));
            }
            top = top.max(blocks[other].end(offset));
        }
        let offset = found.map_or(top, |(_, start)| start);
        packing.offsets[new] = offset;
        packing.bytes = packing.bytes.max(block.end(offset));
        let after = placed.partition_point(|&other| packing.offsets[other] <= offset);
        placed.insert(after, new);
    }
    packing
}

/// How many orders more are tried when the best so far is not the lower bound.
const TRIES: usize = 64;
/// Beyond so many blocks a try takes too long.
const MOST_BLOCKS: usize = 1024;

/// Lets the blocks that stick out at the top choose their places earlier, for as long as that helps.
fn improve(blocks: &[Block], mut best: Packing, mut order: Vec<usize>, fit: Fit, bound: usize) -> Packing {
    if blocks.len() > MOST_BLOCKS {
        return best;
    }
    let mut packing = best.clone();
    for _ in 0..TRIES {
        if best.bytes <= bound {
            break;
        }
        let top: Vec<usize> = order.iter().copied().filter(|&place| blocks[place].end(packing.offsets[place]) == packing.bytes).collect();
        let rest = order.iter().copied().filter(|place| !top.contains(place));
        order = top.iter().copied().chain(rest).collect();
        packing = place(blocks, &order, fit);
        if packing.bytes < best.bytes {
            best = packing.clone();
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks() -> impl Strategy<Value = Vec<Block>> {
        let block = (1usize..5000, 0usize..60, 0usize..12).prop_map(|(bytes, first, duration)| Block { bytes, first, last: first + duration });
        proptest::collection::vec(block, 0..80)
    }

    proptest! {
        #[test]
        fn blocks_that_meet_do_not_overlap(blocks in blocks()) {
            let packing = pack(&blocks);
            prop_assert!(packing.bytes >= lower_bound(&blocks));
            for (i, left) in blocks.iter().enumerate() {
                prop_assert!(packing.offsets[i].is_multiple_of(ALIGNMENT) && left.end(packing.offsets[i]) <= packing.bytes);
                for (j, right) in blocks.iter().enumerate().skip(i + 1) {
                    let apart = left.end(packing.offsets[i]) <= packing.offsets[j] || right.end(packing.offsets[j]) <= packing.offsets[i];
                    prop_assert!(apart || !left.meets(right), "{i} and {j} overlap");
                }
            }
        }

        #[test]
        fn little_memory_is_wasted(blocks in blocks()) {
            prop_assert!(pack(&blocks).bytes as f64 <= 1.3 * lower_bound(&blocks) as f64);
        }
    }

    #[test]
    fn a_chain_takes_two_places() {
        let chain: Vec<Block> = (0..10).map(|step| Block { bytes: 100, first: step, last: step + 1 }).collect();
        assert_eq!(pack(&chain).bytes, 256);
        assert_eq!(pack(&[]), Packing::default());
    }
}
