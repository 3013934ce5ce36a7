//! Products of all shapes, strides and spellings, by everyone who multiplies, against their definition.

#![expect(unsafe_code, reason = "it makes views of its own arrays")]

use damo_graph::DType;

use super::*;
use crate::kernel::judge::engines;
use crate::library::matmul::blocks::Geometry;
use crate::library::multiplier::Multiplier;

/// Everyone who multiplies.
pub(crate) fn multipliers(dtype: DType) -> impl Iterator<Item = Multiplier> {
    engines().map(move |machine_code| Multiplier::of(dtype, machine_code))
}

/// One thread without scratch.
fn alone<T>() -> Workers<'static, T> {
    Workers { multiplier: Multiplier::Portable, threads: 1, order: 0, scratch: &mut [] }
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
    product(left, right, blend, out, &mut Workers { multiplier, threads, order, scratch: &mut scratch }).unwrap();
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
        (6, 2, 16),
        (13, 5, 15),
        (11, 321, 17),
        (2, 700, 7),
        (7, 3, 2),
        (80, 330, 130),
        (150, 70, 290),
        // Short rows.
        (64, 2, 1),
        (200, 3, 1),
        (129, 10, 1),
        (130, 31, 1),
        (1, 64, 2),
        (1, 200, 3),
        (1, 129, 31),
        (1, 5000, 10),
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
    matvec::matvec(rows, View::of(&ones), Blend::PLAIN, ViewMut::of(&mut y), &alone());
    assert!((y[0] / (0.1 * (1 << 20) as f32) - 1.0).abs() < 1e-6, "{y:?}");
    let columns = View::rows_of(&tenths, 1 << 18, 4).unwrap().transposed();
    let mut y = [0.0f32; 4];
    matvec::matvec(columns, View::of(&ones[..1 << 18]), Blend::PLAIN, ViewMut::of(&mut y), &alone());
    // Every term is the same, so that errors add up: at most half an ulp for each of 8 + 4 · 16 sums.
    assert!(y.iter().all(|y| (y / (0.1 * (1 << 18) as f32) - 1.0).abs() < 72.0 * 0.5 * f32::EPSILON), "{y:?}");
}

#[test]
fn a_row_has_the_same_bits_whichever_stand_beside_it() {
    let (matrix, x) = (Array::<f32>::new(7, 333, false, 3), Array::<f32>::new(1, 333, false, 4));
    let mut all = [0.0f32; 7];
    let x = x.view().rows().next().unwrap();
    matvec::matvec(matrix.view(), x, Blend::PLAIN, ViewMut::of(&mut all), &alone());
    for (row, expected) in all.iter().enumerate() {
        let mut one = [0.0f32; 1];
        let row = View::rows_of(&matrix.elements[row * 333..], 1, 333).unwrap();
        matvec::matvec(row, x, Blend::PLAIN, ViewMut::of(&mut one), &alone());
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

/// Results on one thread, on several, and in other orders.
fn bits<T: Multiply>(m: usize, k: usize, n: usize, by_columns: [bool; 3], multiplier: Multiplier) {
    let (left, right) = (Array::<T>::new(m, k, by_columns[0], 1), Array::<T>::new(k, n, by_columns[1], 2));
    let addend = Array::<T>::new(m, n, by_columns[2], 3);
    let number = |x| T::from_number(damo_graph::Number::Real(x));
    let run = |threads, order| {
        let mut out = vec![number(f64::NAN); m * n];
        let blend = Blend { alpha: number(0.75), addend: Some((number(-1.5), addend.view())) };
        let view = ViewMut::rows_of(&mut out, m, n).unwrap();
        multiply(left.view(), right.view(), blend, view, (multiplier, threads, order));
        out.into_iter().map(T::to_word).collect::<Vec<u64>>()
    };
    let expected = run(1, 0);
    for (threads, order) in [(2, 0), (5, 0), (1, 3), (3, 4)] {
        assert!(run(threads, order) == expected, "[{m}, {k}] · [{k}, {n}] {by_columns:?} on {threads} threads in order {order}");
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let shapes = [
        (300, 330, 270),
        (60, 784, 500),
        (784, 60, 50),
        (7, 900, 700),
        (700, 1, 300),
        (700, 300, 1),
        (1, 300, 700),
        (1, 999_983, 1),
        (99_999, 10, 1),
        (1, 99_999, 10),
    ];
    for (m, k, n) in shapes {
        for by_columns in [[false; 3], [true, false, false], [false, true, true]] {
            for multiplier in multipliers(DType::F32) {
                bits::<f32>(m, k, n, by_columns, multiplier);
            }
            multipliers(DType::F64).for_each(|multiplier| bits::<f64>(m, k, n, by_columns, multiplier));
        }
    }
}

#[test]
fn a_result_has_the_same_bits_whichever_stand_beside_it() {
    for multiplier in multipliers(DType::F32) {
        let (left, right) = (Array::<f32>::new(150, 400, false, 1), Array::<f32>::new(400, 90, false, 2));
        let mut all = vec![0.0f32; 150 * 90];
        multiply(left.view(), right.view(), Blend::PLAIN, ViewMut::rows_of(&mut all, 150, 90).unwrap(), (multiplier, 1, 0));
        for (rows, columns) in [(0..7, 0..90), (3..5, 11..90), (100..150, 87..90), (13..14 + 6, 2..19)] {
            let (height, width) = (rows.len(), columns.len());
            let mut part = vec![0.0f32; height * width];
            let (left, right) = (left.view().part(rows.start, rows.end), right.view().columns(columns.start, columns.end));
            multiply(left, right, Blend::PLAIN, ViewMut::rows_of(&mut part, height, width).unwrap(), (multiplier, 1, 0));
            for (place, found) in part.iter().enumerate() {
                let expected = all[(rows.start + place / width) * 90 + columns.start + place % width];
                assert_eq!(found.to_bits(), expected.to_bits());
            }
        }
    }
}

#[test]
fn zero_times_infinity_is_seen_wherever_it_stands() {
    for multiplier in multipliers(DType::F64) {
        for (m, k, n, place) in [(13, 40, 21, 39), (6, 330, 16, 329), (20, 8, 5, 0), (70, 330, 100, 7)] {
            let (mut left, mut right, mut out) = (vec![1.0; m * k], vec![1.0; k * n], vec![0.0; m * n]);
            left[(m - 1) * k + place] = 0.0;
            right[place * n + n - 1] = f64::INFINITY;
            let view = ViewMut::rows_of(&mut out, m, n).unwrap();
            let (left, right) = (View::rows_of(&left, m, k).unwrap(), View::rows_of(&right, k, n).unwrap());
            multiply(left, right, Blend { alpha: 2.0, addend: None }, view, (multiplier, 2, 0));
            for (element, found) in out.iter().enumerate() {
                let plain = 2.0 * k as f64;
                let is_as_it_should = match (element / n == m - 1, element % n == n - 1) {
                    (true, true) => found.is_nan(),
                    (true, false) => *found == plain - 2.0,
                    (false, true) => *found == f64::INFINITY,
                    (false, false) => *found == plain,
                };
                assert!(is_as_it_should, "[{m}, {k}] · [{k}, {n}]: element {element} is {found}");
            }
        }
    }
}
