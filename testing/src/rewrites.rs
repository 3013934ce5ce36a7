//! What the rewriter has to make right: naive formulas, each with the numbers that it should give.
//!
//! A [`Row`] is one spelling of a formula of the conformance list (its S and X rows), as a user would write it. Its numbers come from
//! `testing/conformance/rewrites.json`, which `rewrites.py` beside it makes. [`judge`] compiles the row with its gradient and compares:
//! at the witnesses, and at the edges of the floats, where a rewrite must not turn a number into another one or into NaN.
//!
//! | to read about | open |
//! |---|---|
//! | the rows | `table.rs` and the files below it |
//! | the judgement | [`judge`] |
//! | what others' rewriters give | [`comparison`] |
//! | what a rewriter must not do | [`TRAPS`] |

#[cfg(test)]
mod attainable;
mod comparison;
mod judge;
mod peers;
mod row;
mod table;
mod traps;
mod truth;

pub use comparison::comparison;
pub use judge::{Verdict, findings, judge, naive};
pub use peers::{PEERS, Peer};
pub use row::{Program, Row, Typed};
pub use table::{WAITING, all_rows};
pub use traps::{TRAPS, Trap};
pub use truth::{Cost, Point, Truth, truths};
