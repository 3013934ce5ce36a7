//! Judging derivatives: reverse mode against differences, forward mode against reverse, and the second order by the first.

use std::fmt;

use damo::prelude::*;
use damo::{Error, Result as DamoResult};
use ndarray::{ArrayD, Dimension, IxDyn, Zip};

/// A function of float64 tensors, as a user writes it.
///
/// A closure passed where this is asked for needs its types written: `|x: &[Tensor<'_, f64>]| …` is not general enough,
/// so it is a trait over all tapes that closures passed directly to [`check_gradients`] have.
pub trait Traced: for<'t> Fn(&[Tensor<'t, f64>]) -> Tensor<'t, f64> {}

impl<F: for<'t> Fn(&[Tensor<'t, f64>]) -> Tensor<'t, f64>> Traced for F {}

/// What is wrong with a function's derivatives.
#[derive(Debug)]
pub enum Finding {
    /// The function itself cannot be traced, compiled or run.
    Failed(Error),
    /// A derivative is not what was measured.
    Wrong(Wrong),
}

/// A derivative that is not what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// Which derivative, and what it was compared with.
    pub check: &'static str,
    /// Which input.
    pub input: usize,
    /// Which element of it.
    pub element: Vec<usize>,
    /// What Damo derived.
    pub derived: f64,
    /// What was measured.
    pub measured: f64,
    /// How uncertain the measurement is.
    pub uncertainty: f64,
}

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        Finding::Failed(error)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Failed(error) => error.fmt(f),
            Finding::Wrong(Wrong { check, input, element, derived, measured, uncertainty }) => {
                write!(f, "{check}: for element {element:?} of input {input} it is {derived:e}, and {measured:e} ± {uncertainty:.1e} was measured")
            }
        }
    }
}

impl std::error::Error for Finding {}

/// What is compared: its name, the derivatives as given, and what to difference.
type Check<'a> = (&'static str, &'a ArrayD<f64>, &'a dyn Fn(&Results) -> f64);

/// The relative difference allowed between a derivative and its measurement, beyond the measurement's own uncertainty.
const TOLERANCE: f64 = 1e-7;

/// Checks the first and second derivatives of a function at a point.
///
/// `inputs: [..] each, f(inputs): [..]`. It checks, with directions and weights of its own:
///
/// 1. *reverse mode against differences*: every element of the gradient of ⟨u, f⟩, by central differences of fourth order whose
///    step is halved until the estimate is steady;
/// 2. *forward mode against reverse*: ⟨J v, u⟩ = ⟨v, Jᵀ u⟩;
/// 3. *second order*: the gradient of ⟨v, gradient⟩ against differences of the gradient.
///
/// At a kink the differences measure the mean of the slopes on both sides; choose points away from kinks.
///
/// # Errors
///
/// [`Finding`]: the first derivative that is wrong, with its element; or the error of a function that cannot be run.
///
/// ```
/// use damo::prelude::*;
/// use damo_testing::gradients::check_gradients;
/// use ndarray::arr1;
/// check_gradients(|x| (x[0].sin() * x[1]).exp(), &[arr1(&[0.3, -1.2]).into_dyn(), arr1(&[0.9, 0.4]).into_dyn()])?;
/// # Ok::<(), damo_testing::gradients::Finding>(())
/// ```
pub fn check_gradients(f: impl Traced, inputs: &[ArrayD<f64>]) -> Result<(), Finding> {
    check_gradients_with(f, inputs, &Config::default())
}

/// The same under a configuration.
///
/// # Errors
///
/// As [`check_gradients`].
pub fn check_gradients_with(f: impl Traced, inputs: &[ArrayD<f64>], config: &Config) -> Result<(), Finding> {
    let judged = Judged::compile(f, inputs, config)?;
    let at = judged.run(inputs)?;
    let measure = |of: &dyn Fn(&Results) -> f64, input: usize, element: usize| {
        let moved = |by: f64| {
            let mut inputs = inputs.to_vec();
            if let Some(x) = inputs[input].iter_mut().nth(element) {
                *x += by;
            }
            judged.run(&inputs).map(|results| of(&results))
        };
        let scale = inputs[input].iter().nth(element).map_or(1.0, |x| x.abs().max(1.0));
        slope(&moved, scale)
    };
    for (input, array) in inputs.iter().enumerate() {
        for (place, (element, _)) in array.indexed_iter().enumerate() {
            let checks: [Check<'_>; 2] = [
                ("reverse mode against differences", &at.gradients[input], &|results| results.weighted),
                ("second order against differences of the first", &at.second[input], &|results| results.along),
            ];
            for (check, derived, of) in checks {
                let derived = derived.iter().nth(place).copied().unwrap_or(f64::NAN);
                let (measured, uncertainty) = measure(of, input, place)?;
                let allowed = TOLERANCE * derived.abs().max(measured.abs()).max(1.0) + 4.0 * uncertainty;
                // Written so that NaN is wrong.
                let is_right = (derived - measured).abs() <= allowed;
                if !is_right {
                    return Err(Finding::Wrong(Wrong { check, input, element: element.slice().to_vec(), derived, measured, uncertainty }));
                }
            }
        }
    }
    forward_against_reverse(&at, &judged.directions)
}

fn forward_against_reverse(at: &Results, directions: &[ArrayD<f64>]) -> Result<(), Finding> {
    let products: Vec<f64> = at.gradients.iter().zip(directions).map(|(gradient, direction)| (gradient * direction).sum()).collect();
    let (reverse, size): (f64, f64) = (products.iter().sum(), products.iter().map(|product| product.abs()).sum());
    if (reverse - at.forward).abs() <= TOLERANCE * size.max(1.0) {
        return Ok(());
    }
    let wrong = Wrong {
        check: "forward mode against reverse: the inner product of J v with u",
        input: 0,
        element: Vec::new(),
        derived: at.forward,
        measured: reverse,
        uncertainty: 0.0,
    };
    Err(Finding::Wrong(wrong))
}

/// The slope of a function of one number at 0: central differences of fourth order with a halving step.
///
/// Gives the estimate that changed least when the step was halved, and that change. Large steps err by the fifth derivative, small
/// ones by rounding; the least change is where they meet.
fn slope(moved: &dyn Fn(f64) -> DamoResult<f64>, scale: f64) -> DamoResult<(f64, f64)> {
    let estimate = |step: f64| Ok::<_, Error>((8.0 * (moved(step)? - moved(-step)?) - (moved(2.0 * step)? - moved(-2.0 * step)?)) / (12.0 * step));
    let mut step = scale / 64.0;
    let mut before = estimate(step)?;
    let mut best = (before, f64::INFINITY);
    for _ in 0..8 {
        step /= 2.0;
        let now = estimate(step)?;
        let change = (now - before).abs();
        if change < best.1 || best.1.is_nan() {
            best = (now, change);
        }
        before = now;
    }
    Ok(best)
}

/// A function with its derivatives, compiled once.
struct Judged {
    function: Function<Vec<f64>, Vec<f64>>,
    directions: Vec<ArrayD<f64>>,
}

/// What it gives at a point.
struct Results {
    /// ⟨u, f⟩
    weighted: f64,
    /// Its derivative along the directions, by forward mode.
    forward: f64,
    /// The same by reverse mode.
    along: f64,
    /// The gradient of `weighted`.
    gradients: Vec<ArrayD<f64>>,
    /// The gradient of `along`.
    second: Vec<ArrayD<f64>>,
}

impl Judged {
    fn compile(f: impl Traced, inputs: &[ArrayD<f64>], config: &Config) -> DamoResult<Judged> {
        let tape = Tape::new();
        let tensors: Vec<Tensor<'_, f64>> = inputs.iter().enumerate().map(|(k, array)| tape.input::<f64>(&format!("x{k}"), array.shape())).collect();
        let directions: Vec<ArrayD<f64>> = inputs.iter().enumerate().map(|(k, array)| weights(array.shape(), k)).collect();
        let result = f(&tensors);
        let lengths = result.dims()?.known().unwrap_or_default();
        let weighted = (result * tape.constant(weights(&lengths, inputs.len()))).sum();
        let tangents: Vec<Tensor<'_, f64>> = directions.iter().map(|direction| tape.constant(direction)).collect();
        let gradients = weighted.grad(or_zero(tensors.clone()));
        let along = gradients.iter().zip(&tangents).fold(tape.constant(0.0), |along, (&gradient, &tangent)| along + (gradient * tangent).sum());
        let forward = weighted.jvp(or_zero(tensors.clone()), tangents);
        let second = along.grad(or_zero(tensors.clone()));
        let outputs: Vec<Tensor<'_, f64>> = [weighted, forward, along].into_iter().chain(gradients).chain(second).collect();
        let function = tape.function(tensors, outputs).freeze(config)?;
        Ok(Judged { function, directions })
    }

    fn run(&self, inputs: &[ArrayD<f64>]) -> DamoResult<Results> {
        let results = self.function.call(inputs.iter().collect::<Vec<_>>())?;
        let only = |k: usize| results.get(k).and_then(|array| array.first().copied()).unwrap_or(f64::NAN);
        let (weighted, forward, along) = (only(0), only(1), only(2));
        let mut rest = results.into_iter().skip(3);
        let gradients = rest.by_ref().take(inputs.len()).collect();
        Ok(Results { weighted, forward, along, gradients, second: rest.collect() })
    }
}

/// Numbers between ½ and 1½ with both signs, the same on every run.
fn weights(shape: &[usize], seed: usize) -> ArrayD<f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(seed as u64 + 1);
    let mut array = ArrayD::zeros(IxDyn(shape));
    Zip::from(&mut array).for_each(|x| {
        // A step of splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let unit = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64;
        *x = if unit < 0.5 { unit - 1.5 } else { unit };
    });
    array
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, arr0, arr1, arr2};

    fn point() -> [ArrayD<f64>; 2] {
        [arr2(&[[0.3, -1.2, 0.7], [1.1, 0.2, -0.4]]).into_dyn(), arr1(&[0.9, 0.4, -0.8]).into_dyn()]
    }

    #[test]
    fn right_derivatives_pass() {
        check_gradients(|x| (x[0].dot(x[1]).tanh() * 2.0).exp() + x[0].sum(), &point()).unwrap();
        check_gradients(|x| x[0].softmax(Axis(1)), &point()).unwrap();
        check_gradients(|x| x[0] * x[0] * x[0], &[arr0(2.0).into_dyn(), arr0(1.0).into_dyn()]).unwrap();
    }

    #[test]
    fn an_input_that_does_not_matter_has_zero() {
        check_gradients(|x| x[1].exp(), &point()).unwrap();
    }

    #[test]
    fn a_wrong_derivative_is_found_at_its_element() {
        // The derivative of the second factor is lost.
        let found = check_gradients(|x| x[1] * (x[1] * x[1]).stop_gradient(), &point()).unwrap_err();
        let Finding::Wrong(wrong) = found else { panic!("{found}") };
        assert_eq!((wrong.input, &wrong.element[..]), (1, &[0][..]));
        assert!((wrong.measured / wrong.derived - 3.0).abs() < 1e-6, "{wrong:?}");
    }

    #[test]
    fn a_function_that_cannot_be_traced_says_so() {
        let found = check_gradients(|x| x[0].dot(x[0]), &point()).unwrap_err();
        assert!(matches!(found, Finding::Failed(_)), "{found}");
    }

    #[test]
    fn a_wrong_second_derivative_is_found() {
        let found = check_gradients(|x| x[1].stop_gradient() * x[1] * 0.5 + x[1] * x[1] * 0.25, &point()).unwrap_err();
        assert!(matches!(found, Finding::Wrong(_)), "{found}");
    }
}
