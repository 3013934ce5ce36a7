//! The judge of rewrite rules, those of Damo and a user's own.
//!
//! A rule says what it replaces, how results may differ, where, and what it is for. [`judge`] believes none of it:
//!
//! | question | how it is answered |
//! |---|---|
//! | do results differ only as its class says? | bit by bit, or against the true value of the left side ([`oracle`]), at random points and at the edges of the floats |
//! | does it pay? | the right side costs less, or there is a point where it is right and the left side wrong |
//! | does rewriting end? | the left side outweighs the right side in the recursive path order ([`damo_passes::path_order`]) |
//! | does it fire? | the left side, as a program, is rewritten by it among all other rules |
//! | does it read well? | its name is in `snake_case` and unique, its reason a sentence |
//!
//! ```
//! use damo_graph::functions::*;
//! damo_passes::rules! {
//!     /// My own.
//!     fn mine {
//!         /// A square is never negative.
//!         absolute_of_square [x] abs(x * x) => x * x;
//!         /// I was sure of it.
//!         log_of_sum [x, y] ln(x + y) => ln(x) + ln(y), rounds(2.0);
//!     }
//! }
//! let complaints = damo_testing::rules::judge(&mine());
//! assert!(!complaints.is_empty() && complaints.iter().all(|complaint| complaint.rule == "log_of_sum"));
//! ```

mod chapter;
mod class;
mod complaint;
mod firing;
mod functions;
mod meaning;
pub mod oracle;
mod points;
mod profit;
pub(crate) mod special;

use damo_passes::path_order::outweighs;
use damo_passes::rewrite::matches_anything;
use damo_passes::rule::{Body, Formula, Rule};
use damo_passes::{Agreement, Policy};

pub use chapter::chapter;
pub use complaint::{Complaint, Wrong};
pub use meaning::Arithmetic;

/// Rules of Damo that end although their left side does not outweigh their right side, and why they do.
pub const CLIMBING: &[(&str, &str)] =
    &[("difference_of_roots", "it leaves a sum of the same two roots and no difference of roots, and no rule makes one")];

/// Everything that is wrong with rules.
pub fn judge(rules: &[Rule]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let mut wrong = wrong_words(rule);
        if rules[..place].iter().any(|other| other.name == rule.name) {
            wrong.push(Wrong::NameTaken);
        }
        if let Body::Formula(formula) = &rule.body {
            wrong.extend(wrong_formula(rule, formula));
        }
        complaints.extend(wrong.into_iter().map(|wrong| Complaint { rule: rule.name, source: rule.source, wrong }));
    }
    complaints
}

/// What is wrong with what any rule says of itself.
fn wrong_words(rule: &Rule) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let is_snake = rule.name.split('_').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
        && rule.name.starts_with(|first: char| first.is_ascii_lowercase());
    if !is_snake {
        wrong.push(Wrong::NameMisspelled);
    }
    let reason = rule.reason;
    if !reason.ends_with('.') || reason.len() < 10 || reason.trim() != reason {
        wrong.push(Wrong::ReasonMisspelled);
    }
    let is_consistent = match rule.agreement {
        Agreement::Exact => rule.ulps == 0.0,
        Agreement::Rounds | Agreement::Extends => rule.ulps >= 0.0 && rule.ulps.is_finite() && rule.policy >= Policy::Stable,
    };
    if !is_consistent {
        wrong.push(Wrong::ClassInconsistent);
    }
    wrong
}

fn wrong_formula(rule: &Rule, formula: &Formula) -> Vec<Wrong> {
    let bound = meaning::variables(formula.left);
    if meaning::variables(formula.right).iter().any(|variable| !bound.contains(variable)) {
        return vec![Wrong::Unbound];
    }
    let mut wrong = class::wrong_class(rule, formula);
    if matches_anything(formula.left) {
        wrong.push(Wrong::MatchesAnything);
    }
    wrong.extend(profit::wrong_profit(formula));
    if !outweighs(formula.left, formula.right) && !CLIMBING.iter().any(|(name, _)| *name == rule.name) {
        wrong.push(Wrong::Climbs);
    }
    wrong.extend(firing::wrong_firing(rule, formula));
    wrong
}
