//! Every planted fault is found and named, nothing is found without it, and the chapter that lists them is not stale.

use std::collections::BTreeMap;

use damo_testing::faults::{FAULTS, chapter};
use expect_test::expect_file;

#[test]
fn every_fault_is_found_and_named_and_nothing_else() {
    let mut missed = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for fault in FAULTS {
        eprintln!("{}", fault.name);
        if let Err(found) = fault.without() {
            missed.push(format!("without `{}`: {found}", fault.name));
        }
        if let Err(found) = fault.with() {
            missed.push(format!("`{}` should be a {} that names {}: {found}", fault.name, fault.finding, fault.names));
        }
        *counts.entry(fault.category.to_string()).or_default() += 1;
    }
    println!("{} faults: {counts:?}", FAULTS.len());
    assert!(missed.is_empty(), "{} of {}:\n{}", missed.len(), FAULTS.len(), missed.join("\n\n"));
    assert!(FAULTS.len() >= 40 && counts.len() == 15);
}

#[test]
fn the_chapter_is_not_stale() {
    // `UPDATE_EXPECT=1` writes it anew.
    expect_file!["../../docs/book/debug_mode.md"].assert_eq(&chapter());
}
