//! Reference numbers as decimal text, with more digits than any float has, and the judgement of computed arrays by them.

use std::fmt;
use std::str::FromStr;

use damo::Float;
use ndarray::ArrayD;
use serde::Deserialize;

use crate::close::ulps_between;

/// The element types that references are given in: those that read a decimal text, correctly rounded.
pub trait Precision: Float + FromStr {}
impl Precision for f32 {}
impl Precision for f64 {}

/// A real number in decimal, or `inf`, `-inf`, `nan`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Decimal(String);

impl Decimal {
    /// The nearest float of type `T`; NaN for a text that is not a number.
    pub fn nearest<T: Precision>(&self) -> T {
        self.0.parse().unwrap_or_else(|_| T::from_f64(f64::NAN))
    }

    /// The float of type `T`, if it is the number exactly as an `f64` reads it.
    pub fn exactly<T: Precision>(&self) -> Option<T> {
        let (real, nearest) = (self.nearest::<f64>(), self.nearest::<T>());
        (nearest.to_f64() == real || real.is_nan()).then_some(nearest)
    }

    /// Whether it is 0, written so: not a number that is merely too small for a float.
    pub fn is_zero(&self) -> bool {
        !self.0.contains(|digit: char| digit.is_ascii_digit() && digit != '0') && !self.0.contains(char::is_alphabetic)
    }
}

impl From<&str> for Decimal {
    fn from(text: &str) -> Self {
        Decimal(text.to_owned())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number, or the elements of an array in row-major order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Decimals {
    /// One: a scalar, or every element of an array.
    One(Decimal),
    /// The elements of an array.
    Many(Vec<Decimal>),
}

impl Decimals {
    /// The numbers.
    pub fn as_slice(&self) -> &[Decimal] {
        match self {
            Decimals::One(only) => std::slice::from_ref(only),
            Decimals::Many(elements) => elements,
        }
    }

    /// They as an array, of no axes or of one, if type `T` has them exactly.
    pub fn exactly<T: Precision>(&self) -> Option<ArrayD<T>> {
        match self {
            Decimals::One(only) => only.exactly().map(|number| ndarray::arr0(number).into_dyn()),
            Decimals::Many(elements) => {
                let elements = elements.iter().map(Decimal::exactly).collect::<Option<Vec<T>>>()?;
                Some(ndarray::Array1::from(elements).into_dyn())
            }
        }
    }
}

/// Compares computed elements with references: each within some ulps, an exact 0 exactly; signs of zero do not count.
///
/// # Errors
///
/// The element that is farthest off, in words.
pub fn check<T: Precision>(computed: &ArrayD<T>, expected: &Decimals, ulps: f64) -> Result<(), String> {
    let count = computed.len();
    let expected: Vec<&Decimal> = match expected {
        Decimals::One(only) => vec![only; count],
        Decimals::Many(elements) if elements.len() == count => elements.iter().collect(),
        Decimals::Many(elements) => return Err(format!("{count} elements instead of {}", elements.len())),
    };
    let distances = computed.iter().zip(expected).enumerate().map(|(place, (&computed, expected))| {
        let distance = ulps_between(computed, expected.nearest());
        let allowed = if expected.is_zero() { 0.0 } else { ulps };
        (place, computed, expected, distance, allowed)
    });
    match distances.max_by_key(|&(_, _, _, distance, allowed)| (distance as f64 > allowed, distance)) {
        Some((place, computed, expected, distance, allowed)) if distance as f64 > allowed => {
            let which = if count == 1 { String::new() } else { format!("element {place} ") };
            let off = if distance == u64::MAX { String::new() } else { format!(", {distance} ulps off") };
            Err(format!("{which}is {computed:?} instead of {:?}{off}", expected.nearest::<T>()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn a_decimal_is_rounded_once_and_zero_is_only_zero() {
        assert_eq!(Decimal::from("0.1").nearest::<f32>(), 0.1f32);
        assert_eq!(Decimal::from("0.1").exactly::<f32>(), None);
        assert_eq!(Decimal::from("-inf").exactly::<f32>(), Some(f32::NEG_INFINITY));
        assert!(Decimal::from("-0.0").is_zero() && Decimal::from("0").is_zero());
        assert!(!Decimal::from("1e-999").is_zero() && !Decimal::from("inf").is_zero() && !Decimal::from("nan").is_zero());
    }

    #[test]
    fn what_is_off_is_named() {
        let one = Decimals::One("1".into());
        let computed = arr1(&[1.0, 1.0 + 2.0 * f64::EPSILON]).into_dyn();
        assert_eq!(check(&computed, &one, 2.0), Ok(()));
        let message = check(&computed, &one, 1.0).unwrap_err();
        assert!(message.contains("element 1") && message.contains("2 ulps"), "{message}");
        let tiny = arr1(&[f64::from_bits(1)]).into_dyn();
        assert!(check(&tiny, &Decimals::One("0.0".into()), 4.0).is_err());
        assert_eq!(check(&tiny, &Decimals::One("1e-400".into()), 4.0), Ok(()));
        assert!(check(&tiny, &Decimals::One("nan".into()), 4.0).unwrap_err().contains("NaN"));
    }
}
