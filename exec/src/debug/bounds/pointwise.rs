//! The bounds of functions of the table.

use damo_graph::op::scalar::{Scalar, Signature};
use damo_graph::{AnyArray, DType, Number, Problem};
use ndarray::{ArrayD, IxDyn};
use smallvec::SmallVec;

use super::{Against, Bounded, units};

/// A function of the table: its statement, and what it makes of the corners of where its arguments may be.
pub(super) fn pointwise(scalar: &'static Scalar, inputs: &[&Bounded], value: AnyArray, against: Against) -> Result<Bounded, Problem> {
    let is_float = value.dtype().is_float();
    // Both the meaning and an engine may be off by what is stated.
    let varies = inputs.iter().any(|input| input.error.is_some());
    let ulps = scalar.ulps_in(value.dtype());
    let rounds = is_float && scalar.signature != Signature::Select && ulps > 0.0;
    let own = match (ulps > 0.5, varies, against) {
        _ if !rounds => None,
        (true, _, _) => Some(units(&value, 2.0 * ulps + 0.5)),
        (false, false, Against::Engine) => None,
        // Numbers that differ may be rounded apart.
        (false, true, Against::Engine) => Some(units(&value, 1.0)),
        (false, _, Against::Formula) => Some(units(&value, 0.5)),
    };
    if !varies {
        return Ok(Bounded { value, error: own });
    }
    let shape = IxDyn(value.shape());
    let stretch = |array: ArrayD<f64>| {
        let stretched = array.broadcast(shape.clone()).map(|view| view.iter().copied().collect::<Vec<f64>>());
        stretched.ok_or_else(|| Problem::shapes(format!("{:?} does not stretch to {:?}", array.shape(), value.shape())))
    };
    let is_bool: SmallVec<[bool; 3]> = inputs.iter().map(|input| input.value.dtype() == DType::Bool).collect();
    let is_integer = inputs.iter().any(|input| input.value.dtype().is_integer());
    let numbers = inputs.iter().map(|input| stretch(input.value.to_reals())).collect::<Result<Vec<_>, _>>()?;
    let errors = inputs.iter().map(|input| stretch(input.errors())).collect::<Result<Vec<_>, _>>()?;
    let own = own.unwrap_or_else(|| ArrayD::zeros(shape.clone()));
    let mut bound = own;
    let mut arguments: SmallVec<[Number; 3]> = SmallVec::from_elem(Number::Bool(false), inputs.len());
    for (place, bound) in bound.iter_mut().enumerate() {
        let at = |array: &[f64]| array.get(place).copied().unwrap_or(0.0);
        let varying: SmallVec<[usize; 3]> = (0..inputs.len()).filter(|&k| at(&errors[k]) != 0.0).collect();
        if varying.is_empty() {
            continue;
        }
        if is_integer || varying.iter().any(|&k| at(&numbers[k]).is_nan()) {
            *bound = f64::INFINITY;
            continue;
        }
        let mut of_corner = |corner: usize| {
            for (k, argument) in arguments.iter_mut().enumerate() {
                let x = at(&numbers[k]);
                let side = varying.iter().position(|&varying| varying == k).map(|bit| (corner >> (2 * bit)) & 3);
                let moved = match side {
                    Some(1) => -outwards(-x, at(&errors[k])),
                    Some(2) => outwards(x, at(&errors[k])),
                    Some(3) => 0.0,
                    _ => x,
                };
                let flips = matches!(side, Some(1 | 2));
                *argument = if is_bool[k] { Number::Bool((x != 0.0) != flips) } else { Number::Real(moved) };
            }
            scalar.evaluate(&arguments).map_or(f64::NAN, Number::to_real)
        };
        let centre = of_corner(0);
        let mut farthest: f64 = 0.0;
        for corner in 1..1 << (2 * varying.len()) {
            // Each varying argument has a place of two bits: as it is, less, more, and 0 if that lies between: there are the poles and kinks.
            let is_apart_from_zero = |&k: &usize| at(&numbers[k]).abs() >= at(&errors[k]) || is_bool[k];
            if varying.iter().enumerate().any(|(bit, k)| (corner >> (2 * bit)) & 3 == 3 && is_apart_from_zero(k)) {
                continue;
            }
            let there = of_corner(corner);
            let distance = if there == centre || there.is_nan() && centre.is_nan() { 0.0 } else { (there - centre).abs() };
            farthest = if distance.is_nan() { f64::INFINITY } else { farthest.max(distance) };
        }
        // Between corners a smooth function may go a little farther.
        *bound = if is_float {
            *bound + 1.5 * farthest
        } else if farthest > 0.0 {
            f64::INFINITY
        } else {
            0.0
        };
    }
    Ok(Bounded { value, error: Some(bound) })
}

/// At least as much more than a number, rounded away from it: half a unit in the last place must not be lost.
fn outwards(x: f64, error: f64) -> f64 {
    let moved = x + error;
    if moved - x < error { moved.next_up() } else { moved }
}
