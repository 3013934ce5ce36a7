//! Lengths as arithmetic: small polynomials over named symbols with floor division, in normal form.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};
use std::sync::Arc;

use crate::symbol::Symbol;

/// The length of an axis: a number, or an expression such as `n`, `2*n + 1` or `(n + 1)/2` over [`Symbol`]s.
///
/// Kept in normal form: two lengths that are equal as polynomials are equal as values. `/` rounds down.
///
/// ```
/// use damo_graph::{Dim, Symbol};
/// let n = Dim::from(Symbol::new("n"));
/// assert_eq!((n.clone() + 1) * 2 - n.clone(), n.clone() + 2);
/// assert_eq!((n.clone() * 4).floor_div(&2.into()), n * 2);
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dim(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Known(i64),
    Open(Arc<Polynomial>),
}

/// A sum of coefficients times products of powers. Never a plain number: that is [`Repr::Known`].
type Polynomial = BTreeMap<Monomial, i64>;

/// Factors with their powers; empty for the constant term.
type Monomial = Vec<(Factor, u32)>;

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Factor {
    Symbol(Symbol),
    /// Rounded down; it could not be divided out.
    Quotient(Dim, Dim),
}

impl Dim {
    /// The number, if it is one.
    pub fn known(&self) -> Option<i64> {
        match self.0 {
            Repr::Known(length) => Some(length),
            Repr::Open(_) => None,
        }
    }

    /// Whether it is known to be 1: the only lengths that broadcast.
    pub fn is_one(&self) -> bool {
        self.known() == Some(1)
    }

    /// Whether it is plain from its form that it is 0 or more, as every symbol is: no term is subtracted.
    pub fn is_never_negative(&self) -> bool {
        let factor_is = |(factor, _): &(Factor, u32)| match factor {
            Factor::Symbol(_) => true,
            Factor::Quotient(top, bottom) => top.is_never_negative() && bottom.is_never_negative(),
        };
        match &self.0 {
            Repr::Known(length) => *length >= 0,
            Repr::Open(polynomial) => polynomial.iter().all(|(monomial, &coefficient)| coefficient > 0 && monomial.iter().all(factor_is)),
        }
    }

    /// The symbol, if it is nothing else.
    pub fn symbol(&self) -> Option<Symbol> {
        let Repr::Open(polynomial) = &self.0 else { return None };
        let (monomial, &coefficient) = polynomial.iter().next()?;
        match monomial.as_slice() {
            [(Factor::Symbol(symbol), 1)] if coefficient == 1 && polynomial.len() == 1 => Some(*symbol),
            _ => None,
        }
    }

    /// All symbols in it, in order.
    pub fn symbols(&self) -> Vec<Symbol> {
        let mut found = Vec::new();
        self.visit_symbols(&mut |symbol| found.push(symbol));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn visit_symbols(&self, visit: &mut dyn FnMut(Symbol)) {
        let Repr::Open(polynomial) = &self.0 else { return };
        for (factor, _) in polynomial.keys().flatten() {
            match factor {
                Factor::Symbol(symbol) => visit(*symbol),
                Factor::Quotient(top, bottom) => {
                    top.visit_symbols(visit);
                    bottom.visit_symbols(visit);
                }
            }
        }
    }

    /// This length divided by another, rounded down. A quotient by zero is 0.
    #[must_use]
    pub fn floor_div(&self, by: &Dim) -> Dim {
        match (self.known(), by.known()) {
            (Some(0), _) | (_, Some(0)) => return Dim::from(0),
            (_, Some(1)) => return self.clone(),
            (Some(top), Some(bottom)) => return Dim::from(top.checked_div_euclid(bottom).unwrap_or(i64::MAX)),
            _ => {}
        }
        if let Some(exact) = self.divide_exactly(by) {
            return exact;
        }
        let (mut whole, mut rest) = (Polynomial::new(), self.polynomial());
        let mut bottom = by.clone();
        if let Some(divisor) = by.known().filter(|&divisor| divisor > 0) {
            // floor((c·q + r) / c) = q + floor(r / c), and a common factor of r and c cancels.
            rest = rest
                .into_iter()
                .filter_map(|(monomial, coefficient)| {
                    let (quotient, remainder) = (coefficient.div_euclid(divisor), coefficient.rem_euclid(divisor));
                    if quotient != 0 {
                        whole.insert(monomial.clone(), quotient);
                    }
                    (remainder != 0).then_some((monomial, remainder))
                })
                .collect();
            let common = rest.values().fold(divisor, |a, &b| greatest_common_divisor(a, b));
            for coefficient in rest.values_mut() {
                *coefficient /= common;
            }
            bottom = Dim::from(divisor / common);
        }
        let rest = Dim::from_polynomial(rest);
        let quotient = match (rest.known(), bottom.known()) {
            (Some(_), Some(_)) | (_, Some(1)) => rest.floor_div(&bottom),
            _ => Dim::from_polynomial([(vec![(Factor::Quotient(rest, bottom), 1)], 1)].into()),
        };
        Dim::from_polynomial(whole) + quotient
    }

    /// The quotient, if the divisor is one product that divides every term.
    pub fn divide_exactly(&self, by: &Dim) -> Option<Dim> {
        let divisor = by.polynomial();
        let [(factors, &coefficient)] = divisor.iter().collect::<Vec<_>>()[..] else { return None };
        let mut result = Polynomial::new();
        for (monomial, &of) in &self.polynomial() {
            if of.checked_rem(coefficient) != Some(0) {
                return None;
            }
            let mut powers: BTreeMap<Factor, u32> = monomial.iter().cloned().collect();
            for (factor, power) in factors {
                let have = powers.get_mut(factor)?;
                *have = have.checked_sub(*power)?;
            }
            result.insert(powers.into_iter().filter(|(_, power)| *power > 0).collect(), of / coefficient);
        }
        Some(Dim::from_polynomial(result))
    }

    /// The number it is when the symbols are these; `None` where a symbol is missing or the number does not fit.
    pub fn evaluate(&self, length_of: &dyn Fn(Symbol) -> Option<i64>) -> Option<i64> {
        let polynomial = match &self.0 {
            Repr::Known(length) => return Some(*length),
            Repr::Open(polynomial) => polynomial,
        };
        polynomial.iter().try_fold(0i64, |sum, (monomial, &coefficient)| {
            let product = monomial.iter().try_fold(coefficient, |product, (factor, power)| {
                let base = match factor {
                    Factor::Symbol(symbol) => length_of(*symbol)?,
                    Factor::Quotient(top, bottom) => match bottom.evaluate(length_of)? {
                        0 => 0,
                        divisor => top.evaluate(length_of)?.checked_div_euclid(divisor)?,
                    },
                };
                product.checked_mul(base.checked_pow(*power)?)
            })?;
            sum.checked_add(product)
        })
    }

    /// The length with expressions in place of symbols.
    #[must_use]
    pub fn substitute(&self, replacement: &dyn Fn(Symbol) -> Option<Dim>) -> Dim {
        let Repr::Open(polynomial) = &self.0 else { return self.clone() };
        polynomial.iter().fold(Dim::from(0), |sum, (monomial, &coefficient)| {
            sum + monomial.iter().fold(Dim::from(coefficient), |product, (factor, power)| {
                let base = match factor {
                    Factor::Symbol(symbol) => replacement(*symbol).unwrap_or_else(|| Dim::from(*symbol)),
                    Factor::Quotient(top, bottom) => top.substitute(replacement).floor_div(&bottom.substitute(replacement)),
                };
                (0..*power).fold(product, |product, _| product * base.clone())
            })
        })
    }

    /// For `a·s + b` with one symbol `s` that stands nowhere else: `(s, a, b)`.
    pub fn as_linear(&self) -> Option<(Symbol, i64, i64)> {
        let Repr::Open(polynomial) = &self.0 else { return None };
        let (mut line, mut offset) = (None, 0);
        for (monomial, &coefficient) in polynomial.as_ref() {
            match monomial.as_slice() {
                [] => offset = coefficient,
                [(Factor::Symbol(symbol), 1)] if line.is_none() => line = Some((*symbol, coefficient)),
                _ => return None,
            }
        }
        line.map(|(symbol, coefficient)| (symbol, coefficient, offset))
    }

    fn polynomial(&self) -> Polynomial {
        match &self.0 {
            Repr::Known(0) => Polynomial::new(),
            Repr::Known(length) => [(Vec::new(), *length)].into(),
            Repr::Open(polynomial) => polynomial.as_ref().clone(),
        }
    }

    fn from_polynomial(mut polynomial: Polynomial) -> Dim {
        polynomial.retain(|_, coefficient| *coefficient != 0);
        match polynomial.len() {
            0 => Dim(Repr::Known(0)),
            1 if polynomial.contains_key(&Vec::new()) => Dim(Repr::Known(polynomial[&Vec::new()])),
            _ => Dim(Repr::Open(Arc::new(polynomial))),
        }
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.saturating_abs() } else { greatest_common_divisor(b, a % b) }
}

impl Add for Dim {
    type Output = Dim;
    fn add(self, other: Dim) -> Dim {
        match (&self.0, &other.0) {
            (Repr::Known(a), Repr::Known(b)) => return Dim::from(a.saturating_add(*b)),
            (_, Repr::Known(0)) => return self,
            (Repr::Known(0), _) => return other,
            (Repr::Known(_) | Repr::Open(_), Repr::Known(_) | Repr::Open(_)) => {}
        }
        let mut sum = self.polynomial();
        for (monomial, coefficient) in other.polynomial() {
            let entry = sum.entry(monomial).or_insert(0);
            *entry = entry.saturating_add(coefficient);
        }
        Dim::from_polynomial(sum)
    }
}

impl Mul for Dim {
    type Output = Dim;
    #[allow(clippy::suspicious_arithmetic_impl, reason = "the powers of a product add up")]
    fn mul(self, other: Dim) -> Dim {
        match (&self.0, &other.0) {
            (Repr::Known(a), Repr::Known(b)) => return Dim::from(a.saturating_mul(*b)),
            (_, Repr::Known(1)) => return self,
            (Repr::Known(1), _) => return other,
            (Repr::Known(_) | Repr::Open(_), Repr::Known(_) | Repr::Open(_)) => {}
        }
        let mut product = Polynomial::new();
        for (left, a) in &self.polynomial() {
            for (right, b) in &other.polynomial() {
                let mut powers: BTreeMap<Factor, u32> = left.iter().cloned().collect();
                for (factor, power) in right {
                    *powers.entry(factor.clone()).or_insert(0) += power;
                }
                let entry = product.entry(powers.into_iter().collect()).or_insert(0i64);
                *entry = entry.saturating_add(a.saturating_mul(*b));
            }
        }
        Dim::from_polynomial(product)
    }
}

impl Neg for Dim {
    type Output = Dim;
    fn neg(self) -> Dim {
        self * Dim::from(-1)
    }
}

impl Sub for Dim {
    type Output = Dim;
    fn sub(self, other: Dim) -> Dim {
        self + -other
    }
}

/// Arithmetic with plain numbers and symbols on either type of operand.
macro_rules! mixed_arithmetic {
    ($($left:ty, $right:ty);* $(;)?) => { $(
        impl Add<$right> for $left { type Output = Dim; fn add(self, other: $right) -> Dim { Dim::from(self) + Dim::from(other) } }
        impl Sub<$right> for $left { type Output = Dim; fn sub(self, other: $right) -> Dim { Dim::from(self) - Dim::from(other) } }
        impl Mul<$right> for $left { type Output = Dim; fn mul(self, other: $right) -> Dim { Dim::from(self) * Dim::from(other) } }
    )* };
}
mixed_arithmetic!(Dim, i64; Dim, Symbol; Symbol, i64; Symbol, Symbol; Symbol, Dim; i64, Symbol; i64, Dim);

impl From<i64> for Dim {
    fn from(length: i64) -> Self {
        Dim(Repr::Known(length))
    }
}

impl From<i32> for Dim {
    fn from(length: i32) -> Self {
        Dim::from(i64::from(length))
    }
}

impl From<usize> for Dim {
    fn from(length: usize) -> Self {
        Dim::from(i64::try_from(length).unwrap_or(i64::MAX))
    }
}

impl From<Symbol> for Dim {
    fn from(symbol: Symbol) -> Self {
        Dim(Repr::Open(Arc::new([(vec![(Factor::Symbol(symbol), 1)], 1)].into())))
    }
}

impl From<&Dim> for Dim {
    fn from(dim: &Dim) -> Self {
        dim.clone()
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let polynomial = match &self.0 {
            Repr::Known(length) => return write!(f, "{length}"),
            Repr::Open(polynomial) => polynomial,
        };
        // The constant term sorts first; people write it last.
        let (constant, open): (Vec<_>, Vec<_>) = polynomial.iter().partition(|(monomial, _)| monomial.is_empty());
        for (place, (monomial, &coefficient)) in open.into_iter().chain(constant).enumerate() {
            match (place, coefficient < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            let size = coefficient.unsigned_abs();
            let mut separator = "";
            if size != 1 || monomial.is_empty() {
                write!(f, "{size}")?;
                separator = "*";
            }
            for (factor, power) in monomial {
                for _ in 0..*power {
                    write!(f, "{separator}{factor}")?;
                    separator = "*";
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Factor::Symbol(symbol) => write!(f, "{symbol}"),
            Factor::Quotient(top, bottom) => write!(f, "floor({top}, {bottom})"),
        }
    }
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n() -> Dim {
        Dim::from(Symbol::new("n"))
    }

    #[test]
    fn normal_form_decides_equality() {
        let m = Dim::from(Symbol::new("m"));
        assert_eq!((n() + m.clone()) * (n() - m.clone()), n() * n() - m.clone() * m);
        assert_eq!(n() - n(), Dim::from(0));
        assert_eq!((n() * 2 + 1).to_string(), "2*n + 1");
        assert_eq!((-n() + 3).to_string(), "-n + 3");
    }

    #[test]
    fn floor_division_takes_out_what_it_can() {
        assert_eq!((n() * 6 + 4).floor_div(&2.into()), n() * 3 + 2);
        assert_eq!((n() * 2).floor_div(&4.into()).to_string(), "floor(n, 2)");
        assert_eq!((n() * n() * 3).floor_div(&n()), n() * 3);
        assert_eq!((n() + 5).floor_div(&2.into()).to_string(), "floor(n + 1, 2) + 2");
        for length in 0..9 {
            let at = |_| Some(length);
            assert_eq!((n() * 7 - 5).floor_div(&3.into()).evaluate(&at), Some((length * 7 - 5).div_euclid(3)));
        }
    }

    #[test]
    fn huge_lengths_do_not_panic() {
        let huge = Dim::from(i64::MAX);
        assert_eq!(huge.clone() * huge.clone(), huge);
        assert_eq!((n() * n()).evaluate(&|_| Some(i64::MAX)), None);
        let least = Dim::from(i64::MIN);
        assert_eq!(least.floor_div(&(-1).into()), huge);
        assert_eq!((n() * least).divide_exactly(&(-1).into()), None);
    }

    #[test]
    fn sums_of_lengths_are_never_negative() {
        assert!((n() * 2 + (n() + 1).floor_div(&3.into()) + 1).is_never_negative());
        assert!(!(n() - 1).is_never_negative() && !Dim::from(-1).is_never_negative());
    }

    #[test]
    fn substitution_renormalises() {
        let doubled = (n() + 1).floor_div(&2.into()).substitute(&|_| Some(Dim::from(Symbol::new("k")) * 2 + 1));
        assert_eq!(doubled, Dim::from(Symbol::new("k")) + 1);
    }
}
