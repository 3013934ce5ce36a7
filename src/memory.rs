//! What the calls of a function work with: kept from call to call, so that a steady call allocates nothing but new results.

use std::sync::{Mutex, PoisonError};

use damo_exec::array::Output;
use damo_exec::{Executable, Frame};
use damo_graph::AnyArray;

/// What one call at a time works with.
pub(crate) struct Memory {
    pub frame: Frame,
    /// The values of the states that it reads; none between calls.
    pub states: Vec<AnyArray>,
    /// Arrays for what states become: after a call, what they were. Those that nobody else holds are written again.
    pub next: Vec<AnyArray>,
    /// The results for the caller; between calls small ones, which are written again, and what is left of others.
    pub results: Vec<Output>,
}

/// The memories that no call uses at the moment.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "each call takes one out and puts it back: a box is less to move")]
pub(crate) struct Memories(Mutex<Vec<Box<Memory>>>);

impl Memories {
    /// Runs a call of that executable in the memory of an earlier one, or in new memory with room for so many states that change.
    pub fn with<R>(&self, executable: &Executable, changing: usize, call: impl FnOnce(&mut Memory) -> R) -> R {
        // A call that panicked has taken its memory with it.
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = kept.unwrap_or_else(|| {
            let next = vec![ndarray::arr0(false).into(); changing];
            Box::new(Memory { frame: executable.frame(), states: Vec::new(), next, results: Vec::new() })
        });
        let result = call(&mut memory);
        memory.states.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        result
    }
}
