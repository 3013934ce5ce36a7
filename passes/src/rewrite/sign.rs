//! What is known of the sign of every element of a value.

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]

use damo_graph::Value;
use damo_graph::op::Op;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{self, Scalar};

use super::Rewriter;

/// How deep a value is looked into.
const DEPTH: usize = 10;

/// Functions that are positive wherever they are numbers (though they may vanish by rounding).
const POSITIVE: &[&Scalar] =
    &[&scalar::EXP, &scalar::EXP2, &scalar::SIGMOID, &scalar::SOFTPLUS, &scalar::COSH, &scalar::ERFC, &scalar::ERFCX, &scalar::NDTR];

/// Functions that are never negative.
const NOT_NEGATIVE: &[&Scalar] = &[&scalar::ABS, &scalar::SQRT, &scalar::HYPOT, &scalar::LOG_COSH, &scalar::X_MINUS_LN_1P];

impl Rewriter<'_> {
    /// Whether a value is mathematically more than 0, or not a number.
    pub fn is_positive(&self, value: Value) -> bool {
        self.has_sign(value, true, DEPTH)
    }

    /// Whether a value is at least 0, or not a number.
    pub fn is_not_negative(&self, value: Value) -> bool {
        self.has_sign(value, false, DEPTH)
    }

    fn has_sign(&self, value: Value, strictly: bool, depth: usize) -> bool {
        if let Some(number) = self.uniform(value) {
            return if strictly { number > 0.0 } else { number >= 0.0 };
        }
        let (Some(op), true) = (self.op(value), depth > 0) else { return false };
        let inputs = self.graph.node(value.node).inputs();
        let has = |input: Value, strictly: bool| self.has_sign(input, strictly, depth - 1);
        match op {
            Op::Pointwise(pointwise) => {
                let scalar = pointwise.0;
                if POSITIVE.contains(&scalar) || (!strictly && NOT_NEGATIVE.contains(&scalar)) {
                    true
                } else if scalar == &scalar::SQRT || scalar == &scalar::RECIP || scalar == &scalar::ABS {
                    has(inputs[0], true)
                } else if scalar == &scalar::ADD || scalar == &scalar::MAX {
                    has(inputs[0], strictly) && has(inputs[1], false) || has(inputs[0], false) && has(inputs[1], strictly)
                } else if scalar == &scalar::MUL && inputs[0] == inputs[1] {
                    !strictly || has(inputs[0], true)
                } else if [&scalar::MUL, &scalar::DIV, &scalar::MIN, &scalar::POW].contains(&scalar) {
                    has(inputs[0], strictly) && (scalar == &scalar::POW || has(inputs[1], strictly))
                } else if scalar == &scalar::SELECT {
                    has(inputs[1], strictly) && has(inputs[2], strictly)
                } else {
                    false
                }
            }
            Op::Softmax(_) => true,
            // A length less than another may be negative.
            Op::DimValue(length) => {
                if strictly {
                    (length.dim.clone() - 1).is_never_negative()
                } else {
                    length.dim.is_never_negative()
                }
            }
            Op::Iota(_) => !strictly,
            Op::Reduce(reduce) => match reduce.reduction {
                // An empty sum is 0.
                Reduction::Sum => !strictly && has(inputs[0], false),
                Reduction::Mean | Reduction::Product | Reduction::Max | Reduction::Min => has(inputs[0], strictly),
                Reduction::All | Reduction::Any => false,
            },
            Op::Broadcast(_)
            | Op::Reshape(_)
            | Op::InsertAxis(_)
            | Op::RemoveAxis(_)
            | Op::Transpose(_)
            | Op::Slice(_)
            | Op::Cast(_)
            | Op::Concatenate(_) => inputs.iter().all(|&input| has(input, strictly)),
            _ => false,
        }
    }
}
