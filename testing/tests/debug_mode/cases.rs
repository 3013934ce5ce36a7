//! The programs that are judged elsewhere by their numbers, in debug mode.

use damo::prelude::*;
use damo_testing::conformance::{CaseFile, Fact, Report, judge_fact};
use damo_testing::rewrites::{TRAPS, Typed, all_rows, findings, truths};

use crate::{faults, quiet};

#[test]
fn no_conformance_case_has_a_finding() {
    let file = CaseFile::vendored().unwrap();
    // A case fails with what its call ends with.
    let report = Report::of(&file, &Config { debug_raise: true, ..quiet() });
    assert!(report.failures().is_empty(), "{report}");
    assert!(report.covered() > 180, "{report}");
}

#[test]
fn no_fact_about_stability_has_a_finding() {
    let config = Config { debug_raise: true, ..quiet() };
    let normal = Config::default();
    for fact in Fact::vendored().unwrap() {
        let (watched, plain) = (judge_fact::<f64>(&fact, &config), judge_fact::<f64>(&fact, &normal));
        assert_eq!(format!("{watched:?}"), format!("{plain:?}"), "{}", fact.name);
    }
}

fn rows<T: Typed>() {
    let truths = truths().unwrap();
    let mut found = Vec::new();
    for row in all_rows() {
        let all = findings::<T>(&row, &truths[row.truth], &quiet()).unwrap();
        found.extend(faults(&all).into_iter().map(|fault| format!("{} {} {}: {fault}", row.id, row.spelling, T::NAME)));
    }
    assert!(found.is_empty(), "{} findings\n{}", found.len(), found.join("\n\n"));
}

#[test]
fn no_row_has_a_finding_in_double_precision() {
    rows::<f64>();
}

#[test]
fn no_row_has_a_finding_in_single_precision() {
    rows::<f32>();
}

#[test]
fn no_trap_has_a_finding() {
    let config = Config { debug_raise: true, ..quiet() };
    let sprung: Vec<String> = TRAPS.iter().flat_map(|trap| trap.spring(&config).unwrap_or_else(|error| vec![error.to_string()])).collect();
    assert!(sprung.is_empty(), "{}", sprung.join("\n"));
}
