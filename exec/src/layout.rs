//! Where the elements of a view lie in a buffer: lengths, strides and an offset, all counted in elements.

use std::fmt;

use smallvec::SmallVec;

/// Lengths of axes, outermost first.
pub type Shape = SmallVec<[usize; 4]>;

/// Steps from one element to the next along each axis, in elements; negative where the axis runs backwards, 0 where it is stretched.
pub type Strides = SmallVec<[isize; 4]>;

/// A regular range of one axis: element `i` of the result is element `start + i * step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// The first element.
    pub start: isize,
    /// From one element to the next; may be negative, never 0.
    pub step: isize,
    /// How many elements.
    pub length: usize,
}

/// A view of a buffer: element `[i, j, ..]` lies at `offset + i * strides[0] + j * strides[1] + ..`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The length of each axis.
    pub shape: Shape,
    /// The step along each axis.
    pub strides: Strides,
    /// Where the first element lies, counted from the buffer's base.
    pub offset: isize,
}

impl Layout {
    /// The layout of an array in row-major order that fills its buffer.
    pub fn contiguous(shape: &[usize]) -> Self {
        Layout { strides: row_major(shape), shape: shape.into(), offset: 0 }
    }

    /// How many axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// How many elements.
    pub fn count(&self) -> usize {
        self.shape.iter().fold(1, |count, &length| count.saturating_mul(length))
    }

    /// Whether the elements lie one after another in row-major order (from any offset). Axes of length 1 may have any stride.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (&length, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if length == 0 {
                return true;
            }
            if length != 1 && stride != expected {
                return false;
            }
            expected *= length as isize;
        }
        true
    }

    /// Axes in another order: axis `k` of the result is axis `order[k]`.
    #[must_use]
    pub fn transposed(&self, order: &[usize]) -> Self {
        Layout {
            shape: order.iter().map(|&axis| self.shape[axis]).collect(),
            strides: order.iter().map(|&axis| self.strides[axis]).collect(),
            offset: self.offset,
        }
    }

    /// With a new axis of length 1 before that axis.
    #[must_use]
    pub fn with_axis(&self, axis: usize) -> Self {
        let mut layout = self.clone();
        layout.shape.insert(axis, 1);
        layout.strides.insert(axis, 0);
        layout
    }

    /// Without that axis, at its first element.
    #[must_use]
    pub fn without_axis(&self, axis: usize) -> Self {
        let mut layout = self.clone();
        layout.shape.remove(axis);
        layout.strides.remove(axis);
        layout
    }

    /// Stretched to a shape, aligned at the last axis: axes of length 1 and new axes get stride 0.
    ///
    /// `None` if an axis has another length than 1 and than it should get.
    pub fn broadcast(&self, to: &[usize]) -> Option<Self> {
        let extra = to.len().checked_sub(self.rank())?;
        let mut strides: Strides = SmallVec::from_elem(0, to.len());
        for (axis, (&length, &stride)) in self.shape.iter().zip(&self.strides).enumerate() {
            if length == to[extra + axis] {
                strides[extra + axis] = if length == 1 { 0 } else { stride };
            } else if length != 1 {
                return None;
            }
        }
        Some(Layout { shape: to.into(), strides, offset: self.offset })
    }

    /// A regular range along each axis; `None` if a range leaves its axis.
    pub fn sliced(&self, extents: &[Extent]) -> Option<Self> {
        let mut layout = self.clone();
        for (axis, extent) in extents.iter().enumerate() {
            layout.shape[axis] = extent.length;
            if extent.length == 0 {
                continue;
            }
            let last = extent.start + (extent.length as isize - 1) * extent.step;
            let inside = 0..self.shape[axis] as isize;
            if !inside.contains(&extent.start) || !inside.contains(&last) {
                return None;
            }
            layout.offset += extent.start * self.strides[axis];
            layout.strides[axis] = extent.step * self.strides[axis];
        }
        Some(layout)
    }

    /// The same elements in row-major order under other lengths; `None` where no strides can say it.
    pub fn reshaped(&self, to: &[usize]) -> Option<Self> {
        if to.iter().product::<usize>() != self.count() {
            return None;
        }
        if self.count() == 0 {
            return Some(Layout { offset: self.offset, ..Layout::contiguous(to) });
        }
        // Runs of axes that together step evenly, innermost first: how many elements, and the step between them.
        let mut runs: SmallVec<[(usize, isize); 4]> = SmallVec::new();
        for (&length, &stride) in self.shape.iter().zip(&self.strides).rev().filter(|(length, _)| **length != 1) {
            match runs.last_mut() {
                Some((count, step)) if *step * *count as isize == stride => *count *= length,
                _ => runs.push((length, stride)),
            }
        }
        // Each new axis takes its length off the innermost run that is not used up.
        let mut strides: Strides = SmallVec::from_elem(0, to.len());
        let mut runs = runs.into_iter();
        let (mut left, mut step) = runs.next().unwrap_or((1, 0));
        for (axis, &length) in to.iter().enumerate().rev().filter(|(_, length)| **length != 1) {
            if left == 1 {
                (left, step) = runs.next()?;
            }
            if left % length != 0 {
                return None;
            }
            strides[axis] = step;
            left /= length;
            step *= length as isize;
        }
        Some(Layout { shape: to.into(), strides, offset: self.offset })
    }

    /// The length and the step of the last axis; of an array without axes 1 and 0.
    pub fn line(&self) -> (usize, isize) {
        (self.shape.last().copied().unwrap_or(1), self.strides.last().copied().unwrap_or(0))
    }

    /// Where the first element of each run along the last axis lies, in row-major order.
    pub fn lines(&self) -> impl Iterator<Item = isize> + use<> {
        let outer = self.rank().saturating_sub(1);
        let starts = Layout { shape: self.shape[..outer].into(), strides: self.strides[..outer].into(), offset: self.offset };
        let count = if self.count() == 0 { 0 } else { starts.count() };
        (0..count).map(move |line| starts.place(line))
    }

    /// Where the element lies that has this number in row-major order; it must have as many.
    pub fn place(&self, number: usize) -> isize {
        let mut rest = number;
        self.shape.iter().zip(&self.strides).rev().fold(self.offset, |place, (&length, &stride)| {
            let index = rest % length.max(1);
            rest /= length.max(1);
            place + index as isize * stride
        })
    }

    /// The lowest and the highest element it touches; `None` if it is empty.
    pub fn bounds(&self) -> Option<(isize, isize)> {
        if self.count() == 0 {
            return None;
        }
        let (mut low, mut high) = (self.offset, self.offset);
        for (&length, &stride) in self.shape.iter().zip(&self.strides) {
            let reach = (length as isize - 1) * stride;
            if reach < 0 { low += reach } else { high += reach }
        }
        Some((low, high))
    }
}

/// The strides of an array in row-major order.
pub fn row_major(shape: &[usize]) -> Strides {
    let mut strides: Strides = SmallVec::from_elem(1, shape.len());
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis] as isize);
    }
    strides
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shape.as_slice())?;
        if self.offset != 0 || !self.is_contiguous() {
            write!(f, " at {} by {:?}", self.offset, self.strides.as_slice())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each element lies, in row-major order.
    fn places(layout: &Layout) -> Vec<isize> {
        let mut all = vec![layout.offset];
        for (&length, &stride) in layout.shape.iter().zip(&layout.strides) {
            all = all.into_iter().flat_map(|place| (0..length as isize).map(move |i| place + i * stride)).collect();
        }
        all
    }

    #[test]
    fn reshaping_keeps_the_elements_in_order_or_refuses() {
        let x = Layout::contiguous(&[2, 3, 4]);
        for to in [&[24][..], &[6, 4], &[2, 12], &[1, 2, 1, 3, 2, 2], &[4, 6]] {
            assert_eq!(places(&x.reshaped(to).unwrap()), places(&x), "{to:?}");
        }
        let turned = x.transposed(&[1, 0, 2]);
        assert_eq!(turned.reshaped(&[6, 4]), None);
        assert_eq!(places(&turned.reshaped(&[3, 2, 2, 2]).unwrap()), places(&turned));
        let lines: Vec<isize> = turned.lines().collect();
        assert_eq!(lines, [0, 12, 4, 16, 8, 20]);
        let stretched = Layout::contiguous(&[1]).broadcast(&[2, 6]).unwrap();
        assert_eq!(stretched.reshaped(&[3, 4]).unwrap().strides.as_slice(), [0, 0]);
        assert_eq!(Layout::contiguous(&[0, 3]).reshaped(&[2, 0]).unwrap().count(), 0);
        assert_eq!(x.reshaped(&[5, 5]), None);
    }

    #[test]
    fn slices_run_backwards() {
        let backwards = Layout::contiguous(&[5]).sliced(&[Extent { start: 4, step: -2, length: 3 }]).unwrap();
        assert_eq!(places(&backwards), [4, 2, 0]);
        assert_eq!(backwards.bounds(), Some((0, 4)));
        assert_eq!(Layout::contiguous(&[5]).sliced(&[Extent { start: 3, step: 1, length: 3 }]), None);
        assert_eq!(Layout::contiguous(&[0]).sliced(&[Extent { start: 0, step: -1, length: 0 }]).unwrap().count(), 0);
    }
}
