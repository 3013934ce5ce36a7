//! Raw strided views of memory: what the arena and the caller's arrays hand to kernels. Bounds are checked once, when a view is made.
//!
//! A [`Region`] is memory; a [`View`] is elements of it at regular distances, to read; a [`ViewMut`] the same, to write. Kernels
//! take views and are safe to call: whoever makes a view vouches, by calling an `unsafe` constructor, that nobody writes what
//! it reads and nobody touches what it writes. An output that replaces an input in place must be *identical* to it (same
//! region, lengths and strides), and only kernels that say so allow it: they read each element before they write it.

#![expect(unsafe_code, reason = "arrays overlap in an arena in ways that references cannot describe")]

use std::marker::PhantomData;

use damo_graph::{Element, ErrorKind, Problem};

use crate::region::{Region, reach};

/// Runs code that only moves elements on one type for all dtypes of a size: elements are bits then, and all bits are unsigned integers.
///
/// Complex numbers are their own: they are aligned like their parts.
macro_rules! with_bits {
    ($dtype:expr, $alias:ident => $body:expr) => {{
        let dtype = $dtype;
        match (dtype, dtype.size()) {
            (damo_graph::DType::C64, _) => with_bits!(@alias $alias = damo_graph::element::C64 => $body),
            (_, 1) => with_bits!(@alias $alias = u8 => $body),
            (_, 2) => with_bits!(@alias $alias = u16 => $body),
            (_, 4) => with_bits!(@alias $alias = u32 => $body),
            (_, 8) => with_bits!(@alias $alias = u64 => $body),
            _ => with_bits!(@alias $alias = damo_graph::element::C128 => $body),
        }
    }};
    (@alias $alias:ident = $element:ty => $body:expr) => {{
        type $alias = $element;
        $body
    }};
}
pub(crate) use with_bits;

/// Elements to read: `[lengths]` at `strides`.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T, const N: usize> {
    pointer: *const T,
    lengths: [usize; N],
    strides: [isize; N],
    life: PhantomData<&'a T>,
}

/// Elements to write: `[lengths]` at `strides`, no two of them the same.
#[derive(Debug)]
pub struct ViewMut<'a, T, const N: usize> {
    pointer: *mut T,
    lengths: [usize; N],
    strides: [isize; N],
    life: PhantomData<&'a mut T>,
}

// SAFETY: a view is a shared borrow of elements, which are `Sync`.
unsafe impl<T: Element, const N: usize> Send for View<'_, T, N> {}
// SAFETY: as above.
unsafe impl<T: Element, const N: usize> Sync for View<'_, T, N> {}
// SAFETY: a mutable view is a unique borrow of elements, which are `Send`.
unsafe impl<T: Element, const N: usize> Send for ViewMut<'_, T, N> {}
// SAFETY: what is shared is only where it is.
unsafe impl<T: Element, const N: usize> Sync for ViewMut<'_, T, N> {}

impl<'a, T: Element, const N: usize> View<'a, T, N> {
    /// The elements of a region that lengths and strides (in elements) reach from element `offset`.
    ///
    /// Fails if they are not all inside the region and aligned.
    ///
    /// # Safety
    ///
    /// While the view or a copy of it is in use nobody writes these elements, and they are valid values of `T`.
    pub unsafe fn new(region: Region<'a>, offset: isize, lengths: [usize; N], strides: [isize; N]) -> Result<Self, Problem> {
        region.check::<T>(offset, &lengths, &strides)?;
        Ok(View { pointer: region.base().cast::<T>().wrapping_offset(offset), lengths, strides, life: PhantomData })
    }

    /// The elements that lengths and strides (in elements) reach from the first.
    ///
    /// # Safety
    ///
    /// As [`View::new`]; and they are all inside memory that may be read, and aligned.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const unsafe fn unchecked(pointer: *const T, lengths: [usize; N], strides: [isize; N]) -> Self {
        View { pointer, lengths, strides, life: PhantomData }
    }

    /// The number of elements along each axis.
    pub const fn lengths(&self) -> [usize; N] {
        self.lengths
    }

    /// The distances between neighbours along each axis, in elements.
    pub const fn strides(&self) -> [isize; N] {
        self.strides
    }

    /// Where the first element is. Reading there is sound if no length is 0.
    pub(crate) const fn pointer(&self) -> *const T {
        self.pointer
    }
}

impl<'a, T: Element> View<'a, T, 1> {
    /// All elements of a slice.
    pub fn of(elements: &'a [T]) -> Self {
        View { pointer: elements.as_ptr(), lengths: [elements.len()], strides: [1], life: PhantomData }
    }

    /// The elements as a slice, if they are neighbours.
    pub fn as_slice(&self) -> Option<&'a [T]> {
        match self.lengths[0] {
            0 => Some(&[]),
            length if length == 1 || self.strides[0] == 1 => {
                // SAFETY: `length` neighbours are inside the region (checked in `new`), initialised, aligned and not written during `'a`.
                Some(unsafe { std::slice::from_raw_parts(self.pointer, length) })
            }
            _ => None,
        }
    }

    /// The elements from `start` to before `end`; cut where the view ends.
    #[must_use]
    pub fn range(self, start: usize, end: usize) -> Self {
        let end = end.min(self.lengths[0]);
        let start = start.min(end);
        let pointer = self.pointer.wrapping_offset(start as isize * self.strides[0]);
        View { pointer, lengths: [end - start], strides: self.strides, life: PhantomData }
    }

    /// The elements one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'a, T> {
        let (pointer, stride) = (self.pointer, self.strides[0]);
        (0..self.lengths[0]).map(move |place| {
            let place = pointer.wrapping_offset(place as isize * stride);
            // SAFETY: `new` checked that the region holds all places below the length; nobody writes them during `'a`.
            unsafe { place.read() }
        })
    }
}

impl<'a, T: Element> View<'a, T, 2> {
    /// The elements of a slice in row-major order; `None` if it is too short.
    pub fn rows_of(elements: &'a [T], rows: usize, columns: usize) -> Option<Self> {
        let (lengths, strides) = ([rows, columns], [columns as isize, 1]);
        (rows.checked_mul(columns)? <= elements.len()).then_some(View { pointer: elements.as_ptr(), lengths, strides, life: PhantomData })
    }

    /// The elements of a slice that lengths and strides reach from `offset`; `None` if it is too short.
    pub fn strided(elements: &'a [T], offset: usize, lengths: [usize; 2], strides: [isize; 2]) -> Option<Self> {
        let inside = reach(isize::try_from(offset).ok()?, &lengths, &strides).is_none_or(|(low, high)| low >= 0 && (high as usize) < elements.len());
        inside.then_some(View { pointer: elements.as_ptr().wrapping_add(offset), lengths, strides, life: PhantomData })
    }

    /// The same elements with the axes exchanged.
    #[must_use]
    pub const fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.lengths, self.strides);
        View { pointer: self.pointer, lengths: [columns, rows], strides: [right, down], life: PhantomData }
    }

    /// The same elements with an axis running the other way.
    #[must_use]
    pub fn reversed(self, axis: usize) -> Self {
        let (pointer, strides) = reversed(self.pointer, self.lengths, self.strides, axis);
        View { pointer, strides, ..self }
    }

    /// All elements, row after row, as one view; `None` if they do not step evenly.
    pub fn flat(&self) -> Option<View<'a, T, 1>> {
        let (lengths, strides) = flat(self.lengths, self.strides)?;
        Some(View { pointer: self.pointer, lengths, strides, life: PhantomData })
    }

    /// The rows, each a view.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = View<'a, T, 1>> + use<'a, T> {
        let ([rows, columns], [down, right], pointer) = (self.lengths, self.strides, self.pointer);
        (0..rows).map(move |row| View {
            pointer: pointer.wrapping_offset(row as isize * down),
            lengths: [columns],
            strides: [right],
            life: PhantomData,
        })
    }

    /// The rows from `start` to before `end`; cut where the view ends.
    #[must_use]
    pub fn part(self, start: usize, end: usize) -> Self {
        self.transposed().columns(start, end).transposed()
    }

    /// The columns from `start` to before `end`; cut where the view ends.
    #[must_use]
    pub fn columns(self, start: usize, end: usize) -> Self {
        let end = end.min(self.lengths[1]);
        let start = start.min(end);
        let pointer = self.pointer.wrapping_offset(start as isize * self.strides[1]);
        View { pointer, lengths: [self.lengths[0], end - start], strides: self.strides, life: PhantomData }
    }
}

impl<'a, T: Element, const N: usize> ViewMut<'a, T, N> {
    /// The elements of a region that lengths and strides (in elements) reach from element `offset`.
    ///
    /// Fails if they are not all inside the region and aligned, or if the region may not be written.
    ///
    /// # Safety
    ///
    /// While the view is in use nobody else reads or writes these elements, and no two indices reach the same element.
    pub unsafe fn new(region: Region<'a>, offset: isize, lengths: [usize; N], strides: [isize; N]) -> Result<Self, Problem> {
        region.check::<T>(offset, &lengths, &strides)?;
        if !region.is_writable() {
            return Err(Problem::new(ErrorKind::Execution, "a result was placed in memory that may only be read"));
        }
        Ok(ViewMut { pointer: region.base().cast::<T>().wrapping_offset(offset), lengths, strides, life: PhantomData })
    }

    /// The number of elements along each axis.
    pub const fn lengths(&self) -> [usize; N] {
        self.lengths
    }

    /// The distances between neighbours along each axis, in elements.
    pub const fn strides(&self) -> [isize; N] {
        self.strides
    }

    /// Where the first element is. Writing there is sound if no length is 0.
    pub(crate) const fn pointer(&mut self) -> *mut T {
        self.pointer
    }

    /// The part from `start` to before `end` along the first axis, cut where the view ends, for threads that share a result.
    ///
    /// # Safety
    ///
    /// While it is in use nobody uses these elements through this view or another part of it.
    pub(crate) unsafe fn part(&self, start: usize, end: usize) -> ViewMut<'_, T, N> {
        let (mut lengths, mut pointer) = (self.lengths, self.pointer);
        if let (Some(length), Some(&stride)) = (lengths.first_mut(), self.strides.first()) {
            let end = end.min(*length);
            let start = start.min(end);
            *length = end - start;
            pointer = pointer.wrapping_offset(start as isize * stride);
        }
        ViewMut { pointer, lengths, strides: self.strides, life: PhantomData }
    }

    /// The same view for a shorter time.
    pub const fn borrow(&mut self) -> ViewMut<'_, T, N> {
        ViewMut { pointer: self.pointer, lengths: self.lengths, strides: self.strides, life: PhantomData }
    }
}

impl<'a, T: Element> ViewMut<'a, T, 1> {
    /// All elements of a slice.
    pub fn of(elements: &'a mut [T]) -> Self {
        ViewMut { pointer: elements.as_mut_ptr(), lengths: [elements.len()], strides: [1], life: PhantomData }
    }

    /// The elements as a slice, if they are neighbours.
    pub fn as_mut_slice(&mut self) -> Option<&mut [T]> {
        match self.lengths[0] {
            0 => Some(&mut []),
            length if length == 1 || self.strides[0] == 1 => {
                // SAFETY: `length` neighbours are inside the region (checked in `new`), initialised, aligned, and this view's alone.
                Some(unsafe { std::slice::from_raw_parts_mut(self.pointer, length) })
            }
            _ => None,
        }
    }

    /// The same for as long as the view may be used.
    pub fn into_mut_slice(self) -> Option<&'a mut [T]> {
        match self.lengths[0] {
            0 => Some(&mut []),
            length if length == 1 || self.strides[0] == 1 => {
                // SAFETY: `length` neighbours are inside the region (checked in `new`), initialised, aligned, and this view's alone, which ends here.
                Some(unsafe { std::slice::from_raw_parts_mut(self.pointer, length) })
            }
            _ => None,
        }
    }

    /// Writes elements one after the other, until there are no more or no more room.
    pub fn write(&mut self, elements: impl IntoIterator<Item = T>) {
        for (place, element) in (0..self.lengths[0]).zip(elements) {
            let place = self.pointer.wrapping_offset(place as isize * self.strides[0]);
            // SAFETY: `new` checked that the region holds all places below the length; they are this view's alone.
            unsafe { place.write(element) }
        }
    }

    /// Replaces each element by what a function makes of it.
    pub fn change(&mut self, mut new: impl FnMut(T) -> T) {
        for place in 0..self.lengths[0] {
            let place = self.pointer.wrapping_offset(place as isize * self.strides[0]);
            // SAFETY: `new` checked that the region holds all places below the length; they are this view's alone and initialised.
            let old = unsafe { place.read() };
            // SAFETY: as above.
            unsafe { place.write(new(old)) }
        }
    }

    /// The elements from `start` to before `end`; cut where the view ends.
    pub fn range(&mut self, start: usize, end: usize) -> ViewMut<'_, T, 1> {
        let end = end.min(self.lengths[0]);
        let start = start.min(end);
        let pointer = self.pointer.wrapping_offset(start as isize * self.strides[0]);
        ViewMut { pointer, lengths: [end - start], strides: self.strides, life: PhantomData }
    }
}

impl<'a, T: Element> ViewMut<'a, T, 2> {
    /// The elements of a slice in row-major order; `None` if it is too short.
    pub fn rows_of(elements: &'a mut [T], rows: usize, columns: usize) -> Option<Self> {
        let (lengths, strides) = ([rows, columns], [columns as isize, 1]);
        (rows.checked_mul(columns)? <= elements.len()).then_some(ViewMut { pointer: elements.as_mut_ptr(), lengths, strides, life: PhantomData })
    }

    /// The same elements with the axes exchanged.
    #[must_use]
    pub const fn transposed(self) -> Self {
        let ([rows, columns], [down, right]) = (self.lengths, self.strides);
        ViewMut { pointer: self.pointer, lengths: [columns, rows], strides: [right, down], life: PhantomData }
    }

    /// The same elements with an axis running the other way.
    #[must_use]
    pub fn reversed(self, axis: usize) -> Self {
        let (pointer, strides) = reversed(self.pointer, self.lengths, self.strides, axis);
        ViewMut { pointer: pointer.cast_mut(), strides, ..self }
    }

    /// All elements, row after row, as one view; `None` if they do not step evenly.
    pub fn flat(&mut self) -> Option<ViewMut<'_, T, 1>> {
        let (lengths, strides) = flat(self.lengths, self.strides)?;
        Some(ViewMut { pointer: self.pointer, lengths, strides, life: PhantomData })
    }

    /// The first row, empty if there is none.
    pub fn first_row(&mut self) -> ViewMut<'_, T, 1> {
        let ([rows, columns], [_, right]) = (self.lengths, self.strides);
        ViewMut { pointer: self.pointer, lengths: [if rows == 0 { 0 } else { columns }], strides: [right], life: PhantomData }
    }

    /// The first column, empty if there is none.
    pub fn first_column(&mut self) -> ViewMut<'_, T, 1> {
        let ([rows, columns], [down, _]) = (self.lengths, self.strides);
        ViewMut { pointer: self.pointer, lengths: [if columns == 0 { 0 } else { rows }], strides: [down], life: PhantomData }
    }

    /// The rows, each a view.
    pub fn rows_mut(&mut self) -> impl ExactSizeIterator<Item = ViewMut<'_, T, 1>> {
        let ([rows, columns], [down, right], pointer) = (self.lengths, self.strides, self.pointer);
        (0..rows).map(move |row| ViewMut {
            pointer: pointer.wrapping_offset(row as isize * down),
            lengths: [columns],
            strides: [right],
            life: PhantomData,
        })
    }
}

/// Where the same elements begin, and how they step, with an axis running the other way. Without elements nothing changes.
fn reversed<T>(pointer: *const T, lengths: [usize; 2], mut strides: [isize; 2], axis: usize) -> (*const T, [isize; 2]) {
    if axis > 1 || lengths.contains(&0) {
        return (pointer, strides);
    }
    let last = (lengths[axis] - 1) as isize * strides[axis];
    strides[axis] = -strides[axis];
    (pointer.wrapping_offset(last), strides)
}

/// Two axes as one, where the rows follow each other in the steps of a row.
fn flat([rows, columns]: [usize; 2], [down, right]: [isize; 2]) -> Option<([usize; 1], [isize; 1])> {
    let even = rows <= 1 || right.checked_mul(isize::try_from(columns).ok()?) == Some(down);
    even.then_some(([rows.checked_mul(columns)?], [right]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_stay_inside_their_region() {
        let numbers: Vec<f32> = (0..12).map(|k| k as f32).collect();
        let region = Region::reading(&numbers);
        // SAFETY: nobody writes the numbers.
        let view = |offset, lengths, strides| unsafe { View::<f32, 2>::new(region, offset, lengths, strides) };
        let backwards = view(11, [3, 4], [-4, -1]).unwrap();
        assert_eq!(backwards.rows().map(|row| row.iter().next().unwrap()).collect::<Vec<_>>(), [11.0, 7.0, 3.0]);
        assert_eq!(backwards.transposed().rows().len(), 4);
        assert_eq!(backwards.flat().unwrap().iter().collect::<Vec<_>>(), numbers.iter().rev().copied().collect::<Vec<_>>());
        assert!(backwards.transposed().flat().is_none() && view(0, [3, 2], [4, 2]).unwrap().flat().is_some());
        assert!(view(0, [3, 5], [4, 1]).is_err());
        assert!(view(2, [3, 4], [-4, 1]).is_err());
        assert!(view(99, [0, 4], [4, 1]).is_ok());
        assert!(view(0, [usize::MAX, 2], [isize::MAX, 1]).is_err());
    }

    #[test]
    fn what_is_read_only_cannot_be_written() {
        let numbers = [1.0f64; 3];
        // SAFETY: nobody else touches the numbers.
        assert!(unsafe { ViewMut::<f64, 1>::new(Region::reading(&numbers), 0, [3], [1]) }.is_err());
    }

    #[test]
    fn misaligned_memory_is_refused() {
        let bytes = [0u8; 64];
        let odd = Region::reading(&bytes).part(usize::from(bytes.as_ptr().addr().is_multiple_of(2)), 32).unwrap();
        // SAFETY: nobody writes the bytes.
        assert!(unsafe { View::<f32, 1>::new(odd, 0, [4], [1]) }.is_err());
        assert!(odd.part(30, 3).is_none());
    }

    #[test]
    fn overlap_is_by_bytes() {
        let numbers = [0u16; 8];
        let region = Region::reading(&numbers);
        let backwards = ndarray::arr1(&[1.0f32, 2.0, 3.0]);
        let backwards = backwards.slice(ndarray::s![..;-1]).into_dyn();
        let (low, high) = (Region::of_array(&backwards), Region::reading(&[0.0f32; 1]));
        assert!(low.overlaps(low) && !low.overlaps(high) && low.holds((4, 4), 0, &[3], &[-1]) && !low.holds((4, 4), 0, &[2], &[1]));
        let (left, right) = (region.part(0, 8).unwrap(), region.part(8, 8).unwrap());
        assert!(region.overlaps(left) && !left.overlaps(right) && left.overlaps(region.part(6, 4).unwrap()));
    }
}
