//! Every case that fuzzing once found at fault, and a short run of the fuzzer itself.

use std::path::Path;

use damo_testing::fuzz::{Generator, Outcome, Regression};

#[test]
fn what_was_at_fault_is_right_now() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "graph"));
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let regression = Regression::read(&std::fs::read_to_string(&path).unwrap());
        if let Err(fault) = regression.examine() {
            panic!("{}: {fault}", path.display());
        }
    }
}

#[test]
fn a_short_run_finds_nothing() {
    let mut generator = Generator::new(0);
    let mut ran = 0;
    for _ in 0..400 {
        let case = generator.next_case().unwrap();
        match case.examine() {
            Ok(outcome) => ran += usize::from(outcome == Outcome::Ran),
            Err(fault) => panic!("{fault}\n{}", case.regression(&fault).write()),
        }
    }
    assert!(ran > 150, "only {ran} of 400 ran");
}
