//! A graph made ready to run: it plans for the lengths it meets, keeps the plans, and runs them on borrowed arrays.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use damo_graph::{AnyArray, DType, Error, ErrorKind, Graph, Result, Sizes};

use crate::array::{Argument, Output, Target};
use crate::cache::{Cache, key};
use crate::debug::Watch;
use crate::frame::{Frame, Outputs};
use crate::hooks::Hooks;
use crate::inputs::Inputs;
use crate::instruction_set::InstructionSet;
use crate::layout::Layout;
use crate::plan::Plan;
use crate::profile::meter::{Meter, Unmeasured};
use crate::profile::recorder::Recorder;
use crate::watched::Watched;

/// Who computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Fused nests as machine code, where the processor has the instructions (AVX2 and FMA, or more); elsewhere as [`Engine::Portable`].
    #[default]
    Native,
    /// Fused nests by a tile interpreter: on every machine.
    Portable,
    /// Each op by its meaning: slow, and the judge of the others.
    Reference,
}

/// How to run a graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Who computes.
    pub engine: Engine,
    /// The instructions that machine code is made of; the widest that the processor has, if none are named.
    pub instructions: Option<InstructionSet>,
    /// How many threads one call may use; the results do not depend on it.
    pub threads: usize,
    /// How many plans are kept.
    pub plan_cache: usize,
    /// Whether each plan is checked before it runs, in builds without debug assertions too.
    pub verify: bool,
    /// How closely calls are watched.
    pub watch: Watch,
    /// For tests: lets dice choose, started by this seed, what planning chooses by heuristics. Any choice is right; this one is hardly good.
    pub shake: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Options { engine: Engine::default(), instructions: None, threads: 1, plan_cache: 16, verify: false, watch: Watch::Off, shake: None }
    }
}

impl Options {
    /// The instructions that machine code is made of, if there is to be any.
    pub fn machine_code(&self) -> Option<InstructionSet> {
        (self.engine == Engine::Native).then(|| self.instructions.or_else(InstructionSet::best)).flatten()
    }
}

/// A graph made ready to run. Any number of threads may call it at once.
pub struct Executable {
    pub(crate) graph: Graph,
    pub(crate) options: Options,
    /// The dtype and the number of axes of each input.
    declared: Vec<(DType, usize)>,
    cache: Mutex<Cache>,
    /// How often a call found the plan of the one before in its frame.
    found: AtomicU64,
    /// A number that no other executable has.
    identity: u64,
    /// What the debugger knows, where calls are watched.
    pub(crate) watched: Watched,
    /// What is known of calls that are measured.
    pub(crate) recorder: Recorder,
    pub(crate) hooks: Hooks,
}

/// How many executables there were.
static EXECUTABLES: AtomicU64 = AtomicU64::new(0);

impl Executable {
    /// Makes a graph ready. Its outputs must be set.
    ///
    /// Fails with [`ErrorKind::Declaration`] if there are none, and with [`ErrorKind::Config`] if the processor lacks instructions that the
    /// options name.
    pub fn new(graph: Graph, options: Options) -> Result<Executable> {
        if graph.outputs().is_empty() {
            return Err(Error::new(ErrorKind::Declaration, "a program without outputs cannot run").advise("say what it should give back"));
        }
        if let Some(lacking) = options.instructions.filter(|set| !set.is_available()) {
            let error = Error::new(ErrorKind::Config, format!("this processor does not have {lacking}"));
            return Err(error.advise("leave out the key `instructions`, or set it to `best`: then what the processor has is used"));
        }
        let declared = graph.inputs().iter().map(|&node| (graph.node(node).types()[0].dtype, graph.node(node).types()[0].rank())).collect();
        Ok(Executable {
            graph,
            options,
            declared,
            cache: Mutex::default(),
            found: AtomicU64::new(0),
            identity: EXECUTABLES.fetch_add(1, Ordering::Relaxed),
            watched: Watched::default(),
            recorder: Recorder::default(),
            hooks: Hooks::default(),
        })
    }

    /// The graph it runs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// How it runs.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What a call works with: kept from call to call, it makes them cheap. Each call needs one of its own at a time.
    pub fn frame(&self) -> Frame {
        Frame::new(self.identity, self.options.watch == Watch::Profile)
    }

    /// Runs on one array per input of the graph, in order of declaration (states of `Shared`s among them), and gives one array per output.
    ///
    /// Fails with [`ErrorKind::Argument`] if an array does not have the declared element type, axes or lengths, before anything runs,
    /// and with [`ErrorKind::Execution`] if an op fails.
    pub fn call(&self, inputs: &[&dyn Argument]) -> Result<Vec<AnyArray>> {
        self.call_into(inputs, &mut [])
    }

    /// The same, but the first outputs are written to these targets; the others are returned, in order.
    ///
    /// Targets may have any strides. Fails as [`Executable::call`] does, and if a target does not have the element type and lengths of its
    /// output. After a failure the targets are as they were.
    pub fn call_into(&self, inputs: &[&dyn Argument], targets: &mut [&mut dyn Target]) -> Result<Vec<AnyArray>> {
        let mut results = Vec::new();
        let mut outputs = Outputs { targets, states: &mut [], results: &mut results };
        self.run(&mut self.frame(), Inputs::new(inputs, &[]), &mut outputs)?;
        Ok(results.into_iter().filter_map(Output::into_any).collect())
    }

    /// The same with memory of earlier calls, and states among the outputs: a call like the last one allocates nothing but new results.
    ///
    /// Fails as [`Executable::call_into`] does. After a failure the targets are as they were; the arrays for states may hold anything.
    pub fn run(&self, frame: &mut Frame, inputs: Inputs<'_>, outputs: &mut Outputs<'_, '_>) -> Result<()> {
        if frame.stopwatch.is_none() {
            return self.compute(frame, inputs, outputs);
        }
        let begins = frame.enter();
        let ran = self.compute(frame, inputs, outputs);
        if begins {
            self.finish(frame, ran.is_ok());
        }
        ran
    }

    fn compute(&self, frame: &mut Frame, inputs: Inputs<'_>, outputs: &mut Outputs<'_, '_>) -> Result<()> {
        if self.options.engine == Engine::Reference {
            self.check(inputs)?;
            let arrays: Vec<AnyArray> = inputs.iter().map(Argument::to_any).collect();
            if let Some(stopwatch) = &mut frame.stopwatch {
                stopwatch.evaluate();
            }
            let results = self.graph.evaluate(&arrays)?;
            if let Some(stopwatch) = &mut frame.stopwatch {
                stopwatch.done();
            }
            let types: Vec<(DType, Vec<usize>)> = results.iter().map(|array| (array.dtype(), array.shape().to_vec())).collect();
            self.check_targets(outputs, types.iter().map(|(dtype, shape)| (*dtype, shape.as_slice())))?;
            let results = if self.is_watched_now() { self.watch_reference(inputs, results)? } else { results };
            outputs.put(results.into_iter());
            return Ok(());
        }
        // The plan is out of the frame while it runs, so that both may be borrowed.
        let plan = self.plan_for(frame, inputs)?;
        let ran = if self.is_watched_now() {
            self.check_targets(outputs, plan.outputs.iter().map(|(dtype, shape)| (*dtype, shape.as_slice())))
                .and_then(|()| self.watch(&plan, inputs))
                .map(|results| outputs.put(results.into_iter()))
        } else if let Some(mut stopwatch) = frame.stopwatch.take() {
            stopwatch.plan(&plan);
            let ran = frame.run(self, &plan, inputs, outputs, &mut *stopwatch);
            frame.stopwatch = Some(stopwatch);
            ran
        } else {
            frame.run(self, &plan, inputs, outputs, &mut Unmeasured)
        };
        frame.plan = Some(plan);
        ran
    }

    /// Refuses arrays of another number, element type or number of axes than declared.
    fn check(&self, inputs: Inputs<'_>) -> Result<()> {
        if inputs.len() != self.declared.len() {
            let message = format!("the program has {} inputs and was given {} arrays", self.declared.len(), inputs.len());
            return Err(Error::new(ErrorKind::Argument, message));
        }
        for (place, (array, &(dtype, rank))) in inputs.iter().zip(&self.declared).enumerate() {
            if array.dtype() != dtype {
                let node = self.graph.inputs()[place];
                let name = self.graph.input(node).map_or("an input", |input| input.name.as_str());
                return Err(Error::new(
                    ErrorKind::Argument,
                    format!("`{name}` is declared with elements of type {dtype} and was given {}", array.dtype()),
                )
                .at(self.graph.node(node).provenance().source)
                .advise("give an array of the declared element type; nothing has been run or changed"));
            }
            if array.shape().len() != rank {
                // This finds the same and says it better.
                Sizes::bind(&self.graph, &inputs.shapes())?;
            }
        }
        Ok(())
    }

    /// Refuses arrays to write to of another number, element type or shape than the outputs.
    pub(crate) fn check_targets<'s>(&self, given: &Outputs<'_, '_>, outputs: impl ExactSizeIterator<Item = (DType, &'s [usize])>) -> Result<()> {
        let count = given.targets.len() + given.states.len();
        if count > outputs.len() {
            let message = format!("the program has {} outputs and was given {count} arrays to write to", outputs.len());
            return Err(Error::new(ErrorKind::Argument, message));
        }
        for (place, (dtype, shape)) in outputs.take(given.targets.len()).enumerate() {
            let (own, lengths) = given.target(place);
            if (own, lengths) != (dtype, shape) {
                return Err(Error::new(ErrorKind::Argument, format!("the array to write output {place} to does not fit it"))
                    .at(self.graph.outputs().get(place).and_then(|value| self.graph.node(value.node).provenance().source))
                    .explain(format!("the output is {dtype}{shape:?} in this call, and the array is {own}{lengths:?}"))
                    .advise("give an array of the output's shape; nothing has been run or changed"));
            }
        }
        Ok(())
    }

    /// The plan for the lengths and strides of these arrays: that of the frame, one that is kept, or a new one.
    fn plan_for(&self, frame: &mut Frame, inputs: Inputs<'_>) -> Result<Arc<Plan>> {
        let last = frame.plan.take().filter(|_| frame.executable == self.identity);
        let last = match last {
            Some(plan) if self.fits(&plan, inputs) => {
                self.found.fetch_add(1, Ordering::Relaxed);
                return Ok(plan);
            }
            other => other,
        };
        self.check(inputs)?;
        let key = key(inputs);
        let kept = {
            let mut cache = lock(&self.cache);
            if let Some(last) = last {
                cache.touch(&last);
            }
            cache.find(&key)
        };
        if let Some(plan) = kept {
            return Ok(plan);
        }
        if self.hooks.stale()
            && self.options.watch.looks_at_values()
            && let Some(plan) = lock(&self.cache).plans().next()
        {
            return Ok(Arc::clone(plan));
        }
        if let Some(stopwatch) = &mut frame.stopwatch {
            stopwatch.made_plan = true;
        }
        // Other calls go on meanwhile. Two that make the same plan make it equal.
        let plan = Arc::new(self.plan_of(inputs)?);
        lock(&self.cache).keep(key, &plan, self.options.plan_cache);
        Ok(plan)
    }

    /// Whether a plan was made for arrays like these.
    fn fits(&self, plan: &Plan, inputs: Inputs<'_>) -> bool {
        let is_alike = |((array, (dtype, _)), layout): ((&dyn Argument, &(DType, usize)), &Layout)| array.lies_as(*dtype, layout);
        inputs.len() == self.declared.len() && inputs.iter().zip(&self.declared).zip(&plan.layouts).all(is_alike)
    }

    /// A new plan for the lengths and strides of these arrays.
    ///
    /// Fails if they do not have the declared lengths.
    pub fn plan(&self, inputs: &[&dyn Argument]) -> Result<Plan> {
        self.plan_of(Inputs::new(inputs, &[]))
    }

    pub(crate) fn plan_of(&self, inputs: Inputs<'_>) -> Result<Plan> {
        self.check(inputs)?;
        let sizes = Sizes::bind(&self.graph, &inputs.shapes())?;
        let mut plan = Plan::make(&self.graph, &sizes, &inputs.layouts(), &self.options)?;
        self.hooks.plan(&mut plan);
        if !self.options.watch.looks_at_values() {
            plan.check_accesses();
        }
        Ok(plan)
    }

    /// The plans made so far, the latest used first, as text: steps, buffers, bytes, fallbacks, and how often a plan was found.
    pub fn explain(&self) -> String {
        let cache = lock(&self.cache);
        let mut text = format!(
            "{} plans kept of at most {}: found {} times, made {} times\n",
            cache.plans().len(),
            self.options.plan_cache,
            cache.hits + self.found.load(Ordering::Relaxed),
            cache.misses
        );
        for plan in cache.plans() {
            text.push('\n');
            text.push_str(&plan.explain(&self.graph));
        }
        text
    }
}

/// What is inside. A call that panicked left it as it was: it is only changed in single steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
