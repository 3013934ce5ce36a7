//! Graph to plan to result: fusion, schedule, memory, and the engines that run it.
//!
//! | to read about | open |
//! |---|---|
//! | what a plan does, step by step | [`step`], [`nest`], [`bands`], [`layout`] |
//! | how a plan is made | [`plan`]: `lower`, `absorb`, `fuse`, `band`, `schedule`, `place`, [`memory`] |
//! | how it runs | [`executable`], [`Frame`], [`mod@array`] |
//! | memory as kernels see it | [`region`], [`view`] |
//! | matrix products | [`library`] |
//! | watching all of it | [`debug`] |
//! | measuring all of it | [`profile`] |

// Nothing a user does panics.
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::todo, clippy::unimplemented, clippy::unreachable, clippy::unwrap_used))]

mod absorb;
pub mod array;
mod band;
pub mod bands;
mod cache;
mod choice;
pub mod debug;
mod draft;
pub mod executable;
mod explain;
mod frame;
mod fresh;
mod functions;
mod fuse;
pub mod hooks;
mod inputs;
mod instruction_set;
pub mod kernel;
pub mod layout;
pub mod library;
mod loops;
mod lower;
pub mod memory;
#[cfg(target_arch = "x86_64")]
pub mod native;
pub mod nest;
mod place;
pub mod plan;
mod pool;
pub mod portable;
pub mod profile;
pub mod region;
mod run;
mod schedule;
pub mod sliding;
pub mod step;
mod step_graph;
mod verify;
pub mod view;
mod watched;

pub use array::{Argument, Output, Target};
pub use debug::{Finding, Watch};
pub use executable::{Engine, Executable, Options};
pub use frame::{Frame, Outputs};
pub use inputs::Inputs;
pub use instruction_set::InstructionSet;
pub use plan::Plan;
