//! The table of numerical stability in the book is the one that the programs make.

use damo::{Config, EngineChoice};
use damo_testing::rewrites::{PEERS, WAITING, all_rows, comparison};

#[test]
fn the_table_is_not_stale() {
    // The engine that has the same bits on every machine.
    let made = comparison(&Config { engine: EngineChoice::Portable, ..Config::default() }).unwrap();
    let kept = include_str!("../../docs/book/stability.md");
    let stale: Vec<String> =
        made.lines().zip(kept.lines()).filter(|(made, kept)| made != kept).map(|(made, kept)| format!("- {kept}\n+ {made}")).collect();
    assert!(made == kept, "{}\nrun `cargo run -p damo-testing --example stability_table`", stale.join("\n"));
}

#[test]
fn every_row_of_the_list_has_a_line() {
    let lines: Vec<&str> = PEERS.iter().map(|peer| peer.id).collect();
    let missing =
        all_rows().into_iter().map(|row| row.id).chain(WAITING.iter().map(|(id, _)| *id)).find(|id| *id != "tutorial" && !lines.contains(id));
    assert_eq!(missing, None);
}
