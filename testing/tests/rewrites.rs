//! Every S and X row of the conformance list comes out right, value and gradient, in f64 and f32, at its witnesses and at the edges.

use std::collections::BTreeSet;

use damo::Config;
use damo_testing::rewrites::{Verdict, WAITING, all_rows, judge, truths};

#[test]
fn every_row_holds() {
    let truths = truths().unwrap();
    let config = Config::default();
    let verdicts: Vec<Verdict> = all_rows()
        .iter()
        .flat_map(|row| {
            let truth = &truths[row.truth];
            [judge::<f64>(row, truth, &config), judge::<f32>(row, truth, &config)]
        })
        .collect();
    for (id, why) in WAITING {
        println!("{id:4} waits: {why}");
    }
    let report: Vec<String> = verdicts.iter().map(Verdict::to_string).collect();
    let report = report.join("\n");
    let (all, failed) = (verdicts.len(), verdicts.iter().filter(|verdict| !verdict.holds()).count());
    println!("{report}\n{} of {all} hold", all - failed);
    assert_eq!(failed, 0, "{report}\n{} of {all} hold", all - failed);
}

#[test]
fn every_row_of_the_list_is_there_and_every_truth_is_used() {
    let rows = all_rows();
    let listed: BTreeSet<String> = (1..=41).map(|k| format!("S{k}")).chain((1..=23).map(|k| format!("X{k}"))).chain(["S3b".into()]).collect();
    let known: BTreeSet<String> = rows.iter().map(|row| row.id).chain(WAITING.iter().map(|(id, _)| *id)).map(str::to_owned).collect();
    assert!(listed.is_subset(&known), "missing: {:?}", listed.difference(&known));
    let truths: BTreeSet<String> = truths().unwrap().into_keys().collect();
    let used: BTreeSet<String> = rows.iter().map(|row| row.truth.to_owned()).collect();
    assert_eq!(truths, used);
    let spellings: BTreeSet<(&str, &str)> = rows.iter().map(|row| (row.id, row.spelling)).collect();
    assert_eq!(spellings.len(), rows.len(), "a spelling is there twice");
}
