//! Graph to graph: derivatives, folding, pruning, and the driver that runs and checks every pass.
//!
//! | to read about | open |
//! |---|---|
//! | what a pass says of itself | [`pass`] |
//! | the passes in their order | [`pipeline`] |
//! | who runs, verifies and times them | [`driver`], [`stages`], [`settings`] |
//! | cutting a program out of a graph | [`mod@capture`] |
//! | copying a graph with changes | [`rebuild`] |
//! | the passes | [`mod@rewrite`], [`fold`], [`prune`] |
//! | what rewriting does, rule by rule | [`rule`](mod@rule), [`rules`](mod@rules), [`policy`] |
//! | why rewriting ends | [`path_order`] |
//! | gradients, and derivatives along a direction | [`mod@derive`] |

// Nothing a user does panics.
#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::todo, clippy::unimplemented, clippy::unreachable, clippy::unwrap_used))]

pub mod capture;
pub mod derive;
pub mod driver;
#[cfg(feature = "faults")]
pub mod faults;
pub mod fold;
pub mod pass;
pub mod path_order;
pub mod pipeline;
pub mod policy;
pub mod prune;
pub mod rebuild;
pub mod rewrite;
pub mod rule;
pub mod rules;
pub mod settings;
pub mod stages;

pub use driver::run;
pub use pass::{Agreement, Form, Pass};
pub use pipeline::PIPELINE;
pub use policy::Policy;
pub use rule::Rule;
pub use settings::Settings;
pub use stages::{Stage, Trace};
