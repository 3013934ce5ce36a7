//! Blocks that meet never overlap, and little memory is wasted: on random blocks, on hard ones, and on the hardest there are proofs for.

use proptest::prelude::*;

use super::skyline::Dice;
use super::{Block, Packing, lower_bound, pack};
use crate::step::ALIGNMENT;

/// So much of `ALIGNMENT` from one step to another.
fn block(units: usize, first: usize, last: usize) -> Block {
    Block { bytes: units * ALIGNMENT, first, last }
}

/// Where a block ends that lies at an offset.
fn end(block: &Block, offset: usize) -> usize {
    offset + block.size()
}

fn overlap(blocks: &[Block], packing: &Packing) -> Option<(usize, usize)> {
    let apart =
        |i: usize, j: usize| end(&blocks[i], packing.offsets[i]) <= packing.offsets[j] || end(&blocks[j], packing.offsets[j]) <= packing.offsets[i];
    let pairs = (0..blocks.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
    pairs.into_iter().find(|&(i, j)| blocks[i].meets(&blocks[j]) && !apart(i, j))
}

/// How much memory is taken for each byte that must be.
fn ratio(blocks: &[Block]) -> f64 {
    let packing = pack(blocks);
    assert_eq!(overlap(blocks, &packing), None);
    packing.bytes as f64 / lower_bound(blocks) as f64
}

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let block = (1usize..5000, 0usize..60, 0usize..12).prop_map(|(bytes, first, duration)| Block { bytes, first, last: first + duration });
    proptest::collection::vec(block, 0..80)
}

proptest! {
    #[test]
    fn blocks_that_meet_do_not_overlap(blocks in blocks()) {
        let packing = pack(&blocks);
        prop_assert!(packing.bytes >= lower_bound(&blocks));
        prop_assert_eq!(overlap(&blocks, &packing), None);
        for (block, &offset) in blocks.iter().zip(&packing.offsets) {
            prop_assert!(offset.is_multiple_of(ALIGNMENT) && end(block, offset) <= packing.bytes);
        }
        prop_assert!(packing.bytes as f64 <= 1.25 * lower_bound(&blocks) as f64);
        prop_assert_eq!(pack(&blocks), packing);
    }
}

#[test]
fn many_blocks_are_packed_in_little_time_and_space() {
    let block = |place: usize| block(1 + place * 7 % 90, place / 2, place / 2 + place * 13 % 40);
    let blocks: Vec<Block> = (0..20_000).map(block).collect();
    let packing = pack(&blocks);
    assert!(packing.bytes as f64 <= 1.25 * lower_bound(&blocks) as f64);
}

#[test]
fn a_chain_takes_two_places() {
    let chain: Vec<Block> = (0..10).map(|step| Block { bytes: 100, first: step, last: step + 1 }).collect();
    assert_eq!(pack(&chain).bytes, 256);
    assert_eq!(pack(&[]), Packing::default());
    assert_eq!(pack(&[Block { bytes: 0, first: 0, last: 3 }]), Packing { offsets: vec![0], bytes: 0 });
}

/// What hard blocks are made of.
struct Maker {
    dice: Dice,
    blocks: Vec<Block>,
}

impl Maker {
    fn new(seed: usize) -> Self {
        Maker { dice: Dice(seed as u64), blocks: Vec::new() }
    }

    /// Cuts a rectangle of time and memory into about so many blocks, in halves and in pinwheels, which no cut goes through. They fit into it
    /// without a gap, in few ways.
    fn cut(&mut self, (first, end): (usize, usize), units: usize, pieces: usize) {
        let time = end - first;
        if pieces <= 1 || time < 2 && units < 2 {
            self.blocks.push(block(units, first, end - 1));
        } else if pieces >= 5 && time > 2 && units > 2 && self.dice.below(3) == 0 {
            let from = first + 1 + self.dice.below(time - 2);
            let to = from + 1 + self.dice.below(end - from - 1);
            let low = 1 + self.dice.below(units - 2);
            let high = low + 1 + self.dice.below(units - low - 1);
            let around = [(first, to, low), (to, end, high), (from, end, units - high), (first, from, units - low), (from, to, high - low)];
            for (first, end, units) in around {
                self.cut((first, end), units, pieces / 5);
            }
        } else {
            let half = 1 + self.dice.below(pieces - 1);
            if units < 2 || time > 1 && self.dice.below(2) == 0 {
                let between = first + 1 + self.dice.below(time - 1);
                self.cut((first, between), units, half);
                self.cut((between, end), units, pieces - half);
            } else {
                let between = 1 + self.dice.below(units - 1);
                self.cut((first, end), between, half);
                self.cut((first, end), units - between, pieces - half);
            }
        }
    }

    /// A number of any magnitude.
    fn spread(&mut self, magnitudes: usize) -> usize {
        let power = 1 << self.dice.below(magnitudes);
        power + self.dice.below(power)
    }

    /// Sizes and durations of all magnitudes.
    fn random(&mut self, count: usize) {
        for _ in 0..count {
            let (units, first, duration) = (self.spread(14), self.dice.below(count), self.spread(7));
            self.blocks.push(block(units, first, first + duration));
        }
    }

    /// A chain of arrays of which each lives until the one after the next, with some that are needed again at the same distance from the end:
    /// a network and its gradient.
    fn network(&mut self, layers: usize) {
        for layer in 0..layers {
            let units = self.spread(10);
            self.blocks.push(block(units, layer, layer + 1));
            let kept = self.spread(10);
            self.blocks.push(block(kept, layer, 2 * layers - layer));
            self.blocks.push(block(units, 2 * layers - layer - 1, 2 * layers - layer));
        }
    }

    /// What forks into branches, each cut into more of the same, and joins.
    fn diamonds(&mut self, (first, last): (usize, usize), branches: usize) {
        let units = self.spread(8);
        self.blocks.push(block(units, first, last));
        let inner = last - first;
        if inner >= 2 * branches {
            for branch in 0..branches {
                let begin = first + branch * inner / branches;
                self.diamonds((begin + 1, begin + inner / branches), branches);
            }
        }
    }

    /// Rounds in which every other block of the one before makes room for one that is a little too large for the gap.
    fn fragments(&mut self, rounds: usize, count: usize) {
        for round in 0..rounds {
            for place in 0..count >> round {
                let lasts = if place % 2 == 0 { round } else { rounds };
                self.blocks.push(block((1 << round) + usize::from(round > 0), round, lasts));
            }
        }
    }

    /// In an order that tells nothing.
    fn shuffled(mut self) -> Vec<Block> {
        for last in (1..self.blocks.len()).rev() {
            let other = self.dice.below(last + 1);
            self.blocks.swap(last, other);
        }
        self.blocks
    }
}

/// Makes blocks of a number, about so many.
type Family = fn(&mut Maker, usize);

#[test]
fn hard_blocks_take_little_more_than_they_must() {
    let families: [(&str, Family); 5] = [
        ("cuts", |maker, count| maker.cut((0, 4 * count), 16 * count, count)),
        ("random", |maker, count| maker.random(count)),
        ("networks", |maker, count| maker.network(count / 3)),
        ("diamonds", |maker, count| maker.diamonds((0, count), 2 + count % 3)),
        ("fragments", |maker, count| maker.fragments(count.ilog2() as usize - 1, count / 2)),
    ];
    for (name, family) in families {
        for count in [10, 20, 40, 80, 160, 320, 640] {
            let ratios: Vec<f64> = (0..6)
                .map(|seed| {
                    let mut maker = Maker::new(seed * 1000 + count);
                    family(&mut maker, count);
                    ratio(&maker.shuffled())
                })
                .collect();
            let most = ratios.iter().copied().fold(0.0, f64::max);
            println!("{name} of {count}: {most:.3} at most, {:.3} on average", ratios.iter().sum::<f64>() / ratios.len() as f64);
            assert!(most <= 1.25, "{name} of {count}: {ratios:?}");
        }
    }
}

/// Whether blocks fit into so much memory, by looking everywhere. It is enough to look at sums of sizes: what does not lie on another can be
/// pushed down.
fn fits(blocks: &[Block], units: usize, offsets: &mut Vec<usize>) -> bool {
    let Some(next) = blocks.get(offsets.len()) else { return true };
    let top = units * ALIGNMENT;
    (0..units).map(|unit| unit * ALIGNMENT).take_while(|&offset| end(next, offset) <= top).any(|offset| {
        let is_free = |(other, &at): (&Block, &usize)| !other.meets(next) || end(other, at) <= offset || end(next, offset) <= at;
        if !blocks.iter().zip(offsets.iter()).all(is_free) {
            return false;
        }
        offsets.push(offset);
        let found = fits(blocks, units, offsets);
        offsets.pop();
        found
    })
}

#[test]
fn some_blocks_cannot_take_as_little_as_is_needed_at_once() {
    // Never more than 4 units at once, and yet no place for all within less than 5.
    let blocks = [(1, 0, 3), (1, 2, 4), (1, 3, 5), (2, 1, 2), (2, 4, 4), (3, 5, 5), (3, 0, 0)].map(|(units, first, last)| block(units, first, last));
    assert_eq!(lower_bound(&blocks), 4 * ALIGNMENT);
    assert!(!fits(&blocks, 4, &mut Vec::new()));
    assert!(fits(&blocks, 5, &mut Vec::new()));
    assert_eq!(pack(&blocks).bytes, 5 * ALIGNMENT);
}

/// The instances in the files of a folder, in the form of the benchmarks of `MiniMalloc`: a line for each block with a name, the time at which it
/// begins, that at which it ends, and its size.
#[test]
fn blocks_of_files() {
    let Some(folder) = std::env::var_os("BLOCKS") else { return };
    let mut paths: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let numbers = text.lines().skip(1).map(|line| line.split(',').filter_map(|field| field.trim().parse().ok()).collect::<Vec<usize>>());
        let blocks: Vec<Block> = numbers
            .filter_map(|of| match of[..] {
                [.., first, end, bytes] if end > first => Some(Block { bytes, first, last: end - 1 }),
                _ => None,
            })
            .collect();
        println!("{}: {} blocks, {:.3}", path.display(), blocks.len(), ratio(&blocks));
    }
}
