//! Logarithms of what overflows, vanishes or is close to 1.

use damo_graph::functions::{
    cosh, exp, exp_m1, exp2, ln, ln_1p, ln_1p_recip, log_1m_exp, log_cosh, log_sub_exp, log2, log10, logit, recip, sigmoid, softplus, xlogy,
};
use damo_graph::op::concatenate::Concatenate;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::log_softmax::LogSoftmax;
use damo_graph::op::log_sum_exp::LogSumExp;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::scalar::{self, ADD, LN, LOG_ADD_EXP, LOG_SUB_EXP, MUL, NEG, SUB, Scalar};
use damo_graph::types::Dims;
use damo_graph::{Dim, NodeId, Op, Result, Value};

use super::rows::{is_shifted, reduction_of, shifted_exponential, shifted_log};
use super::shapes::is_view;
use crate::rewrite::Rewriter;
use crate::rewrite::leaves::{Places, Tree};

const LOG2_E: f64 = std::f64::consts::LOG2_E;
const LOG10_E: f64 = std::f64::consts::LOG10_E;

crate::rules! {
    /// Logarithms.
    pub fn logarithms {
        /// The exponential overflows, or vanishes; its logarithm does not.
        log_of_exp [x] ln(exp(x)) => x, extends(0.0), proof([1000.0], 1000.0);
        /// The exponential overflows, or vanishes; its logarithm does not.
        log2_of_exp2 [x] log2(exp2(x)) => x, extends(0.0), proof([2000.0], 2000.0);
        /// 1 + x rounds away every digit of x below 2⁻⁵³ (Goldberg 1991, theorem 4).
        log_one_plus [x] ln(1.0 + x) => ln_1p(x), rounds(1.0), on(-0.9, 10.0), proof([1e-20], 1e-20);
        /// 1 + x rounds away the digits of x.
        log2_one_plus [x] log2(1.0 + x) => ln_1p(x) * LOG2_E, rounds(3.0), on(-0.9, 10.0), proof([1e-20], 1.442_695_040_888_963_3e-20);
        /// 1 + x rounds away the digits of x.
        log10_one_plus [x] log10(1.0 + x) => ln_1p(x) * LOG10_E, rounds(3.0), on(-0.9, 10.0), proof([1e-20], 4.342_944_819_032_518e-21);
        /// The exponential overflows.
        log_one_plus_exp [x] ln_1p(exp(x)) => softplus(x), extends(1.5), proof([800.0], 800.0);
        /// The share vanishes; its logarithm does not.
        log_of_sigmoid [x] ln(sigmoid(x)) => -softplus(-x), extends(1.5), proof([-800.0], -800.0);
        /// The share rounds to 1.
        log_one_minus_sigmoid [x] ln_1p(-sigmoid(x)) => -softplus(x), extends(1.5), proof([40.0], -40.0);
        /// e^x is close to 1, or vanishes beside it.
        log_one_minus_exp [x] ln_1p(-exp(x)) => log_1m_exp(x), rounds(2.5), on(-10.0, -0.01), proof([-1e-20], -46.051_701_859_880_914);
        /// The same, of what 1 − eˣ was written as.
        log_minus_exp_m1 [x] ln(-exp_m1(x)) => log_1m_exp(x), rounds(2.5), on(-10.0, -0.01), proof([-500.0], -7.124_576_406_741_286e-218);
        /// The exponential overflows.
        log_of_exp_m1 [x] ln(exp_m1(x)) => log_sub_exp(x, 0.0.into()), extends(3.0), on(0.8, 10.0), proof([1000.0], 1000.0);
        /// Both exponentials overflow.
        log_of_difference [x, y] ln(exp(x) - exp(y)) => log_sub_exp(x, y), extends(4.0), on_each([(2.0, 10.0), (-10.0, 1.0)]), proof([1000.0, 999.0], 999.541_324_854_612_9);
        /// The odds overflow, or are close to 1.
        log_of_odds [p] ln(p / (1.0 - p)) => logit(p), rounds(2.5), on(0.01, 0.4), proof([0.499_999_999_999_999_94], -2.220_446_049_250_313e-16);
        /// The cosine overflows.
        log_of_cosh [x] ln(cosh(x)) => log_cosh(x), extends(2.5), proof([1000.0], 999.306_852_819_440_1);
        /// The difference of two logarithms of nearly equal numbers.
        difference_of_logs [x] ln_1p(x) - ln(x) => ln_1p_recip(x), extends(2.5), on(0.1, 10.0), proof([1e20], 1e-20);
        /// The reciprocal overflows.
        log_of_reciprocal [x] ln(recip(x)) => -ln(x), extends(1.0), on(0.1, 10.0), proof([1e-310], 713.801_378_828_154_2);
        /// At 0 the limit is 0, and not NaN.
        x_log_x [x] x * ln(x) => xlogy(x, x), extends(1.5), on(0.1, 10.0), proof([0.0], 0.0), alone();
    }
}

crate::structural_rules! {
    /// Logarithms of sums and products of many.
    pub fn of_many {
        /// The logarithm of a product with an exponential in it, or of a sum of exponentials: each overflows on its own.
        log_of_product, extends(4.0), at(&["ln"]);
        /// The logarithm of a sum of exponentials, whatever their number: each overflows on its own.
        log_of_exponentials, extends(4.0), at(&["ln"]);
        /// A common factor of a sum is taken out where that lets another rule in.
        log_of_common_factor, extends(4.0), at(&["ln"]);
        /// ln Σ w eˣ for any w: shifted by ln Σ eˣ.
        log_of_weighted_sum, extends(8.0), at(&["ln"]);
        /// The same, written as a product of matrices or vectors.
        log_of_weighted_product, extends(8.0), at(&["ln"]);
    }
}

/// Functions that are nowhere negative, whose logarithm is known better than by computing them first.
fn log_of(rewriter: &mut Rewriter<'_>, value: Value) -> Result<Option<Value>> {
    let input = |rewriter: &Rewriter<'_>| rewriter.input(value);
    match rewriter.op(value) {
        Some(Op::Pointwise(op)) => {
            let is = |scalar: &'static Scalar| op.0 == scalar;
            if is(&scalar::EXP) {
                Ok(Some(input(rewriter)))
            } else if [&scalar::SIGMOID, &scalar::COSH, &scalar::ERFC, &scalar::NDTR].into_iter().any(is) {
                rewriter.apply(&LN, &[value]).map(Some)
            } else {
                Ok(None)
            }
        }
        Some(Op::Softmax(op)) => {
            let axis = op.axis;
            let x = input(rewriter);
            rewriter.add(LogSoftmax { axis }, &[x]).map(Some)
        }
        Some(Op::Reduce(op)) if op.reduction == Reduction::Sum => {
            let axes = op.axes.clone();
            let Some(exponent) = exponent_of(rewriter, input(rewriter))? else { return Ok(None) };
            rewriter.add(LogSumExp { axes }, &[exponent]).map(Some)
        }
        Some(Op::Reduce(op)) if op.reduction == Reduction::Mean => {
            let axes = op.axes.clone();
            let x = input(rewriter);
            let Some(exponent) = exponent_of(rewriter, x)? else { return Ok(None) };
            let dims = rewriter.graph.ty(x).dims.clone();
            let count = axes.iter().fold(Dim::from(1), |count, &axis| count * dims[axis].clone());
            let dtype = rewriter.graph.ty(x).dtype;
            let log = rewriter.add(LogSumExp { axes }, &[exponent])?;
            let count = rewriter.graph.dim_value(&count, dtype)?;
            let count = rewriter.apply(&LN, &[count])?;
            rewriter.apply(&SUB, &[log, count]).map(Some)
        }
        Some(Op::Reduce(op)) if op.reduction == Reduction::Product && rewriter.is_positive(input(rewriter)) => {
            let axes = op.axes.clone();
            let x = input(rewriter);
            let logs = rewriter.apply(&LN, &[x])?;
            rewriter.add(Reduce { reduction: Reduction::Sum, axes }, &[logs]).map(Some)
        }
        Some(Op::SelectAxis(op)) => {
            let op = op.clone();
            let inputs: Vec<Value> = rewriter.graph.node(value.node).inputs().to_vec();
            match log_of(rewriter, inputs[0])? {
                Some(log) => rewriter.add(op, &[log, inputs[1]]).map(Some),
                None => Ok(None),
            }
        }
        Some(op) if is_view(op) => {
            let op = rewriter.graph.op(value).clone();
            let inside = input(rewriter);
            match log_of(rewriter, inside)? {
                Some(log) => rewriter.add(op, &[log]).map(Some),
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// What an exponential is of, also one that is seen through views.
fn exponent_of(rewriter: &mut Rewriter<'_>, value: Value) -> Result<Option<Value>> {
    if let Some(inputs) = rewriter.is(value, &scalar::EXP) {
        return Ok(Some(inputs[0]));
    }
    if !rewriter.op(value).is_some_and(is_view) {
        return Ok(None);
    }
    let op = rewriter.graph.op(value).clone();
    match exponent_of(rewriter, rewriter.input(value))? {
        Some(exponent) => rewriter.add(op, &[exponent]).map(Some),
        None => Ok(None),
    }
}

fn log_of_product(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let product = rewriter.input(node.into());
    let leaves = rewriter.leaves(Tree::Product, product);
    let mut places: Places = 0;
    let mut logs: Vec<(Value, f64)> = Vec::new();
    let is_alone = leaves.items.len() == 1;
    for (place, value, exponent) in leaves.values().collect::<Vec<_>>() {
        // A function alone has a rule of its own; asking for its logarithm here would ask for this very node.
        if is_alone && rewriter.pointwise(value).is_some() {
            return Ok(None);
        }
        if let Some(log) = log_of(rewriter, value)? {
            places |= 1 << place;
            logs.push((log, exponent));
        }
    }
    if logs.is_empty() || !rewriter.rest_was_there(Tree::Product, product, places) {
        return Ok(None);
    }
    let mut sum = match rewriter.without(Tree::Product, product, places)? {
        Some(rest) => Some(rewriter.apply(&LN, &[rest])?),
        None => None,
    };
    for (log, exponent) in logs {
        sum = Some(match sum {
            Some(sum) => rewriter.apply(if exponent > 0.0 { &ADD } else { &SUB }, &[sum, log])?,
            None if exponent > 0.0 => log,
            None => rewriter.apply(&NEG, &[log])?,
        });
    }
    Ok(sum)
}

fn log_of_exponentials(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let sum = rewriter.input(node.into());
    let leaves = rewriter.leaves(Tree::Sum, sum);
    if leaves.items.len() < 2 {
        return Ok(None);
    }
    let mut above = Vec::new();
    let mut below = Vec::new();
    let mut has_exponential = false;
    for (_, value, weight) in leaves.values().collect::<Vec<_>>() {
        let Some(log) = log_of_term(rewriter, value)? else { return Ok(None) };
        has_exponential = true;
        let log = if weight.abs() == 1.0 {
            log
        } else {
            let shift = rewriter.number(leaves.dtype, weight.abs().ln())?;
            rewriter.apply(&ADD, &[log, shift])?
        };
        if weight > 0.0 { above.push(log) } else { below.push(log) }
    }
    if leaves.numbers() != 0 {
        let Some(constant) = leaves.constant() else { return Ok(None) };
        let log = rewriter.number(leaves.dtype, constant.abs().ln())?;
        if constant > 0.0 {
            above.push(log);
        } else if constant < 0.0 {
            below.push(log);
        }
    }
    if !has_exponential || above.is_empty() {
        return Ok(None);
    }
    let dims = rewriter.graph.ty(sum).dims.clone();
    let Some(mut log) = join_logs(rewriter, above, &dims)? else { return Ok(None) };
    if let Some(less) = join_logs(rewriter, below, &dims)? {
        log = rewriter.apply(&LOG_SUB_EXP, &[log, less])?;
    }
    Ok(Some(log))
}

/// The logarithm of a term of a sum: of a function, or of a product of positive factors with one.
fn log_of_term(rewriter: &mut Rewriter<'_>, value: Value) -> Result<Option<Value>> {
    if let Some(log) = log_of(rewriter, value)? {
        return Ok(Some(log));
    }
    let leaves = rewriter.leaves(Tree::Product, value);
    let mut found = false;
    for (_, factor, _) in leaves.values().collect::<Vec<_>>() {
        if log_of(rewriter, factor)?.is_some() {
            found = true;
        } else if !rewriter.is_positive(factor) {
            return Ok(None);
        }
    }
    if !found || leaves.items.len() < 2 || leaves.items.iter().any(|leaf| leaf.number.is_some_and(|number| number <= 0.0)) {
        return Ok(None);
    }
    rewriter.apply(&LN, &[value]).map(Some)
}

/// ln Σ exp of logarithms: of two by the function for two, of more as a row, whose slopes do not inherit rounding from each other.
fn join_logs(rewriter: &mut Rewriter<'_>, logs: Vec<Value>, dims: &Dims) -> Result<Option<Value>> {
    match logs[..] {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        [left, right] => rewriter.apply(&LOG_ADD_EXP, &[left, right]).map(Some),
        _ => {
            let mut rows = Vec::with_capacity(logs.len());
            for log in logs {
                let log = rewriter.stretched(log, dims)?;
                rows.push(rewriter.add(InsertAxis { axis: 0 }, &[log])?);
            }
            let joined = rewriter.add(Concatenate { axis: 0 }, &rows)?;
            rewriter.add(LogSumExp { axes: [0].as_slice().into() }, &[joined]).map(Some)
        }
    }
}

fn log_of_common_factor(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let sum = rewriter.input(node.into());
    let leaves = rewriter.leaves(Tree::Sum, sum);
    let Some(constant) = leaves.constant() else { return Ok(None) };
    let Some(factor) = leaves.values().next().map(|(_, _, weight)| weight.abs()).filter(|factor| *factor != 1.0) else { return Ok(None) };
    let is_common = leaves.values().all(|(_, _, weight)| weight.abs() == factor) && (constant == 0.0 || constant.abs() == factor);
    if !is_common || leaves.items.len() < 2 {
        return Ok(None);
    }
    let mut inner = if constant == 0.0 { None } else { Some(rewriter.number(leaves.dtype, constant / factor)?) };
    for (_, value, weight) in leaves.values().collect::<Vec<_>>() {
        inner = Some(match inner {
            Some(inner) => rewriter.apply(if weight > 0.0 { &ADD } else { &SUB }, &[inner, value])?,
            None => rewriter.scaled(value, weight.signum())?,
        });
    }
    let Some(inner) = inner else { return Ok(None) };
    let log = rewriter.apply(&LN, &[inner])?;
    if rewriter.is(log, &LN).is_some() || rewriter.is(log, &scalar::LN_1P).is_some() {
        return Ok(None);
    }
    let shift = rewriter.number(leaves.dtype, factor.ln())?;
    rewriter.apply(&ADD, &[log, shift]).map(Some)
}

fn log_of_weighted_sum(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let sum = rewriter.input(node.into());
    let Some((Reduction::Sum, axes, terms)) = reduction_of(rewriter, sum) else { return Ok(None) };
    let leaves = rewriter.leaves(Tree::Product, terms);
    let exponential = leaves.values().find(|(_, value, exponent)| *exponent > 0.0 && rewriter.is(*value, &scalar::EXP).is_some());
    let Some((place, exponential, _)) = exponential else { return Ok(None) };
    let x = rewriter.input(exponential);
    if is_shifted(rewriter, x) {
        return Ok(None);
    }
    let Some(weights) = rewriter.without(Tree::Product, terms, 1 << place)? else { return Ok(None) };
    let dims = rewriter.graph.ty(terms).dims.clone();
    let x = rewriter.stretched(x, &dims)?;
    let shifted = shifted_exponential(rewriter, x, &axes)?;
    let weighted = rewriter.apply(&MUL, &[weights, shifted.exponential])?;
    let sum = rewriter.add(Reduce { reduction: Reduction::Sum, axes: axes.as_slice().into() }, &[weighted])?;
    shifted_log(rewriter, sum, shifted.shift).map(Some)
}

fn log_of_weighted_product(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let product = rewriter.input(node.into());
    let Some(Op::Dot(dot)) = rewriter.op(product) else { return Ok(None) };
    let (dot, inputs) = (dot.clone(), rewriter.graph.node(product.node).inputs().to_vec());
    if !dot.batch.is_empty() {
        return Ok(None);
    }
    let Some(side) = (0..2).find(|&side| rewriter.is(inputs[side], &scalar::EXP).is_some()) else { return Ok(None) };
    let x = rewriter.input(inputs[side]);
    if is_shifted(rewriter, x) {
        return Ok(None);
    }
    let axes: Vec<usize> = dot.contract.iter().map(|&(left, right)| if side == 0 { left } else { right }).collect();
    let shifted = shifted_exponential(rewriter, x, &axes)?;
    let mut operands = [inputs[0], inputs[1]];
    operands[side] = shifted.exponential;
    let mut shift = shifted.shift;
    // The axes of the right side come last: those of the left are put before them.
    if side == 0 {
        let free = rewriter.graph.ty(inputs[1]).rank() - axes.len();
        for _ in 0..free {
            let rank = rewriter.graph.ty(shift).rank();
            shift = rewriter.add(InsertAxis { axis: rank }, &[shift])?;
        }
    }
    let sum = rewriter.add(dot, &operands)?;
    shifted_log(rewriter, sum, shift).map(Some)
}
