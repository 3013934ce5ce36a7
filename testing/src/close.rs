//! How far apart two floats are, in units in the last place, and a judgement of arrays by it.

use std::fmt;

use damo::Float;
use ndarray::{ArrayBase, Data, Dimension};

/// How many floats of type `T` lie between two numbers: 0 if they are equal (−0 equals 0, NaN equals NaN), 1 for neighbours.
///
/// A NaN is infinitely far from any number; an infinity is one step beyond the largest number.
///
/// ```
/// use damo_testing::close::ulps_between;
/// assert_eq!(ulps_between(1.0f64, 1.0 + f64::EPSILON), 1);
/// assert_eq!(ulps_between(-0.0f32, 0.0), 0);
/// assert_eq!(ulps_between(f32::NAN, 0.0), u64::MAX);
/// ```
pub fn ulps_between<T: Float>(left: T, right: T) -> u64 {
    match (left.to_f64().is_nan(), right.to_f64().is_nan()) {
        (true, true) => 0,
        (false, false) => u64::try_from(place_of(left).abs_diff(place_of(right))).unwrap_or(u64::MAX),
        _ => u64::MAX,
    }
}

/// The place of a float among all floats of its type, counted from 0: neighbours differ by 1.
fn place_of<T: Float>(value: T) -> i128 {
    let bits = value.to_bits();
    let sign = 1u128 << (8 * size_of::<T>() - 1);
    let magnitude = (bits & !sign) as i128;
    if bits & sign == 0 { magnitude } else { -magnitude }
}

/// The element where two arrays differ most.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its indices.
    pub element: Vec<usize>,
    /// What was computed.
    pub computed: f64,
    /// What was expected.
    pub expected: f64,
    /// How far apart they are.
    pub ulps: u64,
    /// How far apart they may be.
    pub allowed: f64,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { element, computed, expected, ulps, allowed } = self;
        write!(f, "element {element:?} is {computed:e} instead of {expected:e}: {ulps} ulps apart, {allowed} allowed")
    }
}

/// Two arrays that are not close.
#[derive(Clone, Debug, PartialEq)]
pub enum NotClose {
    /// They have other shapes.
    Shapes(Vec<usize>, Vec<usize>),
    /// They differ most at this element.
    Element(Difference),
}

impl fmt::Display for NotClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotClose::Shapes(computed, expected) => write!(f, "the shape is {computed:?} instead of {expected:?}"),
            NotClose::Element(difference) => difference.fmt(f),
        }
    }
}

impl std::error::Error for NotClose {}

/// Whether every element of one array is within some ulps of the other's; the worst one if not.
///
/// `computed, expected: [..]`
///
/// # Errors
///
/// [`NotClose`] with the worst element, or the shapes if they differ.
///
/// ```
/// use damo_testing::close::check_close;
/// use ndarray::arr1;
/// let third = arr1(&[1.0f32 / 3.0]);
/// assert!(check_close(&third, &arr1(&[0.333_333_34]), 1.0).is_ok());
/// assert!(check_close(&third, &arr1(&[0.333_3]), 1.0).is_err());
/// ```
pub fn check_close<T: Float, S: Data<Elem = T>, R: Data<Elem = T>, D: Dimension, E: Dimension>(
    computed: &ArrayBase<S, D>,
    expected: &ArrayBase<R, E>,
    ulps: f64,
) -> Result<(), NotClose> {
    if computed.shape() != expected.shape() {
        return Err(NotClose::Shapes(computed.shape().to_vec(), expected.shape().to_vec()));
    }
    let computed = computed.view().into_dyn();
    let differences = computed.indexed_iter().zip(expected.view().into_dyn()).map(|((element, &computed), &expected)| Difference {
        element: element.slice().to_vec(),
        computed: computed.to_f64(),
        expected: expected.to_f64(),
        ulps: ulps_between(computed, expected),
        allowed: ulps,
    });
    match differences.max_by_key(|difference| difference.ulps) {
        Some(worst) if worst.ulps as f64 > ulps => Err(NotClose::Element(worst)),
        _ => Ok(()),
    }
}

/// Panics with the worst element unless every element is within some ulps.
///
/// # Panics
///
/// As said: it is for tests.
#[track_caller]
pub fn assert_close<T: Float, S: Data<Elem = T>, R: Data<Elem = T>, D: Dimension, E: Dimension>(
    computed: &ArrayBase<S, D>,
    expected: &ArrayBase<R, E>,
    ulps: f64,
) {
    if let Err(how) = check_close(computed, expected, ulps) {
        panic!("not close: {how}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn neighbours_are_one_apart_across_zero_and_at_the_ends() {
        assert_eq!(ulps_between(-f64::from_bits(1), f64::from_bits(1)), 2);
        assert_eq!(ulps_between(f32::MAX, f32::INFINITY), 1);
        assert_eq!(ulps_between(f64::INFINITY, f64::NEG_INFINITY), 2 * f64::INFINITY.to_bits());
        assert_eq!(ulps_between(f64::NAN, f64::NAN), 0);
    }

    #[test]
    fn the_worst_element_is_named() {
        let computed = arr2(&[[1.0f64, 2.0], [3.0, 4.000_000_1]]);
        let NotClose::Element(worst) = check_close(&computed, &arr2(&[[1.0, 2.0], [3.0, 4.0]]), 4.0).unwrap_err() else { panic!() };
        assert_eq!(worst.element, [1, 1]);
        assert!(matches!(check_close(&computed, &arr1(&[1.0]), 4.0), Err(NotClose::Shapes(..))));
    }
}
