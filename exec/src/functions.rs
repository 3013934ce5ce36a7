//! The functions of nests: those of the table, and what planning makes of them.

pub(crate) use damo_graph::op::scalar::*;

/// eˣ⁻ʸ, without the rounding of the difference: within 1 ulp where x and y are `f32` or less.
pub(crate) static EXP_DIFFERENCE: Scalar = binary("exp_difference", |x, y| (x - y).exp(), |_, _, z| [z, -z], 1.0, 26);
