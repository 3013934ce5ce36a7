//! Where a node comes from: the user's line, the rules that made it, the composite function it is part of.

use std::fmt;
use std::panic::Location;

use smallvec::SmallVec;

/// A place in the user's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// The file, as the compiler was given it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl From<&'static Location<'static>> for Source {
    fn from(location: &'static Location<'static>) -> Self {
        Source { file: location.file(), line: location.line(), column: location.column() }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What a rule replaced: kept by the graph for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The rule.
    pub rule: &'static str,
    /// The user's line that wrote what was replaced, if a user did.
    pub source: Option<Source>,
    /// The formula that was replaced; see [`Graph::formula`](crate::Graph::formula).
    pub before: String,
    /// The formula that replaced it.
    pub after: String,
}

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} => {}", self.rule, self.before, self.after)?;
        self.source.map_or(Ok(()), |source| write!(f, "\n   at {source}"))
    }
}

/// How a node came to be. It never decides whether two nodes are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The user's line, if a user wrote one.
    pub source: Option<Source>,
    /// The composite function it is part of, in the user's word: `std`, `layer_norm` …
    pub within: Option<&'static str>,
    /// The rules and passes that made it, oldest first.
    pub rules: SmallVec<[&'static str; 2]>,
}

impl Provenance {
    /// Written by the user on that line.
    pub fn user(source: impl Into<Source>) -> Self {
        Provenance { source: Some(source.into()), ..Provenance::default() }
    }

    /// The same origin, with one more rule that had a hand in it.
    #[must_use]
    pub fn by_rule(&self, rule: &'static str) -> Self {
        let mut made = self.clone();
        if made.rules.last() != Some(&rule) {
            made.rules.push(rule);
        }
        made
    }
}
