//! Which reduced values are numbers from 0 to 1.
//!
//! Sums of `f32` are kept in `f64`, and to widen a value takes longer than to add it. Numbers from 0 to 1 are added up four at a time before they
//! are widened: their sum does not overflow, and as none is negative it is off by one ulp at most.

use damo_graph::Number;

use crate::functions::{EXP_BELOW, NDTR, SECH2, SELECT, SIGMOID, Scalar};
use crate::nest::{Instruction, Nest};

/// Functions that give such numbers.
const FRACTIONS: [&Scalar; 4] = [&EXP_BELOW, &SIGMOID, &NDTR, &SECH2];

/// Whether a register of a nest holds numbers from 0 to 1, or no number.
pub(super) fn is_fraction(nest: &Nest, register: usize) -> bool {
    match nest.body.get(register) {
        Some(Instruction::Constant(Number::Real(number), _)) => (0.0..=1.0).contains(number),
        Some(Instruction::Apply { scalar, arguments, .. }) if *scalar == &SELECT => {
            arguments.iter().skip(1).all(|&argument| is_fraction(nest, argument))
        }
        Some(Instruction::Apply { scalar, .. }) => FRACTIONS.contains(scalar),
        _ => false,
    }
}
