//! The accumulators of reductions in memory: of whole rows, or one per column.

#![expect(unsafe_code, reason = "accumulators are written by machine code")]
#![expect(clippy::cast_ptr_alignment, reason = "accumulators begin at a multiple of a vector")]

use super::reduction::{Reducer, State};

/// A reduction of a kernel.
#[derive(Clone, Debug)]
pub(super) struct Reduction {
    pub reducer: Reducer,
    /// The first of its accumulators, and how many there are.
    pub first: usize,
    pub count: usize,
    /// How many words their lanes are: not all of a vector is used where short lanes stand beside long ones.
    pub lane_words: usize,
    /// Of how many elements a result is.
    pub elements: f64,
    /// Its access, and the bytes of an element there.
    pub access: usize,
    pub size: usize,
}

/// Where the columns of a reduction's accumulators begin, in bytes.
pub(super) fn columns_start(reduction: &Reduction, columns: usize) -> usize {
    // A vector of accumulators per four columns at most.
    reduction.first * columns * 8
}

/// Bytes of a lane of accumulators.
pub(super) const fn lane_bytes(reducer: &Reducer) -> usize {
    reducer.width as usize * 4 + 4
}

/// Fills the accumulators of columns with nothing.
///
/// # Safety
///
/// There is room for so many columns, and it is the caller's own.
pub(super) unsafe fn clear_columns(accumulators: *mut u8, reduction: &Reduction, columns: usize) {
    for word in 0..reduction.reducer.words {
        let bits = reduction.reducer.nothing()[word];
        let bits = if lane_bytes(&reduction.reducer) == 4 { bits << 32 | bits } else { bits };
        let start = accumulators.wrapping_add(columns_start(reduction, columns) + word * columns * 8);
        // SAFETY: the caller's; lines of accumulators are aligned.
        unsafe { std::slice::from_raw_parts_mut(start.cast::<u64>(), columns) }.fill(bits);
    }
}

/// The state of a column.
///
/// # Safety
///
/// The code has written it.
pub(super) unsafe fn column_state(accumulators: *const u8, reduction: &Reduction, columns: usize, column: usize) -> State {
    let mut state = [0; 2];
    for (word, state) in state.iter_mut().enumerate().take(reduction.reducer.words) {
        // SAFETY: the caller's.
        *state = unsafe { lane(accumulators.wrapping_add(columns_start(reduction, columns) + word * columns * 8), reduction, column) };
    }
    state
}

/// The state of a row, which has so many vectors of so many bytes: all lanes of its accumulators, combined half by half.
///
/// # Safety
///
/// The code has written it.
pub(super) unsafe fn row_state(accumulators: *const u8, reduction: &Reduction, (vectors, bytes): (usize, usize), row: usize) -> State {
    let start = accumulators.wrapping_add((row * vectors + reduction.first) * bytes);
    // SAFETY: the caller's; vectors of accumulators are aligned.
    (reduction.reducer.fold)(unsafe { std::slice::from_raw_parts(start.cast::<u64>(), reduction.lane_words) })
}

/// The bits of a lane.
///
/// # Safety
///
/// It may be read.
pub(super) unsafe fn lane(start: *const u8, reduction: &Reduction, place: usize) -> u64 {
    if lane_bytes(&reduction.reducer) == 8 {
        // SAFETY: the caller's.
        unsafe { start.cast::<u64>().wrapping_add(place).read() }
    } else {
        // SAFETY: the caller's.
        u64::from(unsafe { start.cast::<u32>().wrapping_add(place).read() })
    }
}
