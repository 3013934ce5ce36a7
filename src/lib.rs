// Nothing a user does panics.
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::todo, clippy::unimplemented, clippy::unreachable, clippy::unwrap_used))]
#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! This crate is a thin facade: it composes `damo-trace` (programs), `damo-graph` (what they are), `damo-passes` (derivatives and
//! rewriting) and `damo-exec` (plans and engines). Start with [`prelude`].

mod arguments;
mod config;
pub mod debug;
mod derivatives;
mod function;
mod memory;
pub mod profile;

pub use arguments::{Argument, Arguments, Results, Target, Targets};
pub use config::*;
pub use damo_graph::op;
pub use damo_graph::{
    AnyArray, DType, Dim, Dims, Element, Error, ErrorKind, Float, Graph, Integer, Lengths, Number, Problem, Real, Result, Sizes, Source, Symbol, Type,
};
pub use damo_trace::{Conv, Padding, Pool, Shared, Tape, Tensor};
pub use derivatives::{Differentiate, OrZero, Parameters, or_zero};
pub use function::{Compile, Function, FunctionBuilder};
pub use ndarray;
pub use profile::Profile;

/// Everything a program needs: `use damo::prelude::*;`
pub mod prelude {
    pub use crate::{Compile as _, Config, Differentiate as _, Function, or_zero};
    pub use damo_graph::{Element, Float, Integer, Real, Symbol};
    pub use damo_trace::*;
}
