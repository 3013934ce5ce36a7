//! Where tests plant faults, to see that debug mode finds them. Without the feature `faults` there is nothing here.

#[cfg(feature = "faults")]
use std::sync::Arc;

use crate::plan::{Plan, PlannedStep};
use crate::view::Region;

/// What happens beside the program. Only tests plant something.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Changes a plan that was made.
    #[cfg(feature = "faults")]
    pub plan: Option<Arc<dyn Fn(&mut Plan) + Send + Sync>>,
    /// Runs after each step, on the plan's memory: its place, the step, the memory, and in which order work is done.
    #[cfg(feature = "faults")]
    pub step: Option<Arc<AfterStep>>,
    /// Whether any plan that is kept is taken for any lengths.
    #[cfg(feature = "faults")]
    pub stale: bool,
}

/// What a test does after a step.
#[cfg(feature = "faults")]
pub type AfterStep = dyn Fn(usize, &PlannedStep, &[Region<'_>], usize) + Send + Sync;

#[cfg(feature = "faults")]
impl Hooks {
    pub(crate) fn plan(&self, plan: &mut Plan) {
        if let Some(change) = &self.plan {
            change(plan);
        }
    }

    pub(crate) fn step(&self, at: usize, step: &PlannedStep, regions: &[Region<'_>], order: usize) {
        if let Some(run) = &self.step {
            run(at, step, regions, order);
        }
    }

    pub(crate) fn stale(&self) -> bool {
        self.stale
    }
}

#[cfg(not(feature = "faults"))]
#[expect(clippy::unused_self, reason = "a test may plant something here")]
impl Hooks {
    pub(crate) fn plan(&self, _: &mut Plan) {}

    pub(crate) fn step(&self, _: usize, _: &PlannedStep, _: &[Region<'_>], _: usize) {}

    pub(crate) fn stale(&self) -> bool {
        false
    }
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}
