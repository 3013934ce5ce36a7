//! Eager-looking Rust becomes a tape: tensors, operators and the library of functions users write with.
//!
//! | to read about | open |
//! |---|---|
//! | the tape and how it keeps errors | [`Tape`] |
//! | the tracer and its methods | [`Tensor`] |
//! | state that survives calls | [`Shared`] |
//! | one formula for numbers and tensors | [`Real`] |
//! | what functions and gradients take and give | [`Tensors`] |

// Nothing a user does panics.
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::todo, clippy::unimplemented, clippy::unreachable, clippy::unwrap_used))]

mod compare;
mod convolution;
mod declare;
mod example;
mod functions;
mod into_tensor;
mod joining;
mod log;
mod making;
mod no_order;
mod operators;
mod padding;
mod pooling;
mod products;
mod real;
mod record;
mod reductions;
mod scope;
mod shapes;
mod shared;
mod slicing;
mod state;
mod statistics;
mod tape;
mod tensor;
mod tensors;

pub use compare::select;
pub use convolution::Conv;
pub use damo_graph::{Dim, Dims, Element, Error, ErrorKind, Float, Integer, Logical, Numeric, Real, Symbol};
pub use into_tensor::{IntoConstant, IntoTensor};
pub use joining::{concatenate, stack};
pub use no_order::UseSelectOrCond;
pub use padding::Padding;
pub use pooling::Pool;
pub use shared::{AnyShared, Shared, Together, Write};
pub use slicing::IntoIndices;
pub use tape::Tape;
pub use tensor::Tensor;
pub use tensors::{Handle, Handles, Single, Tensors};
