//! Facts about numerically difficult formulas: the text is traced, compiled with its gradient, and held against 40 digits.

use std::collections::BTreeMap;
use std::fmt;

use damo::prelude::*;
use ndarray::ArrayD;
use serde::Deserialize;

use super::arithmetic;
use super::interpret::{Interpreter, Scope};
use super::object::Object;
use super::replay::replay;
use super::stop::{Stop, malformed};
use crate::reference::{Decimal, Decimals, Precision, check};

/// How many ulps a value or a gradient may be off.
const ULPS: f64 = 4.0;

/// A formula at a point, with its value and gradient there.
#[derive(Debug, Deserialize)]
pub struct Fact {
    /// Its name, unique in the file.
    pub name: String,
    /// The formula: text in NumPy's language, or words.
    pub expression: String,
    inputs: BTreeMap<String, Given>,
    expected_value: Decimals,
    expected_gradient: Option<BTreeMap<String, Decimals>>,
    expected_hessian: Option<Vec<Vec<Decimal>>>,
}

/// A number, an array, or how many elements an array has.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Given {
    Numbers(Decimals),
    Count(usize),
}

#[derive(Deserialize)]
struct FactFile {
    facts: Vec<Fact>,
}

impl Fact {
    /// The facts that come with this crate: see `testing/conformance/README.md`.
    ///
    /// # Errors
    ///
    /// [`Stop::Malformed`] if the file was changed and is not what it should be.
    pub fn vendored() -> Result<Vec<Fact>, Stop> {
        let file: FactFile =
            serde_json::from_slice(include_bytes!("../../conformance/stability.json")).map_err(|error| malformed(error.to_string()))?;
        Ok(file.facts)
    }

    /// The formula as text that can be traced: what the file says in words is written out here.
    fn text(&self) -> &str {
        match self.expression.as_str() {
            "(x-mean)/sqrt(var+1e-5)" => "(x - mean(x)) / sqrt(var(x) + 1e-5)",
            "log(Phi(x))" => "log(0.5 * erfc(-x / sqrt(2)))",
            "xlogy0(x, y)" => "xlogy(x, y)",
            "x**y, d/dy" => "x**y",
            "hypot(a, b), second derivatives" => "hypot(a, b)",
            words if words.starts_with("sum(x), ") => "sum(x)",
            words => words.strip_suffix("(constant exponent)").unwrap_or(words).trim_end(),
        }
    }

    /// The arrays given, by name; nothing if type `T` does not have them exactly.
    fn arrays<T: Precision>(&self) -> Option<Vec<(String, ArrayD<T>)>> {
        let count = self.inputs.values().find_map(|given| if let Given::Count(count) = given { Some(*count) } else { None });
        let Some(count) = count else {
            let arrays = self.inputs.iter().map(|(name, given)| match given {
                Given::Numbers(numbers) => Some((name.clone(), numbers.exactly()?)),
                Given::Count(_) => None,
            });
            return arrays.collect();
        };
        let elements = match self.inputs.get("fill") {
            Some(Given::Numbers(Decimals::One(fill))) => vec![fill.exactly()?; count],
            _ => pseudorandom(count),
        };
        Some(vec![("x".to_owned(), ndarray::Array1::from(elements).into_dyn())])
    }

    /// The gradient by name. The file has none where the formula is not differentiable; where Damo has a convention, that holds.
    fn gradient(&self) -> BTreeMap<String, Decimals> {
        let conventions: &[(&str, &str)] = match self.name.as_str() {
            "norm2_grad_at_0" => &[("x", "0")],
            _ => &[],
        };
        let conventions = || conventions.iter().map(|&(name, number)| (name.to_owned(), Decimals::One(number.into()))).collect();
        self.expected_gradient.clone().unwrap_or_else(conventions)
    }
}

/// The terms of the sum that is stated by a linear congruential generator: 24 bits each, so exact in every float type.
fn pseudorandom<T: Float>(count: usize) -> Vec<T> {
    let states = std::iter::successors(Some(12345u32), |state| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)));
    states.skip(1).take(count).map(|state| T::from_f64(f64::from(state >> 8) / f64::from(1 << 24))).collect()
}

/// Traces a fact's formula in type `T`, compiles it with its gradient under a configuration, and compares.
///
/// Gives what is wrong, in words: nothing if all is right, `None` if the inputs are not exact in `T`.
pub fn judge_fact<T: Precision>(fact: &Fact, config: &Config) -> Option<Vec<String>> {
    let arrays = fact.arrays::<T>()?;
    Some(compare(fact, &arrays, config).unwrap_or_else(|stop| vec![stop.to_string()]))
}

fn compare<T: Precision>(fact: &Fact, arrays: &[(String, ArrayD<T>)], config: &Config) -> Result<Vec<String>, Stop> {
    let graph = traced(fact.text(), arrays)?;
    let tape = Tape::new();
    let inputs: Vec<Tensor<'_, T>> = arrays.iter().map(|(name, array)| tape.input::<T>(name, array.shape())).collect();
    let value = replay(&graph, &tape, &inputs)?;
    let mut claims = vec![("value".to_owned(), value, fact.expected_value.clone())];
    let expected = fact.gradient();
    if !expected.is_empty() {
        let gradients = value.sum().grad(or_zero(inputs.clone()));
        for ((name, _), &gradient) in arrays.iter().zip(&gradients) {
            if let Some(expected) = expected.get(name) {
                claims.push((format!("gradient of {name}"), gradient, expected.clone()));
            }
        }
        for (row, &gradient) in fact.expected_hessian.iter().flatten().zip(&gradients) {
            for (expected, second) in row.iter().zip(gradient.sum().grad(or_zero(inputs.clone()))) {
                claims.push(("second derivative".to_owned(), second, Decimals::One(expected.clone())));
            }
        }
    }
    let outputs: Vec<Tensor<'_, T>> = claims.iter().map(|(_, tensor, _)| *tensor).collect();
    let function = tape.function(inputs, outputs).freeze(config)?;
    let computed = function.call(arrays.iter().map(|(_, array)| array).collect::<Vec<_>>())?;
    let wrong = claims.iter().zip(&computed).filter_map(|((what, _, expected), computed)| {
        let how = check(computed, expected, ULPS).err()?;
        Some(format!("{what} {how}"))
    });
    Ok(wrong.collect())
}

/// The program of a text, traced in float64.
fn traced<T: Float>(text: &str, arrays: &[(String, ArrayD<T>)]) -> Result<damo::Graph, Stop> {
    let tape = Tape::new();
    let interpreter = Interpreter::new(&tape, "")?;
    let inputs: Vec<Tensor<'_, f64>> = arrays.iter().map(|(name, array)| tape.input::<f64>(name, array.shape())).collect();
    let scope: Scope<'_> = arrays.iter().zip(&inputs).map(|((name, _), &input)| (name.clone(), Object::Real(input))).collect();
    let value = arithmetic::reals(&tape, &interpreter.trace(text, scope)?)?;
    Ok(tape.function(inputs, value).graph()?)
}

/// What came of all facts: for each, in f64 and in f32, what is wrong.
#[derive(Debug)]
pub struct FactReport {
    /// The name of each fact, the element type, and what is wrong.
    pub outcomes: Vec<(String, &'static str, Vec<String>)>,
}

impl FactReport {
    /// Judges facts under a configuration: in f64, and in f32 where the inputs are exact in it.
    pub fn of(facts: &[Fact], config: &Config) -> Self {
        let mut outcomes = Vec::new();
        for fact in facts {
            outcomes.extend(judge_fact::<f64>(fact, config).map(|wrong| (fact.name.clone(), "f64", wrong)));
            outcomes.extend(judge_fact::<f32>(fact, config).map(|wrong| (fact.name.clone(), "f32", wrong)));
        }
        FactReport { outcomes }
    }

    /// How many facts do not hold, counted per element type.
    pub fn failures(&self) -> usize {
        self.outcomes.iter().filter(|(.., wrong)| !wrong.is_empty()).count()
    }
}

impl fmt::Display for FactReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, element, wrong) in &self.outcomes {
            let verdict = if wrong.is_empty() { "holds".to_owned() } else { wrong.join("; ") };
            writeln!(f, "{name:28} {element}  {verdict}")?;
        }
        write!(f, "{} of {} hold", self.outcomes.len() - self.failures(), self.outcomes.len())
    }
}
