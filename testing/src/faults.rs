//! Faults, each planted into a small program, and what finds each: the judge of debug mode and of gradient checks.
//!
//! | to read about | open |
//! |---|---|
//! | every fault | [`table`] |
//! | the programs they are planted into | [`programs`] |
//! | how they are planted | `faults/plant.rs`, `faults/derivatives.rs`, `faults/rules.rs` |
//! | the table as the book prints it | [`chapter`] |

mod chapter;
mod derivatives;
mod plant;
pub mod programs;
mod rules;
pub mod table;

use std::fmt;

use damo::Shared;
use damo::debug::Hooks;
use damo_passes::faults::{Planted, planted};

use crate::gradients::{Checked, GradientError};
pub use chapter::chapter;
use programs::{Found, Program};
pub use table::FAULTS;

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// A kernel is off by a few units in the last place.
    KernelSlightly,
    /// A kernel computes something else.
    KernelGrossly,
    /// A partial derivative is wrong.
    Partial,
    /// A transpose is wrong.
    Transpose,
    /// A rule replaces a formula by an input, a constant or another formula.
    Rule,
    /// A rule is wrong only at an edge.
    RuleAtEdge,
    /// A constant is computed or kept wrongly.
    Constant,
    /// Buffers lie where they must not.
    Offsets,
    /// A value is given up, or not made, before it is needed.
    Lifetime,
    /// A result replaces what is still needed.
    InPlace,
    /// A step writes beyond its own memory.
    PastTheEnd,
    /// Parts of the work depend on the order in which they are done.
    Race,
    /// Something depends on the order of a hash.
    HashOrder,
    /// A plan is used for arrays that it was not made for.
    StalePlan,
    /// A call that fails has changed a state.
    Update,
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Category::KernelSlightly => "kernel off by ulps",
            Category::KernelGrossly => "wrong kernel",
            Category::Partial => "wrong partial derivative",
            Category::Transpose => "wrong transpose",
            Category::Rule => "wrong rule",
            Category::RuleAtEdge => "rule wrong at an edge",
            Category::Constant => "wrong constant",
            Category::Offsets => "arena offsets",
            Category::Lifetime => "lifetime",
            Category::InPlace => "in place on a live value",
            Category::PastTheEnd => "write past the end",
            Category::Race => "race between chunks",
            Category::HashOrder => "hash order",
            Category::StalePlan => "stale plan",
            Category::Update => "update on failure",
        })
    }
}

/// How a fault is planted.
#[derive(Clone, Copy)]
pub enum How {
    /// Into the plan, or the run, of a program.
    Run(Program, fn() -> Hooks),
    /// Into the passes, while a program is traced and frozen.
    Passes(Program, fn() -> Planted),
    /// Into a function whose derivatives are checked; first the same without the fault.
    Derivative(fn() -> Result<Checked, GradientError>, fn() -> Result<Checked, GradientError>),
    /// Into a call that fails, given its state.
    Failing(fn(&Shared<f64>) -> Hooks),
}

/// A fault, and what must find it.
#[derive(Clone, Copy)]
pub struct Fault {
    /// What is wrong, in words.
    pub name: &'static str,
    /// Its kind.
    pub category: Category,
    /// How it is planted.
    pub how: How,
    /// The [name](damo::debug::Finding::name) of the finding, or `wrong derivative`.
    pub finding: &'static str,
    /// What the finding names among other things: an op, a victim, a rule.
    pub names: &'static str,
}

/// What the table calls the error of a gradient check.
pub const WRONG_DERIVATIVE: &str = "wrong derivative";

impl Fault {
    /// The program that it is planted into.
    pub fn program(&self) -> &'static str {
        match self.how {
            How::Run(program, _) | How::Passes(program, _) => program.name,
            How::Derivative(..) => "a gradient check",
            How::Failing(_) => "a failing call",
        }
    }

    /// Whether nothing is found without the fault.
    ///
    /// # Errors
    ///
    /// What is found.
    pub fn without(&self) -> Result<(), String> {
        match self.how {
            How::Run(program, _) | How::Passes(program, _) => is_clean(&(program.run)(Hooks::default()).map_err(|error| error.to_string())?, false),
            How::Derivative(right, _) => right().map(drop).map_err(|error| error.to_string()),
            How::Failing(_) => is_clean(&programs::failing(|_| Hooks::default()).map_err(|error| error.to_string())?, true),
        }
    }

    /// Whether the fault is found, and named as it should be.
    ///
    /// # Errors
    ///
    /// What is found instead.
    pub fn with(&self) -> Result<(), String> {
        let found = match self.how {
            How::Run(program, hooks) => (program.run)(hooks()),
            How::Passes(program, faults) => planted(faults(), || (program.run)(Hooks::default())),
            How::Failing(plant) => programs::failing(plant),
            How::Derivative(_, wrong) => {
                return match wrong() {
                    Err(GradientError::Wrong(found)) if self.finding == WRONG_DERIVATIVE && found.to_string().contains(self.names) => Ok(()),
                    other => Err(format!("{other:?}")),
                };
            }
        };
        let found = found.map_err(|error| error.to_string())?;
        let is_it = |finding: &damo::debug::Finding| finding.is_fault() && finding.name() == self.finding && finding.to_string().contains(self.names);
        // The first fault is what a call ends with: it must be the right one.
        if found.findings.iter().find(|finding| finding.is_fault()).is_some_and(is_it) {
            return Ok(());
        }
        let texts: Vec<String> = found.findings.iter().map(|finding| format!("{}: {finding}", finding.name())).collect();
        Err(format!("found {:?} and {}\n{}", found.error.map(|error| error.to_string()), texts.join("\n"), found.plans))
    }
}

fn is_clean(found: &Found, fails: bool) -> Result<(), String> {
    let faults: Vec<String> = found.findings.iter().filter(|finding| finding.is_fault()).map(ToString::to_string).collect();
    let error = found.error.as_ref().map(ToString::to_string);
    if faults.is_empty() && error.is_some() == fails { Ok(()) } else { Err(format!("{error:?}\n{}", faults.join("\n"))) }
}
