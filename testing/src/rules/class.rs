//! Whether results differ only as a rule says they may.

use damo_graph::op::term::Term;
use damo_graph::{DType, Graph, Value};
use damo_passes::Agreement;
use damo_passes::Policy;
use damo_passes::rewrite::{Rewriter, standard};
use damo_passes::rule::{Formula, Rule};

use super::complaint::Wrong;
use super::meaning::{Arithmetic, compute};
use super::points::{Random, edges};
use damo_oracle::special::{Big, absolute, big, is_negative, is_zero, magnitude};
use damo_oracle::{Silence, Truth, of_float, to_float, truth, truth_near, ulps};

/// How many points of a domain the true value is asked at.
const POINTS: usize = 300;

/// How far out a limit at infinity is looked at, and how near to 0 one at 0, as a power of two: beyond all floats.
const FAR: i32 = 4000;

/// How many points the two sides of an exact rule are compared at.
const EXACT_POINTS: usize = 4000;

/// What is wrong with how the rule says results may differ; the first of each kind.
pub(super) fn wrong_class(rule: &Rule, formula: &Formula) -> Vec<Wrong> {
    if rule.agreement == Agreement::Exact {
        exact(formula).into_iter().collect()
    } else {
        accurate(rule, formula).into_iter().chain(at_edges(rule, formula)).collect()
    }
}

/// The points that the rule's guard admits, as numbers; all, if it admits no numbers.
fn admitted(formula: &Formula, points: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let Some(guard) = formula.guard else { return points };
    let admits = |point: &Vec<f64>| {
        let mut graph = Graph::new();
        let Ok(values) = point.iter().map(|&number| graph.number(DType::F64, number)).collect::<Result<Vec<Value>, _>>() else { return false };
        guard(&mut Rewriter::new(&mut graph, standard().choose(Policy::Fast, &[]), [], None), &values)
    };
    points.into_iter().filter(admits).collect()
}

fn points_of(formula: &Formula, count: usize) -> Vec<Vec<f64>> {
    let mut random = Random::new();
    let points: Vec<Vec<f64>> = (0..count).map(|_| random.within(&formula.domain)).collect();
    let inside = admitted(formula, points.clone());
    if inside.is_empty() { points } else { inside }
}

fn exact(formula: &Formula) -> Option<Wrong> {
    let mut points = edges(formula.domain.len());
    let mut random = Random::new();
    points.extend((0..EXACT_POINTS).map(|_| random.anything(formula.domain.len())));
    let mut points = admitted(formula, points);
    points.extend(points_of(formula, EXACT_POINTS));
    let kinds = if formula.integers { &[Arithmetic::Integer][..] } else { &[Arithmetic::Double, Arithmetic::Single] };
    points.into_iter().find_map(|at| {
        kinds.iter().find_map(|&arithmetic| {
            let (left, right) = (compute(formula.left, &at, arithmetic), compute(formula.right, &at, arithmetic));
            let is_same = left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan();
            (!is_same).then(|| Wrong::NotExact { at: at.clone(), left, right, arithmetic })
        })
    })
}

fn accurate(rule: &Rule, formula: &Formula) -> Option<Wrong> {
    let mut silence = Silence::OutOfReach;
    let mut is_judged = false;
    let mut worst: Option<Wrong> = None;
    for at in points_of(formula, POINTS) {
        let number = match truth(formula.left, &at) {
            Ok(Truth::Number(number)) => number,
            Ok(Truth::Infinite { .. } | Truth::Undefined | Truth::Holds(_)) => continue,
            Err(why) => {
                silence = why;
                continue;
            }
        };
        is_judged = true;
        let right = compute(formula.right, &at, Arithmetic::Double);
        let away = ulps(right, &number);
        let further = if let Some(Wrong::Inaccurate { ulps, .. }) = worst { away > ulps } else { away > rule.ulps + 0.5 };
        if further {
            worst = Some(Wrong::Inaccurate { at, right, truth: number.to_f64().value(), ulps: away });
        }
    }
    if is_judged {
        return worst;
    }
    Some(Wrong::Unjudged(match silence {
        Silence::Unknown(name) => format!("the judge does not know the function `{name}`"),
        Silence::OutOfReach => "no point of its domain is within reach".to_owned(),
    }))
}

fn at_edges(rule: &Rule, formula: &Formula) -> Option<Wrong> {
    admitted(formula, edges(formula.domain.len())).into_iter().find_map(|at| {
        let (left, right) = (compute(formula.left, &at, Arithmetic::Double), compute(formula.right, &at, Arithmetic::Double));
        wrong_at(rule, formula.left, &at, left, right).map(|why| Wrong::Edge { at, left, right, why })
    })
}

fn wrong_at(rule: &Rule, term: Term, at: &[f64], left: f64, right: f64) -> Option<&'static str> {
    if left == right || left.is_nan() && right.is_nan() {
        return None;
    }
    let near = rule.ulps + 4.0;
    if right.is_nan() {
        // A pole that only rounding makes: ln(1 − eˣ) is −∞ at a tiny x, where 1 − eˣ is less than 0.
        let is_no_pole = || match truth(term, at) {
            Ok(Truth::Undefined) => true,
            Ok(Truth::Infinite { .. }) | Err(_) => rule.agreement == Agreement::Extends,
            Ok(Truth::Number(_) | Truth::Holds(_)) => false,
        };
        let is_right = !left.is_finite() && is_no_pole();
        return (!is_right).then_some("is not a number where the left side is");
    }
    if left.is_nan() {
        if is_whatever_nan_stands_for(term, at, right) {
            return None;
        }
        if rule.agreement != Agreement::Extends {
            return Some("is a number where the left side is not");
        }
        return is_limit(term, at, right, near);
    }
    let Ok(truth) = truth(term, at) else {
        let is_lost = !right.is_finite() && left.is_finite() || left.is_infinite() && rule.agreement != Agreement::Extends;
        return is_lost.then_some("is infinite on one side only, and the true value is out of reach");
    };
    match truth {
        Truth::Number(number) => {
            let away = ulps(right, &number);
            (away > near && away >= ulps(left, &number)).then_some("is further from the truth than the left side")
        }
        Truth::Infinite { .. } => (to_float(&truth) != right).then_some("is not infinite where the true value is"),
        Truth::Undefined => is_limit(term, at, right, near),
        Truth::Holds(holds) => (f64::from(holds) != right).then_some("is not the truth"),
    }
}

/// Whether the formula has that value whatever number stands where there is none, as hypot(∞, NaN) is ∞ (IEEE 754-2019, section 9.2.1).
fn is_whatever_nan_stands_for(term: Term, at: &[f64], right: f64) -> bool {
    let instead = |number: f64| -> Vec<f64> { at.iter().map(|&x| if x.is_nan() { number } else { x }).collect() };
    let numbers = [0.0, 1.0, -1.0, f64::MAX, -f64::MAX, f64::INFINITY, f64::NEG_INFINITY];
    at.iter().any(|x| x.is_nan()) && numbers.iter().all(|&number| compute(term, &instead(number), Arithmetic::Double) == right)
}

/// Whether a value is the limit at a point where the formula has none: that from one side, or one between those from several.
fn is_limit(term: Term, at: &[f64], right: f64, near: f64) -> Option<&'static str> {
    match truth(term, at) {
        Ok(Truth::Number(number)) if ulps(right, &number) <= near => return None,
        Ok(ref truth @ Truth::Infinite { .. }) if to_float(truth) == right => return None,
        Ok(_) | Err(_) => {}
    }
    let (mut lowest, mut highest) = (None::<Big>, None::<Big>);
    let mut is_silent = false;
    // Each coordinate from above and from below; infinities from as far out as the functions reach.
    for sides in 0..1u32 << at.len() {
        let seen = [FAR, 14].into_iter().find_map(|far| truth_near(term, |bits| beside(at, sides, far, bits)).ok());
        match seen {
            Some(Truth::Number(number)) => {
                if lowest.as_ref().is_none_or(|lowest| number < *lowest) {
                    lowest = Some(number.clone());
                }
                if highest.as_ref().is_none_or(|highest| number > *highest) {
                    highest = Some(number);
                }
            }
            Some(Truth::Infinite { .. } | Truth::Undefined | Truth::Holds(_)) => {}
            None => is_silent = true,
        }
    }
    let (Some(lowest), Some(highest)) = (lowest, highest) else {
        return (!is_silent).then_some("is a number where the left side is not, for a reason");
    };
    let is_between = is_close(right, &lowest)
        || is_close(right, &highest)
        || right.is_finite() && {
            let right = big(right, 64);
            lowest < right && right < highest
        };
    (!is_between).then_some("is a number where the left side is not, and not its limit")
}

/// A point beside another: a little more or less in each coordinate.
fn beside(at: &[f64], sides: u32, far: i32, bits: usize) -> Vec<Truth> {
    let power = |exponent: i32| Big::from_parts(1.into(), exponent as isize).with_precision(bits).value();
    let coordinates = at.iter().enumerate().map(|(place, &x)| {
        let sign = if sides >> place & 1 == 0 { big(1.0, bits) } else { big(-1.0, bits) };
        if x.is_infinite() {
            Truth::Number(big(x.signum(), bits) * power(far))
        } else if x == 0.0 {
            Truth::Number(sign * power(-FAR))
        } else if let Truth::Number(number) = of_float(x, bits) {
            let change = &number * power(-300) * sign;
            Truth::Number(number + change)
        } else {
            Truth::Undefined
        }
    });
    coordinates.collect()
}

/// Whether a float is a limit, seen from a point beside it.
fn is_close(float: f64, limit: &Big) -> bool {
    // A root of what is beside 0, and a logarithm of it.
    const TINY: isize = -200;
    const HUGE: isize = 8;
    let is_tiny = |number: &Big| is_zero(number) || magnitude(number) < TINY;
    if float.is_infinite() {
        return !is_zero(limit) && magnitude(limit) >= HUGE && is_negative(limit) == (float < 0.0);
    }
    let float = big(float, 64);
    let difference = absolute(&(&float - limit));
    is_tiny(&difference) || magnitude(&difference) < magnitude(limit) - 40
}
