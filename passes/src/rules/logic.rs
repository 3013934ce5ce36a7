//! Comparisons, truth values and `select`.

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]

use damo_graph::functions::{max, min};
use damo_graph::op::Op;
use damo_graph::op::constant::Constant;
use damo_graph::op::scalar::{self, ADD, MUL, NOT, SELECT, Scalar};
use damo_graph::types::Dims;
use damo_graph::{AnyArray, DType, NodeId, Number, Result, Value};

use crate::rewrite::Rewriter;
use crate::rewrite::leaves::Tree;

crate::rules! {
    /// Of floats.
    pub fn formulas {
        /// The larger of the same.
        larger_of_same [x] max(x, x) => x;
        /// The smaller of the same.
        smaller_of_same [x] min(x, x) => x;
    }
}

crate::structural_rules! {
    /// Comparisons and choices.
    pub fn choices {
        /// Nothing is more or less than itself.
        compared_with_itself, at(&["gt", "lt", "ge", "le", "equal", "not_equal"]);
        /// A length is 0 or more.
        compared_length, at(&["gt", "lt", "ge", "le", "equal", "not_equal", "max", "min", "select"]);
        /// Truth values with known ones, and with themselves.
        logic_of_known, at(&["and", "or", "xor", "not"]);
        /// A choice between the same, or that is made already.
        choice_made, at(&["select"]);
        /// A choice within the same choice is made already.
        choice_within_choice, at(&["select"]);
        /// A product with 0 where something does not hold is 0 there, whatever the other factor is.
        product_with_choice, extends(1.0), at(&["mul", "div"]);
        /// A cheap function of choices by the same condition is a choice of functions: one choice, not two.
        function_of_choices;
    }
}

/// The truth value that a value is everywhere, if that is known.
fn truth(rewriter: &Rewriter<'_>, value: Value) -> Option<bool> {
    match rewriter.op(value)? {
        Op::Constant(constant) => match constant.0.only()? {
            Number::Bool(truth) => Some(truth),
            Number::Integer(_) | Number::Real(_) | Number::Complex(..) => None,
        },
        Op::Broadcast(_) | Op::Reshape(_) | Op::InsertAxis(_) | Op::RemoveAxis(_) | Op::Transpose(_) => truth(rewriter, rewriter.input(value)),
        _ => None,
    }
}

/// A truth value in every element.
fn always(rewriter: &mut Rewriter<'_>, truth: bool, dims: &Dims) -> Result<Value> {
    let constant = rewriter.graph.add(Constant(AnyArray::full(DType::Bool, &[], Number::Bool(truth))), &[])?;
    rewriter.stretched(constant, dims)
}

fn compared_with_itself(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some((scalar, inputs)) = rewriter.pointwise(node.into()) else { return Ok(None) };
    if inputs[0] != inputs[1] {
        return Ok(None);
    }
    let dims = rewriter.graph.ty(node.into()).dims.clone();
    if [&scalar::GT, &scalar::LT].contains(&scalar) {
        return always(rewriter, false, &dims).map(Some);
    }
    // NaN is not equal to itself.
    if rewriter.graph.ty(inputs[0]).dtype.is_float() {
        return Ok(None);
    }
    always(rewriter, scalar != &scalar::NOT_EQUAL, &dims).map(Some)
}

/// Whether a value is a length, or a sum of a few, so that it is never negative.
fn is_length(rewriter: &Rewriter<'_>, value: Value, depth: usize) -> bool {
    match rewriter.op(value) {
        // A narrower integer could wrap.
        Some(Op::DimValue(length)) => [DType::I64, DType::U64].contains(&length.dtype) && length.dim.is_never_negative(),
        Some(Op::Pointwise(_)) if depth > 0 => {
            rewriter.is(value, &ADD).is_some_and(|terms| terms.iter().all(|&term| is_length(rewriter, term, depth - 1)))
        }
        _ => false,
    }
}

/// Comparisons, and the same with their sides exchanged.
const TURNED: [(&Scalar, &Scalar); 4] =
    [(&scalar::GT, &scalar::LT), (&scalar::LT, &scalar::GT), (&scalar::GE, &scalar::LE), (&scalar::LE, &scalar::GE)];

fn compared_length(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let dims = rewriter.graph.ty(value).dims.clone();
    let Some((mut scalar, inputs)) = rewriter.pointwise(value) else { return Ok(None) };
    if let [condition, zero, length] = inputs[..] {
        // 0 where the length is not more than 0, else the length.
        let is_clamped = rewriter.uniform(zero) == Some(0.0)
            && is_length(rewriter, length, 4)
            && rewriter.is(condition, &scalar::LE).is_some_and(|sides| sides[0] == length && rewriter.uniform(sides[1]) == Some(0.0));
        return if is_clamped { rewriter.stretched(length, &dims).map(Some) } else { Ok(None) };
    }
    let (mut length, mut number) = (inputs[0], inputs[1]);
    if !is_length(rewriter, length, 4) {
        (length, number) = (number, length);
        scalar = TURNED.iter().find(|(from, _)| *from == scalar).map_or(scalar, |(_, to)| to);
    }
    let Some(bound) = rewriter.uniform(number).filter(|bound| *bound <= 0.0 && is_length(rewriter, length, 4)) else { return Ok(None) };
    let answer = match scalar {
        _ if scalar == &scalar::MAX => return rewriter.stretched(length, &dims).map(Some),
        _ if scalar == &scalar::MIN => return rewriter.stretched(number, &dims).map(Some),
        _ if scalar == &scalar::LT => false,
        _ if scalar == &scalar::GE => true,
        // The others need that it is less than 0.
        _ if bound == 0.0 => return Ok(None),
        _ => scalar == &scalar::GT || scalar == &scalar::NOT_EQUAL,
    };
    always(rewriter, answer, &dims).map(Some)
}

fn logic_of_known(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let ty = rewriter.graph.ty(value).clone();
    let Some((scalar, inputs)) = rewriter.pointwise(value) else { return Ok(None) };
    if ty.dtype != DType::Bool {
        return Ok(None);
    }
    if scalar == &NOT {
        return Ok(rewriter.is(inputs[0], &NOT).map(|inner| inner[0]));
    }
    if inputs[0] == inputs[1] {
        return if scalar == &scalar::XOR { always(rewriter, false, &ty.dims).map(Some) } else { Ok(Some(inputs[0])) };
    }
    for (known, other) in [(inputs[0], inputs[1]), (inputs[1], inputs[0])] {
        let Some(truth) = truth(rewriter, known) else { continue };
        return match (scalar == &scalar::AND, scalar == &scalar::OR, truth) {
            (true, _, true) | (_, true, false) | (false, false, false) => rewriter.stretched(other, &ty.dims).map(Some),
            (true, _, false) | (_, true, true) => always(rewriter, truth, &ty.dims).map(Some),
            (false, false, true) => {
                let not = rewriter.apply(&NOT, &[other])?;
                rewriter.stretched(not, &ty.dims).map(Some)
            }
        };
    }
    Ok(None)
}

fn choice_made(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let dims = rewriter.graph.ty(value).dims.clone();
    let Some(inputs) = rewriter.is(value, &SELECT) else { return Ok(None) };
    let [condition, yes, no] = [inputs[0], inputs[1], inputs[2]];
    if yes == no {
        return rewriter.stretched(yes, &dims).map(Some);
    }
    if let Some(truth) = truth(rewriter, condition) {
        return rewriter.stretched(if truth { yes } else { no }, &dims).map(Some);
    }
    match rewriter.is(condition, &NOT) {
        Some(opposite) => rewriter.apply(&SELECT, &[opposite[0], no, yes]).map(Some),
        None => Ok(None),
    }
}

fn choice_within_choice(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(inputs) = rewriter.is(node.into(), &SELECT) else { return Ok(None) };
    let condition = inputs[0];
    let branch = |rewriter: &Rewriter<'_>, value: Value, which: usize| {
        rewriter.is(value, &SELECT).filter(|inner| inner[0] == condition).map_or(value, |inner| inner[which])
    };
    let (yes, no) = (branch(rewriter, inputs[1], 1), branch(rewriter, inputs[2], 2));
    if (yes, no) == (inputs[1], inputs[2]) { Ok(None) } else { rewriter.apply(&SELECT, &[condition, yes, no]).map(Some) }
}

fn product_with_choice(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let leaves = rewriter.leaves(Tree::Product, value);
    for (place, choice, exponent) in leaves.values().collect::<Vec<_>>() {
        let Some(inputs) = rewriter.is(choice, &SELECT).filter(|_| exponent > 0.0) else { continue };
        let is_zero = |value: Value| rewriter.uniform(value) == Some(0.0);
        let (kept, zero) = match (is_zero(inputs[1]), is_zero(inputs[2])) {
            (false, true) => (1, 2),
            (true, false) => (2, 1),
            (true, true) | (false, false) => continue,
        };
        if !rewriter.rest_was_there(Tree::Product, value, 1 << place) {
            continue;
        }
        let Some(rest) = rewriter.without(Tree::Product, value, 1 << place)? else { continue };
        let mut branches = [inputs[0]; 3];
        branches[kept] = rewriter.apply(&MUL, &[rest, inputs[kept]])?;
        branches[zero] = inputs[zero];
        return rewriter.apply(&SELECT, &branches).map(Some);
    }
    Ok(None)
}

fn function_of_choices(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let Some((scalar, inputs)) = rewriter.pointwise(value) else { return Ok(None) };
    // Twice the function for one choice less: it must not cost more than the choice.
    if inputs.len() != 2 || scalar.cost > SELECT.cost || inputs[0] == inputs[1] {
        return Ok(None);
    }
    let (Some(left), Some(right)) = (rewriter.is(inputs[0], &SELECT), rewriter.is(inputs[1], &SELECT)) else { return Ok(None) };
    let is_same = left[0] == right[0] && rewriter.graph.ty(value).dtype == rewriter.graph.ty(inputs[0]).dtype;
    if !is_same || !inputs.iter().all(|&choice| rewriter.is_only_use(choice) && rewriter.is_shallow(choice)) {
        return Ok(None);
    }
    let yes = rewriter.apply(scalar, &[left[1], right[1]])?;
    let no = rewriter.apply(scalar, &[left[2], right[2]])?;
    rewriter.apply(&SELECT, &[left[0], yes, no]).map(Some)
}
