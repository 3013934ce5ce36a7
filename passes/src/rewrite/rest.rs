//! What is left of a sum or a product when leaves are taken out of it: whether it was there before.
//!
//! A product of what was never multiplied alone may overflow, or vanish, where the whole does not, and so may a sum: `(a·b)·c`, with `b`
//! taken out, is `a·c`. Rules ask here before they take leaves; under [`Policy::Fast`](crate::Policy::Fast) they need not.

use damo_graph::op::scalar::{DIV, MUL, RECIP};
use damo_graph::{Result, Value};

use super::Rewriter;
use super::leaves::{Branch, Leaves, MOST, Places, Tree};
use super::rounding::negligible;

/// What is left of a branch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// The branch as it was.
    Same,
    /// Something else.
    Other,
}

/// A branch of a product whose numbers are taken out.
#[derive(Clone, Copy)]
struct Numberless {
    /// What its numbers come to, without sign: so many times larger it was.
    factor: f64,
    /// Whether anything but numbers is in it.
    has_values: bool,
    /// Whether the value that is multiplied with one number for all of them is in it.
    has_first: bool,
    /// Whether no value in it overflows, and nothing below a fraction vanishes, that did not.
    is_safe: bool,
}

/// One number for all numbers of a product: where it goes, and its size. It comes last if it goes nowhere.
#[derive(Clone, Copy)]
struct One {
    place: Option<usize>,
    size: f64,
}

impl Rewriter<'_> {
    /// How many sums or products of what was not added or multiplied alone there are in a tree without these leaves.
    ///
    /// Only the last of them is known to be as large as the whole, and only if it is the whole.
    pub fn news(&mut self, tree: Tree, value: Value, dropped: Places) -> usize {
        self.news_to(tree, value, dropped, true)
    }

    /// The same for places of [`rounded_leaves`](Self::rounded_leaves).
    pub fn news_of_rounded(&mut self, value: Value, dropped: Places) -> usize {
        self.news_to(Tree::Sum, value, dropped, false)
    }

    /// Whether all that is left of a tree was there before, or was divided by: then it is finite where the whole is.
    pub fn rest_was_there(&mut self, tree: Tree, value: Value, dropped: Places) -> bool {
        self.is_fast() || self.news(tree, value, dropped) == 0
    }

    fn news_to(&mut self, tree: Tree, value: Value, dropped: Places, exactly: bool) -> usize {
        let (mut news, mut place) = (0, 0);
        self.left_of((value, 1.0, MOST), (tree, exactly, dropped), &mut place, &mut news);
        news
    }

    /// Whether a value is 1, if it is a number at all.
    fn is_one_or_nothing(&self, value: Value) -> bool {
        self.is(value, &DIV).is_some_and(|terms| terms[0] == terms[1])
    }

    /// Walks as [`leaves`](Self::leaves) does.
    fn left_of(&mut self, (value, weight, room): (Value, f64, usize), of: (Tree, bool, Places), place: &mut usize, news: &mut usize) -> Left {
        let (tree, exactly, dropped) = of;
        let leaf = |place: &mut usize| {
            *place += 1;
            if dropped >> (*place - 1) & 1 == 0 { Left::Same } else { Left::Nothing }
        };
        if self.uniform(value).is_some() {
            return leaf(place);
        }
        let branch = if room < 2 { Branch::Leaf } else { self.branch(tree, value, weight, exactly) };
        match branch {
            Branch::Two(left, right, factor) => {
                let before = *place;
                let of_left = self.left_of((left, weight, room - 1), of, place, news);
                let used = *place - before;
                let of_right = self.left_of((right, weight * factor, room - used), of, place, news);
                match (of_left, of_right) {
                    (Left::Nothing, Left::Nothing) => Left::Nothing,
                    (Left::Same, Left::Same) => Left::Same,
                    (Left::Same | Left::Other, Left::Nothing) | (Left::Nothing, Left::Same | Left::Other) => Left::Other,
                    (Left::Same | Left::Other, Left::Other) | (Left::Other, Left::Same) => {
                        *news += usize::from(tree == Tree::Sum || !self.is_one_or_nothing(left) && !self.is_one_or_nothing(right));
                        Left::Other
                    }
                }
            }
            Branch::One(only, factor) => {
                let left = self.left_of((only, weight * factor, room - 1), of, place, news);
                // −x is as large as x, and a part of x is no larger.
                *news += usize::from(left == Left::Other && tree == Tree::Sum && factor.abs() > 1.0);
                left
            }
            Branch::Negated(only) => {
                let sign = leaf(place);
                match self.left_of((only, weight, room - 1), of, place, news) {
                    Left::Nothing if sign == Left::Nothing => Left::Nothing,
                    Left::Same if sign == Left::Same => Left::Same,
                    Left::Nothing | Left::Same | Left::Other => Left::Other,
                }
            }
            Branch::Leaf => leaf(place),
        }
    }

    /// A product of what is left and what stands for the leaves that were taken.
    ///
    /// What is divided by stays so: the reciprocal of a small number overflows.
    pub fn times(&mut self, rest: Value, right: Value) -> Result<Value> {
        match self.is(rest, &RECIP) {
            Some(below) => self.apply(&DIV, &[right, below[0]]),
            None => self.apply(&MUL, &[rest, right]),
        }
    }

    /// The product with one number for all its numbers; `None` if something on the way might overflow, or vanish below a fraction, that did
    /// not.
    ///
    /// A number of at least 1 comes last, another first: nothing becomes larger than it was. It may become smaller, by as much as the numbers
    /// are, and next to the smallest number it keeps so many digits less.
    pub fn with_one_number(&mut self, value: Value, leaves: &Leaves, constant: f64) -> Result<Option<Value>> {
        let values: Vec<(usize, Value, f64)> = leaves.values().collect();
        match values[..] {
            [(_, only, exponent)] if exponent > 0.0 => return self.scaled(only, constant).map(Some),
            [(_, only, _)] if constant.abs() == 1.0 => {
                let reciprocal = self.apply(&RECIP, &[only])?;
                return self.scaled(reciprocal, constant).map(Some);
            }
            [(_, only, _)] => {
                let constant = self.number(leaves.dtype, constant)?;
                return self.apply(&DIV, &[constant, only]).map(Some);
            }
            _ => {}
        }
        let comes_last = constant.abs() >= 1.0 || self.is_fast() || !leaves.dtype.is_float();
        let above = values.iter().find(|(_, _, exponent)| *exponent > 0.0).map(|(place, ..)| *place);
        let one = One { place: above.filter(|_| !comes_last), size: constant.abs() };
        if !comes_last && one.place.is_none() || !self.may_lose_numbers(value, leaves, one) {
            return Ok(None);
        }
        let rest = self.without_numbers(value, leaves.numbers(), one.place.map(|place| (place, constant)))?;
        match rest {
            Some(rest) if comes_last => self.scaled(rest, constant).map(Some),
            rest => Ok(rest),
        }
    }

    /// Whether the numbers of a product may be multiplied with later, after what else is done with it: nothing is larger without them.
    pub fn may_come_later(&mut self, value: Value, leaves: &Leaves) -> bool {
        let factor = leaves.constant().map_or(0.0, f64::abs);
        self.is_fast() || factor >= 1.0 && self.may_lose_numbers(value, leaves, One { place: None, size: factor })
    }

    fn may_lose_numbers(&mut self, value: Value, leaves: &Leaves, one: One) -> bool {
        // Integers wrap, in whatever order.
        self.is_fast() || !leaves.dtype.is_float() || self.without_number((value, 1.0, MOST), one, &mut 0).is_safe
    }

    /// Walks as [`leaves`](Self::leaves) does.
    fn without_number(&mut self, (value, weight, room): (Value, f64, usize), one: One, place: &mut usize) -> Numberless {
        if let Some(number) = self.uniform(value) {
            *place += 1;
            return Numberless { factor: number.abs(), has_values: false, has_first: false, is_safe: true };
        }
        let branch = if room < 2 { Branch::Leaf } else { self.branch(Tree::Product, value, weight, true) };
        let (whole, is_computed) = match branch {
            Branch::Leaf => {
                *place += 1;
                return Numberless { factor: 1.0, has_values: true, has_first: one.place == Some(*place - 1), is_safe: true };
            }
            Branch::Negated(only) => {
                *place += 1;
                return self.without_number((only, weight, room - 1), one, place);
            }
            Branch::One(only, exponent) => {
                let below = self.without_number((only, weight * exponent, room - 1), one, place);
                (Numberless { factor: 1.0 / below.factor, ..below }, below.has_values)
            }
            Branch::Two(left, right, exponent) => {
                let before = *place;
                let left = self.without_number((left, weight, room - 1), one, place);
                let used = *place - before;
                let right = self.without_number((right, weight * exponent, room - used), one, place);
                let both = Numberless {
                    factor: left.factor * if exponent > 0.0 { right.factor } else { 1.0 / right.factor },
                    has_values: left.has_values || right.has_values,
                    has_first: left.has_first || right.has_first,
                    is_safe: left.is_safe && right.is_safe,
                };
                (both, right.has_values && (left.has_values || exponent < 0.0))
            }
        };
        // A leaf is as large as it was, whatever it was multiplied with.
        let shrinks_by = whole.factor / if whole.has_first { one.size } else { 1.0 };
        let is_safe = if weight > 0.0 { shrinks_by >= 1.0 } else { shrinks_by == 1.0 };
        Numberless { is_safe: whole.is_safe && (is_safe || !is_computed), ..whole }
    }

    /// Whether the numbers of a sum are too small beside the largest there is for it to overflow with them, or without.
    pub fn are_small(&self, leaves: &Leaves) -> bool {
        let small = negligible(leaves.dtype);
        self.is_fast() || leaves.items.iter().filter_map(|leaf| Some(leaf.number? * leaf.weight)).all(|number| number.abs() <= small)
    }
}
