//! A nest made ready to run by the portable engine.

#![expect(unsafe_code, reason = "it runs on memory that it is vouched for")]

use damo_graph::Problem;

use super::part::{check, parts};
use super::sweep::{LINE, Sweep};
use crate::nest::Nest;
use crate::pool;
use crate::region::Region;

/// One thread that takes up its work in another order does it in so many parts.
const SHUFFLED: usize = 16;

/// A nest as the portable engine runs it. It never changes; any number of calls may run it at once.
#[derive(Debug)]
pub struct Kernel {
    sweeps: Vec<Sweep>,
}

impl Kernel {
    /// Makes a nest ready: orders and joins its loops, cuts them into tiles, picks the loop for each instruction.
    ///
    /// Fails if the nest is malformed, or reduces elements that the reduction is not defined on.
    pub fn compile(nest: &Nest) -> Result<Kernel, Problem> {
        check(nest)?;
        let sweeps = parts(nest)?.iter().map(|(part, reduced)| Sweep::plan(part, reduced)).collect::<Result<_, Problem>>()?;
        Ok(Kernel { sweeps })
    }

    /// How many bytes of scratch a run on so many threads takes.
    pub fn scratch_bytes(&self, threads: usize) -> usize {
        let of_sweep = |sweep: &Sweep| sweep.threads(threads) * sweep.scratch_bytes().next_multiple_of(LINE);
        // Scratch that starts anywhere has room for an aligned one.
        self.sweeps.iter().map(of_sweep).max().unwrap_or(0) + LINE
    }

    /// Runs the nest on the memory of a plan's buffers, by their places. On one thread it allocates nothing; the bits are the same on any
    /// number, and in whatever order threads take up their work: 0 is the plain one.
    ///
    /// Fails, before anything is written, if an access is not all inside its buffer, a result's buffer may only be read, or the scratch is too
    /// short.
    ///
    /// # Safety
    ///
    /// While it runs nobody else writes the operands' memory or touches the results'. Buffers hold elements of the accesses' dtypes. No result
    /// overlaps another result or an operand, but an operand's access may equal a store's: it is replaced in place.
    pub unsafe fn run(&self, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
        for sweep in &self.sweeps {
            sweep.check(buffers)?;
        }
        let start = scratch.as_ptr().align_offset(LINE);
        let needed = self.scratch_bytes(threads) - LINE;
        let scratch = scratch.get_mut(start..).and_then(|scratch| scratch.get_mut(..needed));
        let scratch = scratch.ok_or_else(|| Problem::new(damo_graph::ErrorKind::Execution, "a kernel was given too little scratch"))?;
        for sweep in &self.sweeps {
            // SAFETY: the buffers are checked, the scratch is aligned and long enough; the rest is the caller's.
            unsafe { share_out(sweep, buffers, scratch, threads, order) };
        }
        Ok(())
    }
}

/// Runs the pieces of a sweep, on several threads if there is enough to do.
///
/// # Safety
///
/// As [`Sweep::run`], with scratch for each thread.
unsafe fn share_out(sweep: &Sweep, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) {
    let (threads, pieces) = (sweep.threads(threads), sweep.pieces());
    let each = sweep.scratch_bytes();
    let ranges = match (threads, order) {
        (1, 0) => 1,
        (1, _) => pieces.min(SHUFFLED),
        _ => threads * 4,
    };
    let scratch = pool::Shared(scratch.as_mut_ptr());
    pool::share(threads, ranges, order, |range, worker| {
        let own = scratch.get().wrapping_add(worker * each.next_multiple_of(LINE));
        // SAFETY: the caller's: there is scratch for each thread, and no other has this.
        let own = unsafe { std::slice::from_raw_parts_mut(own, each) };
        // SAFETY: the caller's; pieces write different places.
        unsafe { sweep.run(buffers, own, pieces * range / ranges..pieces * (range + 1) / ranges) };
    });
}
