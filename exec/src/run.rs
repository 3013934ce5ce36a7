//! Running the steps of a plan on memory: the arena of a call, and the one place where steps meet the kernels that trust the plan.
//!
//! The kernels are `unsafe` because they take the plan's word that nobody else touches their memory. That word is given here once for all:
//! a call has its own arena and its own results, its inputs are borrowed for reading, and planning ([`Plan::verify`]) lets no two buffers
//! that are needed at the same step overlap, but for results that replace operands element by element. That accesses stay inside their
//! buffers is checked when a plan is made ([`Plan::check_accesses`]), and buffers are as long as it says: the arena's parts are cut so, inputs
//! and results have the lengths and steps that it was made for.

#![expect(unsafe_code, reason = "buffers overlap in the arena over time, and kernels rely on the plan's lifetimes")]

use std::sync::atomic::AtomicU64;

use damo_graph::{AnyArray, DType, ErrorKind, Graph, Problem, Result};

use crate::array::{Argument, OwnedElements};
use crate::debug::guard;
use crate::fresh;
use crate::hooks::Hooks;
use crate::inputs::Inputs;
use crate::kernel::Kernel;
use crate::layout::Layout;
use crate::library::{self, Product, multiplier::Multiplier};
use crate::nest::BufferId;
use crate::plan::{Plan, PlannedStep};
use crate::profile::meter::Meter;
use crate::region::Region;
use crate::step::{ALIGNMENT, Place, Reference, Step, View};
use crate::view::{View as Elements, ViewMut as ElementsMut, with_bits};

/// As much memory as a buffer is aligned to.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; ALIGNMENT]);

/// The memory of one call at a time: buffers that live between steps, and the kernels' scratch.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    lines: Vec<Line>,
    scratch: Vec<Line>,
    /// The room of a list.
    regions: Vec<Region<'static>>,
}

impl Arena {
    /// Makes room for a plan. What is there already is used again.
    pub fn make_room(&mut self, plan: &Plan) {
        for (lines, bytes) in [(&mut self.lines, plan.arena_bytes()), (&mut self.scratch, plan.scratch_bytes)] {
            let needed = bytes.div_ceil(ALIGNMENT);
            if lines.len() < needed {
                // What was there goes first: both would be twice as much.
                *lines = Vec::new();
                lines.reserve_exact(needed);
                fresh::prepare(lines.spare_capacity_mut());
                lines.resize(needed, Line([0; ALIGNMENT]));
            }
        }
    }
}

/// The room of a list for regions of another time.
pub(crate) fn recycled<'a>(regions: Vec<Region<'_>>) -> Vec<Region<'a>> {
    let mut regions = regions;
    regions.clear();
    // What is collected from a list takes over its memory.
    regions.into_iter().map_while(|_| None).collect()
}

/// What a call works on.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub plan: &'a Plan,
    pub graph: &'a Graph,
    pub inputs: Inputs<'a>,
    pub threads: usize,
    /// In which order threads take up their work: it must not matter.
    pub order: usize,
    /// Numbers beyond it are refused, and what is not finite.
    pub limit: Option<f64>,
    pub hooks: &'a Hooks,
}

impl Call<'_> {
    /// Runs all steps, and tells a meter. The results are written to `outputs`, which are as long as the plan says.
    pub fn run<M: Meter>(&self, outputs: &[Region<'_>], arena: &mut Arena, meter: &mut M) -> Result<()> {
        arena.make_room(self.plan);
        let Arena { lines, scratch, regions: room } = arena;
        let bytes = size_of_val(lines.as_slice());
        // SAFETY: these are the bytes of a vector that is borrowed mutably for as long as the region is used, all initialised.
        let memory = unsafe { Region::from_raw(lines.as_mut_ptr().cast(), 0, bytes, true) };
        // All memory of the call, by the numbers of the buffers.
        let mut regions: Vec<Region<'_>> = recycled(std::mem::take(room));
        regions.reserve(self.plan.buffers.len());
        for buffer in &self.plan.buffers {
            let region = match buffer.place {
                Place::Input(place) => self.inputs.get(place).map(|array| array.region()),
                Place::Constant(place) => self.plan.constants.get(place).map(Argument::region),
                Place::Output(place) => outputs.get(place).copied(),
                Place::Arena { offset } => memory.part(offset, buffer.bytes),
                Place::Nowhere => memory.part(0, 0),
            };
            regions.push(region.ok_or_else(|| damo_graph::Error::new(ErrorKind::Execution, "a buffer of a plan has no memory"))?);
        }
        let length = size_of_val(scratch.as_slice());
        // SAFETY: these are the bytes of a vector that is borrowed mutably here; lines are made of bytes without gaps, all initialised.
        let scratch = unsafe { std::slice::from_raw_parts_mut(scratch.as_mut_ptr().cast::<u8>(), length) };
        meter.ready();
        for (at, step) in self.plan.steps.iter().enumerate() {
            self.step(at, &regions, scratch, meter.parts(at)).map_err(|problem| self.blame(step, problem))?;
            meter.done();
            let Some(limit) = self.limit else { continue };
            let Some(value) = guard::suspicious(self.plan, at, &regions, limit).map_err(|problem| self.blame(step, problem))? else { continue };
            return Err(guard::locate(self, value, limit)?.to_error());
        }
        *room = recycled(regions);
        Ok(())
    }

    /// Runs one step. If it runs in bands, the nanoseconds of each nest are added to `parts`, if there are any.
    pub fn step(&self, at: usize, regions: &[Region<'_>], scratch: &mut [u8], parts: Option<&[AtomicU64]>) -> Result<(), Problem> {
        match (self.plan.calls.get(at), parts) {
            // SAFETY: the plan's word; see the head of this file.
            (Some(Some(call)), _) => unsafe { call.run(regions) },
            (_, Some(parts)) => self.compute_timed(&self.plan.steps[at], regions, scratch, parts)?,
            _ => self.compute(&self.plan.steps[at], regions, scratch)?,
        }
        self.hooks.step(at, self.plan, regions, self.order);
        Ok(())
    }

    /// The same of a step that runs in bands, with the nanoseconds of its nests.
    fn compute_timed(&self, planned: &PlannedStep, regions: &[Region<'_>], scratch: &mut [u8], parts: &[AtomicU64]) -> Result<(), Problem> {
        match &planned.kernel {
            // SAFETY: the plan's word; see the head of this file.
            Some(Kernel::Bands(bands)) if self.plan.is_checked => unsafe { bands.run_timed(regions, scratch, self.threads, self.order, parts) },
            _ => self.compute(planned, regions, scratch),
        }
    }

    fn compute(&self, planned: &PlannedStep, regions: &[Region<'_>], scratch: &mut [u8]) -> Result<(), Problem> {
        match (&planned.step, planned.kernel.as_ref()) {
            // SAFETY: the plan's word; see the head of this file.
            (Step::Nest(_) | Step::Bands(_), Some(kernel)) if self.plan.is_checked => unsafe {
                kernel.run_checked(regions, scratch, self.threads, self.order)
            },
            // SAFETY: the plan's word; see the head of this file.
            (Step::Nest(_) | Step::Bands(_), Some(kernel)) => unsafe { kernel.run(regions, scratch, self.threads, self.order) },
            (Step::Nest(_) | Step::Bands(_), None) => Err(Problem::new(ErrorKind::Execution, "a nest was not compiled")),
            // SAFETY: the plan's word; see the head of this file.
            (Step::Contract(contraction), _) => unsafe {
                Product::of(contraction.dtype, self.plan.machine_code).run(contraction, regions, scratch, self.threads, self.order)
            },
            // SAFETY: the plan's word; see the head of this file.
            (Step::Row(row), _) => unsafe { library::rows::run(row, regions) },
            // SAFETY: the plan's word; see the head of this file.
            (Step::Pick(pick), _) => unsafe { library::pick::pick(pick, regions) },
            // SAFETY: the plan's word; see the head of this file.
            (Step::ScatterAdd(pick), _) => unsafe { library::pick::scatter_add(pick, regions) },
            // SAFETY: the plan's word; see the head of this file.
            (Step::Convolve(convolution), _) => unsafe {
                library::convolution::run(
                    convolution,
                    Multiplier::of(convolution.dtype, self.plan.machine_code),
                    regions,
                    scratch,
                    self.threads,
                    self.order,
                )
            },
            // SAFETY: the plan's word; see the head of this file.
            (Step::Pool(pooling), _) => unsafe { library::pool::run(pooling, regions, scratch, self.threads, self.order) },
            (Step::Reference(reference), _) => self.reference(reference, regions),
        }
    }

    /// Computes an op by its meaning.
    fn reference(&self, reference: &Reference, regions: &[Region<'_>]) -> Result<(), Problem> {
        let inputs = reference.inputs.iter().map(|view| read(view, regions)).collect::<Result<Vec<AnyArray>, Problem>>()?;
        let results = reference.op.rules().evaluate(&inputs.iter().collect::<Vec<_>>(), &self.plan.sizes)?;
        for (view, result) in reference.outputs.iter().zip(&results) {
            write(view, result, regions)?;
        }
        Ok(())
    }

    /// A problem of a step as an error about the node it computes.
    pub fn blame(&self, planned: &PlannedStep, problem: Problem) -> damo_graph::Error {
        match planned.nodes.last() {
            Some(&node) => self.graph.blame_node(node, problem),
            None => problem.titled("a step of a plan failed"),
        }
    }
}

fn region<'a>(buffer: BufferId, regions: &[Region<'a>]) -> Result<Region<'a>, Problem> {
    regions.get(buffer.index()).copied().ok_or_else(|| Problem::new(ErrorKind::Execution, format!("the plan has no buffer {buffer}")))
}

/// The elements of a view as an array of their own.
pub(crate) fn read(view: &View, regions: &[Region<'_>]) -> Result<AnyArray, Problem> {
    let mut elements = OwnedElements::zeros(view.dtype, view.layout.count());
    let plain = Layout::contiguous(&view.layout.shape);
    copy(view.dtype, region(view.buffer, regions)?, &view.layout, elements.region(), &plain)?;
    elements.into_array(&view.layout.shape).ok_or_else(|| Problem::shapes("the count of elements is off"))
}

/// Writes an array where a view says.
fn write(view: &View, array: &AnyArray, regions: &[Region<'_>]) -> Result<(), Problem> {
    if array.dtype() != view.dtype || array.shape() != view.layout.shape.as_slice() {
        let message =
            format!("its meaning gave {}{:?} where {}{:?} was inferred", array.dtype(), array.shape(), view.dtype, view.layout.shape.as_slice());
        return Err(Problem::new(ErrorKind::Execution, message));
    }
    let from = Layout { shape: array.shape().into(), strides: Argument::strides(array).into(), offset: 0 };
    copy(view.dtype, Argument::region(array), &from, region(view.buffer, regions)?, &view.layout)
}

/// Copies elements from a layout to another of the same lengths.
pub(crate) fn copy(dtype: DType, from: Region<'_>, from_layout: &Layout, to: Region<'_>, to_layout: &Layout) -> Result<(), Problem> {
    let ((length, from_step), (_, to_step)) = (from_layout.line(), to_layout.line());
    for (from_start, to_start) in from_layout.lines().zip(to_layout.lines()) {
        with_bits!(dtype, T => {
            // SAFETY: the plan's word that nobody writes what this step reads; see the head of this file.
            let line = unsafe { Elements::<T, 1>::new(from, from_start, [length], [from_step]) }?;
            // SAFETY: the plan's word that nobody else uses what this step writes; see the head of this file.
            unsafe { ElementsMut::<T, 1>::new(to, to_start, [length], [to_step]) }?.write(line.iter());
        });
    }
    Ok(())
}
