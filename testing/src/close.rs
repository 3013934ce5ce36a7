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
        let apart = if *ulps == u64::MAX { "one of them is not a number".to_owned() } else { format!("{ulps} ulps apart, {allowed} allowed") };
        write!(f, "element {element:?} is {computed:e} instead of {expected:e}: {apart}")
    }
}

/// Two arrays that are not close.
#[derive(Clone, Debug, PartialEq)]
pub enum NotClose {
    /// They have other shapes.
    Shapes(Vec<usize>, Vec<usize>),
    /// They differ most at this element.
    Element {
        /// The one that is farthest off.
        worst: Difference,
        /// How many are too far off.
        wrong: usize,
        /// How many there are.
        of: usize,
    },
}

impl fmt::Display for NotClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotClose::Shapes(computed, expected) => write!(f, "the shape is {computed:?} instead of {expected:?}"),
            NotClose::Element { worst, wrong: 1, of: 1 } => worst.fmt(f),
            NotClose::Element { worst, wrong, of } => write!(f, "{worst}; the worst of {wrong} that are too far off, of {of}"),
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
    let of = computed.len();
    let differences = computed.indexed_iter().zip(expected.view().into_dyn()).map(|((element, &computed), &expected)| Difference {
        element: element.slice().to_vec(),
        computed: computed.to_f64(),
        expected: expected.to_f64(),
        ulps: ulps_between(computed, expected),
        allowed: ulps,
    });
    // Written so that a NaN of ulps lets nothing pass.
    let is_far = |difference: &Difference| difference.ulps == u64::MAX || ulps.is_nan() || difference.ulps as f64 > ulps;
    let wrong: Vec<Difference> = differences.filter(is_far).collect();
    let count = wrong.len();
    // Of those equally far, the first.
    match wrong.into_iter().reduce(|worst, next| if next.ulps > worst.ulps { next } else { worst }) {
        Some(worst) => Err(NotClose::Element { worst, wrong: count, of }),
        None => Ok(()),
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

/// Panics with the worst element unless every element is within some ulps; a message may follow, as for `assert!`.
///
/// ```
/// use damo_testing::assert_close;
/// use ndarray::arr1;
/// let computed = arr1(&[0.1f64 + 0.2, 1.0]);
/// assert_close!(computed, arr1(&[0.3, 1.0]), ulps = 1);
/// assert_close!(computed, arr1(&[0.3, 1.0]), ulps = 1, "in step {}", 7);
/// ```
///
/// ```should_panic
/// # use damo_testing::assert_close;
/// # use ndarray::arr1;
/// // element [1] is 2.00001e0 instead of 2e0: 22517998137 ulps apart, 4 allowed; the worst of 1 that are too far off, of 2
/// assert_close!(arr1(&[1.0, 2.000_01]), arr1(&[1.0, 2.0]), ulps = 4);
/// ```
#[macro_export]
macro_rules! assert_close {
    ($computed:expr, $expected:expr, ulps = $ulps:expr $(,)?) => {
        if let Err(how) = $crate::close::check_close(&$computed, &$expected, f64::from($ulps)) {
            panic!("`{}` is not close to `{}`: {how}", stringify!($computed), stringify!($expected));
        }
    };
    ($computed:expr, $expected:expr, ulps = $ulps:expr, $($message:tt)+) => {
        if let Err(how) = $crate::close::check_close(&$computed, &$expected, f64::from($ulps)) {
            panic!("{}: `{}` is not close to `{}`: {how}", format_args!($($message)+), stringify!($computed), stringify!($expected));
        }
    };
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
        let NotClose::Element { worst, wrong, of } = check_close(&computed, &arr2(&[[1.0, 2.0], [3.5, 4.0]]), 4.0).unwrap_err() else { panic!() };
        assert_eq!((&worst.element[..], wrong, of), (&[1, 0][..], 2, 4));
        let said = check_close(&arr1(&[f32::NAN]), &arr1(&[1.0]), 1e30).unwrap_err().to_string();
        assert!(said.contains("[0] is NaN") && said.contains("not a number"), "{said}");
        assert!(matches!(check_close(&computed, &arr1(&[1.0]), 4.0), Err(NotClose::Shapes(..))));
    }
}
