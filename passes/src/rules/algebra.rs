//! Signs, numbers and like terms of sums and products.

use damo_graph::op::scalar::{ADD, DIV, MUL, NEG, RECIP, SQRT, SUB};
use damo_graph::{NodeId, Result, Value};

use super::shapes::is_view;
use crate::rewrite::Rewriter;
use crate::rewrite::leaves::{Places, Tree};
use crate::rewrite::rounding::rounded;

crate::structural_rules! {
    /// Numbers and like terms.
    pub fn numbers {
        /// The numbers of a sum are added up now, if their sum is exact; 0 is dropped.
        numbers_of_sum, rounds(0.5), at(&["add", "sub"]);
        /// The numbers and signs of a product are multiplied now, if their product is exact; 1 is dropped.
        numbers_of_product, rounds(0.5), at(&["mul", "div", "recip", "neg"]);
        /// A change of sign inside of a sum is a subtraction or an addition.
        signs_of_sum, rounds(0.0), at(&["add", "sub", "neg"]);
        /// a x + b x is (a + b) x, which neither overflows on the way nor is ∞ − ∞.
        like_terms, extends(2.0), at(&["add", "sub"]);
        /// x y / x is y, unless x is 0 or infinite: x / x knows, and does not overflow.
        cancelled_factor, extends(1.0), at(&["mul", "div"]);
        /// A product with a reciprocal of as many elements is a quotient, and the reciprocal of a reciprocal the number.
        product_with_reciprocal, extends(1.0), at(&["mul", "div", "recip"]);
        /// One reciprocal and many products cost less than many quotients; that of a root is in range wherever the root is not 0 or infinite.
        quotient_by_stretched_root, rounds(1.5), at(&["div"]);
    }
}

crate::structural_rules! {
    /// The same without regard to 0, infinity and NaN.
    pub fn fast {
        /// A product with 0 is 0; wrong where the other factor is infinite or not a number.
        product_with_zero, rounds(0.0), fast(), at(&["mul", "div"]);
        /// x / x is 1; wrong where x is 0, infinite or not a number.
        quotient_of_same, rounds(0.0), fast(), at(&["div"]);
        /// x − x is 0; wrong where x is infinite or not a number.
        difference_of_same, rounds(0.0), fast(), at(&["sub"]);
    }
}

fn numbers_of_sum(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let leaves = rewriter.leaves(Tree::Sum, value);
    let numbers = leaves.numbers();
    let Some(constant) = leaves.constant().filter(|_| numbers != 0 && numbers != leaves.all()) else { return Ok(None) };
    if numbers.is_power_of_two() && constant != 0.0 {
        return Ok(None);
    }
    if leaves.values().count() > 1 && !rewriter.are_small(&leaves) {
        return Ok(None);
    }
    let Some(rest) = rewriter.without(Tree::Sum, value, numbers)? else { return Ok(None) };
    if constant == 0.0 {
        return Ok(Some(rest));
    }
    let constant = rewriter.number(leaves.dtype, constant)?;
    rewriter.apply(&ADD, &[rest, constant]).map(Some)
}

fn numbers_of_product(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let leaves = rewriter.leaves(Tree::Product, value);
    let numbers = leaves.numbers();
    if numbers == 0 || numbers == leaves.all() || !leaves.has_moderate_numbers() {
        return Ok(None);
    }
    let Some(constant) = leaves.constant() else { return Ok(None) };
    let is_sign = |place: usize| leaves.items[place].value.is_none();
    let first = numbers.trailing_zeros() as usize;
    if numbers.is_power_of_two() && constant != 1.0 {
        // One number is fine as a factor, one sign as the last thing done.
        let root_is_sign = rewriter.is(value, &NEG).is_some();
        let is_fine = if is_sign(first) { root_is_sign } else { leaves.items[first].weight > 0.0 };
        if is_fine {
            return Ok(None);
        }
    }
    rewriter.with_one_number(value, &leaves, constant)
}

fn signs_of_sum(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((scalar, inputs)) = rewriter.pointwise(node.into()) else { return Ok(None) };
    if scalar == &NEG {
        let Some(terms) = rewriter.is(inputs[0], &SUB) else { return Ok(None) };
        return rewriter.apply(&SUB, &[terms[1], terms[0]]).map(Some);
    }
    let (left, right) = (inputs[0], inputs[1]);
    if let Some(right) = opposite(rewriter, right)? {
        return rewriter.apply(if scalar == &ADD { &SUB } else { &ADD }, &[left, right]).map(Some);
    }
    if scalar == &ADD {
        let Some(left) = opposite(rewriter, left)? else { return Ok(None) };
        return rewriter.apply(&SUB, &[right, left]).map(Some);
    }
    let Some(left) = rewriter.is(left, &NEG).map(|inputs| inputs[0]) else { return Ok(None) };
    let sum = rewriter.apply(&ADD, &[left, right])?;
    rewriter.apply(&NEG, &[sum]).map(Some)
}

/// The opposite of a value that is written with a minus.
fn opposite(rewriter: &mut Rewriter<'_>, value: Value) -> Result<Option<Value>> {
    if let Some(inputs) = rewriter.is(value, &NEG) {
        return Ok(Some(inputs[0]));
    }
    let Some(factors) = rewriter.is(value, &MUL) else { return Ok(None) };
    for (number, other) in [(factors[0], factors[1]), (factors[1], factors[0])] {
        if let Some(number) = rewriter.uniform(number).filter(|number| *number < 0.0) {
            return rewriter.scaled(other, -number).map(Some);
        }
    }
    Ok(None)
}

fn like_terms(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let leaves = rewriter.rounded_leaves(value);
    let terms: Vec<(usize, Value, f64)> = leaves.values().collect();
    for (at, &(_, term, _)) in terms.iter().enumerate() {
        let same: Vec<&(usize, Value, f64)> = terms.iter().filter(|(_, other, _)| *other == term).collect();
        // All of them, or what cancels would leave a rounding error behind.
        if same.len() < 2 || terms[..at].iter().any(|(_, other, _)| *other == term) {
            continue;
        }
        let factor = rounded(same.iter().map(|(_, _, weight)| weight).sum(), leaves.dtype);
        if !factor.is_normal() {
            continue;
        }
        let places = same.iter().fold(0, |places: Places, (place, ..)| places | 1 << place);
        // Beside others, a multiple may overflow where they cancel each other one by one.
        let is_safe = places == leaves.all() || factor.abs() <= 1.0 && rewriter.news_of_rounded(value, places) == 0;
        if !is_safe && !rewriter.is_fast() && leaves.dtype.is_float() {
            continue;
        }
        let rest = rewriter.without_rounded(value, places)?;
        let term = rewriter.scaled(term, factor)?;
        return match rest {
            Some(rest) => rewriter.apply(&ADD, &[rest, term]).map(Some),
            None => Ok(Some(term)),
        };
    }
    Ok(None)
}

fn cancelled_factor(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    // The derivative of x / x is ∞ − ∞ where 1 / x overflows; that of the whole may not be.
    if !rewriter.is_final() {
        return Ok(None);
    }
    let value = Value::from(node);
    let leaves = rewriter.leaves(Tree::Product, value);
    if leaves.items.len() < 3 {
        return Ok(None);
    }
    let factors: Vec<(usize, Value, f64)> = leaves.values().collect();
    for &(above, factor, _) in factors.iter().filter(|(_, _, exponent)| *exponent > 0.0) {
        let Some(&(below, ..)) = factors.iter().find(|(_, other, exponent)| *other == factor && *exponent < 0.0) else { continue };
        let places = 1 << above | 1 << below;
        // What is left is the result: all else that is made must have been there.
        if rewriter.news(Tree::Product, value, places) > 1 && !rewriter.is_fast() {
            continue;
        }
        let Some(rest) = rewriter.without(Tree::Product, value, places)? else { continue };
        let same = rewriter.apply(&DIV, &[factor, factor])?;
        return rewriter.times(rest, same).map(Some);
    }
    Ok(None)
}

/// What becomes a quotient does so after derivatives: theirs, by a small number, overflow sooner.
fn product_with_reciprocal(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((scalar, inputs)) = rewriter.pointwise(node.into()) else { return Ok(None) };
    let below = |rewriter: &Rewriter<'_>, value| rewriter.is(value, &RECIP).map(|inputs| inputs[0]);
    if scalar == &RECIP {
        if let Some(twice) = below(rewriter, inputs[0]) {
            return Ok(Some(twice));
        }
        let Some(quotient) = rewriter.is(inputs[0], &DIV).filter(|quotient| quotient[0] != quotient[1] && rewriter.is_final()) else {
            return Ok(None);
        };
        return rewriter.apply(&DIV, &[quotient[1], quotient[0]]).map(Some);
    }
    if scalar == &DIV {
        let Some(factor) = below(rewriter, inputs[1]) else { return Ok(None) };
        return rewriter.apply(&MUL, &[inputs[0], factor]).map(Some);
    }
    if inputs[0] == inputs[1] || !rewriter.is_final() {
        return Ok(None);
    }
    for (factor, other) in [(inputs[0], inputs[1]), (inputs[1], inputs[0])] {
        // One reciprocal and many products cost less than many quotients.
        let is_stretched = rewriter.graph.ty(other).dims != rewriter.graph.ty(node.into()).dims;
        if let Some(divisor) = below(rewriter, other).filter(|_| !is_stretched) {
            return rewriter.apply(&DIV, &[factor, divisor]).map(Some);
        }
    }
    Ok(None)
}

fn quotient_by_stretched_root(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(terms) = rewriter.is(node.into(), &DIV).filter(|_| rewriter.is_final()) else { return Ok(None) };
    let dims = |value| &rewriter.graph.ty(value).dims;
    let mut root = terms[1];
    while rewriter.op(root).is_some_and(is_view) {
        root = rewriter.input(root);
    }
    if dims(terms[0]) != dims(node.into()) || dims(terms[1]) == dims(node.into()) || rewriter.is(root, &SQRT).is_none() {
        return Ok(None);
    }
    let reciprocal = rewriter.apply(&RECIP, &[terms[1]])?;
    rewriter.apply(&MUL, &[terms[0], reciprocal]).map(Some)
}

fn product_with_zero(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let leaves = rewriter.leaves(Tree::Product, node.into());
    let vanishes = leaves.items.iter().any(|leaf| leaf.number == Some(0.0) && leaf.weight > 0.0);
    if vanishes && leaves.numbers() != leaves.all() { rewriter.number(leaves.dtype, 0.0).map(Some) } else { Ok(None) }
}

fn quotient_of_same(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(terms) = rewriter.is(node.into(), &DIV).filter(|terms| terms[0] == terms[1]) else { return Ok(None) };
    rewriter.number(rewriter.graph.ty(terms[0]).dtype, 1.0).map(Some)
}

fn difference_of_same(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(terms) = rewriter.is(node.into(), &SUB).filter(|terms| terms[0] == terms[1]) else { return Ok(None) };
    rewriter.number(rewriter.graph.ty(terms[0]).dtype, 0.0).map(Some)
}
