//! Where in the arena each buffer lies: lifetimes become offsets, by several orders and fits of which the best is kept.
//!
//! Greedy placement by size, duration, their product, and start, as in XLA's heap simulator and Pisarchyk & Lee, "Efficient Memory
//! Management for Deep Neural Net Inference" (2020).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

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
    let in_turn = [by_turns(blocks), backwards(blocks)].into_iter().min_by_key(|packing| packing.bytes).unwrap_or_default();
    // So many orders are tried as there is time for: each takes all pairs of blocks.
    let mut tries = MOST_PAIRS / (blocks.len() * blocks.len()).max(1);
    if in_turn.bytes <= bound || tries == 0 {
        return in_turn;
    }
    let duration = |block: &Block| block.last - block.first + 1;
    let area = |block: &Block| block.size().saturating_mul(duration(block));
    let orders: [&Order<'_>; 4] = [
        &|block| (usize::MAX - block.size(), block.first),
        &|block| (usize::MAX - area(block), block.first),
        &|block| (usize::MAX - duration(block), usize::MAX - block.size()),
        &|block| (block.first, usize::MAX - block.size()),
    ];
    let mut best: Option<(Packing, Vec<usize>, Fit)> = None;
    for (key, fit) in [Fit::Lowest, Fit::Tightest].into_iter().flat_map(|fit| orders.iter().map(move |key| (key, fit))).take(tries) {
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(|&place| key(&blocks[place]));
        let packing = place(blocks, &order, fit);
        tries -= 1;
        if best.as_ref().is_none_or(|(known, ..)| packing.bytes < known.bytes) {
            best = Some((packing, order, fit));
        }
        if best.as_ref().is_some_and(|(known, ..)| known.bytes <= bound) {
            break;
        }
    }
    let improved = best.map(|(packing, order, fit)| improve(blocks, packing, order, fit, bound, tries.min(TRIES)));
    improved.filter(|improved| improved.bytes <= in_turn.bytes).unwrap_or(in_turn)
}

/// Gives each block, in the order in which they begin, the tightest gap that is free then: time for many thousands of blocks.
fn by_turns(blocks: &[Block]) -> Packing {
    let mut packing = Packing { offsets: vec![0; blocks.len()], bytes: 0 };
    let mut begins: Vec<usize> = (0..blocks.len()).collect();
    begins.sort_by_key(|&place| (blocks[place].first, Reverse(blocks[place].size())));
    let mut ends: BinaryHeap<Reverse<(usize, usize)>> = BinaryHeap::new();
    let mut free = Free::default();
    for new in begins {
        let block = &blocks[new];
        while let Some(&Reverse((_, old))) = ends.peek().filter(|Reverse((last, _))| *last < block.first) {
            free.give_back(packing.offsets[old], blocks[old].size());
            ends.pop();
        }
        if block.size() == 0 {
            continue;
        }
        packing.offsets[new] = free.take(block.size());
        ends.push(Reverse((block.last, new)));
    }
    packing.bytes = free.top;
    packing
}

/// The same from the last step to the first.
fn backwards(blocks: &[Block]) -> Packing {
    let end = blocks.iter().map(|block| block.last).max().unwrap_or(0);
    let mirrored: Vec<Block> = blocks.iter().map(|block| Block { bytes: block.bytes, first: end - block.last, last: end - block.first }).collect();
    by_turns(&mirrored)
}

/// Memory that nobody uses at the moment.
#[derive(Default)]
struct Free {
    /// The length of each gap below the top, by its start.
    gaps: BTreeMap<usize, usize>,
    /// The same by length, then start.
    by_length: BTreeSet<(usize, usize)>,
    /// How much was used at most; all is free above.
    top: usize,
}

impl Free {
    /// The start of memory of that length: in the tightest gap, or at the top.
    fn take(&mut self, length: usize) -> usize {
        if let Some(&(gap, start)) = self.by_length.range((length, 0)..).next() {
            self.remove(start, gap);
            if gap > length {
                self.insert(start + length, gap - length);
            }
            return start;
        }
        // A gap that ends at the top is only too short.
        let last = self.gaps.last_key_value().map(|(&start, &gap)| (start, gap)).filter(|(start, gap)| start + gap == self.top);
        let start = last.map_or(self.top, |(start, gap)| {
            self.remove(start, gap);
            start
        });
        self.top = start + length;
        start
    }

    fn give_back(&mut self, mut start: usize, mut length: usize) {
        if let Some((&before, &gap)) = self.gaps.range(..start).next_back().filter(|(before, gap)| **before + **gap == start) {
            self.remove(before, gap);
            (start, length) = (before, gap + length);
        }
        if let Some(&gap) = self.gaps.get(&(start + length)) {
            self.remove(start + length, gap);
            length += gap;
        }
        self.insert(start, length);
    }

    fn insert(&mut self, start: usize, length: usize) {
        if length > 0 {
            self.gaps.insert(start, length);
            self.by_length.insert((length, start));
        }
    }

    fn remove(&mut self, start: usize, length: usize) {
        self.gaps.remove(&start);
        self.by_length.remove(&(length, start));
    }
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
/// How many pairs of blocks may be looked at, all tries together: some milliseconds.
const MOST_PAIRS: usize = 1 << 23;

/// Lets the blocks that stick out at the top choose their places earlier, for as long as that helps.
fn improve(blocks: &[Block], mut best: Packing, mut order: Vec<usize>, fit: Fit, bound: usize, tries: usize) -> Packing {
    let mut packing = best.clone();
    for _ in 0..tries {
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
    fn many_blocks_are_packed_in_little_time_and_space() {
        let block = |place: usize| Block { bytes: 64 * (1 + place * 7 % 90), first: place / 2, last: place / 2 + place * 13 % 40 };
        let blocks: Vec<Block> = (0..20_000).map(block).collect();
        assert!(pack(&blocks).bytes as f64 <= 1.3 * lower_bound(&blocks) as f64);
    }

    #[test]
    fn a_chain_takes_two_places() {
        let chain: Vec<Block> = (0..10).map(|step| Block { bytes: 100, first: step, last: step + 1 }).collect();
        assert_eq!(pack(&chain).bytes, 256);
        assert_eq!(pack(&[]), Packing::default());
    }
}
