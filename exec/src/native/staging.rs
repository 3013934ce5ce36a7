//! Operands that are copied, a part at a time, to where code reads them as neighbours: those that lie across the rows that are computed, and
//! those that rows of few elements share or spread.
//!
//! A part is small enough to stay in the nearest cache until it is read, so that a transpose costs its shuffles, and short rows cost as much
//! as long ones.

#![expect(unsafe_code, reason = "operands lie where their kernel says")]
#![expect(clippy::inline_always, reason = "loops become vector code where they are inlined into code for an instruction set")]

use bytemuck::Pod;
use damo_graph::Element;
use pulp::{Arch, NullaryFnOnce};
use smallvec::SmallVec;

use crate::layout::Strides;
use crate::library::matmul::pack::pack;
use crate::nest::Nest;
use crate::portable::axes::{Axes, Axis};
use crate::view::View;

/// Rows of fewer elements than that are short.
const SHORT: usize = 8;

/// Copies are worth it from so many elements on, and in rows of so many.
const WORTH_IT: usize = 256;
const LONG: usize = 16;

/// A part is about so many elements.
const PART: usize = 4096;

/// The line of a cache, in bytes, and so many lines of each column are copied at once: the processor reads ahead in them.
const LINE: usize = 64;
const LINES: usize = 4;

/// The copies of a kernel.
#[derive(Clone, Debug)]
pub(super) struct Staging {
    pub operands: SmallVec<[Staged; 2]>,
    /// A part: rows, and elements of each.
    rows: usize,
    columns: usize,
}

/// An operand that is copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staged {
    /// Its access.
    pub access: usize,
    way: Way,
    /// Bytes of an element.
    size: usize,
    /// Where the copy begins in a worker's room.
    start: usize,
}

/// How an operand lies.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Neighbours belong to one row after the other; in a row elements are so far apart.
    Across(isize),
    /// Short rows, so many elements each, which are read as one long row: from row to row, and from element to element.
    Short { length: usize, steps: [isize; 2] },
}

impl Staging {
    /// What is worth copying for a nest that reduces nothing and counts nothing. Its loops become those of the code.
    pub fn of(nest: &Nest, axes: &mut Axes) -> Option<Staging> {
        if axes.count() < WORTH_IT || !nest.reductions.is_empty() || axes.strides.len() != nest.operands.len() + nest.stores.len() {
            return None;
        }
        joined(nest, axes).or_else(|| turned(nest, axes))
    }

    fn new(nest: &Nest, ways: &[(usize, Way)], rows: usize, columns: usize) -> Staging {
        let mut start = 0;
        let operands = ways.iter().map(|&(access, way)| {
            let size = nest.operands[access].dtype.size();
            let staged = Staged { access, way, size, start };
            start += (rows * columns * size).next_multiple_of(LINE);
            staged
        });
        Staging { operands: operands.collect(), rows, columns }
    }

    /// How many bytes of room a worker needs.
    pub fn bytes(&self) -> usize {
        self.operands.iter().map(|staged| (self.rows * self.columns * staged.size).next_multiple_of(LINE)).sum()
    }

    /// The rows of a part, and the elements of each.
    pub const fn part(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// The copy of an operand, if there is one: bytes from one of its rows to the next.
    pub fn row_of(&self, access: usize) -> Option<isize> {
        let staged = self.operands.iter().find(|staged| staged.access == access)?;
        Some(if matches!(staged.way, Way::Across(_)) { (self.columns * staged.size) as isize } else { 0 })
    }

    /// The loops over what an access reads, if they are more than those of the code.
    pub fn loops(&self, access: usize, lengths: &[usize], strides: &[isize]) -> Option<(SmallVec<[usize; 8]>, Strides)> {
        let staged = self.operands.iter().find(|staged| staged.access == access)?;
        let (Way::Short { length, steps }, (inner, outer)) = (staged.way, lengths.split_last()?) else { return None };
        let lengths = outer.iter().copied().chain([inner / length, length]).collect();
        Some((lengths, strides[..outer.len()].iter().copied().chain(steps).collect()))
    }

    /// Copies what a part reads, and tells the code to read that.
    ///
    /// # Safety
    ///
    /// The slots say where the accesses begin in the first of these rows, and short rows at their first element; all of these elements may be
    /// read, and the room is the caller's own.
    pub unsafe fn copy(&self, slots: &mut [*mut u8], rows: usize, columns: std::ops::Range<usize>, room: *mut u8) {
        for staged in &self.operands {
            let panel = room.wrapping_add(staged.start);
            let slot = &mut slots[staged.access];
            let part = Part { from: *slot, rows, columns: columns.clone(), width: self.columns, panel };
            match staged.size {
                // SAFETY: the caller's.
                1 => unsafe { part.copy::<u8>(staged.way) },
                // SAFETY: the caller's.
                4 => unsafe { part.copy::<u32>(staged.way) },
                // SAFETY: the caller's.
                _ => unsafe { part.copy::<u64>(staged.way) },
            }
            *slot = panel;
        }
    }
}

/// The loops, of which two of one long row each become one, if what is stored has no gaps between short rows.
fn joined(nest: &Nest, axes: &mut Axes) -> Option<Staging> {
    let rank = axes.axes.len();
    let (operands, stores) = axes.strides.split_at(nest.operands.len());
    let find =
        |step: usize, fits: &dyn Fn(usize) -> bool| (0..rank).find(|&axis| fits(axis) && stores.iter().all(|strides| strides[axis] == step as isize));
    let short = find(1, &|axis| (2..SHORT).contains(&axes.axes[axis].length))?;
    let length = axes.axes[short].length;
    let long = find(length, &|axis| axis != short)?;
    let whole = length * axes.axes[long].length;
    if whole < WORTH_IT {
        return None;
    }
    let steps_of = |strides: &[isize]| [strides[long], strides[short]];
    let apart = |steps: [isize; 2]| steps[0] != steps[1] * length as isize;
    let ways = operands.iter().enumerate().map(|(access, strides)| (access, steps_of(strides))).filter(|&(_, steps)| apart(steps));
    let ways: SmallVec<[(usize, Way); 4]> = ways.map(|(access, steps)| (access, Way::Short { length, steps })).collect();
    let outer: SmallVec<[usize; 4]> = (0..rank).filter(|&axis| axis != short && axis != long).collect();
    let strides = axes.strides.iter().map(|strides| {
        // What is copied is addressed by its own steps.
        let step = if apart(steps_of(strides)) { 0 } else { strides[short] };
        outer.iter().map(|&axis| strides[axis]).chain([step]).collect()
    });
    let strides = strides.collect();
    *axes = Axes { axes: outer.iter().map(|&axis| axes.axes[axis]).chain([Axis { length: whole, reduced: false }]).collect(), strides };
    let unit = LINE * length;
    Some(Staging::new(nest, &ways, 1, PART / 2 / unit * unit))
}

/// The loops, of which the one along neighbours of operands that lie across is the last but one.
fn turned(nest: &Nest, axes: &mut Axes) -> Option<Staging> {
    let inner = axes.axes.len().checked_sub(1)?;
    if axes.axes[inner].length < LONG {
        return None;
    }
    let beside = |access: usize| {
        let strides = &axes.strides[access];
        // Truth values, elements that stay, neighbours, those that run backwards and every second are read well as they are.
        let is_read_well = nest.operands[access].dtype.size() < 4 || matches!(strides[inner], -1..=2);
        if is_read_well { None } else { (0..inner).find(|&axis| strides[axis] == 1) }
    };
    let down = (0..nest.operands.len()).find_map(beside)?;
    let all = (0..nest.operands.len()).filter(|&access| beside(access) == Some(down));
    let ways: SmallVec<[(usize, Way); 4]> = all.map(|access| (access, Way::Across(axes.strides[access][inner]))).collect();
    let widest = ways.iter().map(|&(access, _)| nest.operands[access].dtype.size()).max()?;
    let rows = (LINES * LINE / widest).min(axes.axes[down].length);
    let order: SmallVec<[usize; 4]> = (0..inner).filter(|&axis| axis != down).chain([down, inner]).collect();
    axes.arrange(&order);
    Some(Staging::new(nest, &ways, rows, (PART / rows).next_multiple_of(LINE)))
}

/// A part that is about to be copied: from where, which rows and elements of each, and the panel with rows of so many elements.
struct Part {
    from: *const u8,
    rows: usize,
    columns: std::ops::Range<usize>,
    width: usize,
    panel: *mut u8,
}

impl Part {
    /// # Safety
    ///
    /// As [`Staging::copy`].
    unsafe fn copy<T: Element + Pod>(&self, way: Way) {
        let (from, count) = (self.from.cast::<T>(), self.columns.len());
        // SAFETY: the room is the caller's, long enough for whole rows, and aligned to lines.
        let panel = unsafe { std::slice::from_raw_parts_mut(self.panel.cast::<T>(), self.rows * self.width) };
        match way {
            Way::Across(step) => {
                if step.unsigned_abs() * size_of::<T>() >= LINE {
                    // No processor foresees which column is next.
                    for column in 0..count {
                        let start = from.wrapping_offset(column as isize * step);
                        (0..self.rows).step_by(LINE / size_of::<T>()).for_each(|row| prefetch(start.wrapping_add(row)));
                    }
                }
                // SAFETY: the caller's.
                let view = unsafe { View::<T, 2>::unchecked(from, [self.rows, count], [1, step]) };
                pack(view, self.width, panel);
            }
            Way::Short { length, steps: [down, right] } => {
                // A part begins with a short row, and ends with one.
                let from = from.wrapping_offset((self.columns.start / length) as isize * down);
                // SAFETY: the caller's.
                let view = unsafe { View::<T, 2>::unchecked(from, [count / length, length], [down, right]) };
                spread(view, &mut panel[..count]);
            }
        }
    }
}

/// Asks for the line of a cache that holds an address.
fn prefetch<T>(address: *const T) {
    // SAFETY: it reads nothing, wherever that is.
    unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast()) };
}

/// Writes short rows one behind the other.
fn spread<T: Element + Pod>(rows: View<'_, T, 2>, to: &mut [T]) {
    let [_, length] = rows.lengths();
    if rows.strides()[0] == 0 {
        let Some(row) = rows.rows().next() else { return };
        to.iter_mut().zip(row.iter()).for_each(|(to, element)| *to = element);
        let mut done = length;
        while done < to.len() {
            let more = done.min(to.len() - done);
            to.copy_within(..more, done);
            done += more;
        }
        return;
    }
    Arch::new().dispatch(SideBySide { rows, to });
}

/// Columns about to be written side by side.
struct SideBySide<'a, T> {
    rows: View<'a, T, 2>,
    to: &'a mut [T],
}

impl<T: Element + Pod> NullaryFnOnce for SideBySide<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let SideBySide { rows, to } = self;
        match rows.lengths()[1] {
            2 => side_by_side::<T, 2>(rows, to),
            3 => side_by_side::<T, 3>(rows, to),
            4 => side_by_side::<T, 4>(rows, to),
            5 => side_by_side::<T, 5>(rows, to),
            6 => side_by_side::<T, 6>(rows, to),
            _ => side_by_side::<T, 7>(rows, to),
        }
    }
}

/// Writes an element of each column, again and again.
#[inline(always)]
fn side_by_side<T: Element + Pod, const N: usize>(rows: View<'_, T, 2>, to: &mut [T]) {
    let (rows_of_to, _) = to.as_chunks_mut::<N>();
    let count = rows_of_to.len();
    let mut columns = rows.transposed().rows();
    let slices: [&[T]; N] = std::array::from_fn(|_| columns.next().and_then(|column| column.as_slice()?.get(..count)).unwrap_or_default());
    if slices.iter().all(|column| column.len() == count) {
        for (place, row) in rows_of_to.iter_mut().enumerate() {
            *row = std::array::from_fn(|column| slices[column][place]);
        }
        return;
    }
    for (place, column) in rows.transposed().rows().enumerate() {
        rows_of_to.iter_mut().zip(column.iter()).for_each(|(row, element)| row[place] = element);
    }
}
