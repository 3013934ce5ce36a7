//! A nest made ready to run as machine code, and how a run goes over its loops.

#![expect(unsafe_code, reason = "machine code runs on memory that it is vouched for")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use damo_graph::{ErrorKind, Problem};
use smallvec::SmallVec;

use super::accumulators::{Reduction, lane_bytes};
use super::code::{Code, CodeBook};
use super::loops::{self, Accumulators, Along};
use super::one_call::{FEW, OneCall};
use super::reduction::{Reducer, State};
use super::results;
use super::rows_at_once::RowsAtOnce;
use super::run::Run;
use super::shape::Shares;
use super::staging::Staging;
use super::streams::{Kept, Memory, memory, steps, streams};
use super::translate::{self, Places, accumulators_of};
use crate::instruction_set::InstructionSet;
use crate::nest::{Instruction, Nest};
use crate::pool;
use crate::portable;
use crate::portable::axes::Axes;
use crate::region::Region;

/// Memory that starts at a multiple of so many bytes.
const LINE: usize = 64;

/// Results of so many bytes do not stay in a cache until somebody reads them, and are written past it: otherwise the cache would read first what
/// is written over.
const LARGE: usize = 24 << 20;

/// Starting a thread is worth so many elements.
const WORTH_A_THREAD: usize = 1 << 15;

/// Vectors as long as a line of a cache are aligned in rows of so many elements.
const WORTH_ALIGNING: usize = 1 << 11;

/// One thread that takes up its work in another order does it in so many parts.
const SHUFFLED: usize = 16;

/// A nest as machine code. It never changes; any number of calls may run it at once.
#[derive(Debug)]
pub struct Kernel {
    instructions: InstructionSet,
    pub(super) code: Arc<Code>,
    /// The same, but that results are written past the caches, where they are large and lie at multiples of a vector.
    pub(super) past: Option<Arc<Code>>,
    pub(super) axes: Axes,
    /// The memory of each access of the axes; of counts none.
    pub(super) memory: Vec<Option<Memory>>,
    /// Per stream of the code, the step from row to row: bytes, or what is counted.
    pub(super) steps: Vec<isize>,
    pub(super) reductions: Vec<Reduction>,
    pub(super) shares: Shares,
    /// How many rows of columns the code combines at once, if they are more than one.
    rows_at_once: Option<RowsAtOnce>,
    /// What is copied before the code reads it.
    pub(super) staging: Option<Staging>,
    /// Whether pieces begin with what lies before the first whole vector of the results: no vector that is written crosses a line of a cache then, and
    /// often none that is read.
    pub(super) aligns: bool,
    /// Whether the code makes results, and not only accumulators of them.
    pub(super) makes_results: bool,
    /// Whether a run is one call of the code, with the addresses where the accesses start.
    is_one_call: bool,
    /// How the nest is run where sums overflow on the way.
    careful: Option<Box<portable::Kernel>>,
}

/// Where kernels do the same in another way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thresholds {
    /// From so many bytes on, results are written past the caches.
    pub large: usize,
    /// Code makes results of at most so many parts: one, or none.
    pub parts_in_code: usize,
}

impl Thresholds {
    pub const USUAL: Thresholds = Thresholds { large: LARGE, parts_in_code: 1 };
}

impl Kernel {
    /// Makes machine code of a nest, which processors with these instructions can run; `None` if that is not possible, and the portable engine has to run it.
    /// The code is in the book: it can be run when that is closed.
    ///
    /// Fails if the nest is malformed.
    pub(crate) fn compile(nest: &Nest, set: InstructionSet, book: &mut CodeBook) -> Result<Option<Kernel>, Problem> {
        Kernel::compile_in(nest, set, Thresholds::USUAL, book)
    }

    /// The same with thresholds that tests choose, ready to run.
    #[cfg(test)]
    pub(crate) fn compile_with(nest: &Nest, set: InstructionSet, thresholds: Thresholds) -> Result<Option<Kernel>, Problem> {
        let mut book = CodeBook::default();
        let kernel = Kernel::compile_in(nest, set, thresholds, &mut book)?;
        book.close()?;
        Ok(kernel)
    }

    fn compile_in(nest: &Nest, set: InstructionSet, thresholds: Thresholds, book: &mut CodeBook) -> Result<Option<Kernel>, Problem> {
        portable::part::check(nest)?;
        if nest.count() == 0 {
            return Ok(None);
        }
        let reduced = nest.reductions.first().map(|reduction| reduction.axes.clone()).unwrap_or_default();
        if nest.reductions.iter().any(|reduction| reduction.axes != reduced) || nest.shape.iter().any(|&length| length > i32::MAX as usize) {
            return Ok(None);
        }
        let reducers = nest.reductions.iter().map(|reduction| Reducer::of(reduction.kind, nest.dtype(reduction.value), reduction.to.dtype));
        let Some(reducers) = reducers.collect::<Option<Vec<Reducer>>>() else { return Ok(None) };
        let may_overflow = reducers.iter().any(|reducer| reducer.may_overflow);
        let mut axes = Axes::of(nest, &reduced);
        let rows_at_once = RowsAtOnce::of(nest, &mut axes);
        let given = nest;
        let unrolled = rows_at_once.as_ref().map(|rows| rows.unrolled(nest));
        let nest = unrolled.as_ref().unwrap_or(nest);
        let staging = Staging::of(nest, &mut axes);
        let lanes = translate::lanes(nest, set);
        let counts = nest.body.iter().filter(|instruction| matches!(instruction, Instruction::Index { .. })).count();
        let places = Places {
            counts: nest.operands.len(),
            stores: nest.operands.len() + counts,
            accumulators: nest.operands.len() + counts + nest.stores.len(),
        };
        let reductions = reductions_of(nest, &reducers, (set, lanes), places.accumulators);
        let accumulators: usize = reductions.iter().map(|reduction| reduction.count).sum();
        let is_column = !reductions.is_empty() && axes.axes.last().is_none_or(|axis| !axis.reduced);
        let mut shares = Shares::of(&axes, !reductions.is_empty());
        let results = if is_column || shares.parts > thresholds.parts_in_code { None } else { results::results(&reductions, set, lanes) };
        if results.is_some() {
            shares.need_no_accumulators();
        }
        shares.cut(staging.as_ref());
        let kept_in = if results.is_some() { Kept::InResults } else { Kept::InAccumulators { each_row: !is_column && !shares.rows_are_reduced } };
        let Some(streams) = streams(nest, (&axes, staging.as_ref()), places, &reductions, kept_in) else { return Ok(None) };
        // Narrow columns and many accumulators leave most of a vector empty, or too few registers.
        let narrowest = translate::lanes(nest, InstructionSet::Avx2);
        if is_column && (shares.inner < narrowest || !shares.rows_are_reduced) || !is_column && accumulators > 8 {
            return Ok(None);
        }
        let memory = memory(nest, &axes, counts);
        let steps = steps((&axes, staging.as_ref()), &memory, &streams, &places, set.vector_bytes(), kept_in);
        let at_once = rows_at_once.as_ref().map_or(1, |rows| rows.count);
        let body = |is_last: bool| translate::body((nest, at_once), set, &reducers, &places, is_last, is_column);
        let (whole, last) = (body(false), body(true));
        let (Some(whole), Some(last)) = (whole, last) else { return Ok(None) };
        let per_accumulator: Vec<Reducer> = reductions.iter().flat_map(|reduction| std::iter::repeat_n(reduction.reducer, reduction.count)).collect();
        let joined: Vec<(Reducer, usize)> = reductions.iter().map(|reduction| (reduction.reducer, reduction.count)).collect();
        let is_past = reductions.is_empty() && staging.is_none() && is_large(nest, thresholds.large) && shares.pieces() > 1;
        let aligns = reductions.is_empty() && staging.is_none() && is_worth_aligning(&shares, set);
        let kind = match (accumulators, is_column, shares.rows_are_reduced) {
            (0, ..) => Accumulators::None,
            (_, true, _) => Accumulators::Memory(places.accumulators),
            (_, _, true) => Accumulators::AllRows(places.accumulators),
            (_, _, false) => Accumulators::EachRow(places.accumulators),
        };
        let plan = loops::Plan {
            streams: &streams,
            whole: &whole,
            last: &last,
            join: &translate::join(&joined, set, lanes),
            results: results.as_ref(),
            reducers: &per_accumulator,
            accumulators: kind,
            side_by_side: side_by_side(&whole, accumulators, is_column, shares.inner.min(shares.inner_chunk) / lanes),
            count: shares.inner,
            is_even: shares.has_whole_rows() && !is_past && !aligns,
        };
        let (bytes, sites) = loops::compile(&plan)?;
        // A system that gives no memory for code leaves the nest to the portable engine.
        let Ok(code) = book.write(&bytes, sites) else { return Ok(None) };
        let careful = if may_overflow { Some(Box::new(portable::Kernel::compile(given)?)) } else { None };
        let past = if is_past { past(&plan, &places, (&steps, shares.rows), book)? } else { None };
        let is_one_call = results.is_some() && shares.pieces() == 1 && memory.len() <= FEW;
        Ok(Some(Kernel {
            instructions: set,
            code: Arc::new(code),
            past,
            axes,
            memory,
            steps,
            reductions,
            shares,
            rows_at_once,
            staging,
            aligns,
            makes_results: results.is_some(),
            is_one_call,
            careful,
        }))
    }

    /// The kernel of a nest that differs from this kernel's only in its buffers, with the same code.
    pub fn moved(&self, nest: &Nest) -> Option<Kernel> {
        if self.careful.is_some() {
            return None;
        }
        let unrolled = self.rows_at_once.as_ref().map(|rows| rows.unrolled(nest));
        let nest = unrolled.as_ref().unwrap_or(nest);
        let counts = self.memory.len() - nest.operands.len() - nest.written().count();
        Some(Kernel {
            instructions: self.instructions,
            code: Arc::clone(&self.code),
            past: self.past.clone(),
            axes: self.axes.clone(),
            memory: memory(nest, &self.axes, counts),
            steps: self.steps.clone(),
            reductions: self.reductions.clone(),
            shares: self.shares.clone(),
            rows_at_once: self.rows_at_once.clone(),
            staging: self.staging.clone(),
            aligns: self.aligns,
            makes_results: self.makes_results,
            is_one_call: self.is_one_call,
            careful: None,
        })
    }

    /// The kernel again, if it is one call of its code.
    pub(crate) fn one_call(&self) -> Option<OneCall> {
        self.is_one_call.then(|| OneCall::of(self))
    }

    /// Whether results are written past the caches, where they may be.
    #[cfg(test)]
    pub(crate) const fn writes_past_caches(&self) -> bool {
        self.past.is_some()
    }

    /// How many rows of columns are combined at once.
    #[cfg(test)]
    pub(crate) fn rows_at_once(&self) -> usize {
        self.rows_at_once.as_ref().map_or(1, |rows| rows.count)
    }

    /// How many operands are copied before they are read.
    #[cfg(test)]
    pub(crate) fn copies(&self) -> usize {
        self.staging.as_ref().map_or(0, |staging| staging.operands.len())
    }

    /// The instructions that it is made of.
    pub const fn instructions(&self) -> InstructionSet {
        self.instructions
    }

    /// Bytes of a vector.
    pub(super) const fn vector_bytes(&self) -> usize {
        self.instructions.vector_bytes()
    }

    /// How many bytes of scratch a run on so many threads takes.
    pub fn scratch_bytes(&self, threads: usize) -> usize {
        let own = self.states_bytes() + self.threads(threads) * self.accumulators_bytes();
        own.max(self.careful.as_ref().map_or(0, |careful| careful.scratch_bytes(threads))) + LINE
    }

    /// Bytes for the states of results that come in several parts.
    fn states_bytes(&self) -> usize {
        let states = if self.shares.parts > 1 { self.shares.results() * self.shares.parts * self.reductions.len() } else { 0 };
        (states * size_of::<State>()).next_multiple_of(LINE)
    }

    /// Bytes for the accumulators of one piece, or for the copies of what it reads.
    fn accumulators_bytes(&self) -> usize {
        if let Some(staging) = &self.staging {
            return staging.bytes();
        }
        if self.makes_results {
            return 0;
        }
        let count: usize = self.reductions.iter().map(|reduction| reduction.count).sum();
        let bytes = if self.is_column() { self.columns() * size_of::<u64>() } else { self.shares.row_block * self.vector_bytes() };
        (count * bytes).next_multiple_of(LINE)
    }

    /// How many columns are summed at once, in whole vectors.
    pub(super) fn columns(&self) -> usize {
        self.shares.inner_chunk.next_multiple_of(16)
    }

    pub(super) fn is_column(&self) -> bool {
        self.shares.is_column
    }

    /// How many elements the nest goes over.
    fn count(&self) -> usize {
        self.axes.count() * self.rows_at_once.as_ref().map_or(1, |rows| rows.count)
    }

    /// How many of so many threads are worth starting.
    fn threads(&self, available: usize) -> usize {
        available.min(self.shares.pieces()).min(self.count() / WORTH_A_THREAD).max(1)
    }

    /// Runs the nest on the memory of a plan's buffers, by their places. The bits are the same on any number of threads, and in whatever
    /// order they take up their work: 0 is the plain one.
    ///
    /// Fails, before anything is written, if an access is not all inside its buffer, a result's buffer may only be read, or the scratch is too
    /// short.
    ///
    /// # Safety
    ///
    /// As [`portable::Kernel::run`]; and the processor has the instructions that the nest was compiled for.
    pub unsafe fn run(&self, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
        self.check(buffers)?;
        // SAFETY: it was checked; the rest is the caller's.
        unsafe { self.run_checked(buffers, scratch, threads, order) }
    }

    /// As [`Kernel::run`], but does not check again.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run`], and [`Kernel::check`] found nothing for buffers of these lengths.
    pub(crate) unsafe fn run_checked(&self, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
        if let Some(careful) = self.careful.as_ref().filter(|_| self.replaces_operands(buffers)) {
            // What is written over could not be read again.
            // SAFETY: the caller's.
            return unsafe { careful.run(buffers, scratch, threads, order) };
        }
        let start = scratch.as_ptr().align_offset(LINE);
        let threads = self.threads(threads);
        let needed = self.states_bytes() + threads * self.accumulators_bytes();
        let own = scratch.get_mut(start..).and_then(|scratch| scratch.get_mut(..needed));
        let own = own.ok_or_else(|| Problem::new(ErrorKind::Execution, "a kernel was given too little scratch"))?;
        let (states, accumulators) = own.split_at_mut(self.states_bytes());
        // What is written where an operand was read is in the cache.
        let past = self.past.as_deref().filter(|_| !self.replaces_operands(buffers));
        let run = Run { kernel: self, past, buffers, states: states.as_mut_ptr(), overflowed: AtomicBool::new(false) };
        let pieces = self.shares.pieces();
        if threads == 1 && order == 0 {
            for piece in 0..pieces {
                // SAFETY: the accesses are checked; the rest is the caller's.
                unsafe { run.piece(piece, accumulators.as_mut_ptr()) };
            }
        } else {
            let ranges = if threads == 1 { pieces.min(SHUFFLED) } else { pieces.min(threads * 8) };
            let (each, accumulators) = (self.accumulators_bytes(), pool::Shared(accumulators.as_mut_ptr()));
            pool::share(threads, ranges, order, |range, worker| {
                for piece in pieces * range / ranges..pieces * (range + 1) / ranges {
                    // SAFETY: the accesses are checked, each worker has accumulators of its own; the rest is the caller's.
                    unsafe { run.piece(piece, accumulators.get().wrapping_add(worker * each)) };
                }
            });
        }
        // SAFETY: all pieces are done.
        unsafe { run.finish() };
        match &self.careful {
            // SAFETY: the caller's.
            Some(careful) if run.overflowed.load(Ordering::Relaxed) => unsafe { careful.run(buffers, scratch, threads, order) },
            _ => Ok(()),
        }
    }

    /// Whether a store takes the memory of an operand.
    fn replaces_operands(&self, buffers: &[Region<'_>]) -> bool {
        let regions = |written: bool| {
            let of = move |memory: &&Memory| memory.written == written;
            self.memory.iter().flatten().filter(of).filter_map(|memory| buffers.get(memory.buffer.index()))
        };
        regions(true).any(|store| regions(false).any(|operand| store.overlaps(*operand)))
    }

    /// Fails unless every access stays inside its memory, aligned, and writes only where it may.
    pub(crate) fn check(&self, buffers: &[Region<'_>]) -> Result<(), Problem> {
        let whole: SmallVec<[usize; 8]> = self.axes.axes.iter().map(|axis| axis.length).collect();
        for (access, (memory, strides)) in self.memory.iter().zip(&self.axes.strides).enumerate() {
            let Some(memory) = memory else { continue };
            let own = self.staging.as_ref().and_then(|staging| staging.loops(access, &whole, strides));
            let (whole, strides) = own.as_ref().map_or((&whole, strides), |(lengths, strides)| (lengths, strides));
            let region = buffers.get(memory.buffer.index());
            let region = region.ok_or_else(|| Problem::new(ErrorKind::Execution, format!("the plan has no buffer {}", memory.buffer)))?;
            if !region.holds((memory.size, memory.align), memory.offset, whole, strides) {
                return Err(region.outside(memory.offset, whole, strides));
            }
            if memory.written && !region.is_writable() {
                return Err(Problem::new(ErrorKind::Execution, "a result was placed in memory that may only be read"));
            }
        }
        Ok(())
    }
}

/// Whether results should begin at multiples of a vector in each piece.
fn is_worth_aligning(shares: &Shares, set: InstructionSet) -> bool {
    set.vector_bytes() == LINE && shares.row_block == 1 && shares.inner_chunk >= WORTH_ALIGNING
}

/// Whether all that a nest stores is large.
fn is_large(nest: &Nest, large: usize) -> bool {
    nest.stores.iter().all(|store| nest.count() * store.to.dtype.size() >= large)
}

/// Code that writes past the caches; `None` where results are not whole vectors, or where rows lie differently.
fn past(plan: &loops::Plan<'_>, places: &Places, (steps, rows): (&[isize], usize), book: &mut CodeBook) -> Result<Option<Arc<Code>>, Problem> {
    let program = &plan.whole.program;
    let vector = program.set.vector_bytes();
    let mut streams = plan.streams.to_vec();
    let stores = streams.iter_mut().zip(steps).skip(places.stores);
    for (stream, &step) in stores {
        let is_even = rows == 1 || step.unsigned_abs().is_multiple_of(vector);
        stream.is_past = stream.along == Along::Contiguous && stream.size > 1 && stream.size * program.lanes == vector && is_even;
        if !stream.is_past {
            return Ok(None);
        }
    }
    let (bytes, sites) = loops::compile(&loops::Plan { streams: &streams, ..*plan })?;
    Ok(book.write(&bytes, sites).ok().map(Arc::new))
}

/// How many rounds are worth doing side by side: sums wait for each other, and short bodies for their loop.
fn side_by_side(body: &translate::Body, accumulators: usize, is_column: bool, rounds: usize) -> usize {
    let size = body.program.values.len();
    let most = match (accumulators, is_column) {
        (0, _) | (_, true) if size <= 12 => 4,
        (0, _) | (_, true) => 1,
        (1, _) if size <= 24 => 8,
        (2, _) if size <= 24 => 4,
        (3 | 4, _) if size <= 24 => 2,
        _ => 1,
    };
    [8, 4, 2, 1].into_iter().find(|&count| count <= most && count <= rounds.max(1)).unwrap_or(1)
}

/// The reductions of a kernel, whose results are accesses from one on.
fn reductions_of(nest: &Nest, reducers: &[Reducer], (set, lanes): (InstructionSet, usize), results: usize) -> Vec<Reduction> {
    let mut first = 0;
    let reductions = nest.reductions.iter().zip(reducers).enumerate().map(|(place, (reduction, &reducer))| {
        let count = accumulators_of(&reducer, nest.dtype(reduction.value), translate::fills(set, lanes));
        first += count;
        let elements = reduction.axes.iter().fold(1.0, |count, &axis| count * nest.shape[axis] as f64);
        let lane_words = count * lanes.min(set.vector_bytes() / lane_bytes(&reducer)) * lane_bytes(&reducer) / 8;
        let (access, size) = (results + place, reduction.to.dtype.size());
        Reduction { reducer, first: first - count, count, lane_words, elements, access, size }
    });
    reductions.collect()
}
