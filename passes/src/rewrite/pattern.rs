//! The left side of a rule, prepared for matching: sums and products flat, whatever their order and signs were.

use std::sync::LazyLock;

use damo_graph::op::scalar::{ADD, ALL, DIV, MUL, NEG, RECIP, SUB, Scalar};
use damo_graph::op::term::{Formula, Term};

use super::leaves::Tree;

/// What a value must look like.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// Anything; the same thing wherever the variable stands.
    Variable(usize),
    /// That number everywhere.
    Number(f64),
    /// A sum, or a product, of parts in any order.
    Flat(Flat),
    /// A function of the table.
    Apply(&'static Scalar, Vec<Pattern>),
}

/// A sum or a product of parts in any order.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    pub tree: Tree,
    /// The parts: functions first, a variable that stands alone last, because it takes whatever is left.
    pub parts: Vec<Part>,
    /// What the numbers among the leaves must come to: 0 in a sum, or 1 in a product, if there are none.
    pub constant: f64,
    /// The functions of the table that must be among the leaves, as bits.
    pub needs: u128,
}

/// A part of a sum or a product.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub pattern: Pattern,
    /// Its factor in a sum, its exponent (1 or −1) in a product.
    pub weight: f64,
}

impl Pattern {
    /// The pattern of a formula.
    pub fn of(term: Term) -> Pattern {
        match term.formula() {
            Formula::Argument(index) => Pattern::Variable(*index),
            // Only partial derivatives mention the result; no value looks like it.
            Formula::Result => Pattern::Number(f64::NAN),
            Formula::Constant(number) => Pattern::Number(*number),
            Formula::Apply(scalar, terms) => {
                let tree = if [&ADD, &SUB].contains(scalar) {
                    Tree::Sum
                } else if [&MUL, &DIV, &RECIP, &NEG].contains(scalar) {
                    Tree::Product
                } else {
                    return Pattern::Apply(scalar, terms.iter().map(|&term| Pattern::of(term)).collect());
                };
                let mut flat = Flat { tree, parts: Vec::new(), constant: if tree == Tree::Sum { 0.0 } else { 1.0 }, needs: 0 };
                flat.take(term, 1.0);
                flat.parts.sort_by_key(|part| (part.pattern.freedom(), part.weight > 0.0));
                Pattern::Flat(flat)
            }
        }
    }

    /// Whether every value looks like it.
    pub fn is_anything(&self) -> bool {
        match self {
            Pattern::Variable(_) => true,
            Pattern::Flat(flat) => matches!(flat.parts[..], [Part { pattern: Pattern::Variable(_), .. }]),
            Pattern::Number(_) | Pattern::Apply(..) => false,
        }
    }

    /// How little it asks for: what asks for most is matched first.
    fn freedom(&self) -> usize {
        match self {
            Pattern::Number(_) => 0,
            // A function of a variable says what the variable is; a function of a sum with one may leave it open.
            Pattern::Apply(_, arguments) => 1 + arguments.iter().map(Pattern::freedom).max().unwrap_or(0),
            Pattern::Flat(flat) => 2 + flat.parts.iter().map(|part| part.pattern.freedom()).sum::<usize>(),
            Pattern::Variable(_) => 100,
        }
    }
}

/// The place of a function in the table; all others share the last.
pub(super) fn bit(scalar: &Scalar) -> u128 {
    1 << place(scalar).unwrap_or(127).min(127)
}

/// The place of a function in the table, if it is there.
pub(super) fn place(scalar: &Scalar) -> Option<usize> {
    /// The functions' addresses, ascending, with their places.
    static PLACES: LazyLock<Vec<(usize, usize)>> = LazyLock::new(|| {
        let mut places: Vec<(usize, usize)> = ALL.iter().enumerate().map(|(place, &scalar)| (address(scalar), place)).collect();
        places.sort_unstable();
        places
    });
    let found = PLACES.binary_search_by_key(&address(scalar), |&(address, _)| address).ok()?;
    Some(PLACES[found].1)
}

fn address(scalar: &Scalar) -> usize {
    std::ptr::from_ref(scalar).addr()
}

impl Flat {
    /// Whether a variable takes what all other parts leave: if it is the last part, and stands alone only there.
    pub fn takes_rest(&self, variable: usize) -> bool {
        let alone = self.parts.iter().filter(|part| matches!(part.pattern, Pattern::Variable(other) if other == variable)).count();
        alone == 1 && self.parts.last().is_some_and(|part| matches!(part.pattern, Pattern::Variable(last) if last == variable))
    }

    /// The variable that only changes its sign, or is only divided by, and how.
    pub fn alone(&self) -> Option<(usize, &'static Scalar)> {
        match (self.tree, &self.parts[..]) {
            (Tree::Product, [Part { pattern: Pattern::Variable(variable), weight }]) if self.constant == -1.0 && *weight == 1.0 => {
                Some((*variable, &NEG))
            }
            (Tree::Product, [Part { pattern: Pattern::Variable(variable), weight }]) if self.constant == 1.0 && *weight == -1.0 => {
                Some((*variable, &RECIP))
            }
            _ => None,
        }
    }

    /// The variable whose square this is.
    pub fn square(&self) -> Option<usize> {
        match (self.tree, self.constant == 1.0, &self.parts[..]) {
            (
                Tree::Product,
                true,
                [Part { pattern: Pattern::Variable(left), weight: 1.0 }, Part { pattern: Pattern::Variable(right), weight: 1.0 }],
            ) => (left == right).then_some(*left),
            _ => None,
        }
    }

    /// Adds a term with its weight.
    fn take(&mut self, term: Term, weight: f64) {
        let number = term.known();
        if let Some(number) = number {
            match self.tree {
                Tree::Sum => self.constant += weight * number,
                Tree::Product if weight > 0.0 => self.constant *= number,
                Tree::Product => self.constant /= number,
            }
            return;
        }
        if let Formula::Apply(scalar, terms) = term.formula() {
            let branches = match self.tree {
                Tree::Sum if *scalar == &ADD => [Some((terms[0], weight)), Some((terms[1], weight))],
                Tree::Sum if *scalar == &SUB => [Some((terms[0], weight)), Some((terms[1], -weight))],
                Tree::Sum if *scalar == &NEG => [Some((terms[0], -weight)), None],
                Tree::Sum if *scalar == &MUL => match (terms[0].known(), terms[1].known()) {
                    (Some(number), None) => [Some((terms[1], weight * number)), None],
                    (None, Some(number)) => [Some((terms[0], weight * number)), None],
                    (Some(_), Some(_)) | (None, None) => [None, None],
                },
                Tree::Product if *scalar == &MUL => [Some((terms[0], weight)), Some((terms[1], weight))],
                Tree::Product if *scalar == &DIV => [Some((terms[0], weight)), Some((terms[1], -weight))],
                Tree::Product if *scalar == &RECIP => [Some((terms[0], -weight)), None],
                Tree::Product if *scalar == &NEG => {
                    self.constant = -self.constant;
                    [Some((terms[0], weight)), None]
                }
                Tree::Sum | Tree::Product => [None, None],
            };
            if branches[0].is_some() {
                for (branch, weight) in branches.into_iter().flatten() {
                    self.take(branch, weight);
                }
                return;
            }
        }
        let pattern = Pattern::of(term);
        if let Pattern::Apply(scalar, _) = &pattern {
            self.needs |= bit(scalar);
        }
        self.parts.push(Part { pattern, weight });
    }
}
