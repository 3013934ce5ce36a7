//! Derivatives against differences of the meaning: every function of the table, every op, both modes, both orders.

#![allow(clippy::unwrap_used, reason = "a failed step of a test fails the test")]

mod check;
mod conventions;
mod cost;
mod masks;
mod refusals;
mod scalars;
mod structural;
mod tangents;
mod values;
