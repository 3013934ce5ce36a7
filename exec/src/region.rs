//! Memory as plans hand it to kernels: a base, and how far it reaches.

#![expect(unsafe_code, reason = "regions are sent to threads, and are made of raw parts")]

use std::marker::PhantomData;

use damo_graph::{Element, ErrorKind, Problem};

/// Memory that kernels may read, and write if it says so. It may overlap others. Elements are counted from its base, which need not be its
/// lowest address: that of an array that runs backwards is not.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    base: *mut u8,
    /// Bytes below the base.
    before: usize,
    /// Bytes from the base up.
    after: usize,
    access: Access,
    life: PhantomData<&'a u8>,
}

/// What may be done with memory. It fills a word, so that regions have no gaps: they are copied often, and in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Access {
    Read,
    Write,
}

impl Access {
    const fn of(writable: bool) -> Access {
        if writable { Access::Write } else { Access::Read }
    }
}

// SAFETY: a region is only an address and lengths; memory is touched through views, whose makers vouch for the absence of races.
unsafe impl Send for Region<'_> {}
// SAFETY: as above.
unsafe impl Sync for Region<'_> {}

impl<'a> Region<'a> {
    /// The memory of a slice, to read.
    pub const fn reading<T: Element>(elements: &'a [T]) -> Self {
        Region { base: elements.as_ptr().cast_mut().cast(), before: 0, after: size_of_val(elements), access: Access::Read, life: PhantomData }
    }

    /// The memory of a slice, to write and read.
    pub const fn writing<T: Element>(elements: &'a mut [T]) -> Self {
        Region { base: elements.as_mut_ptr().cast(), before: 0, after: size_of_val(elements), access: Access::Write, life: PhantomData }
    }

    /// The memory that an array's elements span, to read; its base is element `[0, 0, ..]`.
    pub fn of_array<T: Element>(array: &ndarray::ArrayViewD<'a, T>) -> Self {
        Region::reaching(array.as_ptr().cast_mut().cast(), size_of::<T>(), array.shape(), array.strides())
    }

    /// As long as memory that lengths and strides reach, in elements of `size` bytes, and as well aligned as any: nobody may look there.
    pub(crate) fn promised(size: usize, shape: &[usize], strides: &[isize], writable: bool) -> Self {
        Region { access: Access::of(writable), ..Region::reaching(std::ptr::without_provenance_mut(1 << 12), size, shape, strides) }
    }

    /// The memory that lengths and strides reach from `base`, in elements of `size` bytes, to read.
    fn reaching(base: *mut u8, size: usize, shape: &[usize], strides: &[isize]) -> Self {
        let (low, high) = reach(0, shape, strides).unwrap_or((0, -1));
        let (before, after) = (low.unsigned_abs() * size, (high + 1).unsigned_abs() * size);
        Region { base, before, after, access: Access::Read, life: PhantomData }
    }

    /// Memory around an address: `before` bytes below `base` and `after` bytes from there.
    ///
    /// # Safety
    ///
    /// All these bytes must be one allocation, stay allocated and initialised for `'a`, and be writable through `base` if `writable` says so.
    pub const unsafe fn from_raw(base: *mut u8, before: usize, after: usize, writable: bool) -> Self {
        Region { base, before, after, access: Access::of(writable), life: PhantomData }
    }

    /// A part of it, `bytes` long from `start` bytes after the base; `None` if it is not inside.
    #[must_use]
    pub fn part(self, start: usize, bytes: usize) -> Option<Self> {
        (start.checked_add(bytes)? <= self.after).then(|| Region { base: self.base.wrapping_add(start), before: 0, after: bytes, ..self })
    }

    /// The same memory with its base so many bytes on; `None` if that is not inside.
    #[must_use]
    pub fn moved(self, bytes: isize) -> Option<Self> {
        let (before, after) = (self.before.checked_add_signed(bytes)?, self.after.checked_add_signed(bytes.checked_neg()?)?);
        Some(Region { base: self.base.wrapping_offset(bytes), before, after, ..self })
    }

    /// Whether it may be written.
    pub const fn is_writable(self) -> bool {
        matches!(self.access, Access::Write)
    }

    /// Its base.
    pub(crate) const fn base(self) -> *mut u8 {
        self.base
    }

    /// Whether the two share a byte.
    pub fn overlaps(self, other: Region<'_>) -> bool {
        let span = |region: Region<'_>| (region.base.addr().saturating_sub(region.before), region.base.addr().saturating_add(region.after));
        let ((low, high), (other_low, other_high)) = (span(self), span(other));
        low.max(other_low) < high.min(other_high)
    }

    /// Whether every element that lengths and strides reach from `offset` (all in elements of `size` bytes) is inside, and aligned to `align`.
    pub(crate) fn holds(self, (size, align): (usize, usize), offset: isize, lengths: &[usize], strides: &[isize]) -> bool {
        let Some((low, high)) = reach(offset, lengths, strides) else { return true };
        let bytes = |elements: usize| elements.checked_mul(size);
        let below = if low < 0 { bytes(low.unsigned_abs()) } else { Some(0) };
        let above = if high < 0 { Some(0) } else { high.unsigned_abs().checked_add(1).and_then(bytes) };
        below.is_some_and(|below| below <= self.before) && above.is_some_and(|above| above <= self.after) && self.base.addr().is_multiple_of(align)
    }

    /// Fails if [`Region::holds`] does not.
    pub(crate) fn check<T>(self, offset: isize, lengths: &[usize], strides: &[isize]) -> Result<(), Problem> {
        if self.holds((size_of::<T>(), align_of::<T>()), offset, lengths, strides) { Ok(()) } else { Err(self.outside(offset, lengths, strides)) }
    }

    /// The problem that not all these elements are inside.
    pub(crate) fn outside(self, offset: isize, lengths: &[usize], strides: &[isize]) -> Problem {
        let message = format!(
            "elements {offset} + {lengths:?} × {strides:?} are not aligned or not inside their memory of {} + {} bytes",
            self.before, self.after
        );
        Problem::new(ErrorKind::Execution, message)
    }
}

/// The lowest and highest offset that lengths and strides reach from `offset`; `None` if they reach nothing.
///
/// An overflow gives an interval that no region holds.
pub(crate) fn reach(offset: isize, lengths: &[usize], strides: &[isize]) -> Option<(isize, isize)> {
    if lengths.contains(&0) {
        return None;
    }
    let (mut low, mut high) = (offset, offset);
    for (&length, &stride) in lengths.iter().zip(strides) {
        let Some(span) = isize::try_from(length - 1).ok().and_then(|steps| steps.checked_mul(stride)) else { return Some((isize::MIN, isize::MAX)) };
        let (Some(new_low), Some(new_high)) = (low.checked_add(span.min(0)), high.checked_add(span.max(0))) else {
            return Some((isize::MIN, isize::MAX));
        };
        (low, high) = (new_low, new_high);
    }
    Some((low, high))
}
