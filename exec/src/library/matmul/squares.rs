//! Squares of a matrix transposed in registers.

use bytemuck::Pod;
#[cfg(target_arch = "x86_64")]
use bytemuck::{cast_slice, cast_slice_mut};

/// So many rows are turned at a time.
pub const SIDE: usize = 8;

/// Writes rows side by side, as [`fn@super::pack`] does, as far as whole squares go: gives how many elements of each row are done.
///
/// In a narrower panel each step's elements that do not fit fall on the next step's first ones, which are written later; the last step is left
/// to others then, and so is everything on machines without AVX.
pub fn turn<T: Pod>(rows: &[&[T]; SIDE], width: usize, panel: &mut [T]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        match size_of::<T>() {
            4 => return simd.vectorize(|| avx::turn_words(simd, &rows.map(|row| cast_slice(row)), width, cast_slice_mut(panel))),
            8 => return simd.vectorize(|| avx::turn_double_words(simd, &rows.map(|row| cast_slice(row)), width, cast_slice_mut(panel))),
            _ => {}
        }
    }
    let _ = (rows, width, panel);
    0
}

#[cfg(target_arch = "x86_64")]
mod avx {
    use std::arch::x86_64::{__m256, __m256d};

    use pulp::cast;
    use pulp::x86::V3;

    use super::SIDE;

    /// How many squares of so many steps there are, of which all are written whole.
    #[inline(always)]
    fn squares<T>(rows: &[&[T]; SIDE], steps: usize, width: usize, panel: &[T]) -> usize {
        let shortest = rows.iter().map(|row| row.len()).min().unwrap_or(0);
        // The last step of all ends with the panel.
        let writable = if panel.len() < SIDE { 0 } else { (panel.len() - SIDE) / width.max(1) + 1 };
        shortest.min(writable) / steps
    }

    /// Squares of 8 by 8.
    #[inline(always)]
    pub fn turn_words(simd: V3, rows: &[&[f32]; SIDE], width: usize, panel: &mut [f32]) -> usize {
        let count = squares(rows, 8, width, panel);
        let simd = simd.avx;
        let &[a, b, c, d, e, f, g, h] = rows;
        let [a, b, c, d, e, f, g, h] =
            [&a[..8 * count], &b[..8 * count], &c[..8 * count], &d[..8 * count], &e[..8 * count], &f[..8 * count], &g[..8 * count], &h[..8 * count]];
        for square in 0..count {
            macro_rules! load {
                ($row:ident) => {
                    cast::<[f32; 8], __m256>($row.as_chunks::<8>().0[square])
                };
            }
            let (a, b, c, d) = (load!(a), load!(b), load!(c), load!(d));
            let (e, f, g, h) = (load!(e), load!(f), load!(g), load!(h));
            let single = |x, y| (simd._mm256_unpacklo_ps(x, y), simd._mm256_unpackhi_ps(x, y));
            let double = |x, y| (simd._mm256_shuffle_ps::<0x44>(x, y), simd._mm256_shuffle_ps::<0xEE>(x, y));
            let half = |x, y| (simd._mm256_permute2f128_ps::<0x20>(x, y), simd._mm256_permute2f128_ps::<0x31>(x, y));
            let ((a, b), (c, d), (e, f), (g, h)) = (single(a, b), single(c, d), single(e, f), single(g, h));
            let ((a, b), (c, d), (e, f), (g, h)) = (double(a, c), double(b, d), double(e, g), double(f, h));
            let ((a, e), (b, f), (c, g), (d, h)) = (half(a, e), half(b, f), half(c, g), half(d, h));
            let panel = &mut panel[8 * square * width..];
            macro_rules! store {
                ($($step:literal $column:ident)*) => {
                    $(panel[$step * width..][..8].copy_from_slice(&cast::<__m256, [f32; 8]>($column));)*
                };
            }
            store!(0 a 1 b 2 c 3 d 4 e 5 f 6 g 7 h);
        }
        8 * count
    }

    /// Two squares of 4 by 4 beside each other.
    #[inline(always)]
    pub fn turn_double_words(simd: V3, rows: &[&[f64]; SIDE], width: usize, panel: &mut [f64]) -> usize {
        let count = squares(rows, 4, width, panel);
        let simd = simd.avx;
        let &[a, b, c, d, e, f, g, h] = rows;
        for (start, [a, b, c, d]) in [(4, [e, f, g, h]), (0, [a, b, c, d])] {
            let [a, b, c, d] = [&a[..4 * count], &b[..4 * count], &c[..4 * count], &d[..4 * count]];
            for square in 0..count {
                macro_rules! load {
                    ($row:ident) => {
                        cast::<[f64; 4], __m256d>($row.as_chunks::<4>().0[square])
                    };
                }
                let (a, b, c, d) = (load!(a), load!(b), load!(c), load!(d));
                let single = |x, y| (simd._mm256_unpacklo_pd(x, y), simd._mm256_unpackhi_pd(x, y));
                let half = |x, y| (simd._mm256_permute2f128_pd::<0x20>(x, y), simd._mm256_permute2f128_pd::<0x31>(x, y));
                let ((a, b), (c, d)) = (single(a, b), single(c, d));
                let ((a, c), (b, d)) = (half(a, c), half(b, d));
                let panel = &mut panel[4 * square * width + start..];
                macro_rules! store {
                    ($($step:literal $column:ident)*) => {
                        $(panel[$step * width..][..4].copy_from_slice(&cast::<__m256d, [f64; 4]>($column));)*
                    };
                }
                store!(0 a 1 b 2 c 3 d);
            }
        }
        4 * count
    }
}
