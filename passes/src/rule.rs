//! What a rewrite rule says of itself: what it replaces, why, how results may differ, where it was judged, and a proof that it pays.

use std::fmt;
use std::panic::Location;

use damo_graph::op::scalar::Interval;
use damo_graph::op::term::Term;
use damo_graph::{NodeId, Result, Value};

use crate::pass::Agreement;
use crate::policy::Policy;
use crate::rewrite::Rewriter;

/// A rewrite rule: a row of a table made by [`rules!`](crate::rules!), or a user's own.
///
/// ```
/// use damo_graph::functions::*;
/// use damo_passes::rule::rule;
/// let log_one_plus = rule("log_one_plus", "1 + x rounds away the digits of a small x.", |[x]| ln(1.0 + x), |[x]| ln_1p(x))
///     .rounds(1.0)
///     .on(-0.9, 10.0)
///     .proof([1e-20], 1e-20);
/// assert_eq!(log_one_plus.to_string(), "log_one_plus: ln(1.0 + x) => ln_1p(x)");
/// ```
#[derive(Clone)]
pub struct Rule {
    /// Its name, unique among all rules: shown in provenance and lists, and what the flags switch it off by.
    pub name: &'static str,
    /// Why it is there, in a sentence.
    pub reason: &'static str,
    /// What it does.
    pub body: Body,
    /// How results may differ.
    pub agreement: Agreement,
    /// How far the right side may be from the true value where it is judged, in units in the last place of `f64`.
    pub ulps: f64,
    /// The least permissive policy that lets it fire.
    pub policy: Policy,
    /// The names of the ops whose nodes a structural rule is offered; all, if it does not say.
    pub roots: Option<&'static [&'static str]>,
    /// Where it was declared.
    pub source: &'static Location<'static>,
}

/// What a rule does.
#[derive(Clone)]
pub enum Body {
    /// One formula replaces another.
    Formula(Formula),
    /// A function looks at a node and may say what replaces it.
    Structural(Structural),
}

/// Two formulas over the same variables.
#[derive(Clone)]
pub struct Formula {
    /// What is replaced.
    pub left: Term,
    /// By what.
    pub right: Term,
    /// Where each variable may be for the rule to be judged.
    pub domain: Vec<Interval>,
    /// A point where the left side is wrong in `f64` and the right side right, with the true value.
    pub proof: Option<(Vec<f64>, f64)>,
    /// What must be known of the variables.
    pub guard: Option<Guard>,
    /// Whether it is for integers, rather than for floats.
    pub integers: bool,
    /// Whether it is looked for alone, and not in the midst of a longer product.
    pub is_alone: bool,
}

/// What must be known of the values that the variables stand for.
pub type Guard = fn(&mut Rewriter<'_>, &[Value]) -> bool;

/// A rule on shapes and parameters: what replaces the node's (only) result, or `None` if it does not apply.
pub type Structural = fn(&mut Rewriter<'_>, NodeId) -> Result<Option<Value>>;

/// A rule from one formula over variables to another over the same.
///
/// It is [exact](Agreement::Exact) until [`rounds`](Rule::rounds) or [`extends`](Rule::extends) says otherwise.
#[track_caller]
pub fn rule<const N: usize>(name: &'static str, reason: &'static str, left: fn([Term; N]) -> Term, right: fn([Term; N]) -> Term) -> Rule {
    let variables = std::array::from_fn(Term::argument);
    let domain = vec![Interval { low: -10.0, high: 10.0 }; N];
    let formula = Formula { left: left(variables), right: right(variables), domain, proof: None, guard: None, integers: false, is_alone: false };
    Rule::new(name, reason, Body::Formula(formula))
}

/// A rule that is a function of a node.
#[track_caller]
pub fn structural(name: &'static str, reason: &'static str, run: Structural) -> Rule {
    Rule::new(name, reason, Body::Structural(run))
}

impl Rule {
    #[track_caller]
    fn new(name: &'static str, reason: &'static str, body: Body) -> Rule {
        Rule { name, reason, body, agreement: Agreement::Exact, ulps: 0.0, policy: Policy::Strict, roots: None, source: Location::caller() }
    }

    /// The right side is another rounding of the same value: within that many ulps of the true one, and not a number, or infinite,
    /// only where the left side is.
    #[must_use]
    pub fn rounds(self, ulps: f64) -> Rule {
        self.agreeing(Agreement::Rounds, ulps)
    }

    /// The right side is also right where the left side is not: it overflows, vanishes or is 0/0.
    #[must_use]
    pub fn extends(self, ulps: f64) -> Rule {
        self.agreeing(Agreement::Extends, ulps)
    }

    fn agreeing(mut self, agreement: Agreement, ulps: f64) -> Rule {
        self.agreement = agreement;
        self.ulps = ulps;
        self.policy = self.policy.max(Policy::Stable);
        self
    }

    /// It fires only under [`Policy::Fast`].
    #[must_use]
    pub fn fast(mut self) -> Rule {
        self.policy = Policy::Fast;
        self
    }

    /// It is offered only nodes of the ops of these names.
    #[must_use]
    pub fn at(mut self, roots: &'static [&'static str]) -> Rule {
        self.roots = Some(roots);
        self
    }

    /// It is judged with all variables in this interval.
    #[must_use]
    pub fn on(self, low: f64, high: f64) -> Rule {
        self.formula(|formula| formula.domain.fill(Interval { low, high }))
    }

    /// It is judged with each variable in its interval.
    #[must_use]
    pub fn on_each<const N: usize>(self, intervals: [(f64, f64); N]) -> Rule {
        self.formula(|formula| formula.domain = intervals.iter().map(|&(low, high)| Interval { low, high }).collect())
    }

    /// At this point the right side gives this true value, and the left side does not.
    #[must_use]
    pub fn proof<const N: usize>(self, at: [f64; N], value: f64) -> Rule {
        self.formula(|formula| formula.proof = Some((at.to_vec(), value)))
    }

    /// It fires only where this holds of what the variables stand for.
    #[must_use]
    pub fn when(self, guard: Guard) -> Rule {
        self.formula(|formula| formula.guard = Some(guard))
    }

    /// It is for integers.
    #[must_use]
    pub fn integers(self) -> Rule {
        self.formula(|formula| formula.integers = true)
    }

    /// It is looked for alone, and not in the midst of a longer product: the right side may overflow where that does not.
    #[must_use]
    pub fn alone(self) -> Rule {
        self.formula(|formula| formula.is_alone = true)
    }

    fn formula(mut self, change: impl FnOnce(&mut Formula)) -> Rule {
        if let Body::Formula(formula) = &mut self.body {
            change(formula);
        }
        self
    }
}

/// Its name and, of a formula, the two sides.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body {
            Body::Formula(formula) => write!(f, "{}: {} => {}", self.name, formula.left, formula.right),
            Body::Structural(_) => write!(f, "{}", self.name),
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Declares a table of rules, one or two lines each: *reason, name, variables, left => right, what else it says of itself.*
///
/// Both sides are Rust over the variables: a variable that is not there is an error at its token.
///
/// ```
/// use damo_graph::functions::*;
/// damo_passes::rules! {
///     /// More accurate.
///     pub fn stabilise {
///         /// 1 + x rounds away every digit of x below 2⁻⁵³.
///         log_one_plus [x] ln(1.0 + x) => ln_1p(x), rounds(1.0), on(-0.9, 10.0), proof([1e-20], 1e-20);
///     }
/// }
/// assert_eq!(stabilise().len(), 1);
/// ```
#[macro_export]
macro_rules! rules {
    ($(#[$doc:meta])* $visible:vis fn $table:ident { $(
        #[doc = $reason:literal] $name:ident [$($variable:ident),*] $left:expr => $right:expr $(, $said:ident($($given:expr),*))*;
    )* }) => {
        $(#[$doc])*
        #[must_use]
        #[allow(unused_variables, reason = "the right side may be a number")]
        $visible fn $table() -> Vec<$crate::rule::Rule> {
            vec![$($crate::rule::rule(stringify!($name), $reason.trim_ascii(), |[$($variable),*]| $left, |[$($variable),*]| $right)$(.$said($($given),*))*),*]
        }
    };
}

/// Declares a table of rules that are functions: *reason, function, what else it says of itself.*
#[macro_export]
macro_rules! structural_rules {
    ($(#[$doc:meta])* $visible:vis fn $table:ident { $(
        #[doc = $reason:literal] $name:ident $(, $said:ident($($given:expr),*))*;
    )* }) => {
        $(#[$doc])*
        #[must_use]
        $visible fn $table() -> Vec<$crate::rule::Rule> {
            vec![$($crate::rule::structural(stringify!($name), $reason.trim_ascii(), $name)$(.$said($($given),*))*),*]
        }
    };
}
