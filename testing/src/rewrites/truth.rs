//! What formulas should give: the numbers of `testing/conformance/rewrites.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::conformance::Stop;
use crate::reference::{Decimal, Decimals};

/// What one formula should give.
#[derive(Debug, Deserialize)]
pub struct Truth {
    /// What the gradient is taken of.
    pub cost: Cost,
    /// Points where the naive formula goes wrong, and some where it does not.
    pub witnesses: Vec<Point>,
    /// Points at the edges of the floats.
    pub edges: Vec<Point>,
}

/// What a gradient is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cost {
    /// The sum of the results.
    Sum,
    /// The first result.
    First,
}

/// A point, and the numbers there. What is not there (`None`) does not exist: the program does as it is written.
#[derive(Debug, Deserialize)]
pub struct Point {
    /// The inputs.
    pub inputs: Vec<Decimals>,
    /// The results.
    pub value: Elements,
    /// The gradient along each input, where it is to be compared.
    pub gradient: Option<Vec<Elements>>,
}

/// A number, or the elements of an array, as far as they exist.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Elements {
    /// One.
    One(Option<Decimal>),
    /// The elements of an array in row-major order.
    Many(Vec<Option<Decimal>>),
}

impl Elements {
    /// The numbers.
    pub fn as_slice(&self) -> &[Option<Decimal>] {
        match self {
            Elements::One(only) => std::slice::from_ref(only),
            Elements::Many(elements) => elements,
        }
    }
}

/// All truths by name.
///
/// # Errors
///
/// [`Stop::Malformed`] if the file was changed and is not what it should be.
pub fn truths() -> Result<BTreeMap<String, Truth>, Stop> {
    serde_json::from_slice(include_bytes!("../../conformance/rewrites.json")).map_err(|error| Stop::Malformed(error.to_string()))
}
