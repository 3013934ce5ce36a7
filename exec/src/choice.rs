//! What planning chooses by heuristics: where tests ask for it, dice choose instead, because any choice must be right.

/// Who chooses.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The state of the dice; the heuristics choose without.
    dice: Option<u64>,
}

impl Choice {
    /// Choices of the heuristics, or of dice that a seed starts.
    pub const fn new(seed: Option<u64>) -> Self {
        Choice { dice: seed }
    }

    /// The choices of the heuristics.
    pub const fn usual() -> Self {
        Choice::new(None)
    }

    /// Whether dice choose.
    pub const fn is_shaken(&self) -> bool {
        self.dice.is_some()
    }

    /// Whether to do what may be done, and what the heuristics hold for better or not.
    pub fn does(&mut self, pays: bool) -> bool {
        self.below(3).map_or(pays, |number| number > 0)
    }

    /// A limit: that of the heuristics, or one below it.
    pub fn limit(&mut self, usual: usize) -> usize {
        self.below(usual.ilog2() as usize + 1).map_or(usual, |number| usual >> number)
    }

    /// A number from 1 on to the largest; `None` where the heuristics choose.
    pub fn up_to(&mut self, largest: usize) -> Option<usize> {
        self.below(largest.max(1)).map(|number| number + 1)
    }

    /// Puts what may be done in any order into another one.
    pub fn order<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let Some(other) = self.below(last + 1) else { return };
            items.swap(last, other);
        }
    }

    /// A number that the dice show (splitmix64 of Steele, Lea and Flood 2014).
    fn below(&mut self, end: usize) -> Option<usize> {
        let dice = self.dice.as_mut()?;
        *dice = dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (*dice ^ *dice >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        Some((mixed ^ mixed >> 31) as usize % end)
    }
}
