//! The innermost loops of matrix products and convolutions as machine code: tiles of the result that stay in registers.
//!
//! A tile is some rows by some vectors. For each index of the sum a row's factor is stretched over a vector and multiplied with those of the
//! other side, one step after the other, so that an element's sum has the same bits in whatever tile it is computed (Goto and van de Geijn
//! 2008; Van Zee and van de Geijn 2015). The rows' factors may lie at any strides; the other side's are vectors. One of the sides may be read at
//! places that a list tells: so an image is read where it is, without a copy of all its windows (Dukhan 2019, "The indirect convolution
//! algorithm").

#![expect(unsafe_code, reason = "machine code runs on memory that it is vouched for")]

mod family;
mod writer;

use std::sync::OnceLock;

use damo_graph::{DType, ErrorKind, Problem};

use self::family::{FAMILIES, Family};
use super::code::Code;
use crate::instruction_set::InstructionSet;

/// How a kernel finds the factors of the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Both sides a step on.
    Even,
    /// The vectors at places of a list, each of the first and each of the second ones counted from a start of its own; the left side a step on.
    ListedRight,
    /// The rows' factors at places of a list, and the vectors a step on.
    ListedLeft,
    /// Both sides a step on, and of the last vectors only what results need.
    Cut,
}

impl Reading {
    /// Whether a side is read at places of a list.
    const fn is_listed(self) -> bool {
        matches!(self, Reading::ListedRight | Reading::ListedLeft)
    }
}

/// All of them, as codes are kept.
const READINGS: [Reading; 4] = [Reading::Even, Reading::ListedRight, Reading::ListedLeft, Reading::Cut];

/// What a call of a micro-kernel works on: addresses, and strides in bytes. It counts down and moves on in here.
#[derive(Debug)]
#[repr(C)]
pub struct Operands {
    /// The first factor of the first row of the first tile.
    pub left: *const u8,
    /// From one row's factor to the next row's.
    pub left_row: isize,
    /// From one factor of a row to its next.
    pub left_step: isize,
    /// The vectors of the other side.
    pub right: *const u8,
    /// From one group of vectors to the next.
    pub right_step: isize,
    /// How many products are summed, at least 1.
    pub depth: usize,
    /// Where the first tile's results go.
    pub out: *mut u8,
    /// From one row of results to the next.
    pub out_row: isize,
    /// What is added to the first tile; null if nothing is.
    pub addend: *const u8,
    /// From one row of it to the next.
    pub addend_row: isize,
    /// How many tiles, one below the other.
    pub tiles: usize,
    /// From one tile to the next, on the left side, of the results, of the addend, on the right side.
    pub next: [isize; 4],
    /// The places of the side that is listed, in bytes from where it starts, one for each step.
    pub places: *const isize,
    /// With listed vectors, from the first ones to the second.
    pub right_next: isize,
    /// The same of the results.
    pub out_next: isize,
    /// The same of the addend.
    pub addend_next: isize,
    /// The bits of what sums are multiplied by.
    pub alpha: u64,
    /// The bits of what the addend is multiplied by.
    pub beta: u64,
    /// Whether only some elements of the last vector are results: those of `mask`. Both are set by [`MicroKernels::run`].
    pub is_cut: u64,
    /// The elements of the last vector that are results, as the instruction set masks them.
    pub mask: [u64; 4],
}

/// The micro-kernels for an element type on this machine: each is written when it is first asked for.
#[derive(Debug)]
pub struct MicroKernels {
    family: &'static Family,
    /// By way of reading, by rows, then by vectors, from one of each on; none where the system gives no memory for code.
    codes: Vec<OnceLock<Option<Code>>>,
}

/// Bytes of a vector that every processor here takes as a whole.
const SHORT_VECTOR: usize = 32;

impl MicroKernels {
    /// Those for elements of that type by those instructions; none if the machine or the system lacks what they need.
    pub fn of(dtype: DType, set: InstructionSet) -> Option<&'static MicroKernels> {
        MicroKernels::at(FAMILIES.iter().position(|family| family.set == set && family.size == dtype.size())?)
    }

    /// Those for the same elements by the same instructions on vectors half as long, if there are any.
    pub fn narrower(&self) -> Option<&'static MicroKernels> {
        let is_narrower = |family: &Family| (family.set, family.size, 2 * family.lanes) == (self.family.set, self.family.size, self.family.lanes);
        MicroKernels::at(FAMILIES.iter().position(is_narrower)?)
    }

    fn at(place: usize) -> Option<&'static MicroKernels> {
        static ALL: [OnceLock<Option<MicroKernels>>; FAMILIES.len()] = [const { OnceLock::new() }; FAMILIES.len()];
        let make = || {
            let family = &FAMILIES[place];
            let kernels = MicroKernels { family, codes: (0..READINGS.len() * family.rows * family.vectors).map(|_| OnceLock::new()).collect() };
            // Where there is memory for one there is for the others.
            (family.set.is_available() && kernels.code(Reading::Even, family.rows, family.vectors).is_some()).then_some(kernels)
        };
        ALL[place].get_or_init(make).as_ref()
    }

    /// The most rows of a tile, and the most elements of one of its rows.
    pub fn size(&self) -> [usize; 2] {
        [self.family.rows, self.family.vectors * self.family.lanes]
    }

    /// How long this processor takes to multiply and add vectors, in halves of a cycle each.
    pub fn halves_of_cycles(&self) -> usize {
        if self.family.set.splits_vectors() { (self.family.lanes * self.family.size).div_ceil(SHORT_VECTOR) } else { 1 }
    }

    /// How many elements a vector has.
    pub fn lanes(&self) -> usize {
        self.family.lanes
    }

    fn code(&self, reading: Reading, rows: usize, vectors: usize) -> Option<&Code> {
        let write = || self.family.assemble(reading, rows, vectors).and_then(|bytes| Code::alone(&bytes)).ok();
        let place = (reading as usize * self.family.rows + rows - 1) * self.family.vectors + vectors - 1;
        self.codes.get(place)?.get_or_init(write).as_ref()
    }

    /// Writes the kernel for tiles of so many rows and vectors that reads so.
    pub fn prepare_listed(&self, reading: Reading, rows: usize, vectors: usize) {
        self.code(reading, rows, vectors);
    }

    /// Writes the kernels for all tiles that so many rows of so many columns are cut into.
    pub fn prepare(&self, rows: usize, columns: usize) {
        let width = self.size()[1];
        for columns in [columns.min(width), columns % width].into_iter().filter(|&columns| columns > 0) {
            self.code(Reading::Even, rows, columns.div_ceil(self.family.lanes));
        }
    }

    /// Runs the kernel for tiles of so many rows and columns, at least one and at most [`MicroKernels::size`].
    ///
    /// Fails if the system gives no memory for its code.
    ///
    /// # Safety
    ///
    /// For all tiles, rows and steps the factors may be read, those of the right side in whole vectors, and the addend; the results may be
    /// written and overlap none of these, but may be the addend's very elements.
    pub unsafe fn run(&self, rows: usize, columns: usize, operands: &mut Operands) -> Result<(), Problem> {
        let vectors = self.cut(columns, operands);
        // SAFETY: the caller's.
        unsafe { self.run_whole(Reading::Even, rows, vectors, operands) }
    }

    /// The same, but of the right side only so many columns are read.
    ///
    /// # Safety
    ///
    /// As [`MicroKernels::run`], but factors of the right side need not fill whole vectors.
    pub unsafe fn run_cut(&self, rows: usize, columns: usize, operands: &mut Operands) -> Result<(), Problem> {
        let vectors = self.cut(columns, operands);
        let reading = if operands.is_cut == 0 { Reading::Even } else { Reading::Cut };
        // SAFETY: the caller's; what is cut is not read.
        unsafe { self.run_whole(reading, rows, vectors, operands) }
    }

    /// Masks what is too much of the last of the vectors that so many columns take, and counts these.
    fn cut(&self, columns: usize, operands: &mut Operands) -> usize {
        let vectors = columns.div_ceil(self.family.lanes);
        let last = columns - (vectors - 1) * self.family.lanes;
        operands.is_cut = u64::from(last < self.family.lanes);
        operands.mask = self.family.mask(last);
        vectors
    }

    /// Writes the kernel that [`MicroKernels::run_cut`] runs.
    pub fn prepare_cut(&self, rows: usize, columns: usize) {
        let reading = if columns.is_multiple_of(self.family.lanes) { Reading::Even } else { Reading::Cut };
        self.code(reading, rows, columns.div_ceil(self.family.lanes));
    }

    /// Runs the kernel that reads so for tiles of so many rows and whole vectors, at least one and at most those of [`MicroKernels::size`].
    ///
    /// Fails if the system gives no memory for its code.
    ///
    /// # Safety
    ///
    /// As [`MicroKernels::run`]; of the side that is listed the factors at all places may be read.
    pub unsafe fn run_whole(&self, reading: Reading, rows: usize, vectors: usize, operands: &mut Operands) -> Result<(), Problem> {
        let code = self.code(reading, rows, vectors).ok_or_else(|| {
            Problem::new(ErrorKind::Execution, "the system gives no memory for machine code").advise("take the portable engine: `engine=portable`")
        })?;
        // SAFETY: the caller's; the code is that of this convention.
        unsafe { code.call_with(operands) };
        Ok(())
    }
}

impl Default for Operands {
    fn default() -> Self {
        Operands {
            left: std::ptr::null(),
            left_row: 0,
            left_step: 0,
            right: std::ptr::null(),
            right_step: 0,
            depth: 1,
            out: std::ptr::null_mut(),
            out_row: 0,
            addend: std::ptr::null(),
            addend_row: 0,
            tiles: 0,
            next: [0; 4],
            places: std::ptr::null(),
            right_next: 0,
            out_next: 0,
            addend_next: 0,
            alpha: 0,
            beta: 0,
            is_cut: 0,
            mask: [0; 4],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_every_size_have_code_in_every_family() {
        for family in &FAMILIES {
            for (rows, vectors) in (1..=family.rows).flat_map(|rows| (1..=family.vectors).map(move |vectors| (rows, vectors))) {
                // The sums, the vectors of a step, and two factors.
                assert!(rows * vectors + vectors + 2 <= family.set.registers());
                for reading in READINGS {
                    let code = family.assemble(reading, rows, vectors).unwrap();
                    assert!(code.len() < 4096, "{rows} rows by {vectors} vectors take {} bytes", code.len());
                }
            }
        }
    }

    #[test]
    fn masks_keep_the_first_elements() {
        let mask = |set: InstructionSet, size: usize, kept: usize| {
            FAMILIES.iter().find(|family| (family.set, family.size) == (set, size)).unwrap().mask(kept)
        };
        assert_eq!(mask(InstructionSet::Avx2, 4, 3), [1 << 31 | 1 << 63, 1 << 31, 0, 0]);
        assert_eq!(mask(InstructionSet::Avx2, 8, 3), [1 << 63, 1 << 63, 1 << 63, 0]);
        assert_eq!(mask(InstructionSet::Avx512, 4, 16), [0xFFFF, 0, 0, 0]);
        assert_eq!(mask(InstructionSet::Avx512, 8, 5), [0b11111, 0, 0, 0]);
    }
}
