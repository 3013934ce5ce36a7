//! Graph to graph: derivatives, folding, pruning, and the driver that runs and checks every pass.
//!
//! | to read about | open |
//! |---|---|
//! | what a pass says of itself | [`pass`] |
//! | the passes in their order | [`pipeline`] |
//! | who runs, verifies and times them | [`driver`], [`stages`], [`settings`] |
//! | cutting a program out of a graph | [`mod@capture`] |
//! | copying a graph with changes | [`rebuild`] |
//! | the passes | [`fold`], [`prune`] |
//! | gradients, and derivatives along a direction | [`mod@derive`] |

pub mod capture;
pub mod derive;
pub mod driver;
pub mod fold;
pub mod pass;
pub mod pipeline;
pub mod prune;
pub mod rebuild;
pub mod settings;
pub mod stages;

pub use driver::run;
pub use pass::{Agreement, Form, Pass};
pub use pipeline::PIPELINE;
pub use settings::Settings;
pub use stages::{Stage, Trace};
