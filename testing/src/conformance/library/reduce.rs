//! Reductions over axes, running ones, norms, and softmax with its relatives.

use damo::op::Op;
use damo::op::arg_extreme::{ArgExtreme, Extreme};
use damo::op::log_softmax::LogSoftmax;
use damo::op::log_sum_exp::LogSumExp;
use damo::op::norm::Norm;
use damo::op::reduce::Reduction;
use damo::op::scalar;
use damo::op::softmax::Softmax;
use damo::{Real, Tensor};

use super::{Answer, real};
use crate::conformance::arguments::Arguments;
use crate::conformance::arithmetic::{masks, reals};
use crate::conformance::array::{self, Span};
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::{Object, axis_of};
use crate::conformance::stop::{Stop, malformed, unsupported};

/// Which axes a reduction goes over, and whether they stay with length 1.
struct Over {
    axes: Vec<usize>,
    keep: bool,
}

impl Over {
    /// From the arguments `axis` and `keepdims` for an array of that rank.
    fn read(arguments: &Arguments<'_>, rank: usize) -> Result<Self, Stop> {
        let mut axes = match arguments.optional(1, "axis") {
            None => (0..rank).collect(),
            Some(given) => given.integers()?.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?,
        };
        axes.sort_unstable();
        axes.dedup();
        let keep = arguments.named("keepdims").or(arguments.named("keep_dims")).map_or(Ok(false), Object::truth)?;
        Ok(Over { axes, keep })
    }

    fn reduce<'t>(&self, reduction: Reduction, x: Tensor<'t, f64>) -> Result<Tensor<'t, f64>, Stop> {
        Ok(self.kept(array::reduce(reduction, x, &self.axes), &array::lengths_of(x)?))
    }

    /// The reduced array with its axes back, if they stay.
    fn kept<'t, T: damo::Element>(&self, reduced: Tensor<'t, T>, from: &[usize]) -> Tensor<'t, T> {
        if self.keep { array::reshape(reduced, &self.with_ones(from)) } else { reduced }
    }

    fn with_ones(&self, from: &[usize]) -> Vec<usize> {
        from.iter().enumerate().map(|(axis, &length)| if self.axes.contains(&axis) { 1 } else { length }).collect()
    }

    fn count(&self, from: &[usize]) -> f64 {
        self.axes.iter().map(|&axis| from[axis]).product::<usize>() as f64
    }

    fn mean<'t>(&self, x: Tensor<'t, f64>) -> Result<Tensor<'t, f64>, Stop> {
        self.reduce(Reduction::Mean, x)
    }

    /// The variance, by two passes, with `ddof` degrees of freedom gone.
    fn variance<'t>(&self, x: Tensor<'t, f64>, ddof: f64) -> Result<Tensor<'t, f64>, Stop> {
        let lengths = array::lengths_of(x)?;
        let centred = x - Over { axes: self.axes.clone(), keep: true }.mean(x)?;
        Ok(self.reduce(Reduction::Sum, centred * centred)? / (self.count(&lengths) - ddof))
    }
}

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    for family in [numbers, truths, places, running, normalised] {
        if let Some(result) = family(interpreter, arguments)? {
            return Ok(Some(result));
        }
    }
    Ok(None)
}

/// Reductions to numbers.
fn numbers<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    let reduction = match name {
        "sum" | "nansum" => Reduction::Sum,
        "prod" | "product" | "nanprod" => Reduction::Product,
        "max" | "amax" => Reduction::Max,
        "min" | "amin" => Reduction::Min,
        "mean" | "nanmean" | "average" | "var" | "std" | "norm" | "logsumexp" | "ptp" | "count_nonzero" => return composed(interpreter, arguments),
        _ => return Ok(None),
    };
    let object = array::array_of(interpreter.tape, arguments.at(0)?)?;
    let lengths = array::shape(&object)?;
    let over = Over::read(arguments, lengths.len())?;
    if let Object::Whole(_) | Object::Mask(_) = object {
        let tensor = crate::conformance::arithmetic::wholes(interpreter.tape, &object)?;
        return Ok(Some(Object::Whole(over.kept(array::reduce(reduction, tensor, &over.axes), &lengths))));
    }
    let mut x = reals(interpreter.tape, &object)?;
    if name.starts_with("nan") {
        let nothing = if name == "nansum" { 0.0 } else { 1.0 };
        x = array::select(array::ask(&scalar::IS_NAN, [x]), x.constant(nothing), x);
    }
    if let Some(mask) = arguments.named("where") {
        let nothing = match (reduction, arguments.named("initial")) {
            (Reduction::Sum, _) => 0.0,
            (Reduction::Product, _) => 1.0,
            (_, Some(initial)) => initial.number()?,
            _ => return Err(unsupported(format!("{name}(where=…) without initial"))),
        };
        x = array::select(masks(interpreter.tape, mask)?, x, x.constant(nothing));
    }
    Ok(Some(Object::Real(over.reduce(reduction, x)?)))
}

/// Reductions made of others.
fn composed<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    let x = real(interpreter, arguments, 0, "a")?;
    let lengths = array::lengths_of(x)?;
    if name == "norm" {
        return norm(arguments, x).map(|norm| Some(Object::Real(norm)));
    }
    let over = Over::read(arguments, lengths.len())?;
    let ddof = || arguments.number(usize::MAX, "ddof", 0.0);
    Ok(Some(Object::Real(match name {
        "mean" => match arguments.named("where") {
            None => over.mean(x)?,
            Some(mask) => {
                let weights = array::broadcast(masks(interpreter.tape, mask)?, &lengths).cast::<f64>();
                over.reduce(Reduction::Sum, x * weights)? / over.reduce(Reduction::Sum, weights)?
            }
        },
        "nanmean" => {
            let is_nan = array::ask(&scalar::IS_NAN, [x]);
            let (zero, one) = (x.constant(0.0), x.constant(1.0));
            let present = array::select(is_nan, zero, one);
            over.reduce(Reduction::Sum, array::select(is_nan, zero, x))? / over.reduce(Reduction::Sum, array::broadcast(present, &lengths))?
        }
        "average" => match arguments.named("weights") {
            None => over.mean(x)?,
            Some(weights) => {
                let mut weights = reals(interpreter.tape, weights)?;
                if let ([axis], 1) = (&over.axes[..], array::lengths_of(weights)?.len()) {
                    let aligned: Vec<usize> = (0..lengths.len()).map(|k| if k == *axis { lengths[k] } else { 1 }).collect();
                    weights = array::reshape(weights, &aligned);
                }
                let weights = array::broadcast(weights, &lengths);
                over.reduce(Reduction::Sum, x * weights)? / over.reduce(Reduction::Sum, weights)?
            }
        },
        "var" => over.variance(x, ddof()?)?,
        "std" => over.variance(x, ddof()?)?.sqrt(),
        "ptp" => over.reduce(Reduction::Max, x)? - over.reduce(Reduction::Min, x)?,
        "count_nonzero" => {
            let counted = array::ask(&scalar::NOT_EQUAL, [x, x.constant(0.0)]).cast::<i64>();
            return Ok(Some(Object::Whole(over.kept(array::reduce(Reduction::Sum, counted, &over.axes), &lengths))));
        }
        _ => {
            let x = match arguments.named("b") {
                None => x,
                Some(scale) => x + reals(interpreter.tape, scale)?.ln(),
            };
            let result = x.tape().apply(LogSumExp { axes: over.axes[..].into() }, &[x.handle()]);
            over.kept(result, &array::lengths_of(x)?)
        }
    })))
}

/// `norm(x, ord, axis)`
fn norm<'t>(arguments: &Arguments<'t>, x: Tensor<'t, f64>) -> Result<Tensor<'t, f64>, Stop> {
    let lengths = array::lengths_of(x)?;
    let shifted = Arguments { of: "norm".into(), places: vec![Object::None], names: arguments.names.clone() };
    let shifted = match arguments.optional(2, "axis") {
        Some(axis) => Arguments { places: vec![Object::None, axis.clone()], ..shifted },
        None => shifted,
    };
    let over = Over::read(&shifted, lengths.len())?;
    let order = match arguments.optional(1, "ord") {
        None => 2.0,
        Some(Object::Text(text)) if &**text == "fro" => 2.0,
        Some(Object::Text(text)) => return Err(unsupported(format!("norm(ord='{text}')"))),
        Some(_) if over.axes.len() > 1 => return Err(unsupported("a matrix norm by order")),
        Some(order) => order.number()?,
    };
    if order == 2.0 {
        let norm = x.tape().apply(Norm { axes: over.axes[..].into() }, &[x.handle()]);
        return Ok(over.kept(norm, &lengths));
    }
    if order == 0.0 {
        let counted = array::ask(&scalar::NOT_EQUAL, [x, x.constant(0.0)]).cast::<f64>();
        return over.reduce(Reduction::Sum, counted);
    }
    match order {
        1.0 => over.reduce(Reduction::Sum, x.abs()),
        f64::INFINITY => over.reduce(Reduction::Max, x.abs()),
        f64::NEG_INFINITY => over.reduce(Reduction::Min, x.abs()),
        order => Ok(over.reduce(Reduction::Sum, x.abs().powf(x.constant(order)))?.powf(x.constant(1.0 / order))),
    }
}

/// Reductions to truth values.
fn truths<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let reduction = match arguments.of.as_str() {
        "all" => Reduction::All,
        "any" => Reduction::Any,
        _ => return Ok(None),
    };
    let mask = masks(interpreter.tape, arguments.at(0)?)?;
    let lengths = array::lengths_of(mask)?;
    let over = Over::read(arguments, lengths.len())?;
    Ok(Some(Object::Mask(over.kept(array::reduce(reduction, mask, &over.axes), &lengths))))
}

/// Where the extreme is.
fn places<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let extreme = match arguments.of.as_str() {
        "argmax" => Extreme::Max,
        "argmin" => Extreme::Min,
        _ => return Ok(None),
    };
    let x = real(interpreter, arguments, 0, "a")?;
    let lengths = array::lengths_of(x)?;
    let over = Over::read(arguments, lengths.len())?;
    let (x, axis) = match over.axes[..] {
        [axis] => (x, axis),
        _ => (array::reshape(x, &[lengths.iter().product()]), 0),
    };
    let found = x.tape().apply(ArgExtreme { extreme, axis }, &[x.handle()]);
    Ok(Some(Object::Whole(over.kept(found, &lengths))))
}

/// Running reductions along an axis, each by the definition: element k is the reduction of the elements up to k.
fn running<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    if !matches!(name, "cumsum" | "cumprod" | "cummax" | "cummin" | "cumlogsumexp" | "diff" | "trapezoid" | "trapz") {
        return Ok(None);
    }
    if name == "diff" {
        return diff(arguments.required(0, "a")?, arguments.integer(1, "n", 1)?, arguments.integer(2, "axis", -1)?).map(Some);
    }
    let mut x = real(interpreter, arguments, 0, "a")?;
    if name.starts_with("trap") {
        return trapezoid(interpreter, arguments, x).map(|area| Some(Object::Real(area)));
    }
    if arguments.optional(1, "axis").is_none() && name.starts_with("cum") && name != "cumlogsumexp" && name != "cummax" && name != "cummin" {
        let count = array::lengths_of(x)?.iter().product();
        x = array::reshape(x, &[count]);
    }
    let lengths = array::lengths_of(x)?;
    let rank = lengths.len();
    let axis = axis_of(arguments.integer(1, "axis", 0)?, rank)?;
    let length = lengths[axis];
    let is_reversed = arguments.flag("reverse")?;
    // A new axis after `axis`: element [.., i, j, ..] is x[i], and counts for the result j if i ≤ j.
    let mut wide: Vec<usize> = lengths.clone();
    wide.insert(axis + 1, 1);
    let spread = array::reshape(x, &wide);
    wide[axis + 1] = length;
    let tape = interpreter.tape;
    let aligned = |before: usize| {
        let mut shape = vec![1; rank + 1];
        shape[before] = length;
        array::reshape(array::iota(tape, length), &shape)
    };
    let counts = array::ask(if is_reversed { &scalar::GE } else { &scalar::LE }, [aligned(axis), aligned(axis + 1)]);
    let chosen = |nothing: f64| array::broadcast(array::select(counts, spread, x.constant(nothing)), &wide);
    Ok(Some(Object::Real(match name {
        "cumsum" => array::reduce(Reduction::Sum, chosen(0.0), &[axis]),
        "cumprod" => array::reduce(Reduction::Product, chosen(1.0), &[axis]),
        "cummax" => array::reduce(Reduction::Max, chosen(f64::NEG_INFINITY), &[axis]),
        "cummin" => array::reduce(Reduction::Min, chosen(f64::INFINITY), &[axis]),
        _ => tape.apply(LogSumExp { axes: [axis][..].into() }, &[chosen(f64::NEG_INFINITY).handle()]),
    })))
}

/// Differences of neighbours along an axis, `times` times.
fn diff<'t>(object: &Object<'t>, times: i64, axis: i64) -> Result<Object<'t>, Stop> {
    let lengths = array::shape(object)?;
    let axis = axis_of(axis, lengths.len())?;
    if times <= 0 {
        return Ok(object.clone());
    }
    let rest = lengths[axis].checked_sub(1).ok_or_else(|| malformed("differences of nothing"))?;
    let once = match object {
        Object::Real(x) => Object::Real(array::slice_axis(*x, axis, Span::from(1, rest))? - array::slice_axis(*x, axis, Span::from(0, rest))?),
        Object::Whole(x) => Object::Whole(array::slice_axis(*x, axis, Span::from(1, rest))? - array::slice_axis(*x, axis, Span::from(0, rest))?),
        other => return Err(unsupported(format!("diff of {}", other.kind()))),
    };
    diff(&once, times - 1, axis as i64)
}

/// `trapezoid(y, x, dx, axis)`
fn trapezoid<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>, y: Tensor<'t, f64>) -> Result<Tensor<'t, f64>, Stop> {
    let lengths = array::lengths_of(y)?;
    let axis = axis_of(arguments.integer(3, "axis", -1)?, lengths.len())?;
    let rest = lengths[axis].checked_sub(1).ok_or_else(|| malformed("the area under nothing"))?;
    let sums = array::slice_axis(y, axis, Span::from(1, rest))? + array::slice_axis(y, axis, Span::from(0, rest))?;
    let weighted = match arguments.optional(1, "x") {
        None => sums * arguments.number(2, "dx", 1.0)?,
        Some(x) => {
            let steps = reals(interpreter.tape, &diff(&Object::Real(reals(interpreter.tape, x)?), 1, -1)?)?;
            let aligned: Vec<usize> = (0..lengths.len()).map(|k| if k == axis { rest } else { 1 }).collect();
            sums * if array::lengths_of(steps)?.len() == 1 { array::reshape(steps, &aligned) } else { steps }
        }
    };
    Ok(array::reduce(Reduction::Sum, weighted, &[axis]) * 0.5)
}

/// Softmax, and what else makes rows comparable.
fn normalised<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    if !matches!(name, "softmax" | "log_softmax" | "standardize" | "glu") {
        return Ok(None);
    }
    let mut x = real(interpreter, arguments, 0, "x")?;
    let lengths = array::lengths_of(x)?;
    let axis = axis_of(arguments.integer(1, "axis", -1)?, lengths.len())?;
    if let Some(mask) = arguments.named("where") {
        x = array::select(masks(interpreter.tape, mask)?, x, x.constant(f64::NEG_INFINITY));
    }
    Ok(Some(Object::Real(match name {
        "softmax" => x.tape().apply(Op::from(Softmax { axis }), &[x.handle()]),
        "log_softmax" => x.tape().apply(Op::from(LogSoftmax { axis }), &[x.handle()]),
        "standardize" => {
            let over = Over { axes: vec![axis], keep: true };
            let epsilon = arguments.number(usize::MAX, "epsilon", 1e-5)?;
            (x - over.mean(x)?) / (over.variance(x, 0.0)? + epsilon).sqrt()
        }
        _ => {
            let half = lengths[axis] / 2;
            array::slice_axis(x, axis, Span::from(0, half))? * array::slice_axis(x, axis, Span::from(half, half))?.sigmoid()
        }
    })))
}
