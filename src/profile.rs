//! Profile mode as users see it: what each step and each line of a program costs.
//!
#![doc = include_str!("../docs/book/profile.md")]

use damo_graph::Result;

use crate::function::Function;

pub use damo_exec::profile::limits::{CopyLimit, Limits};
pub use damo_exec::profile::{LineProfile, MOST_EVENTS, MOST_PLANS, Measure, Memory, PassTime, Phases, PlanProfile, Profile, StepProfile};

impl<I, O> Function<I, O> {
    /// What the calls so far have cost: each step, each line of the user's, and the rest of a call.
    ///
    /// At the first question the machine's limits are measured, in some hundredths of a second.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the function was not frozen with [`Mode::Profile`](crate::Mode::Profile).
    pub fn profile(&self) -> Result<Profile> {
        let passes = self.passes().stages.iter().map(|stage| PassTime {
            pass: stage.pass,
            time: stage.time,
            nodes_before: stage.nodes_before,
            nodes_after: stage.nodes_after,
        });
        let mut profile = self.executable().profile()?;
        profile.passes = passes.collect();
        profile.source = Some(self.source());
        Ok(profile)
    }

    /// Forgets what the calls so far have cost: to leave out the first calls, or to see later ones in a trace. Without effect in other modes.
    pub fn reset_profile(&self) {
        self.executable().reset_profile();
    }
}
