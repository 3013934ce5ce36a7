//! Exponentials, the shares that are made of them, and the hyperbolic functions.

use damo_graph::functions::{abs, acosh, cosh, exp, exp_m1, exp2, ln, ln_1p, log_1m_exp, log2, logit, sech2, sigmoid, sinh, softplus, tanh};
use damo_graph::op::scalar::{ADD, EXP, NEG, RECIP, SUB};
use damo_graph::{NodeId, Result, Value};

use super::inverses::{from, up_to};
use crate::rewrite::Rewriter;
use crate::rewrite::leaves::Tree;

crate::rules! {
    /// Exponentials.
    pub fn exponentials {
        /// eˣ is close to 1.
        exp_minus_one [x] exp(x) - 1.0 => exp_m1(x), rounds(1.0), proof([1e-20], 1e-20);
        /// Two exponentials may overflow and vanish where their product is a number like any other.
        product_of_exps [x, y] exp(x) * exp(y) => exp(x + y), extends(24.0), proof([800.0, -800.0], 1.0), alone();
        /// Two exponentials may overflow, or vanish, where their quotient is a number like any other.
        quotient_of_exps [x, y] exp(x) / exp(y) => exp(x - y), extends(24.0), proof([800.0, 800.0], 1.0), alone();
        /// Dividing by an exponential is multiplying with that of the opposite, which does not overflow where its inverse vanishes.
        over_exp [x] 1.0 / exp(x) => exp(-x), extends(1.0), proof([720.0], 2.032_230_802_424e-313), alone();
        /// The logarithm of a number below 0 is not one.
        exp_of_log [x] exp(ln(x)) => from(x, 0.0, x), rounds(0.0), on(0.0, 10.0);
        /// The logarithm of a number below 0 is not one.
        exp2_of_log2 [x] exp2(log2(x)) => from(x, 0.0, x), rounds(0.0), on(0.0, 10.0);
        /// The logarithm of a number below 0 is not one.
        exp_of_log_1p [x] exp(ln_1p(x)) => from(x, -1.0, 1.0 + x), rounds(0.5), on(-1.0, 10.0);
        /// The logarithm of a number below 0 is not one.
        exp_m1_of_log [x] exp_m1(ln(x)) => from(x, 0.0, x - 1.0), rounds(0.5), on(0.0, 10.0);
        /// The logarithm of a number below 0 is not one.
        exp_m1_of_log_1p [x] exp_m1(ln_1p(x)) => from(x, -1.0, x), rounds(0.0), on(-1.0, 10.0);
        /// 1 − eˣ, for x up to 0.
        exp_of_log_1m_exp [x] exp(log_1m_exp(x)) => up_to(x, 0.0, -exp_m1(x)), rounds(1.0), on(-10.0, 0.0);
        /// −eˣ, for x up to 0.
        exp_m1_of_log_1m_exp [x] exp_m1(log_1m_exp(x)) => up_to(x, 0.0, -exp(x)), rounds(1.0), on(-10.0, 0.0);
        /// It undoes itself, for x up to 0.
        log_1m_exp_twice [x] log_1m_exp(log_1m_exp(x)) => up_to(x, 0.0, x), extends(0.0), on(-10.0, -0.01), proof([-800.0], -800.0);
        /// 1 − x without the way through the logarithm.
        log_1m_exp_of_log [x] log_1m_exp(ln(x)) => from(x, 0.0, ln_1p(-x)), rounds(1.0), on(0.0, 0.9);
        /// 1 + eˣ without the way through the logarithm.
        exp_of_softplus [x] exp(softplus(x)) => 1.0 + exp(x), rounds(1.5);
        /// eˣ without the way through the logarithm.
        exp_m1_of_softplus [x] exp_m1(softplus(x)) => exp(x), rounds(1.0);
        /// 1 + x without the way through the logarithm.
        softplus_of_log [x] softplus(ln(x)) => from(x, 0.0, ln_1p(x)), rounds(1.0), on(0.0, 10.0);
        /// Two exponentials for one.
        exps_to_sinh [x] exp(x) - exp(-x) => sinh(x) + sinh(x), rounds(1.5), proof([1e-20], 2e-20);
        /// Two exponentials for one.
        exps_to_cosh [x] exp(x) + exp(-x) => cosh(x) + cosh(x), rounds(1.5);
        /// Both overflow where their quotient is 1.
        sinh_over_cosh [x] sinh(x) / cosh(x) => tanh(x), extends(1.5), proof([1000.0], 1.0);
        /// tanh² is close to 1.
        one_minus_square_of_tanh [x] 1.0 - tanh(x) * tanh(x) => sech2(x), rounds(2.5), proof([20.0], 1.699_341_702_116_635_5e-17);
        /// The way through the cosine overflows.
        inverse_of_cosh [x] acosh(cosh(x)) => abs(x), extends(0.0), proof([1000.0], 1000.0);
    }
}

crate::rules! {
    /// Shares.
    pub fn shares {
        /// The share of eˣ beside 1: both overflow.
        share_of_exp [x] exp(x) / (1.0 + exp(x)) => sigmoid(x), extends(2.0), proof([1000.0], 1.0);
        /// The share of 1 beside eˣ.
        share_beside_exp [x] 1.0 / (1.0 + exp(x)) => sigmoid(-x), extends(2.0), proof([720.0], 2.032_230_802_424e-313);
        /// The share of one of two exponentials.
        share_of_two [x, y] exp(x) / (exp(x) + exp(y)) => sigmoid(x - y), extends(24.0), proof([1000.0, 1000.0], 0.5);
        /// The share of one of two exponentials of opposites.
        share_of_opposites [x] exp(x) / cosh(x) => sigmoid(x + x) + sigmoid(x + x), extends(2.0), proof([1000.0], 2.0);
        /// What a share leaves is the share of the other.
        rest_of_share [x] 1.0 - sigmoid(x) => sigmoid(-x), rounds(2.0), proof([40.0], 4.248_354_255_291_589e-18);
        /// The share of 1 times eˣ is the share of eˣ.
        exp_of_share [x] exp(x) * sigmoid(-x) => sigmoid(x), extends(2.0), proof([1000.0], 1.0);
        /// The odds of a share, of which the smaller vanishes.
        odds_of_share [x] sigmoid(x) / sigmoid(-x) => exp(x), extends(1.0), alone();
        /// The log-odds of a share, which rounds to 1.
        log_odds_of_share [x] logit(sigmoid(x)) => x, extends(0.0), proof([40.0], 40.0);
    }
}

crate::structural_rules! {
    /// Shares of one exponential in many.
    pub fn shares_of_many {
        /// The share of an exponential in a sum of many: both overflow.
        share_of_many, extends(4.0), at(&["div", "mul"]);
    }
}

fn share_of_many(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let value = Value::from(node);
    let leaves = rewriter.leaves(Tree::Product, value);
    let factors: Vec<(usize, Value, f64)> = leaves.values().collect();
    let Some(&(above, exponential, _)) = factors.iter().find(|(_, value, exponent)| *exponent > 0.0 && rewriter.is(*value, &EXP).is_some()) else {
        return Ok(None);
    };
    let x = rewriter.input(exponential);
    for &(below, sum, _) in factors.iter().filter(|(_, _, exponent)| *exponent < 0.0) {
        let places = 1 << above | 1 << below;
        if !rewriter.rest_was_there(Tree::Product, value, places) {
            continue;
        }
        let Some(inverse) = inverse_share(rewriter, sum, x)? else { continue };
        let share = rewriter.apply(&RECIP, &[inverse])?;
        return match rewriter.without(Tree::Product, value, places)? {
            Some(rest) => rewriter.times(rest, share).map(Some),
            None => Ok(Some(share)),
        };
    }
    Ok(None)
}

/// A sum of exponentials and numbers, one of the exponentials that of x, each divided by that one.
fn inverse_share(rewriter: &mut Rewriter<'_>, sum: Value, x: Value) -> Result<Option<Value>> {
    let terms = rewriter.leaves(Tree::Sum, sum);
    let mut exponents = Vec::new();
    for leaf in &terms.items {
        let exponent = match (leaf.number, leaf.value.and_then(|value| rewriter.is(value, &EXP))) {
            (Some(_), _) => None,
            (None, Some(inputs)) => Some(inputs[0]),
            (None, None) => return Ok(None),
        };
        exponents.push((exponent, leaf.weight * leaf.number.unwrap_or(1.0)));
    }
    if terms.items.len() < 2 || !exponents.iter().any(|(exponent, _)| *exponent == Some(x)) {
        return Ok(None);
    }
    let mut inverse = None;
    for (exponent, weight) in exponents {
        let difference = match exponent {
            Some(exponent) if exponent == x => None,
            Some(exponent) => Some(rewriter.apply(&SUB, &[exponent, x])?),
            None => Some(rewriter.apply(&NEG, &[x])?),
        };
        let term = match difference {
            Some(difference) => {
                let power = rewriter.apply(&EXP, &[difference])?;
                rewriter.scaled(power, weight)?
            }
            None => rewriter.number(terms.dtype, weight)?,
        };
        inverse = Some(match inverse {
            Some(inverse) => rewriter.apply(&ADD, &[inverse, term])?,
            None => term,
        });
    }
    Ok(inverse)
}
