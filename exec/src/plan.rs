//! A plan: the steps that run a graph for given lengths, in order, with a place in memory for everything.

use damo_graph::{AnyArray, DType, ErrorKind, Graph, NodeId, Result, Sizes, Value};
use smallvec::SmallVec;

use crate::absorb::absorb;
use crate::array::Argument;
use crate::band::band;
use crate::choice::Choice;
use crate::executable::{Engine, Options};
use crate::fresh;
use crate::fuse::fuse;
use crate::instruction_set::InstructionSet;
use crate::kernel::{Kernel, Kernels, OneCall};
use crate::layout::{Layout, Shape, row_major};
use crate::library::{self, Product, multiplier::Multiplier};
use crate::lower::lower;
use crate::nest::{BufferId, Nest, Store};
use crate::place::place;
use crate::region::Region;
use crate::schedule::schedule;
use crate::step::{Buffer, Place, Step, View};

/// The steps that run a graph for given lengths. It never changes; any number of calls may run it at once.
#[derive(Debug)]
pub struct Plan {
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) constants: Vec<AnyArray>,
    pub(crate) steps: Vec<PlannedStep>,
    pub(crate) outputs: Vec<(DType, Shape)>,
    /// Which outputs machine code writes, every element, before anything else is done with their memory.
    pub(crate) is_written: Vec<bool>,
    pub(crate) sizes: Sizes,
    arena_bytes: usize,
    lower_bound_bytes: usize,
    pub(crate) scratch_bytes: usize,
    /// The instructions that machine code is made of, if there is any.
    pub(crate) machine_code: Option<InstructionSet>,
    /// Whether a step may fail for some contents of the arrays: then nothing is written to the caller's before all is done.
    pub(crate) may_fail: bool,
    /// Where the values of the graph are, for who watches; some are never written.
    pub(crate) values: Vec<(Value, View)>,
    /// How the inputs lie in memory.
    pub(crate) layouts: Vec<Layout>,
    /// Whether kernels need not look again that they stay inside the buffers.
    pub(crate) is_checked: bool,
    /// The steps again that are no more than one call of machine code; none before the accesses are checked.
    pub(crate) calls: Vec<Option<OneCall>>,
}

/// A step in its place.
#[derive(Debug)]
pub struct PlannedStep {
    /// What it does.
    pub step: Step,
    /// The nodes of the graph it computes.
    pub nodes: SmallVec<[NodeId; 2]>,
    /// Which results replace which operands in their memory: (operand, result).
    pub in_place: SmallVec<[(BufferId, BufferId); 1]>,
    /// The program of a nest, or of bands.
    pub(crate) kernel: Option<Kernel>,
}

/// How much scratch a kernel of the library takes; what it runs is made ready.
fn scratch_of(step: &Step, options: &Options) -> usize {
    match step {
        Step::Contract(contraction) => {
            let product = Product::of(contraction.dtype, options.machine_code());
            product.prepare(contraction);
            product.scratch_bytes(contraction, options.threads)
        }
        Step::Convolve(convolution) => {
            library::convolution::scratch_bytes(convolution, Multiplier::of(convolution.dtype, options.machine_code()), options.threads)
        }
        Step::Pool(pooling) => library::pool::scratch_bytes(pooling, options.threads),
        Step::Nest(_) | Step::Bands(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Reference(_) => 0,
    }
}

impl Plan {
    /// A plan for these lengths, and inputs that lie in memory like this: one layout per input of the graph, with offset 0.
    ///
    /// The same graph, lengths and layouts give the same plan. Fails where a length makes an op impossible.
    pub fn make(graph: &Graph, sizes: &Sizes, inputs: &[Layout], options: &Options) -> Result<Plan> {
        let (plan, kernels) = Plan::draw(graph, sizes, inputs, options)?;
        // A system that gives no memory for code leaves all nests to the portable engine.
        if kernels.finish().is_err() {
            return Plan::draw(graph, sizes, inputs, &Options { engine: Engine::Portable, ..*options }).map(|(plan, _)| plan);
        }
        Ok(plan)
    }

    /// The same, to be run when its kernels are finished.
    fn draw(graph: &Graph, sizes: &Sizes, inputs: &[Layout], options: &Options) -> Result<(Plan, Kernels)> {
        let (draft, places) = lower(graph, sizes, inputs)?;
        let mut choice = Choice::new(options.shake);
        let absorbed = absorb(draft, &mut choice);
        let fused = fuse(absorbed, &mut choice);
        // Who watches wants to see what each nest leaves.
        let banded = if options.watch.looks_at_values() { fused } else { band(fused, &mut choice) };
        let draft = schedule(banded, &mut choice);
        let placed = place(&draft, &mut choice);
        let mut steps = Vec::with_capacity(draft.steps.len());
        let mut scratch_bytes = 0;
        let mut kernels = Kernels::new(options.machine_code());
        for (drafted, in_place) in draft.steps.into_iter().zip(placed.in_place) {
            let kernel = match &drafted.step {
                Step::Nest(nest) => Some(kernels.compile(nest)),
                Step::Bands(bands) => Some(kernels.compile_bands(bands)),
                Step::Contract(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => {
                    None
                }
            };
            let kernel = kernel.transpose().map_err(|problem| problem.titled("a nest cannot be compiled"))?;
            scratch_bytes = kernel.as_ref().map_or(0, |kernel| kernel.scratch_bytes(options.threads)).max(scratch_bytes);
            scratch_bytes = scratch_of(&drafted.step, options).max(scratch_bytes);
            steps.push(PlannedStep { step: drafted.step, nodes: drafted.nodes, in_place, kernel });
        }
        let outputs = graph.outputs().iter().map(|&value| {
            let ty = graph.ty(value);
            let shape = sizes.shape(&ty.dims).map_err(|problem| problem.titled("an output has no shape"))?;
            Ok((ty.dtype, shape.into()))
        });
        let outputs = outputs.collect::<Result<Vec<(DType, Shape)>>>()?;
        fresh::announce(outputs.iter().map(|(dtype, shape)| shape.iter().product::<usize>() * dtype.size()).sum());
        let constants = draft.constants.iter().map(AnyArray::in_row_major_order);
        let is_written = (0..graph.outputs().len()).map(|output| is_written_first(&steps, &placed.buffers, output)).collect();
        let plan = Plan {
            is_written,
            buffers: placed.buffers,
            constants: constants.collect(),
            may_fail: steps.iter().any(|step| step.step.may_fail()),
            steps,
            outputs,
            sizes: sizes.clone(),
            arena_bytes: placed.arena_bytes,
            lower_bound_bytes: placed.lower_bound_bytes,
            scratch_bytes,
            machine_code: options.machine_code(),
            values: if options.watch.looks_at_values() { places } else { Vec::new() },
            layouts: inputs.to_vec(),
            is_checked: false,
            calls: Vec::new(),
        };
        if options.verify || cfg!(debug_assertions) {
            plan.verify().map_err(|message| damo_graph::Error::new(ErrorKind::Verify, "a plan breaks an invariant").explain(message))?;
        }
        Ok((plan, kernels))
    }

    /// Lets kernels be spared from looking, at each run, whether they stay inside the buffers, if they do. The plan must not be changed then.
    pub(crate) fn check_accesses(&mut self) {
        let region = |buffer: &Buffer| match buffer.place {
            Place::Input(place) => self.layouts.get(place).map(|layout| Region::promised(buffer.dtype.size(), &layout.shape, &layout.strides, false)),
            Place::Constant(place) => self.constants.get(place).map(Argument::region),
            Place::Output(place) => self.outputs.get(place).map(|(dtype, shape)| Region::promised(dtype.size(), shape, &row_major(shape), true)),
            Place::Arena { .. } => Some(Region::promised(1, &[buffer.bytes], &[1], true)),
            Place::Nowhere => Some(Region::promised(1, &[0], &[1], true)),
        };
        let Some(regions) = self.buffers.iter().map(region).collect::<Option<Vec<Region<'_>>>>() else { return };
        self.is_checked = self.steps.iter().filter_map(|step| step.kernel.as_ref()).all(|kernel| kernel.check(&regions).is_ok());
        if self.is_checked {
            self.calls = self.steps.iter().map(|step| step.kernel.as_ref().and_then(Kernel::one_call)).collect();
        }
    }

    /// The steps, in the order in which they run.
    pub fn steps(&self) -> &[PlannedStep] {
        &self.steps
    }

    /// The buffers, by their numbers.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// How much memory a call takes beside its results.
    pub const fn arena_bytes(&self) -> usize {
        self.arena_bytes
    }

    /// The most bytes that are needed at one step: no arrangement in this order takes less than this.
    pub const fn lower_bound_bytes(&self) -> usize {
        self.lower_bound_bytes
    }
}

/// Whether the first step that has to do with an output is machine code that writes all of it.
fn is_written_first(steps: &[PlannedStep], buffers: &[Buffer], output: usize) -> bool {
    let is_there = |buffer: &BufferId| buffers[buffer.index()].place == Place::Output(output);
    let first = steps.iter().find(|step| step.step.writes().iter().chain(&step.step.reads()).any(is_there));
    let Some(PlannedStep { step, kernel: Some(kernel), .. }) = first else { return false };
    let is_whole = |nest: &Nest, store: &Store| {
        let layout = Layout { shape: nest.shape.clone(), strides: store.to.strides.clone(), offset: store.to.offset };
        let bytes = layout.count() * store.to.dtype.size();
        is_there(&store.to.buffer) && layout.offset == 0 && layout.is_contiguous() && bytes == buffers[store.to.buffer.index()].bytes
    };
    kernel.machine_code().is_some() && step.nests().any(|nest| nest.stores.iter().any(|store| is_whole(nest, store)))
}
