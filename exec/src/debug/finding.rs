//! What debug mode finds: typed, with the user's line, the formula in the user's words, the worst element, and who is right.

#![expect(clippy::wildcard_enum_match_arm, reason = "most findings are alike in most ways")]

use std::fmt;

use damo_graph::{Error, ErrorKind, Source};

use super::reproducer::Reproducer;

/// The place in the program that a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The user's line.
    pub source: Option<Source>,
    /// What was computed, as a formula.
    pub formula: String,
    /// The type of the value.
    pub ty: String,
    /// The rules that made it, oldest first.
    pub rules: Vec<&'static str>,
    /// The step of the plan, from 0.
    pub step: Option<usize>,
}

/// Who is right where two results differ, asked of numbers of many digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What was found is closer to the truth than what was expected.
    Improved,
    /// Both are about as far from it.
    Neutral,
    /// What was found is farther from the truth.
    Worsened,
    /// The oracle does not know the op, or the element takes too long.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Improved => "improved: the result found is closer to the truth",
            Verdict::Neutral => "neutral: both are about as far from the truth",
            Verdict::Worsened => "worsened: the result found is wrong",
            Verdict::Unknown => "unknown: the oracle does not know this op",
        })
    }
}

/// The element where two results are farthest apart, measured by how far they may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its index.
    pub element: Vec<usize>,
    /// What the reference gives.
    pub expected: f64,
    /// What was found.
    pub found: f64,
    /// How far apart they may be.
    pub allowed: f64,
    /// How far apart they are, in units in the last place of what was expected.
    pub ulps: f64,
    /// How many elements are too far apart.
    pub count: usize,
    /// The true element, rounded, where the oracle knows it.
    pub truth: Option<f64>,
    /// Who is right.
    pub verdict: Verdict,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.count > 1 { format!("; {} elements differ, this one most", self.count) } else { String::new() };
        write!(f, "element {:?}: expected {:?}, found {:?}, {} ulps apart{more}", self.element, self.expected, self.found, short(self.ulps))?;
        if let Some(truth) = self.truth {
            write!(f, "\n   the true value is {truth:?}")?;
        }
        write!(f, "\n   {}", self.verdict)
    }
}

/// A count of units, short.
fn short(ulps: f64) -> String {
    if ulps < 1e6 { format!("{ulps:.1}") } else { format!("{ulps:.1e}") }
}

/// What must be the same each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// The bits of a second call with the same arrays, on other threads and with the work in another order.
    Call,
    /// The graph of a second rewriting.
    Rewriting,
    /// The plan for the same lengths, made again.
    Planning,
    /// The result of an op of the user's for the same inputs.
    Op,
}

/// Something that is wrong with a program as it runs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// A step computed something else than its ops mean.
    WrongValue {
        /// Where.
        place: Place,
        /// What kind of step: `nest`, `product` …
        step: &'static str,
        /// The worst element.
        difference: Difference,
        /// The case cut down.
        reproducer: Option<Box<Reproducer>>,
    },
    /// A rewrite rule replaced a formula by one that is not the same.
    WrongRewrite {
        /// Where.
        place: Place,
        /// The rule, or the pass.
        rule: String,
        /// The formula it made.
        after: String,
        /// The worst element.
        difference: Difference,
        /// The case cut down.
        reproducer: Option<Box<Reproducer>>,
    },
    /// A rewritten part has another gradient than the part as it was written.
    WrongGradient {
        /// Where.
        place: Place,
        /// The rules that had a hand in it.
        rule: String,
        /// The worst element of the derivative in a random direction.
        difference: Difference,
    },
    /// A step wrote where it must not.
    MemoryChanged {
        /// The step that wrote.
        place: Place,
        /// What was changed: `the input x`, `the value …`, `memory behind the result`.
        victim: String,
    },
    /// A step read memory that no step had written, or that was given up.
    UnwrittenRead {
        /// The step that read.
        place: Place,
        /// What it read.
        what: String,
    },
    /// A step gave a truth value that is neither true nor false.
    NotAnElement {
        /// Where.
        place: Place,
    },
    /// Something differs from one time to the next.
    NotRepeatable {
        /// What was repeated.
        what: Repetition,
        /// Where it first differs.
        place: Place,
        /// How it differs.
        how: String,
    },
    /// An op made a result that is not finite from inputs that are.
    NotFinite {
        /// Where.
        place: Place,
        /// The first such element.
        element: Vec<usize>,
        /// What it is: `NaN`, `inf`, or a number beyond the limit.
        found: f64,
        /// The inputs of the op: name or formula, and least and largest element.
        inputs: Vec<(String, f64, f64)>,
        /// The user's lines that lead there, the nearest first.
        path: Vec<Source>,
    },
    /// A plan was used for arrays of other lengths than it was made for.
    StalePlan {
        /// What it was made for and what it was given.
        how: String,
    },
    /// A call that failed changed a state.
    FailedCallChanged {
        /// The state.
        state: String,
    },
}

impl Finding {
    /// Whether something is wrong. A result that is closer to the truth than the reference is worth knowing, and not wrong.
    pub fn is_fault(&self) -> bool {
        match self {
            Finding::WrongValue { difference, .. } | Finding::WrongRewrite { difference, .. } | Finding::WrongGradient { difference, .. } => {
                difference.verdict != Verdict::Improved
            }
            _ => true,
        }
    }

    /// Its name, as the table of faults in the book lists it.
    pub fn name(&self) -> &'static str {
        match self {
            Finding::WrongValue { .. } => "wrong value",
            Finding::WrongRewrite { .. } => "wrong rewrite",
            Finding::WrongGradient { .. } => "wrong gradient",
            Finding::MemoryChanged { .. } => "memory changed",
            Finding::UnwrittenRead { .. } => "unwritten read",
            Finding::NotAnElement { .. } => "not an element",
            Finding::NotRepeatable { .. } => "not repeatable",
            Finding::NotFinite { .. } => "not finite",
            Finding::StalePlan { .. } => "stale plan",
            Finding::FailedCallChanged { .. } => "failed call changed a state",
        }
    }

    /// The place it is about.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Finding::WrongValue { place, .. }
            | Finding::WrongRewrite { place, .. }
            | Finding::WrongGradient { place, .. }
            | Finding::MemoryChanged { place, .. }
            | Finding::UnwrittenRead { place, .. }
            | Finding::NotAnElement { place }
            | Finding::NotRepeatable { place, .. }
            | Finding::NotFinite { place, .. } => Some(place),
            Finding::StalePlan { .. } | Finding::FailedCallChanged { .. } => None,
        }
    }

    /// The case cut down to what shows it, if there is one.
    pub fn reproducer(&self) -> Option<&Reproducer> {
        match self {
            Finding::WrongValue { reproducer, .. } | Finding::WrongRewrite { reproducer, .. } => reproducer.as_deref(),
            _ => None,
        }
    }

    /// As an error, for a call to end with.
    pub fn to_error(&self) -> Error {
        let mut error = Error::new(ErrorKind::Finding, self.title());
        if let Some(place) = self.place() {
            error = error.at(place.source);
            if !place.formula.is_empty() {
                error = error.explain(format!("in `{}`: {}", place.formula, place.ty));
            }
            if !place.rules.is_empty() {
                error = error.explain(format!("made by {}", place.rules.join(", ")));
            }
        }
        for line in self.details() {
            error = error.explain(line);
        }
        let advice = match self {
            Finding::WrongRewrite { rule, .. } => format!("switch the rule off with `without={rule}`, and report it with the reproducer"),
            Finding::NotFinite { .. } => {
                "look at the ranges of the inputs: a guard such as `select` or `max`, or a smaller step, may belong there".into()
            }
            Finding::NotRepeatable { what: Repetition::Op, .. } => {
                "an op must not keep state: keep it in a `Shared`, and update it with `.update(..)`".into()
            }
            Finding::WrongValue { .. } if self.is_fault() => "run with `engine=reference` meanwhile, and report it with the reproducer".into(),
            _ => "this is a defect of Damo or of an op of yours: report it with the program".into(),
        };
        error.advise(advice)
    }

    fn title(&self) -> String {
        match self {
            Finding::WrongValue { step, .. } => format!("a {step} computes something else than its ops mean"),
            Finding::WrongRewrite { rule, .. } => format!("the rule `{rule}` changed a result"),
            Finding::WrongGradient { rule, .. } => format!("rewriting by `{rule}` changed a gradient"),
            Finding::MemoryChanged { victim, .. } => format!("a step wrote over {victim}"),
            Finding::UnwrittenRead { what, .. } => format!("a step read {what}, which nothing had written"),
            Finding::NotAnElement { .. } => "a truth value is neither true nor false".into(),
            Finding::NotRepeatable { what, .. } => match what {
                Repetition::Call => "the same call gave other bits on other threads".into(),
                Repetition::Rewriting => "the same program was rewritten to another graph".into(),
                Repetition::Planning => "the same graph was planned in another way".into(),
                Repetition::Op => "an op gives another result for the same inputs".into(),
            },
            Finding::NotFinite { found, .. } => format!("{} first appears here", if found.is_nan() { "NaN".into() } else { format!("{found:?}") }),
            Finding::StalePlan { .. } => "a plan was used for arrays that it was not made for".into(),
            Finding::FailedCallChanged { state } => format!("a call that failed changed the state `{state}`"),
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Finding::WrongValue { difference, reproducer, .. } => with_reproducer(difference.to_string(), reproducer.as_deref()),
            Finding::WrongRewrite { difference, after, reproducer, .. } => {
                let mut lines = vec![format!("became `{after}`")];
                lines.extend(with_reproducer(difference.to_string(), reproducer.as_deref()));
                lines
            }
            Finding::WrongGradient { difference, .. } => vec![difference.to_string()],
            Finding::NotRepeatable { how, .. } | Finding::StalePlan { how } => vec![how.clone()],
            Finding::NotFinite { element, inputs, path, .. } => {
                let mut lines = vec![format!("element {element:?}")];
                lines.extend(inputs.iter().map(|(name, low, high)| format!("{name} is between {low:?} and {high:?}")));
                lines.extend(path.iter().map(|source| format!("computed from what is at {source}")));
                lines
            }
            Finding::MemoryChanged { .. } | Finding::UnwrittenRead { .. } | Finding::NotAnElement { .. } | Finding::FailedCallChanged { .. } => {
                Vec::new()
            }
        }
    }
}

fn with_reproducer(difference: String, reproducer: Option<&Reproducer>) -> Vec<String> {
    let mut lines = vec![difference];
    lines.extend(
        reproducer.map(|reproducer| format!("reproduced by {} nodes on {} elements:\n{}", reproducer.nodes, reproducer.elements, reproducer.text)),
    );
    lines
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_error().fmt(f)
    }
}
