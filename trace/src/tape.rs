//! The tape: a log of what the user's program did, entered into a graph when somebody asks.

use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use damo_graph::op::Op;
use damo_graph::op::scalar::Scalar;
use damo_graph::op::stop_gradient::StopGradient;
use damo_graph::{Element, Error, ErrorKind, Graph, NodeId, Problem, Provenance, Result, Source, Type, Value};

use crate::log::Log;
use crate::record::{Indices, Record, Recorded};
use crate::scope::Scope;
use crate::shared::AnyShared;
use crate::state::{State, provenance};
use crate::tensor::Tensor;
use crate::tensors::Handle;

/// Where a program is written down while ordinary Rust runs over [`Tensor`]s.
///
/// ```
/// use damo_trace::*;
/// let tape = Tape::new();
/// let n = tape.dim("n");                             // a length not known yet
/// let x = tape.input::<f32>("x", (n, 784));
/// let w = tape.input::<f32>("w", (784,));
/// let y = 1.0 / (1.0 + (-x.dot(w)).exp());
/// assert_eq!(y.dims()?.to_string(), "[n]");
/// tape.check()?;
/// # Ok::<(), Error>(())
/// ```
///
/// Operators cannot return a `Result`. The tape keeps the *first* error, with the user's line; whatever reads a tensor at fault is
/// poisoned silently. [`check`](Tape::check), [`graph`](Tape::graph) and everything that runs the program return it.
///
/// ```
/// use damo_trace::*;
/// let tape = Tape::new();
/// let (x, w) = (tape.input::<f32>("x", (3, 784)), tape.input::<f32>("w", (100,)));
/// let nonsense = x.dot(w).exp() + 1.0;
/// assert_eq!(tape.check().unwrap_err().kind(), ErrorKind::Shapes);
/// # let _ = nonsense;
/// ```
///
/// Recording an op only writes it down. Types are inferred, and equal computations become one node, when the tape is asked something.
#[derive(Default)]
pub struct Tape {
    records: RefCell<Log>,
    state: RefCell<State>,
    /// The first thing that went wrong.
    error: RefCell<Option<Error>>,
    /// Whether every op is entered and evaluated as it is recorded.
    evaluates: Cell<bool>,
    /// The composite function being recorded.
    pub(crate) scope: Cell<Scope>,
}

impl Tape {
    /// An empty tape.
    pub fn new() -> Self {
        Tape::default()
    }

    /// The first error, if anything has gone wrong.
    pub fn check(&self) -> Result<()> {
        self.flush()?;
        self.first_error()
    }

    /// A copy of the program so far, without outputs.
    ///
    /// # Errors
    ///
    /// The first error of the tape.
    pub fn graph(&self) -> Result<Graph> {
        let state = self.flush()?;
        self.first_error()?;
        let mut graph = state.graph.clone();
        graph.set_provenance(Provenance::default());
        Ok(graph)
    }

    /// For the facade: works on the graph itself, with every record in it. New nodes carry the caller's line.
    ///
    /// # Errors
    ///
    /// The first error of the tape, or what `body` returns. While `body` runs, the tape can record but answers no questions.
    #[track_caller]
    pub fn with_graph<R>(&self, body: impl FnOnce(&mut Graph) -> Result<R>) -> Result<R> {
        let here = self.here();
        let mut state = self.flush()?;
        self.first_error()?;
        state.graph.set_provenance(here);
        body(&mut state.graph)
    }

    /// For the facade: the value of the graph that a tensor is.
    ///
    /// # Errors
    ///
    /// The first error of the tape if it could not be computed; [`ErrorKind::ForeignTensor`] if it is of another tape.
    #[track_caller]
    pub fn value_of<T: Element>(&self, tensor: Tensor<'_, T>) -> Result<Value> {
        let here = Source::from(self.location());
        self.value_of_handle(tensor.handle()).map_err(|error| error.at(here))
    }

    /// For the facade: the same for a tensor of any element type; the line of a foreign tensor's use is for the caller to name.
    pub fn value_of_handle(&self, handle: Handle<'_>) -> Result<Value> {
        if !self.is(handle.tape()) {
            let foreign = Error::new(ErrorKind::ForeignTensor, "a tensor of another tape was given");
            let foreign = foreign.explain("a program is written on one tape").advise("declare all inputs on the same tape");
            return Err(self.name_foreign(foreign, handle, 0, 1));
        }
        let value = self.flush()?.value(handle.index());
        match value {
            Some(value) => Ok(value),
            None => Err(self.first_error().err().unwrap_or_else(|| Error::new(ErrorKind::Verify, "a tensor has no value"))),
        }
    }

    /// For the facade: a value of the tape's graph as a tensor. The error, if it is not one or of another element type, is kept.
    #[track_caller]
    pub fn adopt<T: Element>(&self, value: Value) -> Tensor<'_, T> {
        self.tensor(Recorded::Adopted(value, T::DTYPE), Indices::new())
    }

    /// For the facade: keeps an error, unless there is one already. One that names no line gets the caller's.
    #[track_caller]
    pub fn fail(&self, error: Error) {
        let error = error.at(Source::from(self.location()));
        // What was recorded before may be at fault, too, and comes first.
        drop(self.flush());
        self.keep(error);
    }

    /// For the facade: a tensor that cannot be computed; see [`fail`](Tape::fail).
    #[track_caller]
    pub fn poison<T: Element>(&self) -> Tensor<'_, T> {
        self.tensor(Recorded::Poison, Indices::new())
    }

    /// For the facade: the states that the tape reads, with their inputs, in order of declaration.
    pub fn shareds(&self) -> Vec<(NodeId, AnyShared)> {
        match self.flush() {
            Ok(state) => state.shareds.iter().map(|input| (input.node, input.shared.clone())).collect(),
            Err(busy) => {
                self.keep(busy);
                Vec::new()
            }
        }
    }

    /// Applies any op, such as one of your own ([`damo_graph::op::custom::Custom`]), to tensors of any element types.
    ///
    /// # Errors
    ///
    /// Kept by the tape: those of the op, and [`ErrorKind::DType`] if its result is not of type `T`.
    #[track_caller]
    pub fn apply<T: Element>(&self, op: impl Into<Op>, inputs: &[Handle<'_>]) -> Tensor<'_, T> {
        let op = op.into();
        let name = op.rules().name();
        if let Some(foreign) = inputs.iter().find(|input| !self.is(input.tape())) {
            return self.refuse_foreign(name, &[*foreign]);
        }
        let result: Tensor<'_, T> = self.structural(op, &inputs.iter().map(Handle::index).collect::<Indices>());
        match self.ty(result.index()) {
            Some(ty) if ty.dtype != T::DTYPE => {
                let problem = Problem::dtype(format!("it gives elements of type {}, and {} was asked for", ty.dtype, T::DTYPE));
                self.refuse(name, &problem, &inputs.iter().map(Handle::index).collect::<Indices>())
            }
            _ => result,
        }
    }
}

/// What the rest of this crate records and asks with.
impl Tape {
    /// Writes an op down, and gives the tensor that stands for it.
    #[track_caller]
    #[inline]
    pub(crate) fn tensor<T>(&self, what: Recorded, inputs: Indices) -> Tensor<'_, T> {
        let scope = self.scope.get();
        let location = scope.location.unwrap_or(Location::caller());
        let index = self.records.borrow_mut().push(Record { what, inputs, location, within: scope.name });
        if self.evaluates.get() {
            drop(self.flush());
        }
        Tensor { tape: self, index, element: PhantomData }
    }

    /// Writes down a function of the table.
    #[track_caller]
    #[inline]
    pub(crate) fn pointwise<T>(&self, scalar: &'static Scalar, inputs: &[u32]) -> Tensor<'_, T> {
        self.tensor(Recorded::Pointwise(scalar), Indices::from_slice(inputs))
    }

    /// Writes down any other op.
    #[track_caller]
    pub(crate) fn structural<T>(&self, op: impl Into<Op>, inputs: &[u32]) -> Tensor<'_, T> {
        self.tensor(Recorded::Structural(Box::new(op.into())), Indices::from_slice(inputs))
    }

    /// Enters what has been recorded into the graph.
    ///
    /// Fails only while [`with_graph`](Tape::with_graph) runs; errors of the program are kept.
    pub(crate) fn flush(&self) -> Result<RefMut<'_, State>> {
        let mut state = self.state.try_borrow_mut().map_err(|_| {
            Error::new(ErrorKind::Verify, "the tape was asked something while its graph was being worked on")
                .advise("ask before or after `with_graph`")
        })?;
        let mut records = self.records.borrow_mut();
        let entered = state.values.len();
        for record in records.from(entered) {
            let value = state.enter(record).unwrap_or_else(|error| {
                self.keep(error);
                None
            });
            state.values.push(value);
        }
        drop(records);
        Ok(state)
    }

    /// Keeps an error, unless there is one.
    pub(crate) fn keep(&self, error: Error) {
        self.error.borrow_mut().get_or_insert(error);
    }

    pub(crate) fn first_error(&self) -> Result<()> {
        self.error.borrow().clone().map_or(Ok(()), Err)
    }

    /// The type of a record; `None` if it is poisoned.
    pub(crate) fn ty(&self, index: u32) -> Option<Type> {
        match self.flush() {
            Ok(state) => state.ty(index),
            Err(busy) => {
                self.keep(busy);
                None
            }
        }
    }

    /// The user's line that is being recorded.
    #[track_caller]
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.scope.get().location.unwrap_or(Location::caller())
    }

    /// Where a node added now comes from.
    #[track_caller]
    pub(crate) fn here(&self) -> Provenance {
        Provenance { within: self.scope.get().name, ..Provenance::user(self.location()) }
    }

    /// The line of a record.
    pub(crate) fn source(&self, index: u32) -> Option<Source> {
        self.records.borrow().get(index).and_then(|record| provenance(record).source)
    }

    /// Evaluates from now on every op as it is recorded.
    pub(crate) fn evaluate_from_now_on(&self) {
        self.evaluates.set(true);
    }

    /// Keeps an error about an op that cannot even be recorded.
    #[track_caller]
    #[cold]
    pub(crate) fn refuse<T: Element>(&self, name: &'static str, problem: &Problem, inputs: &[u32]) -> Tensor<'_, T> {
        let mut here = self.here();
        here.within = here.within.or(Some(name));
        match self.flush() {
            Ok(mut state) => {
                let values: Vec<Value> = inputs.iter().filter_map(|&index| state.value(index)).collect();
                // Blame takes the word that the user wrote from the provenance; the op itself does not show.
                let before = state.graph.set_provenance(here);
                let error = state.graph.blame(&Op::from(StopGradient), &values, problem.clone());
                state.graph.set_provenance(before);
                self.keep(error);
            }
            Err(busy) => self.keep(busy),
        }
        self.poison()
    }

    /// Keeps the error that tensors of several tapes were used in one op.
    #[track_caller]
    #[cold]
    pub(crate) fn refuse_foreign<T: Element>(&self, name: &'static str, operands: &[Handle<'_>]) -> Tensor<'_, T> {
        let name = self.scope.get().name.unwrap_or(name);
        let error = Error::new(ErrorKind::ForeignTensor, format!("tensors of different tapes meet in `{name}`"));
        let error = operands.iter().enumerate().fold(error, |error, (place, &handle)| self.name_foreign(error, handle, place, operands.len()));
        self.fail(error.explain("a program is written on one tape").advise("declare all inputs on the same tape"));
        self.poison()
    }

    /// Whether this is that tape.
    #[inline]
    pub(crate) fn is(&self, other: &Tape) -> bool {
        std::ptr::eq(self, other)
    }

    /// Adds a tensor of some tape to an error.
    fn name_foreign(&self, error: Error, handle: Handle<'_>, place: usize, of: usize) -> Error {
        let tape = handle.tape();
        let Ok(state) = tape.flush() else { return error };
        let Some(value) = state.value(handle.index()) else { return error };
        let mut operand = state.graph.operand(value, place, of);
        operand.source = tape.source(handle.index());
        if !self.is(tape) {
            operand.ty.push_str(" of another tape");
        }
        error.operand(operand)
    }
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.graph() {
            Ok(graph) => fmt::Debug::fmt(&graph, f),
            Err(error) => fmt::Debug::fmt(&error, f),
        }
    }
}
