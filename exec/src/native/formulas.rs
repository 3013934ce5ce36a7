//! Functions of floats as formulas on lanes.

use damo_graph::op::scalar::Scalar;

use super::program::{Format, Id, Recorded};

/// A function of one number.
pub(super) fn of_one<T: Format>(_scalar: &'static Scalar, _x: Recorded<'_, T>) -> Option<Id> {
    None
}

/// A function of two numbers.
pub(super) fn of_two<T: Format>(_scalar: &'static Scalar, _x: Recorded<'_, T>, _y: Recorded<'_, T>) -> Option<Id> {
    None
}
