//! The sum of a convolution cut in blocks: taps of some channels, planes or lines, whose factors lie alike in every block.

/// So many terms are summed at a time, as in matrix products: a panel stays in the first-level cache.
const LONGEST: usize = 320;

/// The terms of a sum: along channels, planes, lines, and the taps of a line.
pub const AXES: usize = 4;

/// How a sum is cut: so many places of one axis at a time, with all places of the axes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub lengths: [usize; AXES],
    axis: usize,
    count: usize,
}

/// Some terms of a sum, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first of them along each axis.
    pub start: [usize; AXES],
    /// How many places along the axis that is cut.
    count: usize,
    /// How many terms.
    pub depth: usize,
    /// How many terms stand before them.
    pub before: usize,
}

impl Depth {
    /// The cuts of so many terms; taps of a line are cut at multiples of `unit`.
    pub fn of(lengths: [usize; AXES], unit: usize) -> Self {
        let inner = |axis: usize| lengths[axis + 1..].iter().product::<usize>();
        let axis = (0..AXES).find(|&axis| inner(axis) <= LONGEST).unwrap_or(AXES - 1);
        let (length, most) = (lengths[axis], (LONGEST / inner(axis).max(1)).max(1));
        let count = length.div_ceil(length.div_ceil(most).max(1)).max(1);
        Depth { lengths, axis, count: if axis == AXES - 1 { count.next_multiple_of(unit) } else { count } }
    }

    /// How many terms there are.
    pub fn terms(&self) -> usize {
        self.lengths.iter().product()
    }

    /// How many terms a block has at most.
    pub fn longest(&self) -> usize {
        self.count.min(self.lengths[self.axis]) * self.inner()
    }

    fn inner(&self) -> usize {
        self.lengths[self.axis + 1..].iter().product()
    }

    /// All blocks, in order.
    pub fn blocks(self) -> impl Iterator<Item = Block> {
        let outer: usize = self.lengths[..self.axis].iter().product();
        let (length, inner) = (self.lengths[self.axis], self.inner());
        (0..outer).flat_map(move |outer| {
            let mut start = [0; AXES];
            let mut rest = outer;
            for axis in (0..self.axis).rev() {
                start[axis] = rest % self.lengths[axis];
                rest /= self.lengths[axis];
            }
            (0..length).step_by(self.count).map(move |from| {
                let count = self.count.min(length - from);
                let mut start = start;
                start[self.axis] = from;
                Block { start, count, depth: count * inner, before: (outer * length + from) * inner }
            })
        })
    }

    /// Whether there is one block at most.
    pub fn is_one_block(&self) -> bool {
        self.longest() == self.terms()
    }

    /// Calls with each term of a block that begins at the first term of all, axis by axis.
    pub fn each_term(&self, mut of: impl FnMut(usize, [usize; AXES])) {
        let mut lengths = self.lengths;
        lengths[..self.axis].fill(1);
        lengths[self.axis] = self.count.min(lengths[self.axis]);
        let [channels, planes, lines, taps] = lengths;
        let mut place = 0;
        for channel in 0..channels {
            for plane in 0..planes {
                for line in 0..lines {
                    for tap in 0..taps {
                        of(place, [channel, plane, line, tap]);
                        place += 1;
                    }
                }
            }
        }
    }

    /// The longest runs of a block's terms that step evenly, by what a step along each axis leads to: how many terms each, and their steps.
    pub fn runs(&self, block: &Block, steps: [isize; AXES]) -> (usize, isize, impl Iterator<Item = [usize; AXES]>) {
        let mut lengths = [1; AXES];
        lengths[self.axis] = block.count;
        lengths[self.axis + 1..].copy_from_slice(&self.lengths[self.axis + 1..]);
        // Axes are joined from the last on.
        let mut first = AXES - 1;
        let (mut run, mut step) = (lengths[first], steps[first]);
        while first > 0 && (lengths[first - 1] == 1 || run == 1 || steps[first - 1] == step * run as isize) {
            first -= 1;
            if lengths[first] > 1 {
                step = if run == 1 { steps[first] } else { step };
            }
            run *= lengths[first];
        }
        let count: usize = lengths[..first].iter().product();
        let start = block.start;
        let starts = (0..count).map(move |place| {
            let (mut start, mut rest) = (start, place);
            for axis in (0..first).rev() {
                start[axis] += rest % lengths[axis];
                rest /= lengths[axis];
            }
            start
        });
        (run, step, starts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_every_term_once() {
        for lengths in [[20, 1, 5, 5], [3, 1, 1, 1], [1, 1, 250, 250], [2, 1, 3, 1000], [64, 1, 8, 8], [1, 3, 3, 3], [700, 1, 1, 1], [2, 0, 3, 3]] {
            for unit in [1, 3] {
                let depth = Depth::of(lengths, unit);
                let mut terms = Vec::new();
                for block in depth.blocks() {
                    assert_eq!((block.before, block.depth <= depth.longest()), (terms.len(), true));
                    depth.each_term(|place, term| {
                        if place < block.depth {
                            terms.push([0, 1, 2, 3].map(|axis| block.start[axis] + term[axis]));
                        }
                    });
                }
                assert_eq!(terms.len(), depth.terms());
                assert!(terms.is_sorted() && terms.iter().all(|term| (0..AXES).all(|axis| term[axis] < lengths[axis])), "{lengths:?}");
                terms.dedup();
                assert_eq!(terms.len(), depth.terms());
            }
        }
    }

    #[test]
    fn runs_step_evenly_through_a_block() {
        for steps in [[25, 25, 5, 1], [-25, 25, -5, -1], [100, 0, 10, 1], [1, 1, 1, 1], [7, 0, 0, 3]] {
            for lengths in [[20, 1, 5, 5], [3, 1, 1, 1], [1, 1, 30, 30], [4, 1, 5, 1], [2, 3, 1, 4]] {
                let depth = Depth::of(lengths, 1);
                let place = |term: [usize; AXES]| (0..AXES).map(|axis| term[axis] as isize * steps[axis]).sum::<isize>();
                for block in depth.blocks() {
                    let mut expected = Vec::new();
                    depth.each_term(|number, term| {
                        if number < block.depth {
                            expected.push(place([0, 1, 2, 3].map(|axis| block.start[axis] + term[axis])));
                        }
                    });
                    let (run, step, starts) = depth.runs(&block, steps);
                    let found: Vec<isize> = starts.flat_map(|start| (0..run).map(move |at| place(start) + at as isize * step)).collect();
                    assert_eq!(found, expected, "{lengths:?} by {steps:?}");
                }
            }
        }
    }
}
