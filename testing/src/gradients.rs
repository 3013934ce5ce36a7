//! Judging derivatives: forward and reverse mode against differences, against each other, and the second order by the first.

mod blame;
mod finding;
mod judge;
mod program;
mod slope;

use std::fmt;
use std::panic::Location;

use damo::prelude::*;
use ndarray::ArrayD;

pub use finding::{Check, GradientError, OpAtFault, WrongDerivative};

/// A function of any number of tensors, over all tapes: what closures passed directly to [`GradientCheck::run`] are.
pub trait Traced<T>: for<'t> Fn(&[Tensor<'t, T>]) -> Tensor<'t, T> {}

impl<T, F: for<'t> Fn(&[Tensor<'t, T>]) -> Tensor<'t, T>> Traced<T> for F {}

/// Checks the first and second derivatives of a function at a point.
///
/// `inputs: [..] each, f(inputs): [..]`. It checks every element of
///
/// 1. the Jacobian by *forward mode* (`jvp`) and by *reverse mode* (`vjp`), against differences;
/// 2. *one against the other*: ⟨J v, u⟩ = ⟨v, Jᵀ u⟩ for random u and v;
/// 3. the Hessian of ⟨u, f⟩, *forward over reverse* (`hvp`) and *reverse over reverse* (`grad` of `grad`), against differences of the
///    gradient.
///
/// A difference is taken by Ridders' method, which brings its own error with it; where floats do not resolve a slope, and before
/// anything is called wrong, it is taken again with some 80 decimal digits and a step of 10⁻²¹. Comparison is purely relative: an error of
/// 10⁻⁸ of a float64 derivative is found whether the derivative is 1 or 10⁻¹². What rounding may move is measured (see
/// [`mod@crate::sensitivity`]) and allowed for. A float32 function is measured in float64.
///
/// At a kink, such as that of `abs` at 0, any slope between those of both sides is right.
///
/// # Errors
///
/// [`GradientError`]: the first derivative that is wrong, with its element and the op at fault; or the error of a function that cannot
/// be run.
///
/// ```
/// use damo_testing::gradients::check_gradients;
/// use ndarray::{arr1, arr2};
/// let w = arr2(&[[0.3, -1.2, 0.5], [0.7, 0.1, -0.4]]).into_dyn();
/// let x = arr1(&[0.9, 0.4, -0.8]).into_dyn();
/// let checked = check_gradients(|[w, x]| w.dot(x).tanh().exp(), &[w, x])?;
/// assert!(checked.derivatives > 100 && checked.untold == 0);
/// # Ok::<(), damo_testing::gradients::GradientError>(())
/// ```
#[track_caller]
pub fn check_gradients<T: Float, const N: usize>(
    f: impl for<'t> Fn([Tensor<'t, T>; N]) -> Tensor<'t, T>,
    inputs: &[ArrayD<T>; N],
) -> Result<Checked, GradientError> {
    let asked = Location::caller().into();
    // The slice always is as long as the array it was made of.
    judge::check(&Listed(f).into_traced(), inputs, &GradientCheck::default(), asked)
}

/// A function of an array of tensors.
struct Listed<F>(F);

impl<F> Listed<F> {
    /// It as a function of a slice of as many.
    fn into_traced<T: Float, const N: usize>(self) -> impl Traced<T>
    where
        F: for<'t> Fn([Tensor<'t, T>; N]) -> Tensor<'t, T>,
    {
        move |tensors: &[Tensor<'_, T>]| (self.0)(std::array::from_fn(|k| tensors[k]))
    }
}

/// How derivatives are checked: more than [`check_gradients`] lets one say.
///
/// ```
/// use damo::{Config, EngineChoice};
/// use damo_testing::gradients::GradientCheck;
/// use ndarray::arr1;
/// let check = GradientCheck { config: Config { engine: EngineChoice::Reference, ..Config::default() }, second: false, ..GradientCheck::default() };
/// check.run(|x| x[0].softplus().sum(), &[arr1(&[0.5f32, -20.0, 3.0]).into_dyn()])?;
/// # Ok::<(), damo_testing::gradients::GradientError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GradientCheck {
    /// How the derivatives are compiled and run.
    pub config: Config,
    /// Whether second derivatives are checked.
    pub second: bool,
    /// How many elements of all inputs, and of the result, are checked one by one. Of more, so many are taken, evenly spread, and all of them
    /// together along random directions.
    pub elements: usize,
    /// How many random directions the two modes are compared along.
    pub directions: usize,
    /// The relative error that is allowed beside what rounding may do; by default 2·10⁻⁹ for float64, 16 ulps for smaller types.
    pub tolerance: Option<f64>,
}

impl Default for GradientCheck {
    fn default() -> Self {
        GradientCheck { config: Config::default(), second: true, elements: 32, directions: 3, tolerance: None }
    }
}

impl GradientCheck {
    /// Checks a function of any number of tensors at a point, as [`check_gradients`] does.
    ///
    /// # Errors
    ///
    /// As [`check_gradients`].
    #[track_caller]
    pub fn run<T: Float>(&self, f: impl Traced<T>, inputs: &[ArrayD<T>]) -> Result<Checked, GradientError> {
        judge::check(&f, inputs, self, Location::caller().into())
    }
}

/// What was checked, and how well.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Checked {
    /// How many derivatives were compared.
    pub derivatives: usize,
    /// Of how many nothing could be told: they do not exist, rounding alone moves them by all they are, or no difference resolves them.
    pub untold: usize,
    /// The largest relative uncertainty of what the others were compared with.
    pub coarsest: f64,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checked { derivatives, untold, coarsest } = self;
        write!(f, "{derivatives} derivatives compared, measured to {coarsest:.1e} or better; nothing can be told of {untold}")
    }
}
