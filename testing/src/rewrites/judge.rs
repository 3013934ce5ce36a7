//! Judging a row: its value and gradient by a compiled function, at the witnesses and at the edges.

use std::fmt;

use damo::debug::Finding;
use damo::prelude::*;
use ndarray::{ArrayD, Axis};

use super::row::{Row, Typed};
use super::truth::{Cost, Point, Truth};
use crate::close::ulps_between;
use crate::reference::{Decimal, Decimals};

/// How many ulps a value or a gradient may be off, unless [`LIMITS`] says otherwise.
const ULPS: f64 = 4.0;

/// Truths that may be farther off: name, ulps, and why.
const LIMITS: &[(&str, f64, &str)] = &[
    ("log_add_exp_3", 16.0, "at (−1, −1, −1) it is −1 + ln 3, whose condition number is 10"),
    ("softmax", 16.0, "in the gradient of the first share s the others have 1 − s, which cancels where s is near 1"),
];

/// What came of a row in one element type.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The row.
    pub row: Row,
    /// The element type.
    pub element: &'static str,
    /// What is wrong at the witnesses, in words.
    pub witnesses: Vec<String>,
    /// What is wrong at the edges, in words.
    pub edges: Vec<String>,
}

impl Verdict {
    /// Whether all is right.
    pub fn holds(&self) -> bool {
        self.witnesses.is_empty() && self.edges.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:4} {:45} {}  ", self.row.id, self.row.spelling, self.element)?;
        if self.holds() {
            return f.write_str("holds");
        }
        let parts = [("", &self.witnesses), ("edges: ", &self.edges)].into_iter().filter(|(_, wrong)| !wrong.is_empty());
        let parts = parts.map(|(what, wrong)| {
            let more = if wrong.len() > 1 { format!(" (and {} more)", wrong.len() - 1) } else { String::new() };
            format!("{what}{}{more}", wrong[0])
        });
        f.write_str(&parts.collect::<Vec<_>>().join("; "))
    }
}

/// Compiles a row with its gradient under a configuration, runs it at all points whose inputs type `T` has exactly, and compares.
///
/// At a witness, value and gradient are within 4 ulps. So is the value at an edge, unless the formula op by op is no closer; where
/// nothing is the right value there, the program gives what the formula gives op by op, or NaN where that is infinite.
/// Exact zeros are zero, infinities equal, and signs of zero do not count.
pub fn judge<T: Typed>(row: &Row, truth: &Truth, config: &Config) -> Verdict {
    let mut judge = Judge { row, truth, config, functions: Vec::<Compiled<T>>::new() };
    let mut all = |points: &[Point], are_edges| points.iter().flat_map(|point| judge.point(point, are_edges)).collect();
    let (witnesses, edges) = (all(&truth.witnesses, false), all(&truth.edges, true));
    Verdict { row: *row, element: T::NAME, witnesses, edges }
}

/// Runs a row with its gradient at all its points in debug mode, and gives what that finds.
///
/// # Errors
///
/// What cannot be compiled or run.
pub fn findings<T: Typed>(row: &Row, truth: &Truth, config: &Config) -> damo::Result<Vec<Finding>> {
    let mut judge = Judge { row, truth, config, functions: Vec::<Compiled<T>>::new() };
    for point in truth.witnesses.iter().chain(&truth.edges) {
        if let Some(inputs) = point.inputs.iter().map(Decimals::exactly::<T>).collect::<Option<Vec<_>>>() {
            judge.compute(&inputs)?;
        }
    }
    Ok(judge.functions.iter().flat_map(|(_, function)| function.findings()).collect())
}

/// What a row's formula gives at some inputs, op by op, as it is written.
///
/// # Errors
///
/// What the tape or an op refuses.
pub fn naive<T: Typed>(row: &Row, inputs: &[ArrayD<T>]) -> damo::Result<ArrayD<T>> {
    let tape = Tape::new();
    let inputs: Vec<Tensor<'_, T>> = inputs.iter().enumerate().map(|(place, array)| tape.input_with(&format!("x{place}"), array)).collect();
    T::program(row)(&inputs).value()
}

/// What a row's compiled program gives.
pub(super) struct Computed<T> {
    pub(super) value: ArrayD<T>,
    /// The gradient along each input.
    pub(super) gradients: Vec<ArrayD<T>>,
}

/// Compiles a row with its gradient and runs it at some inputs.
pub(super) fn compute<T: Typed>(row: &Row, truth: &Truth, inputs: &[ArrayD<T>], config: &Config) -> damo::Result<Computed<T>> {
    Judge { row, truth, config, functions: Vec::new() }.compute(inputs)
}

/// A function for inputs of some shapes: the value, then the gradients.
type Compiled<T> = (Vec<Vec<usize>>, Function<Vec<T>, Vec<T>>);

struct Judge<'a, T: Typed> {
    row: &'a Row,
    truth: &'a Truth,
    config: &'a Config,
    functions: Vec<Compiled<T>>,
}

impl<T: Typed> Judge<'_, T> {
    /// What is wrong at a point.
    fn point(&mut self, point: &Point, is_edge: bool) -> Vec<String> {
        let Some(inputs) = point.inputs.iter().map(Decimals::exactly::<T>).collect::<Option<Vec<ArrayD<T>>>>() else {
            return Vec::new();
        };
        match self.compare(point, &inputs, is_edge) {
            Ok(wrong) => wrong,
            Err(error) => vec![error.to_string().lines().next().unwrap_or("an error").to_owned()],
        }
    }

    fn compare(&mut self, point: &Point, inputs: &[ArrayD<T>], is_edge: bool) -> damo::Result<Vec<String>> {
        let Computed { value, gradients } = self.compute(inputs)?;
        let mut wrong = Vec::new();
        let at = place(inputs);
        if point.value.as_slice().len() == value.len() {
            let naive = if is_edge || point.value.as_slice().contains(&None) { Some(naive(self.row, inputs)?) } else { None };
            for (k, (&computed, expected)) in value.iter().zip(point.value.as_slice()).enumerate() {
                let expected = match (expected, &naive) {
                    (Some(number), _) => Expected::Number(number),
                    (None, Some(naive)) => naive.iter().nth(k).map_or(Expected::Any, |&number| Expected::AsWritten(number)),
                    (None, None) => Expected::Any,
                };
                let Some(how) = self.differs(computed, &expected) else { continue };
                let as_written = naive.as_ref().and_then(|naive| naive.iter().nth(k).copied());
                if !is_edge || !as_written.is_some_and(|written| is_no_closer(written, computed, &expected)) {
                    wrong.push(format!("at {at} the value {how}"));
                }
            }
        } else {
            wrong.push(format!("at {at} there are {} values instead of {}", value.len(), point.value.as_slice().len()));
        }
        for (k, (gradient, expected)) in gradients.iter().zip(point.gradient.iter().flatten()).enumerate() {
            for (&computed, expected) in gradient.iter().zip(expected.as_slice()) {
                let expected = expected.as_ref().map_or(Expected::Any, Expected::Number);
                wrong.extend(self.differs(computed, &expected).map(|how| format!("at {at} the gradient along input {k} {how}")));
            }
        }
        Ok(wrong)
    }

    fn compute(&mut self, inputs: &[ArrayD<T>]) -> damo::Result<Computed<T>> {
        let mut computed = self.function(inputs)?.call(inputs.iter().collect::<Vec<_>>())?;
        let gradients = computed.split_off(1);
        Ok(Computed { value: computed.remove(0), gradients })
    }

    /// The function for inputs of these shapes.
    fn function(&mut self, inputs: &[ArrayD<T>]) -> damo::Result<&Function<Vec<T>, Vec<T>>> {
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|array| array.shape().to_vec()).collect();
        let found = self.functions.iter().position(|(known, _)| *known == shapes);
        let found = if let Some(found) = found {
            found
        } else {
            let function = self.compile(&shapes)?;
            self.functions.push((shapes, function));
            self.functions.len() - 1
        };
        Ok(&self.functions[found].1)
    }

    fn compile(&self, shapes: &[Vec<usize>]) -> damo::Result<Function<Vec<T>, Vec<T>>> {
        let tape = Tape::new();
        let inputs: Vec<Tensor<'_, T>> = shapes.iter().enumerate().map(|(place, shape)| tape.input::<T>(&format!("x{place}"), &shape[..])).collect();
        let value = T::program(self.row)(&inputs);
        let cost = match self.truth.cost {
            Cost::Sum => value.sum(),
            Cost::First => value.flatten().index_axis(Axis(0), 0),
        };
        let mut outputs = vec![value];
        outputs.extend(cost.grad(or_zero(inputs.clone())));
        tape.function(inputs, outputs).freeze(self.config)
    }

    /// How a number is wrong, if it is.
    fn differs(&self, computed: T, expected: &Expected<'_, T>) -> Option<String> {
        let limit = LIMITS.iter().find(|(truth, ..)| *truth == self.row.truth).map_or(ULPS, |limit| limit.1);
        differs(computed, expected, limit)
    }
}

/// How a number is more than some ulps from what it should be, if it is.
fn differs<T: Typed>(computed: T, expected: &Expected<'_, T>, ulps: f64) -> Option<String> {
    let (nearest, is_zero) = match expected {
        Expected::Number(number) => (number.nearest::<T>(), number.is_zero()),
        Expected::AsWritten(number) => (*number, false),
        Expected::Any => return None,
    };
    let is_right = ulps_between(computed, nearest) as f64 <= if is_zero { 0.0 } else { ulps };
    (!is_right).then(|| format!("is {computed:?} instead of {nearest:?}"))
}

/// Whether what the formula gives as it is written is no closer to what it should be than what was computed.
fn is_no_closer<T: Typed>(written: T, computed: T, expected: &Expected<'_, T>) -> bool {
    match expected {
        Expected::Number(number) => {
            let nearest = number.nearest::<T>();
            !computed.to_f64().is_nan() && ulps_between(computed, nearest) <= ulps_between(written, nearest)
        }
        Expected::AsWritten(number) => number.to_f64().is_infinite() && computed.to_f64().is_nan(),
        Expected::Any => true,
    }
}

/// What a number should be.
enum Expected<'a, T> {
    /// This, rounded.
    Number(&'a Decimal),
    /// What the formula gives as it is written.
    AsWritten(T),
    /// Not compared.
    Any,
}

/// The inputs in words.
pub(super) fn place<T: Typed>(inputs: &[ArrayD<T>]) -> String {
    let shown = inputs.iter().map(|input| match input.ndim() {
        0 => input.first().map_or_else(String::new, |x| format!("{x:?}")),
        _ => format!("{:?}", input.iter().collect::<Vec<_>>()),
    });
    format!("({})", shown.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrites::row::program;
    use crate::rewrites::truths;

    fn row(truth: &'static str, f32: super::super::Program<f32>, f64: super::super::Program<f64>) -> Row {
        Row { id: "T", truth, spelling: "planted", f32, f64 }
    }

    #[test]
    fn a_right_program_holds_and_a_wrong_one_is_named() {
        let truths = truths().unwrap();
        let right = row("exp_minus_one", program!(f32, [x] x.exp_m1()), program!(f64, [x] x.exp_m1()));
        let truth = &truths[right.truth];
        let config = Config { engine: damo::EngineChoice::Reference, ..Config::default() };
        let verdict = judge::<f64>(&right, truth, &config);
        assert!(verdict.holds(), "{verdict}");
        let off = row("exp_minus_one", program!(f32, [x] x.exp_m1() * 1.000_01), program!(f64, [x] x.exp_m1() * 1.000_000_1));
        let verdict = judge::<f64>(&off, truth, &config);
        assert!(!verdict.witnesses.is_empty() && !verdict.edges.is_empty(), "{verdict}");
        let slope = row("exp_minus_one", program!(f32, [x] x.exp_m1().stop_gradient()), program!(f64, [x] x.exp_m1().stop_gradient()));
        assert!(judge::<f64>(&slope, truth, &config).witnesses.iter().all(|wrong| wrong.contains("gradient")));
    }

    #[test]
    fn a_number_and_nan_are_never_the_same() {
        let right = |computed: f64, expected: f64| differs(computed, &Expected::AsWritten(expected), ULPS).is_none();
        assert!(right(f64::NAN, f64::NAN) && right(-0.0, 0.0) && right(1.0, 1.0 + f64::EPSILON));
        assert!(!right(1.0, f64::NAN) && !right(f64::NAN, f64::INFINITY) && !right(f64::INFINITY, f64::NEG_INFINITY));
    }
}
