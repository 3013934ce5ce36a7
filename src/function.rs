//! Functions: from tensors on a tape to a compiled program that takes arrays and gives arrays.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use damo_exec::array::{self, Output};
use damo_exec::{Executable, Inputs, Outputs};
use damo_graph::{AnyArray, Element, Error, ErrorKind, Graph, NodeId, Result, Source, Value};
use damo_passes::Trace;
use damo_passes::capture::capture;
use damo_trace::{AnyShared, Handle, Tape, Tensor, Tensors, Together, Write};

use crate::arguments::{Arguments, Results, Targets};
use crate::config::{Config, Mode};
use crate::debug::{self, Finding};
use crate::memory::{Memories, Memory};

/// Making functions, as a method on `Tape`.
pub trait Compile {
    /// A function of these inputs with these outputs: tensors, or tuples, arrays or vectors of them.
    ///
    /// Nothing happens until [`freeze`](FunctionBuilder::freeze).
    ///
    /// ```
    /// use damo::prelude::*;
    /// use ndarray::arr1;
    /// let tape = Tape::new();
    /// let a = tape.vector::<f64>("a");
    /// let f = tape.function(a, a + a.powi(10)).freeze(&Config::default())?;
    /// assert_eq!(f.call(&arr1(&[0.0, 1.0, 2.0]))?, arr1(&[0.0, 2.0, 1026.0]).into_dyn());
    /// # Ok::<(), damo::Error>(())
    /// ```
    #[track_caller]
    fn function<'t, I: Tensors<'t>, O: Tensors<'t>>(&'t self, inputs: I, outputs: O) -> FunctionBuilder<'t, I::Elements, O::Elements>;
}

impl Compile for Tape {
    fn function<'t, I: Tensors<'t>, O: Tensors<'t>>(&'t self, inputs: I, outputs: O) -> FunctionBuilder<'t, I::Elements, O::Elements> {
        FunctionBuilder {
            tape: self,
            inputs: inputs.handles().to_vec(),
            outputs: outputs.handles().to_vec(),
            updates: Vec::new(),
            source: Location::caller().into(),
            types: PhantomData,
        }
    }
}

/// A function that is being described: see [`Compile::function`].
#[must_use = "nothing is compiled until `freeze`"]
pub struct FunctionBuilder<'t, I, O> {
    tape: &'t Tape,
    inputs: Vec<Handle<'t>>,
    outputs: Vec<Handle<'t>>,
    updates: Vec<Update<'t>>,
    /// The user's line that asks for the function.
    source: Source,
    types: PhantomData<fn(I) -> O>,
}

/// A state and what it becomes.
struct Update<'t> {
    state: Handle<'t>,
    becomes: Handle<'t>,
    source: Source,
}

impl<'t, I, O> FunctionBuilder<'t, I, O> {
    /// After each successful call, the state becomes this value. All updates of a call happen together at its end.
    ///
    /// `state` is what [`Tape::shared`] gave; `becomes` has its shape.
    ///
    /// # Errors
    ///
    /// Told by [`freeze`](Self::freeze): [`ErrorKind::Update`] if `state` is not a shared state, has another shape, or is updated twice.
    #[track_caller]
    pub fn update<T: Element>(mut self, state: Tensor<'t, T>, becomes: Tensor<'t, T>) -> Self {
        self.updates.push(Update { state: state.handle(), becomes: becomes.handle(), source: Location::caller().into() });
        self
    }

    /// The program as it was traced, before any pass.
    ///
    /// # Errors
    ///
    /// As [`freeze`](Self::freeze).
    pub fn graph(&self) -> Result<Graph> {
        self.program().map(|program| program.graph)
    }

    /// Rewrites, schedules and compiles.
    ///
    /// # Errors
    ///
    /// The first error of the tape; [`ErrorKind::Declaration`] if an input is needed that is not listed; [`ErrorKind::Update`] for an
    /// update that cannot be.
    pub fn freeze(&self, config: &Config) -> Result<Function<I, O>> {
        let Program { graph: traced, states, updates } = self.program()?;
        let (graph, trace) = damo_passes::pipeline::optimise(&traced, &config.passes())?;
        let executable = debug::watched(&traced, Executable::new(graph, config.options())?, config);
        let (arguments, outputs) = (self.inputs.len(), self.outputs.len());
        Ok(Function {
            traced,
            trace,
            executable,
            memories: Memories::default(),
            states: Together::new(states),
            updates: Together::new(updates),
            arguments,
            outputs,
            source: self.source,
            is_debugged: config.mode == Mode::Debug,
            types: PhantomData,
        })
    }

    /// Cuts the program out of the tape: its outputs, then what its states become.
    fn program(&self) -> Result<Program> {
        self.tape.check()?;
        let value = |&handle: &Handle<'t>| self.tape.value_of_handle(handle).map_err(|error| error.at(self.source));
        let arguments: Vec<Value> = self.inputs.iter().map(value).collect::<Result<_>>()?;
        let mut outputs: Vec<Value> = self.outputs.iter().map(value).collect::<Result<_>>()?;
        let known = self.tape.shareds();
        let graph = self.tape.graph()?;
        let mut updated: Vec<NodeId> = Vec::new();
        for update in &self.updates {
            let here = |error: Error| error.at(update.source);
            let state = self.tape.value_of_handle(update.state).map_err(here)?;
            let becomes = self.tape.value_of_handle(update.becomes).map_err(here)?;
            check_update(&graph, &known, state, becomes, &updated).map_err(here)?;
            updated.push(state.node);
            outputs.push(becomes);
        }
        let captured = capture(&graph, &arguments, &updated, &outputs)?;
        let states = captured.states.iter().map(|node| known.iter().find(|(known, _)| known == node).map(|(_, state)| state.clone()));
        let states =
            states.collect::<Option<Vec<AnyShared>>>().ok_or_else(|| Error::new(ErrorKind::Verify, "a state of the program is not on its tape"))?;
        let updates = states[..updated.len()].to_vec();
        Ok(Program { graph: captured.graph, states, updates })
    }
}

/// A captured program and its states.
struct Program {
    graph: Graph,
    /// One for each input of the graph behind the arguments.
    states: Vec<AnyShared>,
    /// What the outputs behind the function's own are for.
    updates: Vec<AnyShared>,
}

fn check_update(graph: &Graph, known: &[(NodeId, AnyShared)], state: Value, becomes: Value, updated: &[NodeId]) -> Result<()> {
    let operand = |value| graph.operand(value, 0, 1);
    let refuse = |title: String| Err(Error::new(ErrorKind::Update, title).operand(operand(state)).operand(operand(becomes)));
    if !known.iter().any(|(node, _)| *node == state.node) {
        return refuse("only a shared state can be updated".into()).map_err(|error| error.advise("update what `tape.shared(&state)` gave"));
    }
    let name = operand(state).name;
    if updated.contains(&state.node) {
        return refuse(format!("`{name}` is updated twice")).map_err(|error| error.advise("give one update per state"));
    }
    let (old, new) = (graph.ty(state), graph.ty(becomes));
    let lengths = graph.lengths();
    let same = old.dtype == new.dtype && old.rank() == new.rank() && old.dims.iter().zip(&*new.dims).all(|(a, b)| lengths.same(a, b));
    if !same {
        return refuse(format!("the update of `{name}` has another type")).map_err(|error| {
            error.explain(format!("`{name}` is {old} and would become {new}")).advise("a state keeps its shape; sum or reshape the update to it")
        });
    }
    Ok(())
}

/// A compiled program: takes arrays, gives arrays, and updates its states.
///
/// `I` and `O` are the element types of its inputs and outputs, in the same tuples, arrays or vectors as the tensors were.
/// Any number of threads may call it at once; calls that update states take turns.
pub struct Function<I, O> {
    traced: Graph,
    trace: Trace,
    executable: Executable,
    memories: Memories,
    states: Together,
    updates: Together,
    arguments: usize,
    outputs: usize,
    /// The user's line that asked for it.
    source: Source,
    /// Whether it runs in debug mode.
    is_debugged: bool,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O: Results> Function<I, O> {
    /// Runs it on arrays, owned or viewed, of any strides, and gives new arrays.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Argument`] if an array does not have the declared shape or lengths do not agree, with the line that asks for it;
    /// [`ErrorKind::Execution`] if an op fails, as an index out of range does. A call that fails changes nothing.
    pub fn call<'a, A: Arguments<'a, I>>(&self, arguments: A) -> Result<O::Arrays> {
        let arrays = self.transaction(arguments.views().as_ref(), &mut [], |results| O::arrays(results))?;
        arrays.ok_or_else(|| Error::new(ErrorKind::Execution, "a result has another element type than declared"))
    }

    /// Runs it on arrays and writes the results into the caller's arrays, of any strides.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call), and [`ErrorKind::Argument`] if an array for a result does not have its shape.
    pub fn call_into<'a, 'b, A: Arguments<'a, I>, B: Targets<'b, O>>(&self, arguments: A, targets: B) -> Result<()> {
        self.transaction(arguments.views().as_ref(), targets.views().as_mut(), |_| ())
    }

    /// Reads the states, runs, and writes the states: all of it, or nothing.
    ///
    /// What the targets do not take of the outputs, `give` gives.
    fn transaction<R>(
        &self,
        arguments: &[&dyn array::Argument],
        targets: &mut [&mut dyn array::Target],
        give: impl FnOnce(&mut [Output]) -> R,
    ) -> Result<R> {
        if arguments.len() != self.arguments {
            let message = format!("the function takes {} arrays and was given {}", self.arguments, arguments.len());
            return Err(Error::new(ErrorKind::Argument, message)
                .at(self.source)
                .advise("give one `&array` for each input, in the order they were listed"));
        }
        self.memories.with(&self.executable, self.updates.states().len(), |memory| {
            memory.frame.begin();
            let ran = self.updates.in_turn(|| {
                let before = if self.is_debugged { self.states.states().iter().map(AnyShared::read_with_write).collect() } else { Vec::new() };
                let Memory { frame, states, next, results } = memory;
                self.states.read(states);
                let ran = self.executable.run(frame, Inputs::new(arguments, states), &mut Outputs { targets, states: next, results });
                if ran.is_err() && self.is_debugged {
                    self.check_unchanged(&before)?;
                }
                ran?;
                // What the states were is only theirs again, so that it can be written when it is no longer needed.
                states.clear();
                self.updates.swap(next)
            });
            if let Err(error) = ran {
                self.executable.finish(&mut memory.frame, false);
                return Err(error);
            }
            let given = give(&mut memory.results);
            self.executable.finish(&mut memory.frame, true);
            Ok(given)
        })
    }
}

impl<I, O> Function<I, O> {
    /// The program as it was traced.
    pub fn traced_graph(&self) -> &Graph {
        &self.traced
    }

    /// The program as it runs, after all passes.
    pub fn graph(&self) -> &Graph {
        self.executable.graph()
    }

    /// What each pass did: names, sizes, times.
    pub fn passes(&self) -> &Trace {
        &self.trace
    }

    pub(crate) const fn executable(&self) -> &Executable {
        &self.executable
    }

    /// The user's line that asked for it.
    pub(crate) const fn source(&self) -> Source {
        self.source
    }

    /// What debug mode has found so far, the oldest first. What is worse than an error is an error of the call as well, unless the flag
    /// `debug.raise=false` says otherwise.
    pub fn findings(&self) -> Vec<Finding> {
        self.executable.findings()
    }

    /// The same function with faults planted: how tests show that debug mode finds them.
    #[doc(hidden)]
    #[must_use]
    pub fn hooked(mut self, hooks: debug::Hooks) -> Self {
        self.executable = self.executable.hooked(hooks);
        self
    }

    /// Whether the states are what they were before a call that failed, but for what other threads have written.
    fn check_unchanged(&self, before: &[(AnyArray, Write)]) -> Result<()> {
        let is_changed = |(state, (array, write)): &(&AnyShared, &(AnyArray, Write))| {
            let (now, last) = state.read_with_write();
            now != *array && (last == *write || last.is_of_this_thread())
        };
        let Some((state, _)) = self.states.states().iter().zip(before).find(is_changed) else { return Ok(()) };
        let finding = Finding::FailedCallChanged { state: state.name().to_owned() };
        let error = finding.to_error();
        self.executable.keep([finding]);
        Err(error)
    }

    /// The frozen plans in words: steps, buffers, bytes, and what falls back to the reference.
    ///
    /// Plans are made for the lengths of each call; before the first call there is one only if no length is open.
    pub fn explain(&self) -> String {
        format!("{}\n{}", self.trace, self.executable.explain())
    }
}

impl<I, O> fmt::Debug for Function<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Function({} inputs, {} outputs, {} updates, {} nodes)",
            self.arguments,
            self.outputs,
            self.updates.states().len(),
            self.graph().len()
        )
    }
}
