//! Debug mode: a program that checks itself while it runs, on the real plan, engine, arena and threads.
//!
//! | to read about | open |
//! |---|---|
//! | what can be found | [`finding`] |
//! | how far a result may be off, here and now | `debug/bounds.rs`: running error analysis |
//! | who is right where two results differ | `debug/element.rs`: numbers of many digits |
//! | a call under watch | `debug/watch.rs`, its memory `debug/memory.rs`, one step `debug/step.rs` |
//! | every replacement of a rule on the user's data | [`rewriting`] |
//! | a case cut down to what shows it | [`reproducer`] |
//! | only the first value that is not finite | [`guard`] |

pub(crate) mod bounds;
mod element;
pub mod finding;
pub mod guard;
mod memory;
mod repeat;
pub mod reproducer;
pub mod rewriting;
pub(crate) mod step;
mod watch;

use damo_graph::{AnyArray, Graph, Result};

pub use finding::{Difference, Finding, Place, Repetition, Verdict};
pub use reproducer::Reproducer;
pub use rewriting::{Replacement, Rewriting, Stage};

pub use repeat::first_difference;
pub(crate) use repeat::repeat;
pub(crate) use watch::watch;

use crate::array::Argument;
use crate::executable::{Executable, Options};
use crate::hooks::Hooks;
use crate::inputs::Inputs;
use reproducer::Case;

/// How closely calls are watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Watch {
    /// Not at all.
    #[default]
    Off,
    /// Every step of a call is checked.
    Debug {
        /// One call in so many is checked: the first, and so on.
        every: u32,
        /// Whether a call ends with an error when it finds a fault; else findings are only kept.
        raises: bool,
        /// Whether a case is cut down to a few nodes and elements when a fault is found.
        cuts_down: bool,
    },
    /// Each step is timed, and nothing is checked: see [`profile`](crate::profile).
    Profile,
    /// Results of steps are checked for being finite, and their size for being at most the limit.
    Guard {
        /// Numbers beyond it are reported too.
        limit: f64,
    },
}

impl Watch {
    /// Every call, ending with an error at the first fault, with a case cut down.
    pub const DEBUG: Watch = Watch::Debug { every: 1, raises: true, cuts_down: true };

    /// Whether what steps leave is looked at. Plans are made for that; all others are the same.
    pub const fn looks_at_values(self) -> bool {
        match self {
            Watch::Off | Watch::Profile => false,
            Watch::Debug { .. } | Watch::Guard { .. } => true,
        }
    }
}

/// Runs a graph once with everything checked: what a reproducer calls.
///
/// # Errors
///
/// The first fault as an error; else what a call may fail with.
pub fn check(graph: &Graph, inputs: &[AnyArray]) -> Result<Vec<AnyArray>> {
    let options = Options { watch: Watch::Debug { every: 1, raises: true, cuts_down: false }, ..Options::default() };
    let arguments: Vec<&dyn Argument> = inputs.iter().map(|array| array as &dyn Argument).collect();
    Executable::new(graph.clone(), options)?.call(&arguments)
}

/// Whether a case shows a wrong value.
fn shows_wrong_value(case: &Case, hooks: &Hooks) -> bool {
    let options = Options { watch: Watch::Debug { every: 1, raises: false, cuts_down: false }, ..Options::default() };
    let Ok(executable) = Executable::new(case.graph.clone(), options) else { return false };
    let executable = executable.hooked(hooks.clone());
    let arguments: Vec<&dyn Argument> = case.inputs.iter().map(|array| array as &dyn Argument).collect();
    if executable.watched_once(Inputs::new(&arguments, &[])).is_err() {
        return false;
    }
    executable.findings().iter().any(|finding| matches!(finding, Finding::WrongValue { .. }) && finding.is_fault())
}
