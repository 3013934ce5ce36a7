//! Rows picked by index, and rows added up by index.

#![expect(unsafe_code, reason = "it makes the views of rows that kernels work on")]

use std::ops::Range;

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
    // SAFETY: the caller's.
    let (x, mut out) = unsafe { both::<T>(pick, buffers) }?;
    if let (Some(x), Some(out)) = (x.and_then(|x| x.as_slice()), out.as_mut().and_then(ViewMut::as_mut_slice)) {
        let dense = Dense::of(&pick.data.layout, &pick.out.layout, pick);
        // SAFETY: the caller's.
        return unsafe { each_index(pick, length, buffers, |first, rows| dense.copy(x, out, first, rows)) };
    }
    let (data, out) = (memory(buffers, pick.data.buffer)?, memory(buffers, pick.out.buffer)?);
    let parts = Parts::of(&pick.data.layout, &pick.out.layout, pick);
    let copy_row = |(number, index)| {
        for (from, to) in parts.lines(index, number) {
            // SAFETY: the caller's.
            let x = unsafe { line::<T>(data, from, &parts.long) }?;
            // SAFETY: the caller's.
            unsafe { line_mut::<T>(out, to, &parts.short) }?.write(x.iter());
        }
        Ok(())
    };
    // SAFETY: the caller's.
    unsafe { each_index(pick, length, buffers, |first, rows| (first..).zip(rows.iter().copied()).try_for_each(copy_row)) }
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
unsafe fn add_up<T: Element>(pick: &Pick, length: usize, buffers: &[Region<'_>], plus: impl Fn(T, T) -> T + Copy) -> Result<(), Problem> {
    // SAFETY: the caller's.
    let (x, mut out) = unsafe { both::<T>(pick, buffers) }?;
    if let (Some(x), Some(out)) = (x.and_then(|x| x.as_slice()), out.as_mut().and_then(ViewMut::as_mut_slice)) {
        out.fill(T::default());
        let dense = Dense::of(&pick.out.layout, &pick.data.layout, pick);
        // SAFETY: the caller's.
        return unsafe { each_index(pick, length, buffers, |first, rows| dense.add_up(x, out, first, rows, plus)) };
    }
    let (data, out) = (memory(buffers, pick.data.buffer)?, memory(buffers, pick.out.buffer)?);
    let parts = Parts::of(&pick.out.layout, &pick.data.layout, pick);
    let (long, step) = pick.out.layout.line();
    for start in pick.out.layout.lines() {
        // SAFETY: the caller's.
        let mut zeros = unsafe { ViewMut::<T, 1>::new(out, start, [long], [step]) }?;
        zeros.write(std::iter::repeat_n(T::default(), long));
    }
    let add_row = |(number, index)| {
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
    unsafe { each_index(pick, length, buffers, |first, rows| (first..).zip(rows.iter().copied()).try_for_each(add_row)) }
}

/// All elements of the data and of the result.
type Both<'a, T> = (Option<View<'a, T, 1>>, Option<ViewMut<'a, T, 1>>);

/// These, where they lie one after the other.
///
/// # Safety
///
/// As [`pick`].
unsafe fn both<'a, T: Element>(pick: &Pick, buffers: &[Region<'a>]) -> Result<Both<'a, T>, Problem> {
    let (data, out) = (&pick.data.layout, &pick.out.layout);
    if !data.is_contiguous() || !out.is_contiguous() {
        return Ok((None, None));
    }
    let (from, to) = (memory(buffers, pick.data.buffer)?, memory(buffers, pick.out.buffer)?);
    // SAFETY: the caller's.
    let x = unsafe { View::new(from, data.offset, [data.count()], [1]) }?;
    // SAFETY: the caller's.
    let out = unsafe { ViewMut::new(to, out.offset, [out.count()], [1]) }?;
    Ok((Some(x), Some(out)))
}

/// Both sides as arrays without gaps: `long: [outer, length, row]`, `short: [outer, count, row]`.
struct Dense {
    outer: usize,
    length: usize,
    count: usize,
    row: usize,
}

impl Dense {
    fn of(long: &Layout, short: &Layout, pick: &Pick) -> Self {
        let (axis, rank) = (pick.axis, pick.indices.layout.rank());
        let product = |lengths: &[usize]| lengths.iter().product();
        Dense {
            outer: product(&long.shape[..axis]),
            length: long.shape[axis],
            count: product(&short.shape[axis..axis + rank]),
            row: product(&long.shape[axis + 1..]),
        }
    }

    /// The elements of the long side at an index of what is outside, and those of the short side that belong to some indices.
    fn places(&self, outer: usize, first: usize, rows: usize) -> (Range<usize>, Range<usize>) {
        let (long, short) = (outer * self.length * self.row, (outer * self.count + first) * self.row);
        (long..long + self.length * self.row, short..short + rows * self.row)
    }

    #[expect(clippy::unnecessary_wraps, reason = "visitors of indices may fail")]
    fn copy<T: Element>(&self, long: &[T], short: &mut [T], first: usize, rows: &[usize]) -> Result<(), Problem> {
        for (from, to) in (0..self.outer).map(|outer| self.places(outer, first, rows.len())) {
            let (long, short) = (&long[from], &mut short[to]);
            if self.row == 1 {
                short.iter_mut().zip(rows).for_each(|(to, &row)| *to = long[row]);
            } else if self.row > 0 {
                short.chunks_exact_mut(self.row).zip(rows).for_each(|(to, &row)| to.copy_from_slice(&long[row * self.row..][..self.row]));
            }
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "visitors of indices may fail")]
    fn add_up<T: Element>(&self, short: &[T], long: &mut [T], first: usize, rows: &[usize], plus: impl Fn(T, T) -> T) -> Result<(), Problem> {
        for (to, from) in (0..self.outer).map(|outer| self.places(outer, first, rows.len())) {
            let (short, long) = (&short[from], &mut long[to]);
            if self.row == 1 {
                short.iter().zip(rows).for_each(|(&x, &row)| long[row] = plus(long[row], x));
            } else if self.row > 0 {
                for (from, &row) in short.chunks_exact(self.row).zip(rows) {
                    long[row * self.row..][..self.row].iter_mut().zip(from).for_each(|(sum, &x)| *sum = plus(*sum, x));
                }
            }
        }
        Ok(())
    }
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

/// What is done with some indices.
type Visit<'a> = dyn FnMut(usize, &[usize]) -> Result<(), Problem> + 'a;

/// So many indices are looked at together.
const TOGETHER: usize = 64;

/// Does something with some indices after the other: the number of the first in row-major order, and the rows they mean.
///
/// # Safety
///
/// As [`pick`].
unsafe fn each_index(
    pick: &Pick,
    length: usize,
    buffers: &[Region<'_>],
    mut visit: impl FnMut(usize, &[usize]) -> Result<(), Problem>,
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
unsafe fn each_typed<I: Integer>(region: Region<'_>, layout: &Layout, length: usize, visit: &mut Visit<'_>) -> Result<(), Problem> {
    let (mut first, mut held, mut rows) = (0, 0, [0; TOGETHER]);
    for start in layout.lines() {
        // SAFETY: the caller's.
        let line = unsafe { line::<I>(region, start, layout) }?;
        for index in line.iter() {
            rows[held] = row_of(index.to_number().to_integer(), length)?;
            held += 1;
            if held == TOGETHER {
                visit(first, &rows)?;
                (first, held) = (first + held, 0);
            }
        }
    }
    visit(first, &rows[..held])
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
