//! The passes in their order: nothing else orders them.

use damo_graph::{Graph, Result};

use crate::driver;
use crate::fold::fold;
use crate::pass::{Agreement, Form, Pass};
use crate::prune::prune;
use crate::rewrite::{rewrite, settle};
use crate::settings::Settings;
use crate::stages::Trace;

/// What `freeze` runs, in order. To add a pass, add a row.
#[rustfmt::skip]
pub const PIPELINE: &[Pass] = &[
    Pass { name: "rewrite", what: "Replaces formulas by those that keep more digits or cost less, and drops what only stops derivatives.", run: rewrite,
        needs: Form::Traced, gives: Form::Rewritten, agreement: Agreement::Extends },
    Pass { name: "fold", what: "Computes now what depends on small constants alone.", run: fold,
        needs: Form::Rewritten, gives: Form::Folded, agreement: Agreement::Exact },
    Pass { name: "settle", what: "Rewrites and computes constants until neither finds anything to do.", run: settle,
        needs: Form::Folded, gives: Form::Settled, agreement: Agreement::Extends },
    Pass { name: "prune", what: "Drops the nodes that no output needs.", run: prune,
        needs: Form::Traced, gives: Form::Pruned, agreement: Agreement::Exact },
];

/// Runs the whole [`PIPELINE`] on a graph as it was recorded.
pub fn optimise(graph: &Graph, settings: &Settings) -> Result<(Graph, Trace)> {
    driver::run(graph, PIPELINE, settings)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_pipeline_is_well_ordered() {
        driver::check_order(PIPELINE, Form::Traced).unwrap();
    }

    #[test]
    fn names_are_unique_and_sentences_are_sentences() {
        let names: BTreeSet<&str> = PIPELINE.iter().map(|pass| pass.name).collect();
        assert_eq!(names.len(), PIPELINE.len());
        assert!(PIPELINE.iter().all(|pass| pass.what.ends_with('.')));
    }
}
