//! Strategies for `proptest`: shapes with 0 and 1 in them, shapes that broadcast, edge values, arrays, and whole random programs.
//!
//! Everything shrinks to something small, and sizes are small to begin with, so that a test of hundreds of cases takes seconds.

mod formulas;
mod graphs;
mod ops;
mod program;

use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;

pub use formulas::{Formulas, formulas};
pub use graphs::{Graphs, RandomGraph, arrays as arrays_for};
pub use program::{Program, Step, programs};

/// A length: 0 and 1 often, else up to 5.
pub fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(1usize), 1 => Just(0), 4 => 2..=5usize]
}

/// A length that is not 0.
pub fn positive_lengths() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(1usize), 3 => 2..=5usize]
}

/// A shape of up to that many axes.
pub fn shapes(max_rank: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(lengths(), 0..=max_rank)
}

/// A shape without 0 of up to that many axes.
pub fn positive_shapes(max_rank: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(positive_lengths(), 0..=max_rank)
}

/// Two shapes that broadcast against each other, and the shape that they give.
///
/// ```
/// use damo_testing::strategies::broadcast_pairs;
/// use proptest::prelude::*;
/// proptest!(|((left, right, both) in broadcast_pairs(3))| {
///     prop_assert_eq!(both.len(), left.len().max(right.len()));
/// });
/// ```
pub fn broadcast_pairs(max_rank: usize) -> impl Strategy<Value = (Vec<usize>, Vec<usize>, Vec<usize>)> {
    let axis = (lengths(), 0..3u8);
    (prop::collection::vec(axis, 0..=max_rank), 0..=max_rank, any::<bool>()).prop_map(|(axes, missing, is_left)| {
        let both: Vec<usize> = axes.iter().map(|&(length, _)| length).collect();
        let side = |stretched: u8| axes.iter().map(|&(length, which)| if which == stretched { 1 } else { length }).collect::<Vec<_>>();
        let (mut left, mut right) = (side(0), side(1));
        let shorter = if is_left { &mut left } else { &mut right };
        let missing = missing.min(shorter.len());
        // Axes that one side lacks are stretched there, so they may have any length on the other.
        shorter.drain(..missing);
        let both = (0..both.len()).map(|axis| {
            let of = |shape: &[usize]| (axis + shape.len()).checked_sub(both.len()).map_or(1, |axis| shape[axis]);
            if of(&left) == 1 { of(&right) } else { of(&left) }
        });
        let both = both.collect();
        (left, right, both)
    })
}

/// A number: ordinary ones, and the edges: ±0, ±1, subnormals, the largest, infinities, NaN, neighbours of whole numbers.
pub fn edge_values() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![
        4 => -4.0..4.0f64,
        2 => prop::num::f64::NORMAL,
        1 => prop::num::f64::SUBNORMAL,
        3 => prop::sample::select(vec![
            0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, -f64::MIN_POSITIVE,
            f64::EPSILON, 1.0 - f64::EPSILON / 2.0, 1.0 + f64::EPSILON, 709.9, -745.2, 1e-300, 1e300,
            f64::INFINITY, f64::NEG_INFINITY, f64::NAN,
        ]),
    ]
}

/// A number of moderate size, away from overflow.
pub fn moderate_values() -> impl Strategy<Value = f64> + Clone {
    -2.0..2.0f64
}

/// An array of a shape with elements by a strategy.
pub fn arrays<V: Strategy<Value = f64>>(shape: &[usize], values: V) -> impl Strategy<Value = ArrayD<f64>> + use<V> {
    let shape = shape.to_vec();
    prop::collection::vec(values, shape.iter().product::<usize>())
        .prop_map(move |elements| ArrayD::from_shape_vec(IxDyn(&shape), elements).unwrap_or_else(|_| ArrayD::zeros(IxDyn(&shape))))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn pairs_broadcast_as_ndarray_says((left, right, both) in broadcast_pairs(4)) {
            for side in [left, right] {
                prop_assert!(ArrayD::<f64>::zeros(IxDyn(&side)).broadcast(IxDyn(&both)).is_some());
            }
        }

        #[test]
        fn arrays_have_their_shape(array in shapes(3).prop_flat_map(|shape| (Just(shape.clone()), arrays(&shape, edge_values())))) {
            prop_assert_eq!(array.0, array.1.shape());
        }
    }
}
