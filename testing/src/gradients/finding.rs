//! What may be wrong with derivatives, told as a compiler would.

use std::fmt;

use damo::{Error, Source};

/// Why a function's derivatives did not pass.
#[derive(Debug)]
#[non_exhaustive]
pub enum GradientError {
    /// The function itself cannot be traced, compiled, differentiated or run.
    Failed(Error),
    /// A derivative is not what was measured.
    Wrong(Box<WrongDerivative>),
}

/// Which derivative was compared, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Check {
    /// `jvp` against differences.
    Forward,
    /// `vjp` against differences.
    Reverse,
    /// ⟨J v, u⟩ by `jvp` against ⟨v, Jᵀ u⟩ by `vjp`.
    Adjoint,
    /// The derivative of the gradient by `hvp` against differences of the gradient.
    ForwardOverReverse,
    /// The gradient of ⟨gradient, v⟩ against differences of the gradient.
    ReverseOverReverse,
}

impl Check {
    /// 1 for a first derivative, 2 for a second.
    pub const fn order(self) -> usize {
        match self {
            Check::Forward | Check::Reverse | Check::Adjoint => 1,
            Check::ForwardOverReverse | Check::ReverseOverReverse => 2,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Check::Forward => "first derivative by forward mode (`jvp`)",
            Check::Reverse => "first derivative by reverse mode (`vjp`)",
            Check::Adjoint => "inner product ⟨J v, u⟩ = ⟨v, Jᵀ u⟩ of forward and reverse mode",
            Check::ForwardOverReverse => "second derivative, forward over reverse (`hvp`)",
            Check::ReverseOverReverse => "second derivative, reverse over reverse (`grad` of `grad`)",
        })
    }
}

/// The op at fault, found by checking every op of the program alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpAtFault {
    /// Its name.
    pub op: String,
    /// The user's line that it was written on.
    pub source: Option<Source>,
}

/// A derivative that is not what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct WrongDerivative {
    /// Which derivative, and what it was compared with.
    pub check: Check,
    /// Which input, and which element of it; `None` where a random direction through all of them was taken.
    pub input: Option<(usize, Vec<usize>)>,
    /// Which element of the result; for a second derivative, which element of the gradient by which input.
    pub output: (usize, Vec<usize>),
    /// What Damo derived.
    pub derived: f64,
    /// What was measured.
    pub measured: f64,
    /// How far what was measured may be from the truth.
    pub uncertainty: f64,
    /// How far rounding alone may move what was derived.
    pub rounding: f64,
    /// The op at fault, if one alone is.
    pub at_fault: Option<OpAtFault>,
    /// The line that asked for the check.
    pub asked: Source,
}

impl WrongDerivative {
    /// How far off it is, as a share of the larger.
    pub fn relative_error(&self) -> f64 {
        (self.derived - self.measured).abs() / self.derived.abs().max(self.measured.abs())
    }
}

impl From<Error> for GradientError {
    fn from(error: Error) -> Self {
        GradientError::Failed(error)
    }
}

impl fmt::Display for GradientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GradientError::Failed(error) => error.fmt(f),
            GradientError::Wrong(wrong) => wrong.fmt(f),
        }
    }
}

impl fmt::Display for WrongDerivative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WrongDerivative { check, input, output, derived, measured, uncertainty, rounding, at_fault, asked } = self;
        let fault = at_fault.as_ref();
        match fault {
            Some(OpAtFault { op, .. }) => writeln!(f, "a derivative of `{op}` is wrong")?,
            None => writeln!(f, "a derivative is wrong")?,
        }
        writeln!(f, "  --> {}", fault.and_then(|fault| fault.source).unwrap_or(*asked))?;
        writeln!(f, "   {check}")?;
        match (input, check.order()) {
            (Some((input, element)), 1) => writeln!(f, "   of element {:?} of the result, by element {element:?} of input {input}", output.1)?,
            (Some((input, element)), _) => {
                writeln!(f, "   of element {:?} of the gradient by input {}, by element {element:?} of input {input}", output.1, output.0)?;
            }
            (None, _) => writeln!(f, "   of element {:?} of the result, along a random direction", output.1)?,
        }
        writeln!(f, "   expected: {measured:e}, measured to ± {uncertainty:.1e}")?;
        writeln!(f, "   found:    {derived:e}, which rounding may move by {rounding:.1e}")?;
        write!(f, "   relative error: {:.2e}", self.relative_error())?;
        match fault {
            Some(OpAtFault { op, .. }) => write!(f, "\n   help: alone, too, `{op}` has this fault: look at its derivative; checked at {asked}"),
            None => write!(f, "\n   help: every op alone is right; look for a `stop_gradient`, or ask for the program's text; checked at {asked}"),
        }
    }
}

impl std::error::Error for GradientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            GradientError::Failed(error) => Some(error),
            GradientError::Wrong(_) => None,
        }
    }
}
