//! Rows picked by index, and rows added up by index.

#![expect(unsafe_code, reason = "it makes the views of rows that kernels work on")]

use damo_graph::{DType, Element, ErrorKind, Integer, Problem};

use super::memory;
use crate::layout::Layout;
use crate::region::Region;
use crate::step::{self, Pick};
use crate::view::{View, ViewMut, with_bits};

/// Whether there is a kernel that adds up elements of that type.
pub const fn adds_up(dtype: DType) -> bool {
    dtype.is_integer() || matches!(dtype, DType::F32 | DType::F64)
}

/// Picks rows: `out[.., i.., ..] = data[.., indices[i..], ..]`.
///
/// Fails if an index is out of range, before anything is written.
///
/// # Safety
///
/// While it runs nobody else writes the operands' memory or touches the result's, which overlaps no operand. The memory holds elements of
/// the views' dtypes.
pub unsafe fn pick(pick: &Pick, buffers: &[Region<'_>]) -> Result<(), Problem> {
    let length = pick.data.layout.shape[pick.axis];
    // SAFETY: the caller's.
    unsafe { each_index(pick, length, buffers, |_, _| Ok(())) }?;
    // SAFETY: the caller's.
    with_bits!(pick.data.dtype, T => unsafe { copy::<T>(pick, length, buffers) })
}

/// # Safety
///
/// As [`pick`].
unsafe fn copy<T: Element>(pick: &Pick, length: usize, buffers: &[Region<'_>]) -> Result<(), Problem> {
    let (data, out) = (memory(buffers, pick.data.buffer)?, memory(buffers, pick.out.buffer)?);
    let parts = Parts::of(&pick.data.layout, &pick.out.layout, pick);
    let copy_row = |number, index| {
        for (from, to) in parts.lines(index, number) {
            // SAFETY: the caller's.
            let x = unsafe { line::<T>(data, from, &parts.long) }?;
            // SAFETY: the caller's.
            unsafe { line_mut::<T>(out, to, &parts.short) }?.write(x.iter());
        }
        Ok(())
    };
    // SAFETY: the caller's.
    unsafe { each_index(pick, length, buffers, copy_row) }
}

/// Adds up rows: `out[.., indices[i..], ..] += data[.., i.., ..]`, from zeros.
///
/// Fails if an index is out of range, before anything is written.
///
/// # Safety
///
/// As [`pick`].
pub unsafe fn scatter_add(pick: &Pick, buffers: &[Region<'_>]) -> Result<(), Problem> {
    let length = pick.out.layout.shape[pick.axis];
    // SAFETY: the caller's.
    unsafe { each_index(pick, length, buffers, |_, _| Ok(())) }?;
    macro_rules! typed {
        ($($dtype:ident: $element:ty, $plus:expr;)*) => {
            match pick.data.dtype {
                // SAFETY: the caller's.
                $(DType::$dtype => unsafe { add_up::<$element>(pick, length, buffers, $plus) },)*
                DType::Bool | DType::F16 | DType::BF16 | DType::C64 | DType::C128 => {
                    Err(Problem::dtype(format!("there is no kernel that adds up rows of {}", pick.data.dtype)))
                }
            }
        };
    }
    typed! {
        I8: i8, i8::wrapping_add; I16: i16, i16::wrapping_add; I32: i32, i32::wrapping_add; I64: i64, i64::wrapping_add;
        U8: u8, u8::wrapping_add; U16: u16, u16::wrapping_add; U32: u32, u32::wrapping_add; U64: u64, u64::wrapping_add;
        F32: f32, |x, y| x + y; F64: f64, |x, y| x + y;
    }
}

/// # Safety
///
/// As [`pick`].
unsafe fn add_up<T: Element>(pick: &Pick, length: usize, buffers: &[Region<'_>], plus: fn(T, T) -> T) -> Result<(), Problem> {
    let (data, out) = (memory(buffers, pick.data.buffer)?, memory(buffers, pick.out.buffer)?);
    let parts = Parts::of(&pick.out.layout, &pick.data.layout, pick);
    let (long, step) = pick.out.layout.line();
    for start in pick.out.layout.lines() {
        // SAFETY: the caller's.
        let mut zeros = unsafe { ViewMut::<T, 1>::new(out, start, [long], [step]) }?;
        zeros.write(std::iter::repeat_n(T::default(), long));
    }
    let add_row = |number, index| {
        for (to, from) in parts.lines(index, number) {
            // SAFETY: the caller's.
            let x = unsafe { line::<T>(data, from, &parts.short) }?;
            // SAFETY: the caller's.
            let sum = unsafe { line::<T>(out, to, &parts.long) }?;
            // SAFETY: the caller's. Each sum is read before it is written.
            unsafe { line_mut::<T>(out, to, &parts.long) }?.write(sum.iter().zip(x.iter()).map(|(sum, x)| plus(sum, x)));
        }
        Ok(())
    };
    // SAFETY: the caller's.
    unsafe { each_index(pick, length, buffers, add_row) }
}

/// How the long side (that indices point into) and the short side (one row per index) are laid out.
struct Parts {
    /// Axes before the picked one: of the long and of the short side.
    outer: (Layout, Layout),
    /// From one row of the long side to the next.
    step: isize,
    /// The axes of the indices, on the short side.
    rows: Layout,
    /// Axes after the picked one.
    long: Layout,
    short: Layout,
}

impl Parts {
    fn of(long: &Layout, short: &Layout, pick: &Pick) -> Self {
        let axes = |layout: &Layout, from: usize, to: usize| Layout {
            shape: layout.shape[from..to].into(),
            strides: layout.strides[from..to].into(),
            offset: 0,
        };
        let (axis, rank) = (pick.axis, pick.indices.layout.rank());
        let mut outer = (axes(long, 0, axis), axes(short, 0, axis));
        (outer.0.offset, outer.1.offset) = (long.offset, short.offset);
        Parts {
            outer,
            step: long.strides[axis],
            rows: axes(short, axis, axis + rank),
            long: axes(long, axis + 1, long.rank()),
            short: axes(short, axis + rank, short.rank()),
        }
    }

    /// Where the lines begin that belong to an index: on the long side by its value, on the short side by its number.
    fn lines(&self, index: usize, number: usize) -> impl Iterator<Item = (isize, isize)> + '_ {
        let (from, to) = (index as isize * self.step, self.rows.place(number));
        (0..self.outer.0.count()).flat_map(move |outer| {
            let (from, to) = (from + self.outer.0.place(outer), to + self.outer.1.place(outer));
            self.long.lines().zip(self.short.lines()).map(move |(long, short)| (from + long, to + short))
        })
    }
}

/// # Safety
///
/// Nobody writes these elements meanwhile, and they are of that type.
unsafe fn line<'a, T: Element>(region: Region<'a>, start: isize, inner: &Layout) -> Result<View<'a, T, 1>, Problem> {
    let (length, step) = inner.line();
    // SAFETY: the caller's.
    unsafe { View::new(region, start, [length], [step]) }
}

/// # Safety
///
/// Nobody else touches these elements meanwhile, and they are of that type.
unsafe fn line_mut<'a, T: Element>(region: Region<'a>, start: isize, inner: &Layout) -> Result<ViewMut<'a, T, 1>, Problem> {
    let (length, step) = inner.line();
    // SAFETY: the caller's.
    unsafe { ViewMut::new(region, start, [length], [step]) }
}

/// Does something with each index: its number in row-major order, and the row it means.
///
/// # Safety
///
/// As [`pick`].
unsafe fn each_index(
    pick: &Pick,
    length: usize,
    buffers: &[Region<'_>],
    mut visit: impl FnMut(usize, usize) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let step::View { buffer, dtype, layout } = &pick.indices;
    let region = memory(buffers, *buffer)?;
    macro_rules! typed {
        ($($dtype:ident: $element:ty),*) => {
            match dtype {
                // SAFETY: the caller's.
                $(DType::$dtype => unsafe { each_typed::<$element>(region, layout, length, &mut visit) },)*
                DType::Bool | DType::F16 | DType::BF16 | DType::F32 | DType::F64 | DType::C64 | DType::C128 => {
                    Err(Problem::dtype(format!("an index is an integer, not {dtype}")))
                }
            }
        };
    }
    typed!(I8: i8, I16: i16, I32: i32, I64: i64, U8: u8, U16: u16, U32: u32, U64: u64)
}

/// # Safety
///
/// As [`pick`].
unsafe fn each_typed<I: Integer>(
    region: Region<'_>,
    layout: &Layout,
    length: usize,
    visit: &mut dyn FnMut(usize, usize) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut number = 0;
    for start in layout.lines() {
        // SAFETY: the caller's.
        let line = unsafe { line::<I>(region, start, layout) }?;
        for index in line.iter() {
            visit(number, row_of(index.to_number().to_integer(), length)?)?;
            number += 1;
        }
    }
    Ok(())
}

/// The row an index means; a negative one counts from the end.
fn row_of(index: i128, length: usize) -> Result<usize, Problem> {
    let row = if index < 0 { index + length as i128 } else { index };
    usize::try_from(row).ok().filter(|&row| row < length).ok_or_else(|| {
        let message = match length {
            0 => format!("the index {index} is out of range: the axis is empty"),
            _ => format!("the index {index} is out of range: an axis of length {length} has indices from -{length} to {}", length - 1),
        };
        Problem::new(ErrorKind::Execution, message)
    })
}
