//! Threads that share out the work of a call.
//!
//! There is one pool for the process, whose threads start when they are first needed. A thread that has nothing to do looks for work for some
//! microseconds, then sleeps. One call at a time has the pool; another that comes meanwhile does its work alone: it has the cores that there are.
//! Work is cut into ranges, and whoever is free takes the next.

#![expect(unsafe_code, reason = "threads of the pool borrow what the caller has, while it waits")]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use damo_graph::Problem;

/// A pointer that threads share; whoever uses it sees to it that they use different parts.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(pub *mut T);

impl<T> Shared<T> {
    /// The pointer.
    pub const fn get(self) -> *mut T {
        self.0
    }
}

// SAFETY: a pointer is an address; its users vouch for what they do there.
unsafe impl<T> Sync for Shared<T> {}

/// Does work in so many ranges on so many threads: `work(range, worker)`, workers counted from 0.
///
/// Ranges are taken up one after the other, or in another order. Which worker does which is left to chance; if threads are busy or cannot be
/// started, the others do their work. Nothing is allocated once the threads are there.
pub(crate) fn share(threads: usize, ranges: usize, order: usize, work: impl Fn(usize, usize) + Sync) {
    let next = AtomicUsize::new(0);
    let run = |worker: usize| {
        for range in std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|&range| range < ranges) {
            work(turned(range, ranges, order), worker);
        }
    };
    if threads > 1 && ranges > 1 {
        Pool::of_process().fork(threads - 1, &run);
    } else {
        run(0);
    }
}

/// The same for work that may fail. All ranges are done whatever happens; one of the failures is told.
pub(crate) fn try_share(
    threads: usize,
    ranges: usize,
    order: usize,
    work: impl Fn(usize, usize) -> Result<(), Problem> + Sync,
) -> Result<(), Problem> {
    let failure = Mutex::new(None);
    share(threads, ranges, order, |range, worker| {
        if let Err(problem) = work(range, worker) {
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(problem);
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// Another order of so many ranges: from somewhere on, and backwards if the order is odd.
const fn turned(range: usize, ranges: usize, order: usize) -> usize {
    let from = (range + order / 2) % ranges;
    if order % 2 == 1 { ranges - 1 - from } else { from }
}

/// What threads of the pool run, with their number from 1.
type Job<'a> = dyn Fn(usize) + Sync + 'a;

/// For so long a thread without work looks for some before it sleeps.
const LOOK: Duration = Duration::from_micros(30);

/// The threads of the process.
struct Pool {
    /// Held by the call that has the pool: the threads that there are.
    threads: Mutex<Vec<Worker>>,
    board: Arc<Board>,
}

/// A thread of the pool, as callers see it.
struct Worker {
    thread: Thread,
    sleeps: Arc<AtomicBool>,
}

/// Where a job is announced.
struct Board {
    /// How many jobs there have been.
    jobs: AtomicUsize,
    /// How many threads may still join.
    places: AtomicUsize,
    /// How many threads that joined are done.
    done: AtomicUsize,
    /// The job, for those who have a place.
    job: UnsafeCell<Option<*const Job<'static>>>,
}

// SAFETY: the job is written by the one call that has the pool, while no place is given out, and read by those who have taken a place.
unsafe impl Sync for Board {}
// SAFETY: as above; the job itself may be shared.
unsafe impl Send for Board {}

impl Pool {
    fn of_process() -> &'static Pool {
        static POOL: OnceLock<Pool> = OnceLock::new();
        POOL.get_or_init(|| {
            let board = Board { jobs: AtomicUsize::new(0), places: AtomicUsize::new(0), done: AtomicUsize::new(0), job: UnsafeCell::new(None) };
            Pool { threads: Mutex::default(), board: Arc::new(board) }
        })
    }

    /// Runs a job here and on up to so many other threads; comes back when all are done.
    fn fork(&self, others: usize, job: &Job<'_>) {
        // Whoever does not get the pool works alone. (A poisoned lock is one of a call that panicked: threads are as they were.)
        let Ok(mut threads) = self.threads.try_lock() else { return job(0) };
        while threads.len() < others {
            match Worker::start(&self.board, threads.len() + 1) {
                Some(worker) => threads.push(worker),
                None => break,
            }
        }
        let others = others.min(threads.len());
        // SAFETY: only the lifetime changes. Nobody uses the job behind the end of this function: `closing` waits for those who joined.
        let job: *const Job<'static> = unsafe { std::mem::transmute::<&Job<'_>, &Job<'static>>(job) };
        // SAFETY: this call has the pool, and no place is given out, so that nobody reads it.
        unsafe { *self.board.job.get() = Some(job) };
        self.board.done.store(0, Ordering::Relaxed);
        self.board.places.store(others, Ordering::Release);
        self.board.jobs.fetch_add(1, Ordering::SeqCst);
        let closing = Closing { board: &self.board, others };
        for worker in threads.iter().take(others).filter(|worker| worker.sleeps.load(Ordering::SeqCst)) {
            worker.thread.unpark();
        }
        // SAFETY: it is the caller's, borrowed for as long as this function runs.
        unsafe { (*job)(0) };
        drop(closing);
    }
}

/// The end of a job: nobody joins any more, and those who joined are waited for; also if the caller's own part of it panics.
struct Closing<'a> {
    board: &'a Board,
    others: usize,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let joined = self.others - self.board.places.swap(0, Ordering::AcqRel);
        let mut looks = 0u32;
        while self.board.done.load(Ordering::Acquire) < joined {
            looks = looks.wrapping_add(1);
            // A thread that is done soon is worth waiting for; one that the system holds up gets this core.
            if looks.is_multiple_of(1 << 12) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}

impl Worker {
    /// A new thread, which looks for jobs; none if the system has none.
    fn start(board: &Arc<Board>, number: usize) -> Option<Worker> {
        let sleeps = Arc::new(AtomicBool::new(false));
        let (board, own) = (Arc::clone(board), Arc::clone(&sleeps));
        // It never ends, as the pool does not: it ends with the process.
        let started = std::thread::Builder::new().name(format!("damo {number}")).spawn(move || board.serve(&own)).ok()?;
        Some(Worker { thread: started.thread().clone(), sleeps })
    }
}

impl Board {
    /// Takes part in jobs, one after the other.
    fn serve(&self, sleeps: &AtomicBool) {
        let mut seen = 0;
        loop {
            seen = self.wait(seen, sleeps);
            let place = self.places.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |places| places.checked_sub(1));
            let Ok(place) = place else { continue };
            let _done = Done(&self.done);
            // SAFETY: whoever has a place reads the job that was announced with it.
            let Some(job) = (unsafe { *self.job.get() }) else { continue };
            // SAFETY: the caller waits in `closing` until this place is done.
            let job = unsafe { &*job };
            job(place);
        }
    }

    /// Waits for another job than those seen.
    fn wait(&self, seen: usize, sleeps: &AtomicBool) -> usize {
        let since = Instant::now();
        loop {
            for _ in 0..64 {
                let jobs = self.jobs.load(Ordering::SeqCst);
                if jobs != seen {
                    return jobs;
                }
                std::hint::spin_loop();
            }
            if since.elapsed() > LOOK {
                sleeps.store(true, Ordering::SeqCst);
                // A job that was announced before this is seen here; one that comes later wakes the thread.
                while self.jobs.load(Ordering::SeqCst) == seen {
                    std::thread::park();
                }
                sleeps.store(false, Ordering::SeqCst);
            }
        }
    }
}

/// Tells that a thread has done its part, also if that panics.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_done_once_whoever_works() {
        for (threads, ranges, order) in [(1, 5, 0), (2, 1, 0), (2, 100, 0), (5, 1000, 3), (3, 7, 2)] {
            for _ in 0..50 {
                let counts: Vec<AtomicUsize> = (0..ranges).map(|_| AtomicUsize::new(0)).collect();
                share(threads, ranges, order, |range, worker| {
                    assert!(worker < threads);
                    counts[range].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn calls_at_the_same_time_do_not_wait_for_each_other() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let sum = AtomicUsize::new(0);
                        share(3, 64, 0, |range, _| {
                            sum.fetch_add(range, Ordering::Relaxed);
                        });
                        assert_eq!(sum.load(Ordering::Relaxed), 64 * 63 / 2);
                    }
                });
            }
        });
    }

    #[test]
    fn threads_sleep_and_wake() {
        for _ in 0..5 {
            let done = AtomicUsize::new(0);
            share(2, 8, 0, |_, _| {
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.load(Ordering::Relaxed), 8);
            std::thread::sleep(LOOK * 20);
        }
    }
}
