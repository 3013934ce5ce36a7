//! The tracer: a value of the program being written, as cheap to pass around as a number.

use std::fmt;
use std::marker::PhantomData;

use damo_graph::op::cast::Cast;
use damo_graph::op::scalar::Scalar;
use damo_graph::op::stop_gradient::StopGradient;
use damo_graph::{Dim, Dims, Element, Error, ErrorKind, Problem, Result, Type};
use ndarray::{ArrayBase, ArrayD, Axis};

use crate::tape::Tape;
use crate::tensors::Handle;

/// An array that a program computes: elements of type `T`, with a rank and lengths that the tape knows.
///
/// It is a borrowed [`Tape`] and a number, and `Copy`: no `&x`, no clones. It cannot outlive its tape.
///
/// ```compile_fail,E0597
/// use damo_trace::*;
/// let leaked = {
///     let tape = Tape::new();
///     tape.scalar::<f32>("x") + 1.0
/// };
/// # let _ = leaked;
/// ```
///
/// # Arithmetic
///
/// Numbers stand on both sides of every operator, and methods are named as those of `f64` and of `ndarray`. Shapes broadcast,
/// aligned at the last axis; only a length *known* to be 1 stretches.
///
/// ```
/// use damo_trace::*;
/// use ndarray::{Axis, arr2, s};
/// let tape = Tape::new();
/// let x = tape.input_with("x", &arr2(&[[0.0f32, 1.0, 2.0], [3.0, 4.0, 5.0]]));
/// let y = (1.0 - x * 0.5).exp().sum_axis(Axis(1));
/// assert_eq!(y.dims()?.to_string(), "[x.0]");
/// assert_eq!(x.slice(s![.., -1]).value()?, ndarray::arr1(&[2.0, 5.0]).into_dyn());
/// # Ok::<(), Error>(())
/// ```
///
/// Element types never mix by themselves: `i32` times `f32` does not compile. [`cast`](Tensor::cast) says what is meant.
///
/// ```compile_fail,E0277
/// use damo_trace::*;
/// let tape = Tape::new();
/// let mixed = tape.vector::<i32>("i") * tape.vector::<f32>("x");
/// ```
///
/// # Choices
///
/// What a tensor holds is not known while the program is written, so `if x > y` does not compile (the compiler says that
/// [`UseSelectOrCond`](crate::UseSelectOrCond) is missing). Compare with [`gt`](Tensor::gt) and its like, and use
/// [`select`](crate::select) to choose element by element.
///
/// ```compile_fail,E0369
/// use damo_trace::*;
/// let tape = Tape::new();
/// let (x, y) = (tape.scalar::<f32>("x"), tape.scalar::<f32>("y"));
/// let larger = if x > y { x } else { y };
/// ```
///
/// ```
/// use damo_trace::*;
/// let tape = Tape::new();
/// let (x, y) = (tape.scalar::<f32>("x"), tape.scalar::<f32>("y"));
/// let larger = select(x.gt(y), x, y);
/// # tape.check()?;
/// # let _ = larger;
/// # Ok::<(), Error>(())
/// ```
///
/// # Looking inside
///
/// Inputs declared with [`Tape::input_with`] carry an example; then every op is evaluated as it is recorded, and
/// [`value`](Tensor::value) shows it.
#[must_use = "a tensor only describes a computation; use it in one, or make it an output"]
#[rustfmt::skip] // the compiler quotes the next line where a program compares tensors by `>` or `==`
pub struct Tensor<'t, T> { // it has no value yet: compare with `x.gt(y)`, choose with `select(mask, a, b)`
    pub(crate) tape: &'t Tape,
    pub(crate) index: u32,
    pub(crate) element: PhantomData<T>,
}

impl<T> Clone for Tensor<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Tensor<'_, T> {}

impl<'t, T: Element> Tensor<'t, T> {
    /// The tape that it is written on.
    pub fn tape(self) -> &'t Tape {
        self.tape
    }

    /// Its place among what the tape recorded.
    pub fn index(self) -> u32 {
        self.index
    }

    /// The same tensor with its element type as a value.
    pub fn handle(self) -> Handle<'t> {
        Handle::new(self.tape, self.index, T::DTYPE)
    }

    /// Its lengths, as far as they are known.
    ///
    /// # Errors
    ///
    /// The first error of the tape, if it could not be computed. So for [`ndim`](Tensor::ndim) and [`len_of`](Tensor::len_of).
    pub fn dims(self) -> Result<Dims> {
        self.ty().map(|ty| ty.dims)
    }

    /// How many axes it has.
    pub fn ndim(self) -> Result<usize> {
        self.ty().map(|ty| ty.rank())
    }

    /// Its length along an axis.
    ///
    /// # Errors
    ///
    /// As for [`dims`](Tensor::dims), and [`ErrorKind::Axis`] if there is no such axis.
    pub fn len_of(self, axis: Axis) -> Result<Dim> {
        let ty = self.ty()?;
        ty.dims.get(axis.0).cloned().ok_or_else(|| no_such_axis(axis.0, ty.rank()).titled("no such axis or range in `len_of`"))
    }

    /// Its type, as far as it is known.
    pub fn ty(self) -> Result<Type> {
        let state = self.tape.flush()?;
        match state.ty(self.index) {
            Some(ty) => Ok(ty),
            None => Err(self.tape.first_error().err().unwrap_or_else(|| Error::new(ErrorKind::Verify, "a tensor has no value"))),
        }
    }

    /// What it is with the example values of the inputs and the states as they were when the tape first read them.
    ///
    /// ```
    /// use damo_trace::*;
    /// let tape = Tape::new();
    /// let x = tape.input_with("x", &ndarray::arr1(&[1.0f32, 2.0]));
    /// assert_eq!((x * x + 1.0).value()?, ndarray::arr1(&[2.0, 5.0]).into_dyn());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of the tape, if it could not be computed; [`ErrorKind::Declaration`] if an input that it depends on has no
    /// example, naming it; what the meaning of an op refuses.
    pub fn value(self) -> Result<ArrayD<T>> {
        let mut state = self.tape.flush()?;
        let Some(value) = state.value(self.index) else {
            return Err(self.tape.first_error().err().unwrap_or_else(|| Error::new(ErrorKind::Verify, "a tensor has no value")));
        };
        let state = &mut *state;
        if let Some(array) = state.examples.value(&mut state.graph, value)?
            && let Some(array) = array.downcast::<T>()
        {
            return Ok(ArrayBase::to_owned(array));
        }
        let missing = state.examples.missing(&state.graph, value);
        let name = missing.and_then(|node| state.graph.input(node)).map_or("an input", |input| &input.name);
        let source = missing.and_then(|node| state.graph.node(node).provenance().source);
        Err(Error::new(ErrorKind::Declaration, format!("`{name}` has no example value"))
            .at(source)
            .explain("the value of a tensor shows only if every input it depends on has an example")
            .advise(format!("declare it as `tape.input_with(\"{name}\", &array)`")))
    }

    /// The same numbers as elements of type `U`: reals round to nearest even, integers wrap among themselves and saturate from
    /// reals, and truth values are 0 and 1.
    ///
    /// `x: [..] -> [..]`
    ///
    /// ```
    /// use damo_trace::*;
    /// let tape = Tape::new();
    /// let hits = tape.vector::<bool>("hits");
    /// let share = hits.cast::<f32>().mean();
    /// # let _ = share;
    /// # tape.check()?;
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn cast<U: Element>(self) -> Tensor<'t, U> {
        if T::DTYPE == U::DTYPE {
            return Tensor { tape: self.tape, index: self.index, element: PhantomData };
        }
        self.tape.structural(Cast { to: U::DTYPE }, &[self.index])
    }

    /// The same values, which derivatives take for constants.
    ///
    /// `x: [..] -> [..]`
    #[track_caller]
    pub fn stop_gradient(self) -> Self {
        self.tape.structural(StopGradient, &[self.index])
    }

    /// A function of the table or of the user's, of this tensor alone.
    #[track_caller]
    #[inline]
    pub(crate) fn unary<U: Element>(self, scalar: &'static Scalar) -> Tensor<'t, U> {
        self.tape.pointwise(scalar, &[self.index])
    }

    /// A function of the table of this tensor and another.
    #[track_caller]
    #[inline]
    pub(crate) fn binary<U: Element>(self, scalar: &'static Scalar, other: Tensor<'t, T>) -> Tensor<'t, U> {
        if !self.tape.is(other.tape) {
            return self.tape.refuse_foreign(scalar.name, &[self.handle(), other.handle()]);
        }
        self.tape.pointwise(scalar, &[self.index, other.index])
    }

    /// A function of the table of this tensor and two others.
    #[track_caller]
    pub(crate) fn ternary(self, scalar: &'static Scalar, second: Tensor<'t, T>, third: Tensor<'t, T>) -> Tensor<'t, T> {
        if !(self.tape.is(second.tape) && self.tape.is(third.tape)) {
            return self.tape.refuse_foreign(scalar.name, &[self.handle(), second.handle(), third.handle()]);
        }
        self.tape.pointwise(scalar, &[self.index, second.index, third.index])
    }

    /// Its type if it is not poisoned; asking enters the tape into the graph.
    pub(crate) fn known_type(self) -> Option<Type> {
        self.tape.ty(self.index)
    }

    /// Its type, if it has all these axes; the error is kept under `name`.
    #[track_caller]
    pub(crate) fn with_axes(self, name: &'static str, axes: &[usize]) -> Option<Type> {
        let ty = self.known_type()?;
        match axes.iter().find(|&&axis| axis >= ty.rank()) {
            Some(&axis) => {
                let _: Self = self.tape.refuse(name, &no_such_axis(axis, ty.rank()), &[self.index]);
                None
            }
            None => Some(ty),
        }
    }
}

/// An axis that is not there.
fn no_such_axis(axis: usize, rank: usize) -> Problem {
    Problem::axis(match rank {
        0 => format!("there is no axis {axis}: it is a single number, without axes"),
        1 => format!("there is no axis {axis}: the only axis is 0"),
        _ => format!("there is no axis {axis}: the axes are 0 to {}", rank - 1),
    })
}

/// The type and the user's line, and the value if there is an example: `Tensor(f32[n, 784] at src/x.rs:3:4)`.
impl<T: Element> fmt::Debug for Tensor<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ty() {
            Ok(ty) => write!(f, "Tensor({ty}")?,
            Err(_) => write!(f, "Tensor({}, with an error", T::DTYPE)?,
        }
        if let Some(source) = self.tape.source(self.index) {
            write!(f, " at {source}")?;
        }
        if let Ok(value) = self.value() {
            write!(f, " = {}", value.map(|&element| Plain(element)))?;
        }
        f.write_str(")")
    }
}

/// An element printed as in an array of numbers.
struct Plain<T>(T);

impl<T: fmt::Debug> fmt::Display for Plain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
