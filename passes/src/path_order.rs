//! The recursive path order of formulas: a rule whose left side outweighs its right side can be applied only so often.
//!
//! Dershowitz, "Orderings for term-rewriting systems", Theoretical Computer Science 17 (1982). Functions weigh more the further up
//! they stand in [`ALL`]; numbers weigh least and all the same. Arguments that may change places are compared as multisets, others
//! from left to right.

use damo_graph::op::scalar::{ALL, Scalar};
use damo_graph::op::term::{Formula, Term};

/// Whether the left formula weighs more than the right one, whatever the variables stand for.
pub fn outweighs(left: Term, right: Term) -> bool {
    match (left.formula(), right.formula()) {
        // A variable may stand for a number, and nothing weighs less.
        (Formula::Argument(_) | Formula::Result | Formula::Constant(_), _) => false,
        (Formula::Apply(..), Formula::Argument(_) | Formula::Result) => contains(left, right),
        (Formula::Apply(..), Formula::Constant(_)) => true,
        (Formula::Apply(above, inside), Formula::Apply(below, parts)) => {
            if inside.iter().any(|&part| is_at_least(part, right)) {
                return true;
            }
            if !parts.iter().all(|&part| outweighs(left, part)) {
                return false;
            }
            if above != below {
                return is_heavier(above, below);
            }
            if above.commutes { outweigh_as_multisets(inside, parts) } else { outweigh_in_order(inside, parts) }
        }
    }
}

/// Whether it weighs more, or as much.
fn is_at_least(left: Term, right: Term) -> bool {
    weigh_the_same(left, right) || outweighs(left, right)
}

/// Equal up to the values of numbers and the order of arguments that may change places.
fn weigh_the_same(left: Term, right: Term) -> bool {
    match (left.formula(), right.formula()) {
        (Formula::Constant(_), Formula::Constant(_)) => true,
        (Formula::Apply(above, inside), Formula::Apply(below, parts)) if above == below && inside.len() == parts.len() => {
            if above.commutes {
                without_common(inside, parts).0.is_empty()
            } else {
                inside.iter().zip(parts).all(|(&part, &other)| weigh_the_same(part, other))
            }
        }
        (one, other) => one == other,
    }
}

fn contains(whole: Term, part: Term) -> bool {
    match whole.formula() {
        Formula::Apply(_, terms) => terms.iter().any(|&term| contains(term, part)),
        Formula::Argument(_) | Formula::Result | Formula::Constant(_) => whole == part,
    }
}

/// Functions further up weigh more. Those that are not in the table weigh more than all that are, and cannot be compared with each other.
fn is_heavier(above: &Scalar, below: &Scalar) -> bool {
    let place = |scalar: &Scalar| ALL.iter().position(|&known| known == scalar);
    match (place(above), place(below)) {
        (Some(above), Some(below)) => above < below,
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

/// Each part on the right that the left has not is outweighed by one on the left that the right has not.
fn outweigh_as_multisets(left: &[Term], right: &[Term]) -> bool {
    let (left, right) = without_common(left, right);
    !left.is_empty() && right.iter().all(|&part| left.iter().any(|&other| outweighs(other, part)))
}

/// What is left of two multisets without what they have in common.
fn without_common(left: &[Term], right: &[Term]) -> (Vec<Term>, Vec<Term>) {
    let mut right = right.to_vec();
    let mut rest = Vec::new();
    for &part in left {
        match right.iter().position(|&other| weigh_the_same(part, other)) {
            Some(place) => drop(right.remove(place)),
            None => rest.push(part),
        }
    }
    (rest, right)
}

fn outweigh_in_order(left: &[Term], right: &[Term]) -> bool {
    let unequal = left.iter().zip(right).find(|(part, other)| !weigh_the_same(**part, **other));
    unequal.is_some_and(|(&part, &other)| outweighs(part, other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use damo_graph::Real;
    use damo_graph::functions::{erf, exp, hypot, ln, ln_1p, pow, sqrt};
    use damo_graph::op::scalar::unary;

    fn variables() -> [Term; 3] {
        [0, 1, 2].map(Term::argument)
    }

    #[test]
    fn what_is_further_down_or_inside_weighs_less() {
        let [x, y, _] = variables();
        assert!(outweighs(ln(1.0 + x), ln_1p(x)));
        assert!(!outweighs(ln_1p(x), ln(1.0 + x)));
        assert!(outweighs(ln(exp(x)), x));
        assert!(outweighs(exp(x) * exp(y), exp(x + y)));
        assert!(outweighs(pow(x, 2.0.into()), x * x));
        assert!(outweighs(1.0 - erf(x), 1.0.into()));
    }

    #[test]
    fn changes_of_order_climb() {
        let [x, y, z] = variables();
        for (left, right) in [(x + y, y + x), (x * y, y * x), (hypot(x, y), hypot(y, x))] {
            assert!(!outweighs(left, right) && !outweighs(right, left), "{left} and {right}");
        }
        // The sum of a sum is a multiset of two: one way to set parentheses is as heavy as the other.
        assert!(!outweighs((x + y) + z, x + (y + z)) && !outweighs(x + (y + z), (x + y) + z));
    }

    #[test]
    fn a_variable_that_is_only_on_the_right_may_be_anything() {
        let [x, y, _] = variables();
        assert!(!outweighs(exp(x), y));
        assert!(!outweighs(x, exp(x)) && !outweighs(x, 1.0.into()));
    }

    #[test]
    fn numbers_weigh_the_same() {
        let [x, ..] = variables();
        assert!(!outweighs(2.0 * x, 3.0 * x) && !outweighs(3.0 * x, 2.0 * x));
        assert!(outweighs(2.0 * sqrt(x), 3.0 * x));
    }

    #[test]
    fn nothing_outweighs_itself_and_no_two_each_other() {
        let [x, y, _] = variables();
        let terms = [x, 1.0.into(), x + y, y - x, exp(x), ln(x + y), x * ln(y), sqrt(x * x), pow(x, y), pow(y, x), exp(x) / y];
        for left in terms {
            assert!(!outweighs(left, left), "{left}");
            for right in terms {
                assert!(!(outweighs(left, right) && outweighs(right, left)), "{left} and {right}");
            }
        }
    }

    #[test]
    fn a_users_function_weighs_more_than_the_table() {
        static CUBE: Scalar = unary("cube", |x| x * x * x, |x, _| 3.0 * (x * x), 0.5, 2);
        static FOURTH: Scalar = unary("fourth", |x| x * x * x * x, |x, _| 4.0 * (x * x * x), 0.5, 2);
        let [x, ..] = variables();
        let (cube, fourth) = (Term::apply(&CUBE, [x]), Term::apply(&FOURTH, [x]));
        assert!(outweighs(cube, x * x * x) && !outweighs(x * x * x, cube));
        assert!(!outweighs(cube, fourth) && !outweighs(fourth, cube));
    }
}
