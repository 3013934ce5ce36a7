//! What is measured while a call runs: the moments between which its time passes.

#![expect(clippy::inline_always, reason = "who does not measure must cost nothing")]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::plan::Plan;
use crate::step::Step;

/// Nanoseconds since the process first looked at the clock.
pub(crate) fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Who is told how far a call is.
pub(crate) trait Meter {
    /// The memory of the call is ready: its first step begins.
    fn ready(&mut self);
    /// A step is done: the next begins.
    fn done(&mut self);
    /// Where the nests of a step that runs in bands add up their nanoseconds, if that is asked for.
    fn parts(&self, step: usize) -> Option<&[AtomicU64]>;
}

/// Nobody is told.
pub(crate) struct Unmeasured;

impl Meter for Unmeasured {
    #[inline(always)]
    fn ready(&mut self) {}

    #[inline(always)]
    fn done(&mut self) {}

    #[inline(always)]
    fn parts(&self, _: usize) -> Option<&[AtomicU64]> {
        None
    }
}

/// The moments of one call at a time, in the order in which they come. Its memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    /// Whether a call has begun and is not over.
    pub is_running: bool,
    /// The caller asks.
    pub begun: u64,
    /// The states are read; the arguments are looked at.
    pub entered: u64,
    /// The plan is there.
    pub planned: u64,
    /// Memory is ready.
    pub ready: u64,
    /// Each step is done.
    pub done: Vec<u64>,
    /// Whether the plan had to be made.
    pub made_plan: bool,
    /// The nanoseconds of the nests of steps that run in bands, one step after the other: of all threads together.
    parts: Vec<AtomicU64>,
    /// Where the parts of each step begin, and where the last end.
    first_parts: Vec<usize>,
}

impl Stopwatch {
    /// A call begins, if it has not begun yet. Gives whether it begins.
    #[inline(never)]
    pub fn begin(&mut self) -> bool {
        if self.is_running {
            return false;
        }
        let begun = now();
        (self.is_running, self.begun, self.entered, self.planned, self.ready, self.made_plan) = (true, begun, begun, begun, begun, false);
        self.done.clear();
        true
    }

    /// The arguments are there. Gives whether the call begins only now.
    #[inline(never)]
    pub fn enter(&mut self) -> bool {
        let begins = self.begin();
        if !begins {
            self.entered = now();
        }
        begins
    }

    /// The plan of the call is known.
    pub fn plan(&mut self, plan: &Plan) {
        self.parts.clear();
        self.first_parts.clear();
        self.first_parts.push(0);
        for planned in plan.steps() {
            if let Step::Bands(bands) = &planned.step {
                self.parts.extend(bands.nests.iter().map(|_| AtomicU64::new(0)));
            }
            self.first_parts.push(self.parts.len());
        }
        self.done.reserve(plan.steps().len());
        self.planned = now();
    }

    /// There is no plan: the graph is evaluated, which counts as a step.
    pub fn evaluate(&mut self) {
        self.planned = now();
        self.ready = self.planned;
    }

    /// When the last step was done.
    pub fn last(&self) -> u64 {
        self.done.last().copied().unwrap_or(self.ready)
    }

    /// The nanoseconds of each nest of a step that runs in bands.
    pub fn nanoseconds(&self, step: usize) -> impl Iterator<Item = u64> {
        let parts = self.parts(step).unwrap_or_default();
        parts.iter().map(|part| part.load(Ordering::Relaxed))
    }
}

impl Meter for Stopwatch {
    fn ready(&mut self) {
        self.ready = now();
    }

    fn done(&mut self) {
        self.done.push(now());
    }

    fn parts(&self, step: usize) -> Option<&[AtomicU64]> {
        let (first, end) = (*self.first_parts.get(step)?, *self.first_parts.get(step + 1)?);
        self.parts.get(first..end).filter(|parts| !parts.is_empty())
    }
}
