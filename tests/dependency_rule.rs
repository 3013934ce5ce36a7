//! Who may know whom: the folders are the data flow, and `cargo metadata` has to agree.

#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// The members of the workspace that a member uses, other than in its tests.
fn knows(package: &str) -> BTreeSet<String> {
    let metadata = MetadataCommand::new().manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).no_deps().exec().unwrap();
    let members: BTreeSet<String> = metadata.workspace_packages().iter().map(|member| member.name.to_string()).collect();
    let package = metadata.packages.iter().find(|found| found.name == package).unwrap();
    let used = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    used.map(|dependency| dependency.name.clone()).filter(|name| members.contains(name)).collect()
}

#[test]
fn the_graph_knows_nobody() {
    assert_eq!(knows("damo-graph"), BTreeSet::new());
}

#[test]
fn trace_passes_and_exec_know_the_graph_and_never_each_other() {
    for package in ["damo-oracle", "damo-trace", "damo-passes"] {
        assert_eq!(knows(package), BTreeSet::from(["damo-graph".to_owned()]), "{package}");
    }
    // debug mode asks it who is right.
    assert_eq!(knows("damo-exec"), ["damo-graph", "damo-oracle"].map(str::to_owned).into());
}

#[test]
fn the_facade_composes_them() {
    assert_eq!(knows("damo"), ["damo-exec", "damo-graph", "damo-passes", "damo-trace"].map(str::to_owned).into());
}
