//! Kernels for what is no nest: rows ([`rows`]), rows by index ([`pick`]), and matrix products, by the kernel for their lengths and strides.
//!
//! | shape | kernel |
//! |---|---|
//! | matrix by matrix | [`matmul`]: blocks, panels and tiles |
//! | matrix by vector | [`matvec`]: by rows or by columns, whichever are contiguous |
//! | vector by vector | [`vector`]: a dot product |
//! | column by row | [`vector`]: an outer product |
//!
//! Filters slide over arrays by [`convolution`], and windows are pooled by [`pool`].
//!
//! Every kernel takes strides as they are and copies no factor, and each scales and adds by itself ([`blend`]). The order of each sum depends on lengths, strides and the machine, never on
//! the number of threads (of which there is one so far).

#![expect(clippy::inline_always, reason = "loops become vector code where they are inlined into code for an instruction set")]

pub mod blend;
mod contract;
pub mod convolution;
pub mod lanes;
pub mod matmul;
pub mod matvec;
pub mod multiplier;
mod norm;
pub mod pairwise;
pub mod pick;
pub mod pool;
pub mod rows;
mod tile;
pub mod vector;
pub mod workers;

use damo_graph::{ErrorKind, Problem};

use crate::nest::BufferId;
use crate::view::{Region, View, ViewMut};
use blend::Blend;
pub use contract::Product;
use lanes::Multiply;
use workers::Workers;

/// The memory of a buffer.
pub(crate) fn memory<'a>(buffers: &[Region<'a>], buffer: BufferId) -> Result<Region<'a>, Problem> {
    buffers.get(buffer.index()).copied().ok_or_else(|| Problem::new(ErrorKind::Execution, format!("the plan has no buffer {buffer}")))
}

/// `out = alpha · left · right + beta · addend` by the kernel for its shape. The lengths of the views must agree.
///
/// `left: [m, k], right: [k, n], addend: [m, n] -> out: [m, n]`.
pub fn product<T: Multiply>(
    left: View<'_, T, 2>,
    right: View<'_, T, 2>,
    blend: Blend<'_, T, 2>,
    mut out: ViewMut<'_, T, 2>,
    workers: &mut Workers<'_, T>,
) {
    let ([m, k], [_, n]) = (left.lengths(), right.lengths());
    match (m, n, k) {
        (0, ..) | (_, 0, _) => {}
        (1, 1, _) => {
            let dot = left.rows().zip(right.transposed().rows()).map(|(left, right)| vector::dot(left, right));
            out.first_row().write(blend.first_row().of(dot.take(1)));
        }
        (_, 1, 2..) => right.transposed().rows().take(1).for_each(|x| matvec::matvec(left, x, blend.first_column(), out.first_column())),
        (1, _, 2..) => left.rows().take(1).for_each(|x| matvec::matvec(right.transposed(), x, blend.first_row(), out.first_row())),
        (_, _, 1) => left.transposed().rows().zip(right.rows()).for_each(|(left, right)| vector::outer(left, right, blend, out.borrow())),
        _ => matmul::matmul(left, right, blend, out, workers),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(unsafe_code, reason = "it makes views of its own arrays")]

    use damo_graph::DType;

    use super::*;
    use crate::executable::Engine;
    use crate::library::matmul::blocks::Geometry;
    use crate::library::multiplier::Multiplier;

    /// Everyone who multiplies.
    pub(crate) fn multipliers(dtype: DType) -> [Multiplier; 2] {
        [Engine::Native, Engine::Portable].map(|engine| Multiplier::of(dtype, engine))
    }

    /// A product with the scratch that it takes.
    pub(crate) fn multiply<T: Multiply>(
        left: View<'_, T, 2>,
        right: View<'_, T, 2>,
        blend: Blend<'_, T, 2>,
        out: ViewMut<'_, T, 2>,
        (multiplier, threads, order): (Multiplier, usize, usize),
    ) {
        let ([m, k], [_, n]) = (left.lengths(), right.lengths());
        let geometry = Geometry { lengths: [m, k, n], size: size_of::<T>(), left: left.strides(), right: right.strides(), out: out.strides() };
        let mut scratch = vec![T::from_number(damo_graph::Number::Real(f64::NAN)); matmul::scratch::<T>(&geometry, multiplier, threads)];
        product(left, right, blend, out, &mut Workers { multiplier, threads, order, scratch: &mut scratch });
    }

    /// A matrix of small pseudo-random numbers, stored by rows or by columns, in strides of two elements or without gaps.
    pub(crate) struct Array<T> {
        elements: Vec<T>,
        lengths: [usize; 2],
        strides: [isize; 2],
        offset: isize,
    }

    impl<T: Multiply> Array<T> {
        pub(crate) fn new(rows: usize, columns: usize, by_columns: bool, seed: u64) -> Self {
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let elements = (0..4 * rows * columns)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    T::from_number(damo_graph::Number::Real((state >> 40) as f64 / f64::from(1 << 24) - 0.5))
                })
                .collect();
            Array { elements, lengths: [rows, columns], strides: if by_columns { [1, rows as isize] } else { [columns as isize, 1] }, offset: 0 }
        }

        /// The same with every second element only, and backwards.
        pub(crate) fn sparse(mut self) -> Self {
            self.strides = self.strides.map(|stride| -2 * stride);
            self.offset = 2 * (self.lengths[0] * self.lengths[1]).saturating_sub(1) as isize;
            self
        }

        pub(crate) fn view(&self) -> View<'_, T, 2> {
            // SAFETY: the elements are borrowed.
            unsafe { View::new(Region::reading(&self.elements), self.offset, self.lengths, self.strides) }.unwrap()
        }

        pub(crate) fn reals(&self) -> Vec<Vec<f64>> {
            self.view().rows().map(|row| row.iter().map(|x| x.to_number().to_real()).collect()).collect()
        }
    }

    pub(crate) fn naive<T: Multiply>(left: &Array<T>, right: &Array<T>) -> Vec<f64> {
        let (left, columns, rows) = (left.reals(), right.lengths[1], right.reals());
        left.iter().flat_map(|row| (0..columns).map(|j| row.iter().zip(&rows).map(|(x, right)| x * right[j]).sum()).collect::<Vec<f64>>()).collect()
    }

    fn agrees<T: Multiply>(m: usize, k: usize, n: usize, epsilon: f64) {
        for multiplier in multipliers(T::DTYPE) {
            agrees_by::<T>(m, k, n, epsilon, multiplier);
        }
    }

    fn agrees_by<T: Multiply>(m: usize, k: usize, n: usize, epsilon: f64, multiplier: Multiplier) {
        let modes = [(false, false), (true, false), (false, true), (true, true)];
        for (left_mode, right_mode) in modes.into_iter().flat_map(|left| modes.map(|right| (left, right))) {
            let make = |rows, columns, (by_columns, sparse), seed| {
                let array = Array::<T>::new(rows, columns, by_columns, seed);
                if sparse { array.sparse() } else { array }
            };
            let (left, right) = (make(m, k, left_mode, 1), make(k, n, right_mode, 2));
            let expected = naive(&left, &right);
            for gap in [1, 3] {
                let mut out = vec![T::from_number(damo_graph::Number::Real(f64::NAN)); m * n * gap];
                // SAFETY: the result is borrowed.
                let view = unsafe { ViewMut::new(Region::writing(&mut out), 0, [m, n], [(n * gap) as isize, gap as isize]) }.unwrap();
                multiply(left.view(), right.view(), Blend::PLAIN, view, (multiplier, 1, 0));
                let bound = epsilon * (8.0 + (k as f64).sqrt());
                for (place, expected) in expected.iter().enumerate() {
                    let found = out[place * gap].to_number().to_real();
                    assert!((found - expected).abs() <= bound, "[{m}, {k}] · [{k}, {n}] {left_mode:?} {right_mode:?}: {found} {expected}");
                }
                // Twice the product less another array, then half of the product less half of that, in place.
                let number = |x| T::from_number(damo_graph::Number::Real(x));
                let region = Region::writing(&mut out);
                let layout = (0, [m, n], [(n * gap) as isize, gap as isize]);
                let other = make(m, n, left_mode, 3);
                for (alpha, beta, in_place) in [(2.0, -1.0, false), (0.5, -0.5, true)] {
                    // SAFETY: the results are these elements themselves, or nobody writes them.
                    let own = unsafe { View::new(region, layout.0, layout.1, layout.2) }.unwrap();
                    let addend = Some((number(beta), if in_place { own } else { other.view() }));
                    // SAFETY: the result is borrowed.
                    let view = unsafe { ViewMut::new(region, layout.0, layout.1, layout.2) }.unwrap();
                    multiply(left.view(), right.view(), Blend { alpha: number(alpha), addend }, view, (multiplier, 1, 0));
                }
                let others = other.reals().into_iter().flatten();
                for (place, (expected, other)) in expected.iter().zip(others).enumerate() {
                    let (found, expected) = (out[place * gap].to_number().to_real(), -0.5 * expected + 0.5 * other);
                    assert!((found - expected).abs() <= 4.0 * bound, "[{m}, {k}] · [{k}, {n}] {left_mode:?} {right_mode:?}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn products_of_all_shapes_and_strides_agree_with_the_definition() {
        for (m, k, n) in [
            (1, 1, 1),
            (1, 5, 1),
            (3, 0, 2),
            (0, 3, 2),
            (2, 3, 0),
            (4, 1, 6),
            (17, 33, 1),
            (1, 33, 17),
            (5, 70, 1),
            (1, 70, 9),
            (7, 9, 8),
            (65, 40, 33),
        ] {
            agrees::<f32>(m, k, n, f64::from(f32::EPSILON));
            agrees::<f64>(m, k, n, f64::EPSILON);
        }
        agrees::<f32>(3, 5000, 1, f64::from(f32::EPSILON));
        agrees::<f32>(1, 5000, 3, f64::from(f32::EPSILON));
        agrees::<f32>(1, 9001, 1, f64::from(f32::EPSILON));
        agrees::<f64>(1203, 301, 1, f64::EPSILON);
        agrees::<f64>(1, 301, 1203, f64::EPSILON);
    }

    #[test]
    fn long_sums_of_like_terms_stay_accurate() {
        let (ones, tenths) = (vec![1.0f32; 1 << 20], vec![0.1f32; 1 << 20]);
        let rows = View::rows_of(&tenths, 1, 1 << 20).unwrap();
        let mut y = [0.0f32; 1];
        matvec::matvec(rows, View::of(&ones), Blend::PLAIN, ViewMut::of(&mut y));
        assert!((y[0] / (0.1 * (1 << 20) as f32) - 1.0).abs() < 1e-6, "{y:?}");
        let columns = View::rows_of(&tenths, 1 << 18, 4).unwrap().transposed();
        let mut y = [0.0f32; 4];
        matvec::matvec(columns, View::of(&ones[..1 << 18]), Blend::PLAIN, ViewMut::of(&mut y));
        // Every term is the same, so that errors add up: at most half an ulp for each of 8 + 4 · 16 sums.
        assert!(y.iter().all(|y| (y / (0.1 * (1 << 18) as f32) - 1.0).abs() < 72.0 * 0.5 * f32::EPSILON), "{y:?}");
    }

    #[test]
    fn a_row_has_the_same_bits_whichever_stand_beside_it() {
        let (matrix, x) = (Array::<f32>::new(7, 333, false, 3), Array::<f32>::new(1, 333, false, 4));
        let mut all = [0.0f32; 7];
        let x = x.view().rows().next().unwrap();
        matvec::matvec(matrix.view(), x, Blend::PLAIN, ViewMut::of(&mut all));
        for (row, expected) in all.iter().enumerate() {
            let mut one = [0.0f32; 1];
            let row = View::rows_of(&matrix.elements[row * 333..], 1, 333).unwrap();
            matvec::matvec(row, x, Blend::PLAIN, ViewMut::of(&mut one));
            assert_eq!(one[0].to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn not_a_number_gets_through() {
        let (left, right) = ([1.0f32, f32::NAN, 0.0, f32::INFINITY], [1.0f32, 2.0, 0.0, 1.0]);
        let mut out = [0.0f32; 4];
        let view = |x| View::rows_of(x, 2, 2).unwrap();
        for multiplier in multipliers(DType::F32) {
            multiply(view(&left), view(&right), Blend::PLAIN, ViewMut::rows_of(&mut out, 2, 2).unwrap(), (multiplier, 1, 0));
            assert!(out.iter().take(3).all(|x| x.is_nan()) && out[3] == f32::INFINITY, "{out:?}");
        }
    }
}
