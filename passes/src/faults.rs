//! Where tests plant faults in passes: other rules, constants computed wrongly. There is no such module without the feature `faults`.

use std::cell::RefCell;

use damo_graph::{AnyArray, Node};

use crate::rewrite::Table;

/// What is planted while a program is traced and frozen.
#[derive(Clone, Copy, Default)]
pub struct Planted {
    /// The rules, instead of those of this crate.
    pub rules: Option<&'static Table>,
    /// What becomes of the results of a node that were computed now.
    pub fold: Option<fn(&Node, &mut [AnyArray])>,
}

impl std::fmt::Debug for Planted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Planted")
    }
}

thread_local! {
    static PLANTED: RefCell<Planted> = RefCell::default();
}

/// Runs on this thread with faults planted.
pub fn planted<R>(faults: Planted, run: impl FnOnce() -> R) -> R {
    /// Puts back what was planted before, whatever happens.
    struct Restore(Planted);
    impl Drop for Restore {
        fn drop(&mut self) {
            PLANTED.set(self.0);
        }
    }
    let _restore = Restore(PLANTED.replace(faults));
    run()
}

/// The table of rules that is planted, if there is one.
pub(crate) fn table() -> Option<&'static Table> {
    PLANTED.with_borrow(|planted| planted.rules)
}

/// Changes results that were computed now.
pub(crate) fn fold(node: &Node, results: &mut [AnyArray]) {
    if let Some(change) = PLANTED.with_borrow(|planted| planted.fold) {
        change(node, results);
    }
}
