//! One line of the tape: an op, what it reads, and where the user wrote it.

use std::panic::Location;

use damo_graph::op::Op;
use damo_graph::op::scalar::Scalar;
use damo_graph::{DType, Value};
use smallvec::SmallVec;

/// What a record says. Kept small, because recording is all that happens on the user's line.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// A function of the table, applied to the inputs.
    Pointwise(&'static Scalar),
    /// A real number of a float type.
    Real(DType, f64),
    /// Any other op.
    Structural(Box<Op>),
    /// A value that is in the graph already.
    Adopted(Value, DType),
    /// A tensor that could not be computed; why is known already.
    Poison,
    /// It has been entered into the graph.
    Entered,
}

/// The places of tensors on the tape.
pub(crate) type Indices = SmallVec<[u32; 4]>;

/// An op as the user wrote it, before its type is known.
#[derive(Debug)]
pub(crate) struct Record {
    /// What it computes.
    pub what: Recorded,
    /// The records that it reads.
    pub inputs: Indices,
    /// The user's line.
    pub location: &'static Location<'static>,
    /// The composite function that it is part of.
    pub within: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_cache_line() {
        assert!(size_of::<Record>() <= 64, "{} bytes", size_of::<Record>());
    }
}
