//! A little language for formulas over an op's arguments and result: how partial derivatives (and rules) are written.

use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::number::Number;
use crate::op::scalar::{self, Scalar};
use crate::real::Real;

/// A formula over the arguments and the result of a scalar function.
///
/// Terms are written once, in tables that live as long as the program, and are never freed: that makes them `Copy`, so that a
/// formula reads as one.
#[derive(Clone, Copy, PartialEq)]
pub struct Term(&'static Formula);

/// What a term says.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula {
    /// The n-th argument.
    Argument(usize),
    /// The result of the function whose derivative this is.
    Result,
    /// A number.
    Constant(f64),
    /// A function of the table applied to terms.
    Apply(&'static Scalar, Vec<Term>),
}

impl Term {
    fn new(formula: Formula) -> Term {
        Term(Box::leak(Box::new(formula)))
    }

    /// The n-th argument.
    pub fn argument(index: usize) -> Term {
        Term::new(Formula::Argument(index))
    }

    /// The result.
    pub fn result() -> Term {
        Term::new(Formula::Result)
    }

    /// A number.
    pub fn number(value: f64) -> Term {
        Term::new(Formula::Constant(value))
    }

    /// What it says.
    pub fn formula(self) -> &'static Formula {
        self.0
    }

    /// The number, if it is one.
    pub fn known(self) -> Option<f64> {
        if let Formula::Constant(value) = self.0 { Some(*value) } else { None }
    }

    /// Its value for these arguments and this result.
    pub fn evaluate(self, arguments: &[f64], result: f64) -> f64 {
        self.number_at(arguments, result).to_real()
    }

    fn number_at(self, arguments: &[f64], result: f64) -> Number {
        match self.0 {
            Formula::Argument(index) => Number::Real(arguments[*index]),
            Formula::Result => Number::Real(result),
            Formula::Constant(value) => Number::Real(*value),
            Formula::Apply(scalar, terms) => {
                let numbers: Vec<Number> = terms.iter().map(|term| term.number_at(arguments, result)).collect();
                scalar.evaluate(&numbers).unwrap_or(Number::Real(f64::NAN))
            }
        }
    }
}

impl From<f64> for Term {
    fn from(value: f64) -> Self {
        Term::number(value)
    }
}

impl Real for Term {
    type Mask = Term;

    fn constant(self, value: f64) -> Self {
        Term::number(value)
    }

    fn apply<const N: usize>(scalar: &'static Scalar, arguments: [Self; N]) -> Self {
        Term::new(Formula::Apply(scalar, arguments.to_vec()))
    }

    fn compare(scalar: &'static Scalar, left: Self, right: Self) -> Term {
        Self::apply(scalar, [left, right])
    }

    fn select(mask: Term, yes: Self, no: Self) -> Self {
        Self::apply(&scalar::SELECT, [mask, yes, no])
    }
}

macro_rules! term_operator {
    ($($trait:ident $method:ident $scalar:ident;)*) => { $(
        impl $trait for Term {
            type Output = Term;
            fn $method(self, other: Term) -> Term { Term::apply(&scalar::$scalar, [self, other]) }
        }
        impl $trait<f64> for Term {
            type Output = Term;
            fn $method(self, other: f64) -> Term { Term::apply(&scalar::$scalar, [self, Term::number(other)]) }
        }
        impl $trait<Term> for f64 {
            type Output = Term;
            fn $method(self, other: Term) -> Term { Term::apply(&scalar::$scalar, [Term::number(self), other]) }
        }
    )* };
}
term_operator! { Add add ADD; Sub sub SUB; Mul mul MUL; Div div DIV; }

impl Neg for Term {
    type Output = Term;
    fn neg(self) -> Term {
        Term::apply(&scalar::NEG, [self])
    }
}

/// How tightly an operator binds: what is looser than its surroundings stands in parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Sum,
    Product,
    Sign,
}

impl Term {
    fn write(self, around: Binding, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Formula::Argument(index) => f.write_str(["x", "y", "z", "w"].get(*index).unwrap_or(&"?")),
            Formula::Result => f.write_str("result"),
            // A negative number binds as a change of sign does.
            Formula::Constant(value) if value.is_sign_negative() && around > Binding::Sum => write!(f, "({value:?})"),
            Formula::Constant(value) => write!(f, "{value:?}"),
            Formula::Apply(scalar, terms) => match (scalar.name, &terms[..]) {
                ("neg", [x]) => enclosed(around > Binding::Product, f, |f| {
                    f.write_str("-")?;
                    x.write(Binding::Sign, f)
                }),
                ("add", [x, y]) => infix("+", around, Binding::Sum, [*x, *y], Binding::Sum, f),
                ("sub", [x, y]) => infix("-", around, Binding::Sum, [*x, *y], Binding::Product, f),
                ("mul", [x, y]) => infix("*", around, Binding::Product, [*x, *y], Binding::Sign, f),
                ("div", [x, y]) => infix("/", around, Binding::Product, [*x, *y], Binding::Sign, f),
                _ => {
                    write!(f, "{}(", scalar.name)?;
                    for (place, term) in terms.iter().enumerate() {
                        f.write_str(if place == 0 { "" } else { ", " })?;
                        term.write(Binding::Sum, f)?;
                    }
                    f.write_str(")")
                }
            },
        }
    }
}

fn infix(sign: &str, around: Binding, binding: Binding, [left, right]: [Term; 2], of_right: Binding, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    enclosed(around > binding, f, |f| {
        left.write(binding, f)?;
        write!(f, " {sign} ")?;
        right.write(of_right, f)
    })
}

fn enclosed(opens: bool, f: &mut fmt::Formatter<'_>, inside: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result) -> fmt::Result {
    f.write_str(if opens { "(" } else { "" })?;
    inside(f)?;
    f.write_str(if opens { ")" } else { "" })
}

/// As people write it: `ln(1.0 + x)`.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(Binding::Sum, f)
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_read_as_people_write_them() {
        let [x, y] = [0, 1].map(Term::argument);
        assert_eq!((1.0 + x).ln().to_string(), "ln(1.0 + x)");
        assert_eq!((x - (y - x)).to_string(), "x - (y - x)");
        assert_eq!(((x - y) - x).to_string(), "x - y - x");
        assert_eq!((x / (x * y) * y).to_string(), "x / (x * y) * y");
        assert_eq!((x * y * (y * x)).to_string(), "x * y * (y * x)");
        assert_eq!((-(x + y) * -2.0).to_string(), "-(x + y) * (-2.0)");
        assert_eq!((-x).exp().to_string(), "exp(-x)");
        assert_eq!((x * -y).to_string(), "x * (-y)");
        assert_eq!((-(x * y)).to_string(), "-(x * y)");
        assert_eq!(x.hypot(y + 1.0).to_string(), "hypot(x, y + 1.0)");
    }
}
