//! Fuzzing: random programs and broken texts through the whole way from text to result, on every engine.
//!
//! `cargo run --release -p damo-testing --example fuzz -- --seconds 60 --seed 1` runs it. What it finds is cut down and saved under
//! `testing/regressions/`, and every file there is run by `cargo test`.

mod examine;
mod fault;
mod generate;
mod mutate;
mod quiet;
mod regression;
mod shrink;

pub use examine::{ENGINES, Outcome, examine, examine_text};
pub use fault::{Fault, Kind};
pub use generate::{Case, Generator};
pub use mutate::{Dice, mutate};
pub use quiet::hide_panics;
pub use regression::Regression;
pub use shrink::shrink;
