//! What may be wrong with a rule.

use std::fmt;
use std::panic::Location;

/// Something that is wrong with a rule.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// The rule.
    pub rule: &'static str,
    /// Where it was declared.
    pub source: &'static Location<'static>,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrong {
    /// Another rule has its name.
    NameTaken,
    /// Its name is not spelled in small letters, digits and underscores.
    NameMisspelled,
    /// Its reason is no sentence.
    ReasonMisspelled,
    /// Its error, or its policy, does not go with how it says results may differ.
    ClassInconsistent,
    /// Every value looks like its left side.
    MatchesAnything,
    /// The right side has a variable that the left side has not.
    Unbound,
    /// It says that every bit is kept, and does not keep it here.
    NotExact {
        /// Where.
        at: Vec<f64>,
        /// What the left side gives.
        left: f64,
        /// What the right side gives.
        right: f64,
        /// In which arithmetic.
        arithmetic: super::Arithmetic,
    },
    /// The right side is further from the true value of the left side than it says.
    Inaccurate {
        /// Where.
        at: Vec<f64>,
        /// What the right side gives.
        right: f64,
        /// The true value, rounded.
        truth: f64,
        /// How far it is, in units in the last place.
        ulps: f64,
    },
    /// The right side is not what its class allows at an edge.
    Edge {
        /// Where.
        at: Vec<f64>,
        /// What the left side gives.
        left: f64,
        /// What the right side gives.
        right: f64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The true value of the left side is known nowhere: this function is unknown, or all points are out of reach.
    Unjudged(String),
    /// It costs no less, and has no proof of what else it is good for.
    PaysNothing {
        /// What the left side costs, in additions.
        left: u32,
        /// What the right side costs.
        right: u32,
    },
    /// At the point of its proof the left side is right, or the right side is wrong.
    ProvesNothing {
        /// Where.
        at: Vec<f64>,
        /// What the left side gives.
        left: f64,
        /// What the right side gives.
        right: f64,
        /// The value that the rule states.
        stated: f64,
    },
    /// The left side does not outweigh the right side: nothing says that rewriting ends.
    Climbs,
    /// The left side, as a program, is not replaced; other rules may have been there first.
    NeverFires(String),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: the rule `{}` {}", self.source.file(), self.source.line(), self.rule, self.wrong)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::NameTaken => f.write_str("has the name of another rule"),
            Wrong::NameMisspelled => f.write_str("has a name that is not in snake_case"),
            Wrong::ReasonMisspelled => {
                f.write_str("has a reason that is no sentence: it begins with a letter, number or sign and ends with a period")
            }
            Wrong::ClassInconsistent => f.write_str("states an error or a policy that does not go with its class"),
            Wrong::MatchesAnything => f.write_str("has a left side that everything looks like"),
            Wrong::Unbound => f.write_str("has a variable on the right that is not on the left"),
            Wrong::NotExact { at, left, right, arithmetic } => {
                write!(f, "is not exact at {at:?} ({arithmetic:?}): the left side gives {left:?}, the right side {right:?}")
            }
            Wrong::Inaccurate { at, right, truth, ulps } => {
                write!(f, "gives {right:?} at {at:?}, which is {ulps:.2} ulps from {truth:?}")
            }
            Wrong::Edge { at, left, right, why } => write!(f, "{why} at {at:?}: the left side gives {left:?}, the right side {right:?}"),
            Wrong::Unjudged(why) => write!(f, "cannot be judged: {why}"),
            Wrong::PaysNothing { left, right } => {
                write!(f, "pays nothing: the left side costs {left} additions, the right side {right}, and there is no proof")
            }
            Wrong::ProvesNothing { at, left, right, stated } => {
                write!(f, "proves nothing at {at:?}: the left side gives {left:?}, the right side {right:?}, and {stated:?} is stated")
            }
            Wrong::Climbs => f.write_str("has a left side that does not outweigh its right side: rewriting might never end"),
            Wrong::NeverFires(instead) => write!(f, "does not fire on its own left side: {instead}"),
        }
    }
}
