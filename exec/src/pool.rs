//! Sharing out work among threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A pointer that threads share; whoever uses it sees to it that they use different parts.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(pub *mut T);

impl<T> Shared<T> {
    /// The pointer.
    pub const fn get(self) -> *mut T {
        self.0
    }
}

#[expect(unsafe_code, reason = "threads share a pointer")]
// SAFETY: a pointer is an address; its users vouch for what they do there.
unsafe impl<T> Sync for Shared<T> {}

/// Does work in so many ranges on so many threads: `work(range, worker)`, workers counted from 0.
///
/// Whoever is free takes the next range; where no thread can be started the others do its work.
pub(crate) fn share(threads: usize, ranges: usize, order: usize, work: impl Fn(usize, usize) + Sync) {
    let next = AtomicUsize::new(0);
    let run = |worker: usize| {
        for range in std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|&range| range < ranges) {
            work(turned(range, ranges, order), worker);
        }
    };
    std::thread::scope(|scope| {
        for worker in 1..threads {
            if std::thread::Builder::new().spawn_scoped(scope, move || run(worker)).is_err() {
                break;
            }
        }
        run(0);
    });
}

/// Another order of so many ranges: from somewhere on, and backwards if the order is odd.
pub(crate) const fn turned(range: usize, ranges: usize, order: usize) -> usize {
    let from = (range + order / 2) % ranges;
    if order % 2 == 1 { ranges - 1 - from } else { from }
}
