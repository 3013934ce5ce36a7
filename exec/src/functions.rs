//! The functions of nests: those of the table, and what planning makes of them.

pub(crate) use damo_graph::op::scalar::*;

/// eˣ⁻ᵐ for an x that is at most m, without the rounding of the difference: within 2 ulps where they are `f32`.
pub(crate) static EXP_BELOW: Scalar = binary("exp_below", |x, m| (x - m).exp(), |_, _, z| [z, -z], 2.0, 18);
