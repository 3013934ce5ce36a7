//! Whether a rule pays: the right side costs less, or is right where the left side is wrong.

use damo_passes::rule::Formula;

use super::complaint::Wrong;
use super::meaning::{Arithmetic, compute, cost};
use damo_oracle::special::big;
use damo_oracle::{Truth, truth, ulps};

/// How close the right side must be to the stated value, and the stated value to the true one, in units in the last place.
const NEAR: f64 = 4.0;

/// How far from it the left side must be, relatively.
const FAR: f64 = 1e-3;

/// What is wrong with what the rule is for.
pub(super) fn wrong_profit(formula: &Formula) -> Option<Wrong> {
    let Some((at, stated)) = &formula.proof else {
        let (left, right) = (cost(formula.left), cost(formula.right));
        return (right >= left).then_some(Wrong::PaysNothing { left, right });
    };
    let (left, right) = (compute(formula.left, at, Arithmetic::Double), compute(formula.right, at, Arithmetic::Double));
    let is_near = |float: f64| ulps(float, &big(*stated, 64)) <= NEAR;
    let is_left_wrong = !left.is_finite() || (left - stated).abs() > FAR * stated.abs();
    let is_stated_right = match truth(formula.left, at) {
        Ok(Truth::Number(number)) => ulps(*stated, &number) <= NEAR,
        // It is a limit, or out of reach: the edges judge the right side there.
        Ok(Truth::Infinite { .. } | Truth::Undefined | Truth::Holds(_)) | Err(_) => true,
    };
    let proves = is_left_wrong && is_near(right) && is_stated_right;
    (!proves).then(|| Wrong::ProvesNothing { at: at.clone(), left, right, stated: *stated })
}
