//! What a pass says of itself: its name, what it does, what it needs and gives, and how it may change values.

use std::fmt;

use damo_graph::{Graph, Result};

use crate::settings::Settings;

/// One step from graph to graph: a row of [`PIPELINE`](crate::PIPELINE).
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name, as shown in traces, errors and provenance.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub what: &'static str,
    /// Builds the new graph. Inputs keep their places and outputs their types.
    pub run: fn(&Graph, &Settings) -> Result<Graph>,
    /// The least form a graph must have to be given to it.
    pub needs: Form,
    /// The form of the graph it builds.
    pub gives: Form,
    /// How the results of the graph may differ before and after.
    pub agreement: Agreement,
}

/// How far a graph has come. Each form has what the forms before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// As it was recorded, differentiated or parsed.
    Traced,
    /// No rule finds anything to do.
    Rewritten,
    /// What is computed from small constants alone is a constant.
    Folded,
    /// Rewritten and folded, neither of which finds anything to do.
    Settled,
    /// Every node but the inputs is needed by an output.
    Pruned,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Form::Traced => "traced",
            Form::Rewritten => "rewritten",
            Form::Folded => "folded",
            Form::Settled => "settled",
            Form::Pruned => "pruned",
        })
    }
}

/// How results may differ before and after a pass, both computed by the meaning of the ops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agreement {
    /// Bit for bit the same, on every input.
    Exact,
    /// The same within the accuracy that the ops state.
    Rounds,
    /// As `Rounds`, and finite in places where it was not before.
    Extends,
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Agreement::Exact => "exact",
            Agreement::Rounds => "rounds",
            Agreement::Extends => "extends",
        })
    }
}
