//! Every conformance case whose ops exist passes, on each engine, and no fewer are covered than before.

#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]

use damo::Config;
use damo_testing::conformance::{CaseFile, Report};

/// How many of the 222 cases were covered when this was last raised.
const COVERED: usize = 202;

fn check(engine: &str) {
    let file = CaseFile::vendored().unwrap();
    let flags = format!("engine={engine}");
    let config = Config::from_sources(None, Some(&flags)).unwrap();
    let report = Report::of(&file, &config);
    println!("engine = {engine}\n{report}");
    assert!(report.failures().is_empty(), "{report}");
    assert!(report.covered() >= COVERED, "{} covered, {COVERED} before", report.covered());
}

#[test]
fn the_reference_agrees_with_the_oracle() {
    check("reference");
}

#[test]
fn the_portable_engine_agrees_with_the_oracle() {
    check("portable");
}
