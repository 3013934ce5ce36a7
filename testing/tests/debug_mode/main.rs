//! Debug mode finds nothing where nothing is wrong: in conformance cases, rewrite rows, the examples' programs, and random programs.
//!
//! `PROPTEST_CASES=2000 cargo test --release -p damo-testing --test debug_mode random` looks at 2,000 random programs of each kind instead
//! of a few; `PROPTEST_RNG_SEED=7` draws others.

#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]

mod calls;
mod cases;
mod random;

use damo::debug::Finding;
use damo::{Config, Mode};

/// Debug mode that tells all it finds and ends no call.
fn quiet() -> Config {
    Config { mode: Mode::Debug, debug_raise: false, verify: true, ..Config::default() }
}

/// The faults among findings, in words.
fn faults(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|finding| finding.is_fault()).map(Finding::to_string).collect()
}
