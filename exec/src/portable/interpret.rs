//! Running a sweep: from tile to tile, instruction by instruction.

#![expect(unsafe_code, reason = "registers are places in scratch and in memory that may be replaced while it is read")]

use std::ops::Range;

use damo_graph::{ErrorKind, Problem};

use super::apply::Argument;
use super::copy::{Run, gather, scatter};
use super::sweep::{Action, Around, Memory, RADIX, Reduce, Spot, Sweep, Tile};
use crate::region::{Region, reach};

/// The most levels accumulators have: 16¹⁶ tiles.
const LEVELS: usize = 16;

impl Sweep {
    /// How many bytes of scratch a run takes: offsets, registers, accumulators.
    pub fn scratch_bytes(&self) -> usize {
        self.scratch + 2 * self.accesses.len() * size_of::<isize>()
    }

    /// Fails unless every access stays inside its memory, aligned, and writes only where it may.
    pub fn check(&self, buffers: &[Region<'_>]) -> Result<(), Problem> {
        for (access, memory) in self.accesses.iter().enumerate() {
            let Some(memory) = memory else { continue };
            let region = buffers.get(memory.buffer.index());
            let region = region.ok_or_else(|| Problem::new(ErrorKind::Execution, format!("the plan has no buffer {}", memory.buffer)))?;
            let mut lengths: smallvec::SmallVec<[usize; 8]> = self.axes.axes.iter().map(|axis| axis.length).collect();
            if memory.written && access >= self.first_result() {
                // The result of a reduction is written even if there is nothing to reduce.
                lengths.iter_mut().zip(&self.axes.axes).filter(|(_, axis)| axis.reduced).for_each(|(length, _)| *length = 1);
            }
            let strides = &self.axes.strides[access];
            if !region.holds((memory.size, memory.align), self.offsets[access], &lengths, strides) {
                return Err(region.outside(self.offsets[access], &lengths, strides));
            }
            if memory.written && !region.is_writable() {
                return Err(Problem::new(ErrorKind::Execution, "a result was placed in memory that may only be read"));
            }
        }
        Ok(())
    }

    /// The first access that is the result of a reduction.
    fn first_result(&self) -> usize {
        self.accesses.len() - self.reductions.len()
    }

    /// Whether no result shares memory with an operand, so that results may be written before all operands are read.
    fn may_write_at_once(&self, buffers: &[Region<'_>]) -> bool {
        let span = |(access, memory): (usize, &Option<Memory>)| {
            let memory = (*memory)?;
            let lengths: smallvec::SmallVec<[usize; 8]> = self.axes.axes.iter().map(|axis| axis.length).collect();
            let (low, high) = reach(self.offsets[access], &lengths, &self.axes.strides[access])?;
            let base = buffers[memory.buffer.index()].base().addr();
            let address = |element: isize| base.wrapping_add_signed(element.wrapping_mul(memory.size as isize));
            Some((memory.written, address(low), address(high) + memory.size))
        };
        let spans = || self.accesses.iter().enumerate().filter_map(span);
        spans().filter(|span| span.0).all(|(_, low, high)| spans().filter(|span| !span.0).all(|(_, start, end)| end <= low || high <= start))
    }

    /// Runs some pieces.
    ///
    /// # Safety
    ///
    /// [`Sweep::check`] passed for these buffers, which hold elements of the accesses' dtypes; while it runs nobody else writes what it reads
    /// or touches what it writes. `scratch` starts at a multiple of 64 bytes and has [`Sweep::scratch_bytes`].
    pub unsafe fn run(&self, buffers: &[Region<'_>], scratch: &mut [u8], pieces: Range<usize>) {
        let (registers, offsets) = scratch.split_at_mut(self.scratch);
        let Ok(offsets) = bytemuck::try_cast_slice_mut::<u8, isize>(offsets) else { return };
        let (now, of_piece) = offsets.split_at_mut(self.accesses.len());
        let at_once = self.may_write_at_once(buffers);
        let mut run = Running { sweep: self, buffers, scratch: registers.as_mut_ptr(), at_once, offsets: now };
        for piece in pieces {
            let of_piece = &mut of_piece[..self.accesses.len()];
            of_piece.copy_from_slice(&self.offsets);
            let mut steps = self.cut.map_or(1, |cut| cut.steps);
            self.step_to(&self.kept, piece, of_piece, &mut steps);
            let result_steps = if self.cut_in == 1 { 1 } else { steps };
            let mut counts = [0; LEVELS];
            for tile in 0..self.tiles() {
                run.offsets.copy_from_slice(of_piece);
                let mut steps = steps;
                self.step_to(&self.reduced, tile, run.offsets, &mut steps);
                // SAFETY: the caller's; the offsets are those of a tile.
                unsafe { run.tile(steps) };
                // SAFETY: the caller's; the tile's registers are complete.
                unsafe { run.fold(steps, result_steps, &mut counts) };
                // SAFETY: the caller's; nothing reads this tile's operands any more.
                unsafe { run.store(steps) };
            }
            run.offsets.copy_from_slice(of_piece);
            // SAFETY: the caller's; all tiles of the piece are folded.
            unsafe { run.finish(result_steps, &counts) };
        }
    }

    /// Moves offsets to an index of some loops, counted in row-major order, and says how many steps of the cut loop are left there.
    fn step_to(&self, loops: &[Around], mut index: usize, offsets: &mut [isize], steps: &mut usize) {
        for around in loops.iter().rev() {
            let place = index % around.count * around.step;
            index /= around.count;
            for (offset, strides) in offsets.iter_mut().zip(&self.axes.strides) {
                *offset += place as isize * strides[around.axis];
            }
            if let Some(cut) = self.cut.filter(|cut| cut.axis == around.axis) {
                *steps = cut.steps.min(self.axes.axes[cut.axis].length - place);
            }
        }
    }
}

/// A sweep that runs.
struct Running<'a> {
    sweep: &'a Sweep,
    buffers: &'a [Region<'a>],
    scratch: *mut u8,
    at_once: bool,
    /// Where each access is in its memory, in elements.
    offsets: &'a mut [isize],
}

impl Running<'_> {
    /// Where an access is.
    fn address(&self, access: usize) -> *mut u8 {
        let Some(memory) = self.sweep.accesses[access] else { return std::ptr::null_mut() };
        self.buffers[memory.buffer.index()].base().wrapping_offset(self.offsets[access] * memory.size as isize)
    }

    /// Where a register is.
    fn place(&self, tile: Tile) -> *mut u8 {
        match tile.spot {
            Spot::Scratch(start) => self.scratch.wrapping_add(start),
            Spot::Memory(access) => self.address(access),
            Spot::Result(access, start) => {
                if self.at_once {
                    self.address(access)
                } else {
                    self.scratch.wrapping_add(start)
                }
            }
            Spot::Constant(place) => self.sweep.constants.as_ptr().wrapping_add(place).cast_mut().cast(),
        }
    }

    /// The bytes of a register.
    ///
    /// # Safety
    ///
    /// It is complete, for a tile of that many elements, and nobody writes it while the slice is used.
    unsafe fn bytes(&self, tile: Tile, elements: usize) -> &[u8] {
        let bytes = if tile.uniform { tile.size } else { tile.size * elements };
        // SAFETY: registers in scratch have room for a tile; those in memory are contiguous there, inside by `Sweep::check`.
        unsafe { std::slice::from_raw_parts(self.place(tile), bytes) }
    }

    /// The bytes of a register, to write.
    ///
    /// # Safety
    ///
    /// Nobody else uses it while the slice is used.
    #[expect(clippy::mut_from_ref, reason = "registers are disjoint; the caller vouches for it")]
    unsafe fn bytes_mut(&self, tile: Tile, elements: usize) -> &mut [u8] {
        let bytes = if tile.uniform { tile.size } else { tile.size * elements };
        // SAFETY: as in `bytes`; results are in memory that may be written, by `Sweep::check`.
        unsafe { std::slice::from_raw_parts_mut(self.place(tile), bytes) }
    }

    /// Makes all registers of a tile.
    ///
    /// # Safety
    ///
    /// As [`Sweep::run`].
    unsafe fn tile(&mut self, steps: usize) {
        let elements = self.sweep.whole * steps;
        for action in &self.sweep.actions {
            match action {
                // SAFETY: the runs stay inside the access, and the register has room for a tile.
                Action::Gather { access, runs, to } => unsafe { gather(self.place(*to), self.address(*access), to.size, runs, steps) },
                Action::Index { access, runs, to, write } => {
                    // SAFETY: the register is new; nobody else uses it.
                    let out = unsafe { self.bytes_mut(*to, elements) };
                    let mut place = 0;
                    let start = self.offsets[*access];
                    write(out, &mut || {
                        place += 1;
                        start + offset_of(runs, steps, place - 1)
                    });
                }
                Action::Apply { function, arguments, to } => {
                    let mut given = [Argument::Tile(&[]); 3];
                    for (given, argument) in given.iter_mut().zip(arguments) {
                        // SAFETY: earlier actions completed the argument; the result is another place.
                        let bytes = unsafe { self.bytes(*argument, elements) };
                        *given = if argument.uniform { Argument::Uniform(bytes) } else { Argument::Tile(bytes) };
                    }
                    // SAFETY: planning gives the result a place that no argument has; in memory it is used only where no operand is.
                    let out = unsafe { self.bytes_mut(*to, elements) };
                    function.call(out, &given[..arguments.len()]);
                }
            }
        }
    }

    /// Writes what is stored of a tile.
    ///
    /// # Safety
    ///
    /// As [`Sweep::run`]; the tile is complete.
    unsafe fn store(&self, steps: usize) {
        for store in &self.sweep.stores {
            let (from, to) = (self.place(store.from), self.address(store.access));
            if from != to {
                // SAFETY: the runs stay inside the access, which may be written, and the register has as many elements.
                unsafe { scatter(to, from, store.from.size, &store.runs, steps) };
            }
        }
    }

    /// Accumulators of one level.
    ///
    /// # Safety
    ///
    /// Nobody else uses them while the slice is used.
    #[expect(clippy::mut_from_ref, reason = "levels are disjoint; the caller vouches for it")]
    unsafe fn level(&self, reduction: &Reduce, level: usize, steps: usize) -> &mut [u8] {
        let [outer, _, inner] = self.sweep.fold;
        let start = self.scratch.wrapping_add(reduction.start + level * reduction.level_bytes);
        // SAFETY: planning made room for these accumulators at full steps.
        unsafe { std::slice::from_raw_parts_mut(start, outer * inner * steps * reduction.reducer.size) }
    }

    /// Folds a tile into the accumulators; full levels enter the next.
    ///
    /// # Safety
    ///
    /// As [`Sweep::run`]; the tile is complete.
    unsafe fn fold(&mut self, steps: usize, result_steps: usize, counts: &mut [usize; LEVELS]) {
        let (elements, mut shape) = (self.sweep.whole * steps, self.sweep.fold);
        shape[self.sweep.cut_in] *= steps;
        for reduction in &self.sweep.reductions {
            // SAFETY: one level at a time.
            let sums = unsafe { self.level(reduction, 0, result_steps) };
            if counts[0] == 0 {
                (reduction.reducer.clear)(sums);
            }
            // SAFETY: the register is complete, and no accumulator.
            (reduction.reducer.fold)(sums, unsafe { self.bytes(reduction.from, elements) }, shape);
        }
        counts[0] += 1;
        for level in 0..self.sweep.levels.min(LEVELS) - 1 {
            if counts[level] < RADIX {
                break;
            }
            for reduction in &self.sweep.reductions {
                // SAFETY: two levels are two places.
                let full = unsafe { self.level(reduction, level, result_steps) };
                // SAFETY: as above.
                let sums = unsafe { self.level(reduction, level + 1, result_steps) };
                if counts[level + 1] == 0 {
                    (reduction.reducer.clear)(sums);
                }
                (reduction.reducer.combine)(sums, full);
            }
            counts[level] = 0;
            counts[level + 1] += 1;
        }
    }

    /// Combines all levels and writes the results.
    ///
    /// # Safety
    ///
    /// As [`Sweep::run`].
    unsafe fn finish(&mut self, steps: usize, counts: &[usize; LEVELS]) {
        for reduction in &self.sweep.reductions {
            // SAFETY: one level at a time.
            let sums = unsafe { self.level(reduction, 0, steps) };
            if counts[0] == 0 {
                (reduction.reducer.clear)(sums);
            }
            for level in (1..self.sweep.levels.min(LEVELS)).filter(|&level| counts[level] > 0) {
                // SAFETY: two levels are two places.
                (reduction.reducer.combine)(sums, unsafe { self.level(reduction, level, steps) });
            }
            (reduction.reducer.finish)(sums, reduction.count);
            let (results, mut size) = (sums.len() / reduction.reducer.size, reduction.reducer.gives.size());
            let (to, mut from) = (self.address(reduction.access), sums.as_ptr());
            if let (Some((function, start)), Some(memory)) = (reduction.convert, self.sweep.accesses[reduction.access]) {
                let place = self.scratch.wrapping_add(start);
                // SAFETY: planning made room for the converted results.
                let converted = unsafe { std::slice::from_raw_parts_mut(place, results * memory.size) };
                function.call(converted, &[Argument::Tile(&sums[..results * size])]);
                (from, size) = (place.cast_const(), memory.size);
            }
            // SAFETY: the runs stay inside the access, which may be written, and there are as many results.
            unsafe { scatter(to, from, size, &reduction.runs, steps) };
        }
    }
}

/// How far the element of a tile at that place is along the runs.
fn offset_of(runs: &[Run], steps: usize, mut place: usize) -> isize {
    let mut offset = 0;
    for run in runs.iter().rev() {
        let length = run.now(steps).max(1);
        offset += (place % length) as isize * run.stride;
        place /= length;
    }
    offset
}
