//! A graph made ready to run: it plans for the lengths it meets, keeps the plans, and runs them on borrowed arrays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use damo_graph::{AnyArray, DType, Error, ErrorKind, Graph, Result, Sizes};
use smallvec::SmallVec;

use crate::array::{Argument, OwnedElements, Target};
use crate::cache::{Cache, key, layout};
use crate::debug::Watch;
use crate::hooks::Hooks;
use crate::instruction_set::InstructionSet;
use crate::layout::{Layout, Shape};
use crate::plan::Plan;
use crate::run::{Arena, after_run};
use crate::view::Region;
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
}

impl Default for Options {
    fn default() -> Self {
        Options { engine: Engine::default(), instructions: None, threads: 1, plan_cache: 16, verify: false, watch: Watch::Off }
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
    /// Memory that no call uses at the moment.
    arenas: Mutex<Vec<Arena>>,
    /// What the debugger knows, where calls are watched.
    pub(crate) watched: Watched,
    pub(crate) hooks: Hooks,
}

/// Arrays that a call has not handed out yet.
type Results = SmallVec<[OwnedElements; 4]>;

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
            arenas: Mutex::default(),
            watched: Watched::default(),
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

    /// Runs on one array per input of the graph, in order of declaration (states of `Shared`s among them), and gives one array per output.
    ///
    /// Fails with [`ErrorKind::Argument`] if an array does not have the declared element type, axes or lengths, before anything runs,
    /// and with [`ErrorKind::Execution`] if an op fails.
    pub fn call(&self, inputs: &[&dyn Argument]) -> Result<Vec<AnyArray>> {
        self.call_into(inputs, &mut [])
    }

    /// The same, but output `i` is written to `targets[i]` if that is given; the other outputs are returned, in order.
    ///
    /// Targets may have any strides. Fails as [`Executable::call`] does, and if a target does not have the element type and lengths of its
    /// output. After a failure the targets are as they were.
    pub fn call_into(&self, inputs: &[&dyn Argument], targets: &mut [Option<&mut dyn Target>]) -> Result<Vec<AnyArray>> {
        self.check(inputs)?;
        if self.options.engine == Engine::Reference {
            let arrays: Vec<AnyArray> = inputs.iter().map(|array| array.to_any()).collect();
            let results = self.graph.evaluate(&arrays)?;
            let types: Vec<(DType, Vec<usize>)> = results.iter().map(|array| (array.dtype(), array.shape().to_vec())).collect();
            self.check_targets(targets, types.iter().map(|(dtype, shape)| (*dtype, shape.as_slice())))?;
            let results = if self.is_watched_now() { self.watch_reference(inputs, results)? } else { results };
            return Ok(hand_out(results.into_iter(), targets));
        }
        let plan = self.plan_for(inputs)?;
        if self.is_watched_now() {
            self.check_targets(targets, plan.outputs.iter().map(|(dtype, shape)| (*dtype, shape.as_slice())))?;
            return Ok(hand_out(self.watch(&plan, inputs)?.into_iter(), targets));
        }
        self.check_targets(targets, plan.outputs.iter().map(|(dtype, shape)| (*dtype, shape.as_slice())))?;
        // A step that may fail must not have written to the caller's arrays.
        let mut direct: SmallVec<[bool; 4]> = SmallVec::new();
        for place in 0..plan.outputs.len() {
            direct.push(!plan.may_fail && targets.get_mut(place).and_then(Option::as_mut).is_some_and(|target| target.region().is_some()));
        }
        let own = plan.outputs.iter().zip(&direct).filter(|(_, direct)| !**direct);
        let memory = |(place, (dtype, shape)): (usize, &(DType, Shape))| {
            let count = shape.iter().product();
            if plan.is_written[place] { OwnedElements::unwritten(*dtype, count) } else { OwnedElements::zeros(*dtype, count) }
        };
        let mut results: Results =
            plan.outputs.iter().enumerate().zip(&direct).filter(|(_, direct)| !**direct).map(|(output, _)| memory(output)).collect();
        {
            let mut owned = results.iter_mut();
            let mut given = targets.iter_mut();
            let mut regions: SmallVec<[Region<'_>; 4]> = SmallVec::new();
            for direct in &direct {
                let target = given.next().and_then(Option::as_mut).filter(|_| *direct);
                let region = match target {
                    Some(target) => target.region(),
                    None => owned.next().map(OwnedElements::region),
                };
                regions.push(region.ok_or_else(|| Error::new(ErrorKind::Execution, "a result has no memory"))?);
            }
            self.run(&plan, inputs, &regions)?;
        }
        results.iter_mut().zip(own.clone()).for_each(|(elements, ((_, shape), _))| after_run(elements, shape));
        let mut results = results.into_iter().zip(own).map(|(elements, ((_, shape), _))| elements.into_array(shape));
        let mut returned = Vec::with_capacity(direct.iter().filter(|direct| !**direct).count());
        for (place, &direct) in direct.iter().enumerate() {
            if direct {
                continue;
            }
            let Some(array) = results.next().flatten() else { continue };
            match targets.get_mut(place).and_then(Option::as_mut) {
                Some(target) => drop(target.copy_from(&array)),
                None => returned.push(array),
            }
        }
        Ok(returned)
    }

    fn run(&self, plan: &Plan, inputs: &[&dyn Argument], outputs: &[Region<'_>]) -> Result<()> {
        let call = self.as_call(plan, inputs);
        if plan.arena_bytes() == 0 && plan.scratch_bytes == 0 {
            return call.run(outputs, &mut Arena::default());
        }
        let mut arena = lock(&self.arenas).pop().unwrap_or_default();
        let ran = call.run(outputs, &mut arena);
        lock(&self.arenas).push(arena);
        ran
    }

    /// Refuses arrays of another number, element type or number of axes than declared.
    fn check(&self, inputs: &[&dyn Argument]) -> Result<()> {
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
                let shapes: Vec<&[usize]> = inputs.iter().map(|array| array.shape()).collect();
                Sizes::bind(&self.graph, &shapes)?;
            }
        }
        Ok(())
    }

    fn check_targets<'s>(&self, targets: &[Option<&mut dyn Target>], outputs: impl ExactSizeIterator<Item = (DType, &'s [usize])>) -> Result<()> {
        if targets.len() > outputs.len() {
            let message = format!("the program has {} outputs and was given {} arrays to write to", outputs.len(), targets.len());
            return Err(Error::new(ErrorKind::Argument, message));
        }
        for (place, (target, (dtype, shape))) in targets.iter().zip(outputs).enumerate() {
            let Some(target) = target else { continue };
            if (target.dtype(), target.shape()) != (dtype, shape) {
                return Err(Error::new(ErrorKind::Argument, format!("the array to write output {place} to does not fit it"))
                    .at(self.graph.outputs().get(place).and_then(|value| self.graph.node(value.node).provenance().source))
                    .explain(format!("the output is {dtype}{shape:?} in this call, and the array is {}{:?}", target.dtype(), target.shape()))
                    .advise("give an array of the output's shape; nothing has been run or changed"));
            }
        }
        Ok(())
    }

    /// The plan for the lengths and strides of these arrays: one that is kept, or a new one.
    fn plan_for(&self, inputs: &[&dyn Argument]) -> Result<Arc<Plan>> {
        let key = key(inputs);
        if let Some(plan) = lock(&self.cache).find(&key) {
            return Ok(plan);
        }
        if self.hooks.stale()
            && let Some(plan) = lock(&self.cache).plans().next()
        {
            return Ok(Arc::clone(plan));
        }
        // Other calls go on meanwhile. Two that make the same plan make it equal.
        let plan = Arc::new(self.plan(inputs)?);
        lock(&self.cache).keep(key, &plan, self.options.plan_cache);
        Ok(plan)
    }

    /// A new plan for the lengths and strides of these arrays.
    ///
    /// Fails if they do not have the declared lengths.
    pub fn plan(&self, inputs: &[&dyn Argument]) -> Result<Plan> {
        self.check(inputs)?;
        let shapes: Vec<&[usize]> = inputs.iter().map(|array| array.shape()).collect();
        let sizes = Sizes::bind(&self.graph, &shapes)?;
        let layouts: Vec<Layout> = inputs.iter().map(|array| layout(*array)).collect();
        let mut plan = Plan::make(&self.graph, &sizes, &layouts, &self.options)?;
        self.hooks.plan(&mut plan);
        Ok(plan)
    }

    /// The plans made so far, the latest used first, as text: steps, buffers, bytes, fallbacks, and how often a plan was found.
    pub fn explain(&self) -> String {
        let cache = lock(&self.cache);
        let mut text = format!(
            "{} plans kept of at most {}: found {} times, made {} times\n",
            cache.plans().len(),
            self.options.plan_cache,
            cache.hits,
            cache.misses
        );
        for plan in cache.plans() {
            text.push('\n');
            text.push_str(&plan.explain(&self.graph));
        }
        text
    }
}

/// Puts results into their targets; gives those without.
fn hand_out(results: impl Iterator<Item = AnyArray>, targets: &mut [Option<&mut dyn Target>]) -> Vec<AnyArray> {
    let mut returned = Vec::new();
    for (place, array) in results.enumerate() {
        match targets.get_mut(place).and_then(Option::as_mut) {
            Some(target) => drop(target.copy_from(&array)),
            None => returned.push(array),
        }
    }
    returned
}

/// What is inside. A call that panicked left it as it was: it is only changed in single steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
