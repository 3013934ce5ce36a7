//! Where tests plant faults, to see that debug mode finds them. Without the feature `faults` there is nothing here.

#[cfg(feature = "faults")]
pub mod tamper;

#[cfg(feature = "faults")]
use std::sync::Arc;

#[cfg(feature = "faults")]
use tamper::{Moment, Write};

use crate::plan::Plan;
use crate::region::Region;

/// What happens beside the program. Only tests plant something.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Changes a plan that was made.
    #[cfg(feature = "faults")]
    pub plan: Option<Arc<Change>>,
    /// Runs after each step, and may change what the step wrote.
    #[cfg(feature = "faults")]
    pub step: Option<Arc<After>>,
    /// Bytes that a step writes where it must not, in a call under watch, whose memory is the debugger's own.
    #[cfg(feature = "faults")]
    pub writes: Option<Arc<Stray>>,
    /// Whether any plan that is kept is taken for any lengths.
    #[cfg(feature = "faults")]
    pub stale: bool,
}

/// What changes a plan.
#[cfg(feature = "faults")]
pub type Change = dyn Fn(&mut Plan) + Send + Sync;

/// What is done after a step.
#[cfg(feature = "faults")]
pub type After = dyn Fn(&Moment<'_>) + Send + Sync;

/// The bytes that a step of a plan, by its place, writes beside its own.
#[cfg(feature = "faults")]
pub type Stray = dyn Fn(usize, &Plan) -> Vec<Write> + Send + Sync;

#[cfg(feature = "faults")]
impl Hooks {
    pub(crate) fn plan(&self, plan: &mut Plan) {
        if let Some(change) = &self.plan {
            change(plan);
        }
    }

    pub(crate) fn step(&self, at: usize, plan: &Plan, regions: &[Region<'_>], order: usize) {
        if let Some(run) = &self.step {
            run(&Moment::new(at, plan, regions, order));
        }
    }

    pub(crate) fn writes(&self, at: usize, plan: &Plan) -> Vec<Write> {
        self.writes.as_ref().map_or_else(Vec::new, |writes| writes(at, plan))
    }

    pub(crate) fn stale(&self) -> bool {
        self.stale
    }
}

#[cfg(not(feature = "faults"))]
#[expect(clippy::unused_self, reason = "a test may plant something here")]
impl Hooks {
    pub(crate) fn plan(&self, _: &mut Plan) {}

    pub(crate) fn step(&self, _: usize, _: &Plan, _: &[Region<'_>], _: usize) {}

    pub(crate) fn stale(&self) -> bool {
        false
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}
