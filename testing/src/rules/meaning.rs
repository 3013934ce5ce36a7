//! What a formula gives when it is computed op by op.

use damo_graph::Number;
use damo_graph::op::term::{Formula, Term};

/// In which arithmetic a formula is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Each op in `f64`.
    Double,
    /// Each op in `f64`, its result rounded to `f32`.
    Single,
    /// Each op in `i64`, which wraps.
    Integer,
}

/// The value of a formula at a point.
pub(super) fn compute(term: Term, at: &[f64], arithmetic: Arithmetic) -> f64 {
    number(term, at, arithmetic).map_or(f64::NAN, Number::to_real)
}

fn number(term: Term, at: &[f64], arithmetic: Arithmetic) -> Option<Number> {
    let of = |float: f64| match arithmetic {
        Arithmetic::Double => Number::Real(float),
        Arithmetic::Single => Number::Real(f64::from(float as f32)),
        Arithmetic::Integer => Number::Integer(float as i128),
    };
    match term.formula() {
        Formula::Argument(index) => at.get(*index).copied().map(of),
        Formula::Result => None,
        Formula::Constant(value) => Some(of(*value)),
        Formula::Apply(scalar, terms) => {
            let arguments = terms.iter().map(|&term| number(term, at, arithmetic)).collect::<Option<Vec<_>>>()?;
            Some(match scalar.evaluate(&arguments)? {
                Number::Real(real) => of(real),
                Number::Integer(integer) => Number::Integer(i128::from(integer as i64)),
                other @ (Number::Bool(_) | Number::Complex(..)) => other,
            })
        }
    }
}

/// The variables of a formula.
pub(super) fn variables(term: Term) -> Vec<usize> {
    let mut found = Vec::new();
    each(term, &mut |term| {
        if let Formula::Argument(index) = term.formula()
            && !found.contains(index)
        {
            found.push(*index);
        }
    });
    found
}

/// What a formula costs, in additions: what it says twice is computed once.
pub(super) fn cost(term: Term) -> u32 {
    let mut seen: Vec<Term> = Vec::new();
    let mut sum = 0;
    each(term, &mut |part| {
        if let (Formula::Apply(scalar, _), false) = (part.formula(), seen.contains(&part)) {
            seen.push(part);
            sum += scalar.cost;
        }
    });
    sum
}

fn each(term: Term, visit: &mut impl FnMut(Term)) {
    visit(term);
    if let Formula::Apply(_, terms) = term.formula() {
        for &term in terms {
            each(term, visit);
        }
    }
}
