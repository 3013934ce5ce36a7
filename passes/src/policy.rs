//! How far rewriting may change the floating-point results of a program.

use std::fmt;

/// How far rewriting may change results: which rules may fire when a program is frozen.
///
/// Derivatives are taken before that, and always of the form that `Stable` gives (see [`derive`](mod@crate::derive)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// Not at all: only rules that keep every bit, on every input.
    Strict,
    /// For the better: another rounding of the same value, or right where the program as written overflows, vanishes or is 0/0.
    /// What is not a number for a reason stays so.
    #[default]
    Stable,
    /// For speed: `x / x` is 1, `x - x` is 0, whatever x is; sums and products may be taken in another order.
    Fast,
}

impl Policy {
    /// Every policy, the most careful first.
    pub const ALL: [Policy; 3] = [Policy::Strict, Policy::Stable, Policy::Fast];

    /// How it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Policy::Strict => "strict",
            Policy::Stable => "stable",
            Policy::Fast => "fast",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
