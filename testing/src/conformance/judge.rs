//! Judging a case: its results and derivatives by a compiled function, against what the file says.

use std::fmt;

use damo::DType;
use damo::prelude::*;
use ndarray::{ArrayD, Dimension};

use super::arithmetic;
use super::case::{Argument, Case, Kind};
use super::interpret::{Interpreter, Scope};
use super::kinks::{agree_at_kink, corrected};
use super::object::Object;
use super::stop::{Stop, malformed, unsupported};

/// The relative error allowed.
const RELATIVE: f64 = 1e-9;
/// The absolute error allowed.
const ABSOLUTE: f64 = 1e-12;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Results and derivatives are right.
    Passed,
    /// Something that the case uses does not exist yet.
    Unsupported(String),
    /// A result or derivative is wrong, or something failed.
    Failed(String),
}

/// Traces a case, compiles it with its derivatives under a configuration, runs it, and compares.
///
/// Compared are the results, the VJP, the JVP of each result, and the HVP twice: the gradient of the gradient, and forward over reverse.
pub fn judge(case: &Case, helpers: &str, config: &Config) -> Outcome {
    match compare(case, helpers, config) {
        Ok(()) => Outcome::Passed,
        Err(Stop::Unsupported(what)) => Outcome::Unsupported(what),
        Err(other) => Outcome::Failed(other.to_string()),
    }
}

/// Tensors to compute, and what each must be.
#[derive(Default)]
struct Claims<'t, 'c> {
    tensors: Vec<Tensor<'t, f64>>,
    expected: Vec<(String, &'c ArrayD<f64>, bool)>,
}

impl<'t, 'c> Claims<'t, 'c> {
    fn add(&mut self, what: String, tensor: Tensor<'t, f64>, expected: &'c ArrayD<f64>, is_derivative: bool) {
        self.tensors.push(tensor);
        self.expected.push((what, expected, is_derivative));
    }
}

fn compare(case: &Case, helpers: &str, config: &Config) -> Result<(), Stop> {
    let tape = Tape::new();
    let interpreter = Interpreter::new(&tape, helpers)?;
    let mut given = Given { tape: &tape, tensors: Vec::new(), arrays: Vec::new() };
    let mut scope = Scope::new();
    let mut parameters = Vec::new();
    for argument in &case.arguments {
        let object = given.argument(argument)?;
        if let (Object::Real(tensor), Some(tangent), Some(_)) = (&object, &argument.tangent, &argument.vjp) {
            parameters.push((argument, *tensor, tangent));
        }
        scope.insert(argument.name.clone(), object);
    }
    let result = interpreter.trace(&case.text, scope)?;
    let results = match &result {
        Object::Tuple(items) | Object::List(items) => items.iter().map(|item| arithmetic::reals(&tape, item)).collect::<Result<Vec<_>, _>>()?,
        single => vec![arithmetic::reals(&tape, single)?],
    };
    if results.len() != case.results.len() {
        return Err(malformed(format!("{} results instead of {}", results.len(), case.results.len())));
    }
    let mut claims = Claims::default();
    for (k, (&tensor, expected)) in results.iter().zip(&case.results).enumerate() {
        claims.add(format!("result {k}"), tensor, expected, false);
    }
    if case.kind != Kind::Forward && !parameters.is_empty() && case.cotangents.len() == results.len() {
        derive(case, &mut given, &results, &parameters, &mut claims);
    }
    let function = tape.function(given.tensors, claims.tensors).freeze(config)?;
    let computed = function.call(given.arrays.iter().collect::<Vec<_>>())?;
    for ((what, expected, is_derivative), computed) in claims.expected.iter().zip(&computed) {
        let how = differ(computed, expected, &|place, computed, expected| {
            if *is_derivative {
                case.kind == Kind::Convention && agree_at_kink(computed, expected)
            } else {
                corrected(&case.name, place) == Some(computed)
            }
        });
        how.map_or(Ok(()), |how| Err(malformed(format!("{what} {how}"))))?;
    }
    Ok(())
}

/// Adds the derivatives of a case to what is claimed.
fn derive<'t, 'c>(
    case: &'c Case,
    given: &mut Given<'t>,
    results: &[Tensor<'t, f64>],
    parameters: &[(&'c Argument, Tensor<'t, f64>, &ArrayD<f64>)],
    claims: &mut Claims<'t, 'c>,
) {
    let wrt: Vec<Tensor<'t, f64>> = parameters.iter().map(|(_, tensor, _)| *tensor).collect();
    let tangents: Vec<Tensor<'t, f64>> =
        parameters.iter().map(|(argument, _, tangent)| given.real(&format!("tangent.{}", argument.name), tangent)).collect();
    let zero = given.tape.constant(0.0);
    let weighted = results.iter().zip(&case.cotangents).enumerate().map(|(k, (&result, cotangent))| {
        let cotangent = given.real(&format!("cotangent.{k}"), cotangent);
        (result * cotangent).sum()
    });
    let cost = weighted.fold(zero, |cost, term| cost + term);
    let gradients = cost.grad(or_zero(wrt.clone()));
    for ((argument, ..), gradient) in parameters.iter().zip(&gradients) {
        if let Some(expected) = &argument.vjp {
            claims.add(format!("vjp of {}", argument.name), *gradient, expected, true);
        }
    }
    for (k, (&result, expected)) in results.iter().zip(&case.jvp).enumerate() {
        claims.add(format!("jvp of result {k}"), result.jvp(or_zero(wrt.clone()), tangents.clone()), expected, true);
    }
    if parameters.iter().any(|(argument, ..)| argument.hvp.is_some()) {
        let along = gradients.iter().zip(&tangents).fold(zero, |along, (&gradient, &tangent)| along + (gradient * tangent).sum());
        let twice = along.grad(or_zero(wrt.clone()));
        let forward = cost.hvp(or_zero(wrt), tangents);
        for ((argument, ..), (twice, forward)) in parameters.iter().zip(twice.iter().zip(&forward)) {
            if let Some(expected) = &argument.hvp {
                claims.add(format!("gradient of the gradient of {}", argument.name), *twice, expected, true);
                claims.add(format!("hvp of {}", argument.name), *forward, expected, true);
            }
        }
    }
}

/// The inputs of the function and the arrays given for them.
struct Given<'t> {
    tape: &'t Tape,
    tensors: Vec<Tensor<'t, f64>>,
    arrays: Vec<ArrayD<f64>>,
}

impl<'t> Given<'t> {
    fn real(&mut self, name: &str, array: &ArrayD<f64>) -> Tensor<'t, f64> {
        let tensor = self.tape.input::<f64>(name, array.shape());
        self.tensors.push(tensor);
        self.arrays.push(array.clone());
        tensor
    }

    /// An argument of the case. Integers and truth values are states: a function's inputs in a vector have one element type.
    fn argument(&mut self, argument: &Argument) -> Result<Object<'t>, Stop> {
        fn state<'t, T: Element>(tape: &'t Tape, argument: &Argument) -> Result<Tensor<'t, T>, Stop> {
            let array = argument.value.downcast::<T>().ok_or_else(|| malformed("an array of another type"))?;
            Ok(tape.shared(&Shared::new(&argument.name, array.view())))
        }
        match argument.value.dtype() {
            DType::F64 => Ok(Object::Real(self.real(&argument.name, &argument.value.to_reals()))),
            DType::I64 => state(self.tape, argument).map(Object::Whole),
            DType::Bool => state(self.tape, argument).map(Object::Mask),
            other => Err(unsupported(format!("an argument of {other}"))),
        }
    }
}

/// How two arrays differ; nothing if they do not, or if `excused` says that a difference is right.
fn differ(computed: &ArrayD<f64>, expected: &ArrayD<f64>, excused: &dyn Fn(&[usize], f64, f64) -> bool) -> Option<String> {
    if computed.shape() != expected.shape() {
        return Some(format!("has shape {:?} instead of {:?}", computed.shape(), expected.shape()));
    }
    computed.indexed_iter().zip(expected).find_map(|((place, &computed), &expected)| {
        let same =
            computed == expected || (computed.is_nan() && expected.is_nan()) || (computed - expected).abs() <= ABSOLUTE + RELATIVE * expected.abs();
        let agree = same || excused(place.slice(), computed, expected);
        (!agree).then(|| format!("is {computed:e} instead of {expected:e} at {:?}", place.slice()))
    })
}

/// What came of all cases of a file.
#[derive(Debug)]
pub struct Report {
    /// The name and group of each case, and what came of it.
    pub outcomes: Vec<(String, String, Outcome)>,
}

impl Report {
    /// Judges all cases of a file under a configuration.
    pub fn of(file: &super::CaseFile, config: &Config) -> Self {
        let judged = file.cases.iter().map(|case| (case.name.clone(), case.group.clone(), judge(case, &file.helpers, config)));
        Report { outcomes: judged.collect() }
    }

    /// How many cases pass.
    pub fn covered(&self) -> usize {
        self.outcomes.iter().filter(|(.., outcome)| *outcome == Outcome::Passed).count()
    }

    /// The names of the cases that fail, with the reason.
    pub fn failures<'a>(&'a self) -> Vec<(&'a str, &'a str)> {
        let failed = |(name, _, outcome): &'a (String, String, Outcome)| match outcome {
            Outcome::Failed(why) => Some((name.as_str(), why.as_str())),
            Outcome::Passed | Outcome::Unsupported(_) => None,
        };
        self.outcomes.iter().filter_map(failed).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<&str> = Vec::new();
        for (_, group, _) in &self.outcomes {
            if !groups.contains(&group.as_str()) {
                groups.push(group);
            }
        }
        for group in groups {
            let of_group = || self.outcomes.iter().filter(|(_, of, _)| of == group);
            let passed = of_group().filter(|(.., outcome)| *outcome == Outcome::Passed).count();
            writeln!(f, "{group:28} {passed:3} of {:3}", of_group().count())?;
        }
        writeln!(f, "{:28} {:3} of {:3}", "all", self.covered(), self.outcomes.len())?;
        for (name, _, outcome) in &self.outcomes {
            match outcome {
                Outcome::Passed => {}
                Outcome::Unsupported(what) => writeln!(f, "not covered: {name}: {what}")?,
                Outcome::Failed(why) => writeln!(f, "FAILED {name}: {why}")?,
            }
        }
        Ok(())
    }
}
