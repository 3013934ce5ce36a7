//! What happened while passes ran: one stage per pass.

use std::fmt;
use std::time::Duration;

/// The record of one run of the driver, in the order of the passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The text of the graph that was given, if texts were asked for.
    pub given: Option<String>,
    /// One stage per pass.
    pub stages: Vec<Stage>,
}

/// What one pass did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The name of the pass.
    pub pass: &'static str,
    /// How many nodes it was given.
    pub nodes_before: usize,
    /// How many nodes it left.
    pub nodes_after: usize,
    /// How long it took, without verifying and printing.
    pub time: Duration,
    /// The text of the graph it built, if texts were asked for.
    pub text: Option<String>,
}

impl Trace {
    /// The stage of the pass of that name.
    pub fn stage(&self, pass: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.pass == pass)
    }
}

/// One line per pass, and the texts where they were asked for.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.given {
            writeln!(f, "given\n{}", text.trim_end())?;
        }
        let width = self.stages.iter().map(|stage| stage.pass.len()).max().unwrap_or(0);
        for Stage { pass, nodes_before, nodes_after, time, text } in &self.stages {
            writeln!(f, "{pass:width$}  {nodes_before} -> {nodes_after} nodes in {time:.1?}")?;
            if let Some(text) = text {
                writeln!(f, "{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}
