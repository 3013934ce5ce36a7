//! Squares of a matrix transposed in registers.

use bytemuck::Pod;
#[cfg(target_arch = "x86_64")]
use bytemuck::{cast_slice, cast_slice_mut};

/// Writes 8 rows side by side, as [`fn@super::pack`] does, as far as whole squares go: gives how many elements of each row are done.
///
/// Other numbers of rows, and machines without AVX, are left to others.
pub fn turn<T: Pod>(rows: &[&[T]], width: usize, panel: &mut [T]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if let (&[a, b, c, d, e, f, g, h], Some(simd)) = (rows, pulp::x86::V3::try_new()) {
        let rows = [a, b, c, d, e, f, g, h];
        match size_of::<T>() {
            4 => return simd.vectorize(|| avx::turn_words(simd, rows.map(|row| cast_slice(row)), width, cast_slice_mut(panel))),
            8 => return simd.vectorize(|| avx::turn_double_words(simd, rows.map(|row| cast_slice(row)), width, cast_slice_mut(panel))),
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

    /// Squares of 8 by 8.
    #[inline(always)]
    pub fn turn_words(simd: V3, rows: [&[f32]; 8], width: usize, panel: &mut [f32]) -> usize {
        let simd = simd.avx;
        let rows = rows.map(|row| row.as_chunks::<8>().0);
        let count = rows.iter().map(|row| row.len()).min().unwrap_or(0);
        let rows = rows.map(|row| &row[..count]);
        for (square, panel) in panel.chunks_mut(8 * width).take(count).enumerate() {
            let [a, b, c, d, e, f, g, h] = rows.map(|row| cast::<[f32; 8], __m256>(row[square]));
            let single = |x, y| (simd._mm256_unpacklo_ps(x, y), simd._mm256_unpackhi_ps(x, y));
            let double = |x, y| (simd._mm256_shuffle_ps::<0x44>(x, y), simd._mm256_shuffle_ps::<0xEE>(x, y));
            let half = |x, y| (simd._mm256_permute2f128_ps::<0x20>(x, y), simd._mm256_permute2f128_ps::<0x31>(x, y));
            let ((a, b), (c, d), (e, f), (g, h)) = (single(a, b), single(c, d), single(e, f), single(g, h));
            let ((a, b), (c, d), (e, f), (g, h)) = (double(a, c), double(b, d), double(e, g), double(f, h));
            let ((a, e), (b, f), (c, g), (d, h)) = (half(a, e), half(b, f), half(c, g), half(d, h));
            for (to, column) in panel.chunks_mut(width).zip([a, b, c, d, e, f, g, h]) {
                to[..8].copy_from_slice(&cast::<__m256, [f32; 8]>(column));
            }
        }
        8 * count
    }

    /// Two squares of 4 by 4 beside each other.
    #[inline(always)]
    pub fn turn_double_words(simd: V3, rows: [&[f64]; 8], width: usize, panel: &mut [f64]) -> usize {
        let simd = simd.avx;
        let rows = rows.map(|row| row.as_chunks::<4>().0);
        let count = rows.iter().map(|row| row.len()).min().unwrap_or(0);
        let rows = rows.map(|row| &row[..count]);
        for (square, panel) in panel.chunks_mut(4 * width).take(count).enumerate() {
            let [first @ .., e, f, g, h] = rows.map(|row| cast::<[f64; 4], __m256d>(row[square]));
            for (start, [a, b, c, d]) in [(0, first), (4, [e, f, g, h])] {
                let single = |x, y| (simd._mm256_unpacklo_pd(x, y), simd._mm256_unpackhi_pd(x, y));
                let half = |x, y| (simd._mm256_permute2f128_pd::<0x20>(x, y), simd._mm256_permute2f128_pd::<0x31>(x, y));
                let ((a, b), (c, d)) = (single(a, b), single(c, d));
                let ((a, c), (b, d)) = (half(a, c), half(b, d));
                for (to, column) in panel.chunks_mut(width).zip([a, b, c, d]) {
                    to[start..start + 4].copy_from_slice(&cast::<__m256d, [f64; 4]>(column));
                }
            }
        }
        4 * count
    }
}
