//! A run of a kernel: piece by piece, and results from the states of their parts.

#![expect(unsafe_code, reason = "machine code runs on memory that it is vouched for")]
#![expect(clippy::cast_ptr_alignment, reason = "results are aligned as their elements are, states to lines")]

use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::SmallVec;

use super::accumulators::{Reduction, clear_columns, column_state, columns_start, row_state};
use super::code::Code;
use super::kernel::Kernel;
use super::reduction::State;
use crate::region::Region;

/// Room for the addresses of a call: of accesses, and of accumulators.
type Slots = SmallVec<[*mut u8; 96]>;

/// A run of a kernel.
pub(super) struct Run<'a> {
    pub kernel: &'a Kernel,
    /// The code that writes past the caches, if it may.
    pub past: Option<&'a Code>,
    pub buffers: &'a [Region<'a>],
    /// The states of results that come in parts.
    pub states: *mut u8,
    /// Whether a result is not finite that should be looked at again.
    pub overflowed: AtomicBool,
}

// SAFETY: pieces write different places of memory and states.
unsafe impl Sync for Run<'_> {}

impl Run<'_> {
    /// Where an access is at these indices of the outer loops.
    fn address(&self, access: usize, place: isize) -> *mut u8 {
        match self.kernel.memory[access] {
            Some(memory) => {
                let base = self.buffers[memory.buffer.index()].base();
                base.wrapping_offset((memory.offset + place) * memory.size as isize)
            }
            // Counted: the number itself.
            None => std::ptr::without_provenance_mut(place as usize),
        }
    }

    /// Runs a piece, with room for its accumulators.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run`]; nobody else uses these accumulators.
    pub unsafe fn piece(&self, piece: usize, accumulators: *mut u8) {
        let kernel = self.kernel;
        let shares = &kernel.shares;
        let share = shares.share(piece);
        let strides = &kernel.axes.strides;
        let reductions: &[Reduction] = if kernel.makes_results { &[] } else { &kernel.reductions };
        let accesses = strides.len() - reductions.len();
        let vector = kernel.vector_bytes();
        let vectors: usize = reductions.iter().map(|reduction| reduction.count).sum();
        let start = |access: usize, reduced: usize, element: usize| -> isize {
            let strides = &strides[access];
            let outer = shares.place_of_kept(share.kept, strides) + shares.place_of_reduced(reduced, strides);
            let row = shares.row_axis.map_or(0, |axis| strides[axis] * share.rows.start as isize);
            let inner = shares.inner_axis.map_or(0, |axis| strides[axis] * element as isize);
            outer + row + inner
        };
        let columns = kernel.columns();
        if kernel.is_column() {
            for reduction in reductions {
                // SAFETY: the room is the worker's own, and long enough.
                unsafe { clear_columns(accumulators, reduction, columns) };
            }
        }
        let mut slots = Slots::new();
        let reduced = if shares.splits_reduced { share.reduced..share.reduced + 1 } else { 0..shares.reduced_count };
        for reduced in reduced {
            slots.clear();
            slots.extend((0..accesses).map(|access| self.address(access, start(access, reduced, share.inner.start))));
            if let Some(staging) = &kernel.staging {
                // SAFETY: the accesses are checked; the room is the worker's own, and long enough.
                unsafe { staging.copy(&mut slots, share.rows.len(), share.inner.clone(), accumulators) };
            }
            let aligned = if self.past.is_some() || kernel.aligns { self.until_aligned(&slots) } else { None };
            if let Some(few) = aligned.filter(|&few| few < share.inner.len()) {
                if few > 0 {
                    // SAFETY: as below.
                    unsafe { kernel.code.call(&mut slots, &kernel.steps, share.rows.len(), few) };
                    slots.clear();
                    slots.extend((0..accesses).map(|access| self.address(access, start(access, reduced, share.inner.start + few))));
                }
                let code = self.past.unwrap_or(&kernel.code);
                // SAFETY: as below; and what is written in whole vectors is aligned.
                unsafe { code.call(&mut slots, &kernel.steps, share.rows.len(), share.inner.len() - few) };
                continue;
            }
            for reduction in reductions {
                for part in 0..reduction.count {
                    slots.push(if kernel.is_column() {
                        // Halves of a vector's lanes lie one behind the other; second words lie behind all first words.
                        let halves = reduction.count / reduction.reducer.words;
                        let (word, half) = (part / halves, part % halves);
                        accumulators.wrapping_add(columns_start(reduction, columns) + word * columns * 8 + half * vector)
                    } else {
                        accumulators.wrapping_add((reduction.first + part) * vector)
                    });
                }
            }
            // SAFETY: the code is that of this nest, and these are accesses of its, checked to be inside their memory.
            unsafe { kernel.code.call(&mut slots, &kernel.steps, share.rows.len(), share.inner.len()) };
        }
        if reductions.is_empty() {
            return;
        }
        let (count, first) = (shares.results_of(&share), shares.first_result(&share));
        for (place, reduction) in reductions.iter().enumerate() {
            let results = self.results(reduction, first);
            for result in 0..count {
                let state = if kernel.is_column() {
                    // SAFETY: the code has written these accumulators.
                    unsafe { column_state(accumulators, reduction, columns, result) }
                } else {
                    // SAFETY: as above.
                    unsafe { row_state(accumulators, reduction, (vectors, vector), result) }
                };
                if shares.parts == 1 {
                    // SAFETY: the accesses are checked; this result is of this piece alone.
                    unsafe { self.write(reduction, results.address(result), state) };
                } else {
                    let index = ((first + result) * shares.parts + share.part) * reductions.len() + place;
                    // SAFETY: there is room for the states of all parts, and this part is of this piece alone.
                    unsafe { self.states.cast::<State>().wrapping_add(index).write(state) };
                }
            }
        }
    }

    /// After how many elements all that is written lies at multiples of a vector's bytes; `None` if that is never so.
    fn until_aligned(&self, slots: &Slots) -> Option<usize> {
        let vector = self.kernel.vector_bytes();
        let mut elements = None;
        for (slot, memory) in slots.iter().zip(&self.kernel.memory) {
            let Some(memory) = memory.filter(|memory| memory.written) else { continue };
            let bytes = slot.addr().next_multiple_of(vector) - slot.addr();
            if bytes % memory.size != 0 || elements.is_some_and(|known| known != bytes / memory.size) {
                return None;
            }
            elements = Some(bytes / memory.size);
        }
        elements
    }

    /// Where the results of a reduction are, from one on, as far as they lie evenly.
    fn results(&self, reduction: &Reduction, first: usize) -> Results {
        let strides = &self.kernel.axes.strides[reduction.access];
        let (place, step) = self.kernel.shares.place_of_result(first, strides);
        Results { first: self.address(reduction.access, place), step: step * reduction.size as isize }
    }

    /// Writes a result.
    ///
    /// # Safety
    ///
    /// The accesses are checked, this is where one is, and nobody else writes that result.
    unsafe fn write(&self, reduction: &Reduction, to: *mut u8, state: State) {
        let bits = (reduction.reducer.finish)(state, reduction.elements);
        if reduction.reducer.may_overflow && !f64::from_bits(bits).is_finite() {
            self.overflowed.store(true, Ordering::Relaxed);
        }
        match reduction.size {
            // SAFETY: the caller's.
            1 => unsafe { to.write(bits as u8) },
            // SAFETY: the caller's.
            4 => unsafe { to.cast::<u32>().write(bits as u32) },
            // SAFETY: the caller's.
            _ => unsafe { to.cast::<u64>().write(bits) },
        }
    }

    /// Combines the parts of results, in order.
    ///
    /// # Safety
    ///
    /// All pieces are done.
    pub unsafe fn finish(&self) {
        let (shares, reductions) = (&self.kernel.shares, &self.kernel.reductions);
        if shares.parts == 1 || reductions.is_empty() {
            return;
        }
        for (place, reduction) in reductions.iter().enumerate() {
            for first in (0..shares.results()).step_by(shares.even_results()) {
                let results = self.results(reduction, first);
                for result in 0..shares.even_results() {
                    let part = |part: usize| {
                        let index = ((first + result) * shares.parts + part) * reductions.len() + place;
                        // SAFETY: every part was written.
                        unsafe { self.states.cast::<State>().wrapping_add(index).read() }
                    };
                    let total = (1..shares.parts).fold(part(0), |total, next| (reduction.reducer.combine)(total, part(next)));
                    // SAFETY: the accesses are checked, and no piece runs any more.
                    unsafe { self.write(reduction, results.address(result), total) };
                }
            }
        }
    }
}

/// Results that lie evenly.
struct Results {
    first: *mut u8,
    step: isize,
}

impl Results {
    fn address(&self, result: usize) -> *mut u8 {
        self.first.wrapping_offset(result as isize * self.step)
    }
}
