//! What a user or a test can ask of the passes.

use crate::policy::Policy;

/// How passes run. `Settings::default()` is what `freeze` uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How far rewriting may change results.
    pub policy: Policy,
    /// The names of rules that may not fire.
    pub without: Vec<String>,
    /// Verify the graph before and after every pass in release builds too. Debug builds always do.
    pub verify: bool,
    /// Keep the text of the graph after every pass in the [`Trace`](crate::Trace).
    pub texts: bool,
    /// The most elements a constant made by folding may have.
    pub fold_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { policy: Policy::default(), without: Vec::new(), verify: false, texts: false, fold_limit: 1024 }
    }
}

impl Settings {
    /// Whether graphs are verified between passes.
    pub fn verifies(&self) -> bool {
        self.verify || cfg!(debug_assertions)
    }
}
