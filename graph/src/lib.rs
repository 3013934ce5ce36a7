//! What a Damo program *is*: types with symbolic lengths, ops with their meaning and derivative, and the graph that joins them.
//!
//! Nothing here runs fast, opens a file or knows an engine. Everything else in the workspace speaks in these words.
//!
//! | to read about | open |
//! |---|---|
//! | element types, arrays of any element type | [`dtype`], [`any_array`] |
//! | lengths that are not known yet | [`dim`], [`lengths`] |
//! | what an op must say of itself | [`op`] |
//! | the table of pointwise functions, and its words | [`op::scalar`], [`functions`] |
//! | the graph, its text, its picture, its meaning | [`graph`], [`text`], [`dot_picture`], [`meaning`] |
//! | what went wrong | [`error`] |

// Nothing a user does panics.
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::todo, clippy::unimplemented, clippy::unreachable, clippy::unwrap_used))]

pub mod any_array;
pub mod build;
pub mod dim;
pub mod dot_picture;
pub mod dtype;
pub mod error;
pub mod functions;
pub mod graph;
pub mod lengths;
pub mod meaning;
mod needed;
pub mod number;
pub mod op;
pub mod real;
pub mod sizes;
pub mod source;
pub mod symbol;
pub mod text;
pub mod types;
pub mod verify;

pub use any_array::AnyArray;
pub use dim::Dim;
pub use dtype::{DType, Element, Float, Integer, Logical, Numeric, element};
pub use error::{Error, ErrorKind, Problem, Result};
pub use graph::{Graph, MadeFor, Node, NodeId, Value};
pub use lengths::Lengths;
pub use number::Number;
pub use op::{Derivative, Linear, Op, Primitive, Tangent};
pub use real::Real;
pub use sizes::Sizes;
pub use source::{Provenance, Rewrite, Source};
pub use symbol::Symbol;
pub use types::{Dims, Type};
