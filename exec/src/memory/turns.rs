//! Blocks one after another in the order in which they begin, or end: time for many thousands of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::{Block, Packing};

/// Gives each block, in the order in which they begin, the tightest gap that is free then.
pub(super) fn by_turns(blocks: &[Block]) -> Packing {
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
pub(super) fn backwards(blocks: &[Block]) -> Packing {
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
