//! What a pointwise function says of itself: name, meaning, partial derivatives, domain, accuracy and cost.

#[cfg(test)]
mod accuracy;
mod table;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use crate::dtype::DType;
use crate::number::Number;
use crate::op::term::Term;

pub use table::*;

/// A function from numbers to a number: one line of [the table](ALL), or of a user's own.
///
/// ```
/// use damo_graph::op::scalar::{unary, Scalar};
/// static CUBE: Scalar = unary("cube", |x| x * x * x, |x, _| 3.0 * (x * x), 0.5, 2);
/// ```
///
/// Two scalars are the same if they are the same `static`.
pub struct Scalar {
    /// Its name: printed, parsed, and unique among the functions a graph uses.
    pub name: &'static str,
    /// What it takes and gives.
    pub signature: Signature,
    /// What it computes on real numbers, if it does.
    pub real: Option<RealMeaning>,
    /// What it computes on integers, if it does. The result wraps to the dtype.
    pub integer: Option<IntegerMeaning>,
    /// What it computes on truth values, if it does.
    pub boolean: Option<IntegerMeaning>,
    /// Where each argument may be for the result to be a number.
    pub domain: [Interval; 3],
    /// The error an engine may make, in units in the last place of the result.
    pub ulps: f64,
    /// The same in `f32` and narrower formats.
    pub narrow_ulps: f64,
    /// What it costs, in additions.
    pub cost: u32,
    /// Whether its two arguments may change places.
    pub commutes: bool,
    partials: Partials,
    derived: OnceLock<Vec<Term>>,
}

/// What a scalar function takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signature {
    /// That many arguments of one dtype, and a result of the same.
    Same(usize),
    /// That many arguments of one dtype, and a truth value.
    Test(usize),
    /// A truth value and two arguments of one dtype; gives one of them.
    Select,
}

impl Signature {
    /// How many arguments.
    pub const fn arity(self) -> usize {
        match self {
            Signature::Same(arity) | Signature::Test(arity) => arity,
            Signature::Select => 3,
        }
    }
}

/// A meaning on real numbers.
#[derive(Clone, Copy)]
pub enum RealMeaning {
    /// Of one argument.
    Unary(fn(f64) -> f64),
    /// Of two arguments.
    Binary(fn(f64, f64) -> f64),
    /// Of three arguments.
    Ternary(fn(f64, f64, f64) -> f64),
    /// A question about one argument.
    Test(fn(f64) -> bool),
    /// A question about two arguments.
    Compare(fn(f64, f64) -> bool),
}

/// A meaning on integers; truth values are 0 and 1.
#[derive(Clone, Copy)]
pub enum IntegerMeaning {
    /// Of one argument.
    Unary(fn(i128) -> i128),
    /// Of two arguments.
    Binary(fn(i128, i128) -> i128),
    /// Of three arguments.
    Ternary(fn(i128, i128, i128) -> i128),
}

/// The partial derivatives, as formulas over arguments and result.
#[derive(Clone, Copy)]
enum Partials {
    Unary(fn(Term, Term) -> Term),
    Binary(fn(Term, Term, Term) -> [Term; 2]),
    Ternary(fn(Term, Term, Term, Term) -> [Term; 3]),
    /// Piecewise constant.
    Zero(usize),
}

/// A closed interval of real numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The smallest number in it.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Interval {
    /// Every real number.
    pub const ALL: Interval = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
}

impl Scalar {
    const fn new(name: &'static str, signature: Signature, real: Option<RealMeaning>, partials: Partials, ulps: f64, cost: u32) -> Self {
        Scalar {
            name,
            signature,
            real,
            integer: None,
            boolean: None,
            domain: [Interval::ALL; 3],
            ulps,
            narrow_ulps: ulps,
            cost,
            commutes: false,
            partials,
            derived: OnceLock::new(),
        }
    }

    /// The error an engine may make in `f32` and narrower formats.
    #[must_use]
    pub const fn narrow(mut self, ulps: f64) -> Self {
        self.narrow_ulps = ulps;
        self
    }

    /// The error an engine may make in a dtype, in units in the last place of the result.
    pub fn ulps_in(&self, dtype: DType) -> f64 {
        if dtype.size() < 8 { self.narrow_ulps } else { self.ulps }
    }

    /// Its two arguments may change places.
    #[must_use]
    pub const fn commutative(mut self) -> Self {
        self.commutes = true;
        self
    }

    /// Where the first argument may be.
    #[must_use]
    pub const fn on(mut self, low: f64, high: f64) -> Self {
        self.domain[0] = Interval { low, high };
        self
    }

    /// Where the second argument may be.
    #[must_use]
    pub const fn second_on(mut self, low: f64, high: f64) -> Self {
        self.domain[1] = Interval { low, high };
        self
    }

    /// Its meaning on integers.
    #[must_use]
    pub const fn integers(mut self, meaning: IntegerMeaning) -> Self {
        self.integer = Some(meaning);
        self
    }

    /// Its meaning on truth values.
    #[must_use]
    pub const fn booleans(mut self, meaning: IntegerMeaning) -> Self {
        self.boolean = Some(meaning);
        self
    }

    /// How many arguments it takes.
    pub const fn arity(&self) -> usize {
        self.signature.arity()
    }

    /// Whether its derivative is zero wherever it has one.
    pub fn is_piecewise_constant(&self) -> bool {
        matches!(self.partials, Partials::Zero(_))
    }

    /// One partial derivative per argument.
    pub fn partials(&self) -> &[Term] {
        self.derived.get_or_init(|| {
            let [x, y, z] = [0, 1, 2].map(Term::argument);
            let result = Term::result();
            match self.partials {
                Partials::Unary(partial) => vec![partial(x, result)],
                Partials::Binary(partials) => partials(x, y, result).to_vec(),
                Partials::Ternary(partials) => partials(x, y, z, result).to_vec(),
                Partials::Zero(arity) => vec![Term::number(0.0); arity],
            }
        })
    }

    /// Its value, if it has a meaning on numbers of this kind and was given as many as it takes.
    pub fn evaluate(&self, arguments: &[Number]) -> Option<Number> {
        if self.signature == Signature::Select {
            let &[condition, yes, no] = arguments else { return None };
            return Some(if condition.to_bool() { yes } else { no });
        }
        let value = match arguments.first()? {
            Number::Bool(_) => Number::Integer(self.boolean?.call(arguments)?),
            Number::Integer(_) => Number::Integer(self.integer?.call(arguments)?),
            Number::Real(_) => self.real?.call(arguments)?,
            Number::Complex(..) => return None,
        };
        Some(match self.signature {
            Signature::Test(_) => Number::Bool(value.to_bool()),
            Signature::Same(_) | Signature::Select => value,
        })
    }
}

impl RealMeaning {
    fn call(self, arguments: &[Number]) -> Option<Number> {
        let at = |index: usize| arguments.get(index).map(|number| number.to_real());
        Some(match self {
            RealMeaning::Unary(f) => Number::Real(f(at(0)?)),
            RealMeaning::Binary(f) => Number::Real(f(at(0)?, at(1)?)),
            RealMeaning::Ternary(f) => Number::Real(f(at(0)?, at(1)?, at(2)?)),
            RealMeaning::Test(f) => Number::Bool(f(at(0)?)),
            RealMeaning::Compare(f) => Number::Bool(f(at(0)?, at(1)?)),
        })
    }
}

impl IntegerMeaning {
    fn call(self, arguments: &[Number]) -> Option<i128> {
        let at = |index: usize| arguments.get(index).map(|number| number.to_integer());
        Some(match self {
            IntegerMeaning::Unary(f) => f(at(0)?),
            IntegerMeaning::Binary(f) => f(at(0)?, at(1)?),
            IntegerMeaning::Ternary(f) => f(at(0)?, at(1)?, at(2)?),
        })
    }
}

/// A function of one argument: its name, meaning, derivative over argument and result, allowed error in ulps, and cost in additions.
pub const fn unary(name: &'static str, meaning: fn(f64) -> f64, partial: fn(Term, Term) -> Term, ulps: f64, cost: u32) -> Scalar {
    Scalar::new(name, Signature::Same(1), Some(RealMeaning::Unary(meaning)), Partials::Unary(partial), ulps, cost)
}

/// A function of two arguments: its name, meaning, partial derivatives over arguments and result, allowed error in ulps, and cost in additions.
pub const fn binary(name: &'static str, meaning: fn(f64, f64) -> f64, partials: fn(Term, Term, Term) -> [Term; 2], ulps: f64, cost: u32) -> Scalar {
    Scalar::new(name, Signature::Same(2), Some(RealMeaning::Binary(meaning)), Partials::Binary(partials), ulps, cost)
}

/// A function of three arguments, likewise.
pub const fn ternary(
    name: &'static str,
    meaning: fn(f64, f64, f64) -> f64,
    partials: fn(Term, Term, Term, Term) -> [Term; 3],
    ulps: f64,
    cost: u32,
) -> Scalar {
    Scalar::new(name, Signature::Same(3), Some(RealMeaning::Ternary(meaning)), Partials::Ternary(partials), ulps, cost)
}

/// A function of one argument that is constant between its jumps.
pub const fn step(name: &'static str, meaning: fn(f64) -> f64, cost: u32) -> Scalar {
    Scalar::new(name, Signature::Same(1), Some(RealMeaning::Unary(meaning)), Partials::Zero(1), 0.0, cost)
}

/// A question about one real number.
pub const fn test(name: &'static str, meaning: fn(f64) -> bool, cost: u32) -> Scalar {
    Scalar::new(name, Signature::Test(1), Some(RealMeaning::Test(meaning)), Partials::Zero(1), 0.0, cost)
}

/// A question about two numbers, with its meaning on integers.
pub const fn compare(name: &'static str, meaning: fn(f64, f64) -> bool, integers: fn(i128, i128) -> i128) -> Scalar {
    Scalar::new(name, Signature::Test(2), Some(RealMeaning::Compare(meaning)), Partials::Zero(2), 0.0, 1)
        .integers(IntegerMeaning::Binary(integers))
        .booleans(IntegerMeaning::Binary(integers))
}

/// A function of two truth values, and of two integers bit by bit.
pub const fn logic(name: &'static str, meaning: fn(i128, i128) -> i128) -> Scalar {
    Scalar::new(name, Signature::Same(2), None, Partials::Zero(2), 0.0, 1)
        .integers(IntegerMeaning::Binary(meaning))
        .booleans(IntegerMeaning::Binary(meaning))
        .commutative()
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Equal are only a function and itself.
        std::ptr::from_ref(self).hash(state);
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
