//! Filling the arena from below: the lowest stretch of what is filled gets the block that comes first in some order and fits into it, or rises
//! to its lower neighbour (best fit of Burke, Kendall and Whitwell 2004, for blocks that cannot move sideways).
//!
//! Where an order would need more than the best so far, what had no place where the room ended moves up in the order, and all begins again:
//! squeaky wheel optimization (Joslin and Clements 1999). Dice decide how far, always the same.

use std::cmp::Reverse;

use super::{Block, Packing, enough};

/// So much work may be done: some milliseconds.
const MOST_WORK: usize = 1 << 21;
/// After so many orders in vain the search begins again.
const PATIENCE: usize = 256;
/// A block moves up by at most so many places at once.
const FARTHEST: usize = 16;
/// Of so many blocks that may begin in a stretch all are looked at; of more, in order, until one fits.
const FEW: usize = 64;
/// So many sections are looked at in the time that one block takes.
const LANES: usize = 8;

/// A packing that takes less than the best so far, if one is found.
pub(super) fn search(blocks: &[Block], bound: usize, mut best: Packing) -> Packing {
    let Some(mut filling) = Filling::new(blocks) else { return best };
    let mut order = Vec::new();
    let mut least = usize::MAX;
    for first in filling.orders() {
        if let Ok(bytes) = filling.fill(&first, usize::MAX)
            && bytes < least
        {
            least = bytes;
            order = first;
            best = filling.better(best, bytes);
        }
    }
    let (first, mut dice, mut in_vain) = (order.clone(), Dice(0), 0);
    while best.bytes > enough(bound) && filling.work <= MOST_WORK && !order.is_empty() {
        // A sixteenth of what may be gained, at least.
        let limit = best.bytes - ((best.bytes - bound) / 16).max(1);
        match filling.fill(&order, limit) {
            Ok(bytes) => {
                best = filling.better(best, bytes);
                in_vain = 0;
            }
            Err(late) => {
                filling.work += late.len() * FARTHEST;
                for place in late.into_iter().filter(|&place| place > 0) {
                    if dice.below(3) > 0 {
                        let up = 1 + dice.below(FARTHEST.min(place));
                        order[place - up..=place].rotate_right(1);
                    }
                }
                in_vain += 1;
            }
        }
        if in_vain == PATIENCE {
            order.clone_from(&first);
            in_vain = 0;
        }
    }
    best
}

/// A block over sections of time: between two of them nothing begins.
#[derive(Clone, Copy)]
struct Piece {
    bytes: usize,
    first: u32,
    last: u32,
}

/// Sections next to each other that are filled to the same height.
#[derive(Clone, Copy)]
struct Stretch {
    start: u32,
    end: u32,
    height: usize,
}

struct Filling<'a> {
    blocks: &'a [Block],
    /// The blocks that have a size, by their first sections, and which they are.
    pieces: Vec<Piece>,
    origins: Vec<usize>,
    /// How many of them begin before each section.
    begun: Vec<usize>,
    /// The bytes needed in each section.
    load: Vec<usize>,
    /// How much work it is to look at the sections of all blocks.
    round: usize,
    /// The offsets that were found last.
    offsets: Vec<usize>,
    work: usize,
    // What follows is kept only for its memory.
    rest: Vec<usize>,
    ranks: Vec<u32>,
    waiting: Vec<bool>,
    stretches: Vec<Stretch>,
}

impl<'a> Filling<'a> {
    /// `None` where it is too much work even to begin.
    fn new(blocks: &'a [Block]) -> Option<Self> {
        let mut origins: Vec<usize> = (0..blocks.len()).filter(|&place| blocks[place].size() > 0).collect();
        origins.sort_by_key(|&place| blocks[place].first);
        let mut starts: Vec<usize> = origins.iter().map(|&place| blocks[place].first).collect();
        starts.dedup();
        let section = |step: usize| (starts.partition_point(|&start| start <= step) - 1) as u32;
        let piece = |block: &Block| Piece { bytes: block.size(), first: section(block.first), last: section(block.last) };
        let pieces: Vec<Piece> = origins.iter().map(|&place| piece(&blocks[place])).collect();
        let sections = pieces.iter().map(|piece| (piece.last - piece.first) as usize / LANES + 1).sum::<usize>();
        if sections > MOST_WORK {
            return None;
        }
        let mut load = vec![0; starts.len()];
        for piece in &pieces {
            load[piece.first as usize..=piece.last as usize].iter_mut().for_each(|load| *load += piece.bytes);
        }
        let begun = (0..=starts.len()).map(|section| pieces.partition_point(|piece| (piece.first as usize) < section)).collect();
        let count = pieces.len();
        Some(Filling {
            blocks,
            pieces,
            origins,
            begun,
            round: sections + load.len(),
            load,
            offsets: vec![0; count],
            work: 0,
            rest: Vec::new(),
            ranks: vec![0; count],
            waiting: Vec::new(),
            stretches: Vec::new(),
        })
    }

    /// The orders to begin with: by what a block takes of the arena, by how much is needed meanwhile, by start and by duration.
    fn orders(&self) -> [Vec<usize>; 4] {
        let duration = |piece: &Piece| (piece.last - piece.first) as usize + 1;
        let crowd = |piece: &Piece| self.load[piece.first as usize..=piece.last as usize].iter().copied().max();
        let sorted = |key: &dyn Fn(&Piece) -> (usize, usize)| {
            let mut order: Vec<usize> = (0..self.pieces.len()).collect();
            order.sort_by_cached_key(|&place| Reverse(key(&self.pieces[place])));
            order
        };
        [
            sorted(&|piece| (piece.bytes.saturating_mul(duration(piece)), 0)),
            sorted(&|piece| (crowd(piece).unwrap_or(0), duration(piece))),
            (0..self.pieces.len()).collect(),
            sorted(&|piece| (duration(piece), piece.bytes)),
        ]
    }

    /// What was filled last, if it is better.
    fn better(&self, known: Packing, bytes: usize) -> Packing {
        if bytes >= known.bytes {
            return known;
        }
        let mut offsets = vec![0; self.blocks.len()];
        for (&origin, &offset) in self.origins.iter().zip(&self.offsets) {
            offsets[origin] = offset;
        }
        Packing { offsets, bytes }
    }

    /// Gives all blocks their places. Gives how much memory they need; where that is more than the limit, the places in the order of those that
    /// are still needed where it is; none where it would be too much work.
    fn fill(&mut self, order: &[usize], limit: usize) -> Result<usize, Vec<usize>> {
        self.work += self.round;
        self.rest.clone_from(&self.load);
        self.waiting.clear();
        self.waiting.resize(order.len(), true);
        for (rank, &piece) in order.iter().enumerate() {
            self.ranks[piece] = rank as u32;
        }
        self.stretches.clear();
        self.stretches.push(Stretch { start: 0, end: self.load.len() as u32, height: 0 });
        let (mut left, mut front, mut top) = (order.len(), 0, 0);
        while left > 0 {
            let Some(lowest) = (0..self.stretches.len()).min_by_key(|&at| self.stretches[at].height) else { break };
            self.work += self.stretches.len();
            if self.work > MOST_WORK {
                return Err(Vec::new());
            }
            while order.get(front).is_some_and(|&piece| !self.waiting[piece]) {
                front += 1;
            }
            if let Some(chosen) = self.choose(&order[front..], self.stretches[lowest]) {
                let piece = self.pieces[chosen];
                self.waiting[chosen] = false;
                left -= 1;
                self.rest[piece.first as usize..=piece.last as usize].iter_mut().for_each(|rest| *rest -= piece.bytes);
                self.offsets[chosen] = self.stretches[lowest].height;
                top = top.max(self.raise(lowest, piece));
            } else {
                let height = self.neighbour(lowest);
                let stretch = &mut self.stretches[lowest];
                stretch.height = height;
                let range = stretch.start as usize..stretch.end as usize;
                if let Some(full) = range.into_iter().find(|&section| self.rest[section] > 0 && self.rest[section] > limit.saturating_sub(height)) {
                    return Err(self.waiting_at(full, order));
                }
            }
            self.join(lowest);
        }
        Ok(top)
    }

    /// The block that comes first in the order of those that fit.
    fn choose(&mut self, order: &[usize], stretch: Stretch) -> Option<usize> {
        let (from, to) = (self.begun[stretch.start as usize], self.begun[stretch.end as usize]);
        if to - from <= FEW {
            self.work += to - from;
            return (from..to).filter(|&piece| self.waiting[piece] && self.pieces[piece].last < stretch.end).min_by_key(|&piece| self.ranks[piece]);
        }
        let fits = |piece: &usize| {
            let of = self.pieces[*piece];
            self.waiting[*piece] && of.first >= stretch.start && of.last < stretch.end
        };
        let place = order.iter().position(fits);
        self.work += place.unwrap_or(order.len());
        place.map(|place| order[place])
    }

    /// Puts a block on a stretch; gives its upper end.
    fn raise(&mut self, at: usize, piece: Piece) -> usize {
        let Stretch { start, end, height } = self.stretches[at];
        let (first, last) = (piece.first, piece.last + 1);
        let parts = [(start, first, height), (first, last, height + piece.bytes), (last, end, height)];
        let parts = parts.into_iter().filter(|(start, end, _)| start < end).map(|(start, end, height)| Stretch { start, end, height });
        self.stretches.splice(at..=at, parts);
        height + piece.bytes
    }

    /// The height of the lower neighbour.
    fn neighbour(&self, at: usize) -> usize {
        let of = |at: Option<usize>| at.and_then(|at| self.stretches.get(at)).map(|stretch| stretch.height);
        [of(at.checked_sub(1)), of(Some(at + 1))].into_iter().flatten().min().unwrap_or(self.stretches[at].height)
    }

    /// Joins stretches around one that are equally high.
    fn join(&mut self, around: usize) {
        let mut at = around.saturating_sub(1);
        while at + 1 < self.stretches.len() && at <= around + 2 {
            if self.stretches[at].height == self.stretches[at + 1].height {
                self.stretches[at].end = self.stretches[at + 1].end;
                self.stretches.remove(at + 1);
            } else {
                at += 1;
            }
        }
    }

    /// The places in an order of blocks that have no place yet, and need one in a section.
    fn waiting_at(&self, section: usize, order: &[usize]) -> Vec<usize> {
        let waits = |&piece: &usize| {
            let of = self.pieces[piece];
            self.waiting[piece] && (of.first as usize..=of.last as usize).contains(&section)
        };
        order.iter().enumerate().filter(|(_, piece)| waits(piece)).map(|(place, _)| place).collect()
    }
}

/// Numbers that look random (splitmix64 of Steele, Lea and Flood 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) as usize % end
    }
}
